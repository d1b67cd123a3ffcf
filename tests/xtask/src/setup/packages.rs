//! Installation of Debian packages.

use super::{needs::Need, programs::program_in_path};
use crate::{
    failure::{Failure, Outcome, answer, line, quiet_step},
    output::announce,
};
use std::process::Command;

/// Installs the packages of these needs, or prints the command for that.
pub(crate) fn install(missing: &[&Need]) -> Outcome {
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages).copied().collect();
    let result = match privileged("apt-get") {
        Some(_) => with_apt(&packages),
        None => Err(instructions(missing, &packages)),
    };
    let lacking: Vec<_> = missing
        .iter()
        .filter(|need| need.required && !need.is_met())
        .copied()
        .collect();
    match result {
        _ if lacking.is_empty() => Ok(()),
        Err(failure) => Err(failure),
        Ok(()) => Err(Failure::new(format!(
            "{} still missing after the installation of its packages",
            names(&lacking)
        ))),
    }
}

/// The package lists are fetched only if the present ones are not enough: absent, as in a fresh container, or too old.
fn with_apt(packages: &[&str]) -> Outcome {
    if answer(apt(&["install", "--simulate"]).args(packages)).is_some() {
        announce(&format!("apt-get install {}", packages.join(" ")));
        if quiet_step(apt(&["install"]).args(packages)).is_ok() {
            return Ok(());
        }
    }
    announce("apt-get update");
    quiet_step(&mut apt(&["update"]))?;
    announce(&format!("apt-get install {}", packages.join(" ")));
    quiet_step(apt(&["install"]).args(packages))
}

/// apt-get with these arguments, without questions.
fn apt(arguments: &[&str]) -> Command {
    let mut command = privileged("env").unwrap_or_else(|| Command::new("env"));
    command.args([
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "-qq",
        "-y",
        "-o",
        "DPkg::Lock::Timeout=300",
    ]);
    command.args(["-o", "APT::Install-Recommends=false"]).args(arguments);
    command
}

/// The program as root: directly, or through sudo if that needs no password.
fn privileged(program: &str) -> Option<Command> {
    let path = program_in_path(program)?;
    if answer(Command::new("id").arg("-u")).as_deref() == Some("0") {
        return Some(Command::new(path));
    }
    answer(Command::new("sudo").args(["-n", "true"]))?;
    let mut command = Command::new("sudo");
    command.arg("-n").arg(path);
    Some(command)
}

fn instructions(missing: &[&Need], packages: &[&str]) -> Failure {
    let names = names(missing);
    if program_in_path("apt-get").is_none() {
        let debian = packages.join(" ");
        return Failure::new(format!(
            "{names} missing; install with this system's packages what Debian calls: {debian}"
        ));
    }
    let mut command = Command::new("sudo");
    command.args(["apt-get", "install", "-y"]).args(packages);
    Failure::new(format!(
        "{names} missing; run:\n\n    sudo apt-get update && {}\n",
        line(&command)
    ))
}

fn names(needs: &[&Need]) -> String {
    let names = needs.iter().map(|need| need.name).collect::<Vec<_>>().join(", ");
    format!("{names} {}", if needs.len() == 1 { "is" } else { "are" })
}
