//! Missing models of `transcribe`: downloaded with `--yes` or `models.pull`, or after confirmation at a terminal. Else the run is refused,
//! with the command to type.

use cesar_config::Settings;
use cesar_models::catalog::Entry;
use cesar_pipeline::{SpeakersRequest, StageRequest};

use super::place::Place;
use super::pull::fetch;
use crate::cli::ask;
use crate::cli::host::{self, Host};
use crate::cli::humanize::size;
use crate::cli::report::Failure;

/// Downloads the missing models of a run, after confirmation, and makes the host find them.
pub(crate) fn offer(
    host: &mut Host,
    settings: &Settings,
    asr: &StageRequest,
    speakers: &SpeakersRequest,
    verbosity: i8,
) -> Result<(), Failure> {
    let missing = host.pipeline.missing_models(asr, speakers);
    if missing.is_empty() || settings.offline {
        return Ok(());
    }
    let agreed = settings.models.pull || (ask::is_interactive() && ask::confirm(&question(&missing))?);
    if !agreed {
        return Ok(());
    }
    let names: Vec<String> = missing.iter().map(|entry| entry.pull_name().to_owned()).collect();
    fetch(&Place::of(settings), settings, &names, None, verbosity)?;
    host.pipeline.look_for_models(host::model_roots(settings));
    Ok(())
}

fn question(missing: &[&Entry]) -> String {
    let described = missing.iter().map(|entry| match entry.size() {
        Some(bytes) => format!("`{}` ({})", entry.pull_name(), size(bytes)),
        None => format!("`{}`", entry.pull_name()),
    });
    let described = described.collect::<Vec<_>>().join(" and ");
    match missing {
        [_] => format!("model {described} is not installed; download it?"),
        _ => format!("models {described} are not installed; download them?"),
    }
}
