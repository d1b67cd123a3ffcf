//! `cesar models rm`, after confirmation.

use cesar_models::installed::{self, InstalledModel};
use serde::Serialize;

use super::place::Place;
use super::progress::Show;
use crate::cli::args::{RemovalArgs, SettingFlags, group};
use crate::cli::ask::confirm_removal;
use crate::cli::humanize::{count, size};
use crate::cli::report::{Exit, Failure, note, print, print_json};

/// The JSON; its schema is stable.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    dry_run: bool,
    models: &'a [InstalledModel],
    size: u64,
}

/// The command's arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Installed models
    #[arg(value_name = "NAME", required = true, num_args = 1..)]
    names: Vec<String>,
    #[command(flatten)]
    removal: RemovalArgs,
    #[command(flatten)]
    flags: SettingFlags<group::Models>,
}

pub(super) fn run(place: &Place, args: &Args, verbosity: i8) -> Result<Exit, Failure> {
    let models = place.called(&args.names)?;
    let bytes = models.iter().map(|model| model.size).sum();
    let mut dry_run = args.removal.dry_run;
    let what = format!("{}, {}", count(models.len() as u64, "model", "models"), size(bytes));
    if !dry_run && !args.removal.yes {
        models.iter().for_each(|model| note(&model.path.display().to_string()));
        dry_run = !confirm_removal(&what)?;
    }
    if !dry_run {
        let show = Show::new(None, verbosity);
        for model in &models {
            let removed = installed::remove(model, &|event| show.event(event));
            removed
                .map_err(|(path, error)| Failure::failed(format!("`{}` cannot be removed: {error}", path.display())))?;
        }
    }
    if args.removal.json.json {
        print_json(&Answer {
            dry_run,
            models: &models,
            size: bytes,
        });
    } else {
        print(&text(&models, &what, (dry_run, args.removal.dry_run)));
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
