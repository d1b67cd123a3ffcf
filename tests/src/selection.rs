//! Features of the packages that `cargo xtask demo` and `cargo xtask build` select.
//!
//! Cargo unites the features of a dependency over the selected packages. A dependency whose features differ between two selections is
//! built twice, together with everything that depends on it, which can be an engine's C++.

use crate::{DEMO_PACKAGES, workspace};
use std::collections::BTreeSet;
use std::process::Command;

/// Packages that are cheap to build twice, with the reason for the difference.
const DIFFERENT: [&str; 3] = [
    // For `bindgen` of `knf-rs-sys`, whose C++ takes seconds.
    "clang-sys",
    // Built with more features for the suite.
    "cesar-host",
    "cesar-server",
];

/// Each package with its features in a build of this selection.
fn packages(selection: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--prefix", "none", "--format", "{p} {f}"])
        .args(selection)
        .current_dir(workspace())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("cargo prints UTF-8");
    text.lines()
        .map(|line| line.trim_end_matches(" (*)").to_owned())
        .collect()
}

fn assert_part(part: &BTreeSet<String>, whole: &BTreeSet<String>) {
    let is_excepted = |line: &&String| DIFFERENT.iter().any(|name| line.starts_with(&format!("{name} ")));
    let differing: Vec<&String> = part.difference(whole).filter(|line| !is_excepted(line)).collect();
    assert!(
        differing.is_empty(),
        "these are built twice; give them the missing features in `[workspace.dependencies]`: {differing:#?}"
    );
}

#[test]
fn the_demo_the_build_and_the_suite_use_the_same_features() {
    let demo: Vec<&str> = DEMO_PACKAGES.iter().flat_map(|package| ["-p", package]).collect();
    let demo = packages(&[&["-e", "normal,build"], &demo[..]].concat());
    let build = packages(&["-e", "normal,build", "--workspace"]);
    let suite = packages(&["-e", "normal,build,dev", "--workspace", "--features", "cesar-host/otel"]);
    assert!(demo.len() > 100, "only {} packages were found", demo.len());
    assert_part(&demo, &build);
    assert_part(&build, &suite);
}
