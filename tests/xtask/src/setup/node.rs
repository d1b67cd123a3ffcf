//! OpenAI's client for Node, for the tests of the server.

use super::python::cached;
use crate::{
    announce,
    failure::{Failure, Outcome, step},
};
use std::{fs, path::Path, process::Command};

/// The package, as published, in this version.
const CLIENT: (&str, &str) = ("openai", "7.59.0");

/// Installs [`CLIENT`] in `…/cesar/clients-node` for `tests/tests/server/openai_client.rs`, unless it is there.
pub(crate) fn with_client() -> Outcome {
    let (name, version) = CLIENT;
    let folder = cached("clients-node");
    if installed(&folder, name).is_some_and(|found| found == version) {
        return Ok(());
    }
    announce(&format!("{name} {version} for Node in {}", folder.display()));
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
    step(
        npm.arg(&folder)
            .arg(format!("{name}@{version}"))
            .stdout(std::io::stderr()),
    )
}

fn installed(folder: &Path, name: &str) -> Option<String> {
    let text = fs::read(folder.join("node_modules").join(name).join("package.json")).ok()?;
    let package: serde_json::Value = serde_json::from_slice(&text).ok()?;
    package["version"].as_str().map(str::to_owned)
}
