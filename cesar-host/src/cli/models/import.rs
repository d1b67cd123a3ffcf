//! `cesar models import`.

use std::path::PathBuf;

use cesar_models::installed::{self, ImportError};
use clap::ArgMatches;

use super::place::Place;
use super::progress::Show;
use crate::cli::report::{Exit, Failure, print, print_json};

pub(super) fn run(place: &Place, matches: &ArgMatches, verbosity: i8, json: bool) -> Result<Exit, Failure> {
    let Some(source) = matches.get_one::<PathBuf>("source") else {
        return Err(Failure::usage("name a file or folder"));
    };
    let text = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    let show = Show::new(None, verbosity);
    let imported = installed::import(source, text("name"), text("sha256"), place.folder()?, &|event| {
        show.event(event)
    });
    show.clear();
    let imported = imported.map_err(|error| match error {
        ImportError::Name { .. } | ImportError::DigestOfFolder { .. } => Failure::usage(error),
        error => Failure::failed(error),
    })?;
    if json {
        print_json(&imported);
    } else {
        let how = if imported.present { "is here" } else { "imported" };
        print(&format!("{} {how}: {}\n", imported.name, imported.path.display()));
    }
    Ok(Exit::Done)
}
