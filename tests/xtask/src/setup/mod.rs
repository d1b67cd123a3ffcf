//! `setup`: the system packages for building and testing.
//!
//! Each need is checked first, as the build will find it (programs in `PATH`, libclang where bindgen searches, pip in a
//! Python). Only Debian packages of unmet needs are installed, all in one call of apt-get; if that is impossible (no
//! root, no sudo without a password, no apt-get) the exact line to type is printed and the chore fails. Optional needs
//! (ccache) never make it fail.

mod needs;
pub(crate) mod node;
mod packages;
mod programs;
pub(crate) mod python;

use crate::{
    failure::{Failure, Outcome, answer, quiet_step},
    output::announce,
};
pub(crate) use needs::Purpose;
pub(crate) use programs::program_in_path;
use std::{env, process::Command};

/// Installs missing packages, or prints the command for that.
pub(crate) fn run(purpose: Purpose) -> Outcome {
    announce("setup");
    let missing = needs::missing(purpose);
    if !missing.is_empty() {
        packages::install(&missing)?;
    }
    python::with_pip().map(drop)
}

/// rustfmt and clippy, which some installations of Rust lack.
pub(crate) fn rust_components() -> Outcome {
    if missing_component().is_some() && program_in_path("rustup").is_some() {
        announce("rustup component add rustfmt clippy");
        quiet_step(Command::new("rustup").args(["component", "add", "rustfmt", "clippy"]))?;
    }
    match missing_component() {
        None => Ok(()),
        Some(component) => Err(Failure::new(format!(
            "`{component}` is missing: install it as Rust was installed (with rustup: `rustup component add {component}`)"
        ))),
    }
}

fn missing_component() -> Option<&'static str> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let answers = |command: &str| answer(Command::new(&cargo).args([command, "--version"])).is_some();
    let components = [("rustfmt", "fmt"), ("clippy", "clippy")];
    components
        .into_iter()
        .find(|(_, command)| !answers(command))
        .map(|(component, _)| component)
}
