//! Licences, sources and the oldest Rust of the dependencies, as `deny.toml` and `Cargo.toml` state them.
//!
//! cargo-deny checks more (advisories, bans) but takes minutes to install, so a workflow runs it; these checks need only
//! `cargo metadata`. cargo-deny covers packages of other platforms.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;
use spdx::{Expression, ParseMode};
use toml::de::{DeTable, DeValue};

use crate::workspace;

fn read(name: &str) -> String {
    fs::read_to_string(workspace().join(name)).expect("the file is part of the repository")
}

/// The value at a path of keys in TOML.
fn value<'a>(text: &'a str, path: &[&str]) -> DeValue<'a> {
    let mut value = DeValue::Table(DeTable::parse(text).expect("the file is TOML").into_inner());
    for name in path {
        let DeValue::Table(mut table) = value else {
            panic!("{path:?} does not lead through tables");
        };
        let found = table.remove(*name);
        value = found.unwrap_or_else(|| panic!("{path:?} leads nowhere")).into_inner();
    }
    value
}

/// A list of texts in `deny.toml`.
fn list(path: &[&str]) -> BTreeSet<String> {
    let text = read("deny.toml");
    let DeValue::Array(list) = value(&text, path) else {
        panic!("{path:?} is no list");
    };
    let texts = list
        .iter()
        .map(|text| text.get_ref().as_str().expect("a text").to_owned());
    texts.collect()
}

/// Every package of the workspace's dependency graph on this platform.
fn packages() -> Vec<Value> {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--offline",
            "--locked",
            "--format-version",
            "1",
            "--filter-platform",
            &platform,
        ])
        .current_dir(workspace())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let packages = metadata["packages"]
        .as_array_mut()
        .map(std::mem::take)
        .unwrap_or_default();
    assert!(packages.len() > 100, "only {} packages were found", packages.len());
    packages
}

fn name(package: &Value) -> String {
    format!("{} {}", package["name"], package["version"]).replace('"', "")
}

/// Whether the allowed licences satisfy an expression; older crates write `MIT/Apache-2.0`.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    Expression::parse_mode(expression, ParseMode::LAX)
        .is_ok_and(|parsed| parsed.evaluate(|licence| allowed.contains(&licence.to_string())))
}

#[test]
fn licences_of_dependencies_are_allowed() {
    let allowed = list(&["licenses", "allow"]);
    let refused: Vec<String> = packages()
        .iter()
        .filter(|package| !is_allowed(package["license"].as_str().unwrap_or_default(), &allowed))
        .map(|package| format!("{}: {}", name(package), package["license"]))
        .collect();
    assert_eq!(
        refused, [""; 0],
        "allow the licence in `deny.toml`, or replace the crate"
    );
}

#[test]
fn licence_expressions_are_evaluated() {
    let allowed = BTreeSet::from(["MIT".to_owned(), "Apache-2.0 WITH LLVM-exception".to_owned()]);
    assert!(is_allowed("MIT OR GPL-3.0-only", &allowed) && is_allowed("MIT/Apache-2.0", &allowed));
    assert!(is_allowed("Apache-2.0 WITH LLVM-exception", &allowed));
    assert!(!is_allowed("MIT AND GPL-3.0-only", &allowed) && !is_allowed("Apache-2.0", &allowed));
    assert!(!is_allowed("", &allowed));
}

#[test]
fn dependencies_come_from_allowed_registries() {
    let registries = list(&["sources", "allow-registry"]);
    let allowed: BTreeSet<String> = registries.iter().map(|address| format!("registry+{address}")).collect();
    let packages = packages();
    let sources = packages
        .iter()
        .filter_map(|package| Some((package, package["source"].as_str()?)));
    let others: Vec<String> = sources
        .filter(|(_, source)| !allowed.contains(*source))
        .map(|(package, source)| format!("{}: {source}", name(package)))
        .collect();
    assert_eq!(others, [""; 0]);
}

/// Major and minor number.
fn version(text: &str) -> (u32, u32) {
    let mut numbers = text.split('.').map(|number| number.parse().expect("a number"));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[test]
fn dependencies_build_with_the_oldest_supported_rust() {
    let cargo = read("Cargo.toml");
    let oldest = value(&cargo, &["workspace", "package", "rust-version"]);
    let oldest = oldest.as_str().expect("a version");
    let newer: Vec<String> = packages()
        .iter()
        .filter_map(|package| Some((package, package["rust_version"].as_str()?)))
        .filter(|(_, wanted)| version(wanted) > version(oldest))
        .map(|(package, wanted)| format!("{}: {wanted}", name(package)))
        .collect();
    assert_eq!(
        newer, [""; 0],
        "these need a newer Rust than the `rust-version` {oldest}"
    );
    for (file, mention) in [
        (".github/workflows/ci.yml", format!("container: rust:{oldest}-bookworm")),
        ("README.md", format!("Rust {oldest}")),
    ] {
        assert!(read(file).contains(&mention), "`{file}` lacks `{mention}`");
    }
}
