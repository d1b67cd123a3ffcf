//! `cesar models …`: which models there are, fetching them, checking them, putting them in place and taking them away. One file per
//! command.
//!
//! Each command that lists writes text for people or, with `--json`, JSON of a settled shape. What removes something says what and asks.

mod command;
mod import;
mod list;
pub(super) mod missing;
mod path;
mod progress;
mod pull;
mod remove;
mod verify;

use std::path::PathBuf;

use cesar_config::Settings;
use cesar_models::ModelRoots;
use cesar_models::installed::{self, InstalledModel};
use cesar_models::pull::library_folder;
use clap::ArgMatches;

use super::{Exit, Failure, host};
pub(super) use command::command;

/// Runs `cesar models NAME`.
pub(super) fn run(
    name: &str,
    matches: &ArgMatches,
    settings: &Settings,
    verbosity: i8,
    json: bool,
) -> Result<Exit, Failure> {
    let place = Place::of(settings);
    match name {
        "list" => list::run(&place, settings, matches, json),
        "pull" => pull::run(&place, settings, matches, verbosity, json),
        "path" => path::run(&place, matches, json),
        "verify" => verify::run(&place, matches, verbosity, json),
        "import" => import::run(&place, matches, verbosity, json),
        "rm" => remove::run(&place, matches, verbosity, json),
        other => Err(Failure::usage(format!(
            "`models {other}` is not a command; see `cesar models --help`"
        ))),
    }
}

/// Where models are, and libraries.
struct Place {
    roots: ModelRoots,
    libraries: Option<PathBuf>,
}

impl Place {
    fn of(settings: &Settings) -> Self {
        Self {
            roots: host::model_roots(settings),
            libraries: settings.folders.data().map(|data| library_folder(&data)),
        }
    }

    fn models(&self) -> Vec<InstalledModel> {
        installed::list(&self.roots, self.libraries.as_deref())
    }

    /// The models of these names; all, if none is named.
    fn called(&self, names: &[&String]) -> Result<Vec<InstalledModel>, Failure> {
        let all = self.models();
        if names.is_empty() {
            return Ok(all);
        }
        for name in names {
            if !all.iter().any(|model| model.is_called(name)) {
                let present: Vec<String> = all.iter().map(|model| format!("`{}`", model.id)).collect();
                let present = match present.is_empty() {
                    true => "there are none at all".to_owned(),
                    false => format!("there are {}", present.join(", ")),
                };
                return Err(Failure::failed(format!(
                    "no model `{name}` is here, {present}; `cesar models pull` fetches one"
                )));
            }
        }
        let named = |model: &InstalledModel| names.iter().any(|name| model.is_called(name));
        Ok(all.into_iter().filter(named).collect())
    }

    /// The folder that takes new models.
    fn folder(&self) -> Result<&PathBuf, Failure> {
        let none = || Failure::failed("there is no folder for models; set `CESAR_MODELS_DIR` or `HOME`");
        self.roots.dirs.first().ok_or_else(none)
    }
}

fn names(matches: &ArgMatches) -> Vec<&String> {
    matches.get_many("names").into_iter().flatten().collect()
}
