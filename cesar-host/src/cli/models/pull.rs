//! `cesar models pull`.

use cesar_config::Settings;
use cesar_models::HubSettings;
use cesar_models::pull::{Event, PullError, Pulled, Puller, Source};
use clap::ArgMatches;
use serde_json::json;

use super::place::{Place, names};
use super::progress::Show;
use crate::cli::report::{Exit, Failure, print, print_json};

pub(super) fn run(
    place: &Place,
    settings: &Settings,
    matches: &ArgMatches,
    verbosity: i8,
    json: bool,
) -> Result<Exit, Failure> {
    let names: Vec<String> = names(matches).into_iter().cloned().collect();
    let source = match matches.get_one::<String>("from").map(String::as_str) {
        Some("hub") => Some(Source::Hub),
        Some(_) => Some(Source::Index),
        None => None,
    };
    let pulled = fetch(place, settings, &names, source, verbosity)?;
    if json {
        print_json(&json!({ "models": pulled }));
    } else {
        print(&text(&pulled));
    }
    Ok(Exit::Done)
}

/// Sees to it that the models of these names are here.
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
            None => "is here",
            Some(_) => "fetched",
        };
        format!("{} {how}: {}\n", model.id, model.path.display())
    };
    pulled.iter().map(line).collect()
}
