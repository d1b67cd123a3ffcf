//! `cesar models rm`: says what it would remove, and asks.

use cesar_models::installed::{self, InstalledModel};
use clap::ArgMatches;
use serde::Serialize;

use super::place::{Place, names};
use super::progress::Show;
use crate::cli::ask::agreed;
use crate::cli::humanize::{count, size};
use crate::cli::report::{Exit, Failure, note, print, print_json};

/// The JSON; its shape is settled.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    dry_run: bool,
    models: &'a [InstalledModel],
    size: u64,
}

pub(super) fn run(place: &Place, matches: &ArgMatches, verbosity: i8, json: bool) -> Result<Exit, Failure> {
    let models = place.called(&names(matches))?;
    let bytes = models.iter().map(|model| model.size).sum();
    let mut dry_run = matches.get_flag("dry_run");
    let yes = matches.get_flag("yes");
    let what = format!("{}, {}", count(models.len() as u64, "model", "models"), size(bytes));
    if !dry_run && !yes {
        models.iter().for_each(|model| note(&model.path.display().to_string()));
        dry_run = !agreed(&what)?;
    }
    if !dry_run {
        let show = Show::new(None, verbosity);
        for model in &models {
            let removed = installed::remove(model, &|event| show.event(event));
            removed
                .map_err(|(path, error)| Failure::failed(format!("`{}` cannot be removed: {error}", path.display())))?;
        }
    }
    if json {
        print_json(&Answer {
            dry_run,
            models: &models,
            size: bytes,
        });
    } else {
        print(&text(&models, &what, (dry_run, matches.get_flag("dry_run"))));
    }
    Ok(Exit::Done)
}

fn text(models: &[InstalledModel], what: &str, (dry_run, asked_for): (bool, bool)) -> String {
    match (dry_run, asked_for) {
        (false, _) => format!("removed {what}\n"),
        (true, false) => "nothing was removed\n".to_owned(),
        (true, true) => {
            let paths = models.iter().map(|model| format!("{}\n", model.path.display()));
            format!("{}would remove {what}\n", paths.collect::<String>())
        }
    }
}
