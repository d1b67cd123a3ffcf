//! `cesar cache explain` and `--cache-info`: hits and misses of recordings, with reasons.

use std::time::{SystemTime, UNIX_EPOCH};

use cesar_cache::{CacheError, Nearest};
use cesar_config::{Progress, Settings};
use cesar_pipeline::{Explanation, Stage, StageExplanation, StageState};
use cesar_runner::CancelToken;
use serde_json::json;

use super::info;
use crate::cli::args::JsonFlag;
use crate::cli::columns::aligned;
use crate::cli::humanize::{duration, size};
use crate::cli::inputs::InputError;
use crate::cli::progress::Show;
use crate::cli::report::{Exit, Failure, print, print_error, print_json};
use crate::cli::work::{Asked, Missing, Work, WorkArgs, mode};

/// The command's arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) work: WorkArgs,
    #[command(flatten)]
    pub(crate) json: JsonFlag,
}

/// Detail of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// The cache as a whole, and a line for each stage.
    Summary,
    /// The parts of each stage's key.
    Everything,
}

/// The stages that the run would recompute.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Refreshed<'a> {
    pub(crate) all: bool,
    pub(crate) stages: &'a [Stage],
}

/// Explains all inputs, without doing any of their work.
pub(crate) fn run(
    asked: Asked<'_>,
    refreshed: Refreshed<'_>,
    json: bool,
    settings: &Settings,
    verbosity: i8,
    shown: Shown,
    cancel: &CancelToken,
) -> Result<Exit, Failure> {
    if !settings.cache.enabled {
        return Err(Failure::usage(
            "the cache is disabled (`cache.enabled`); there is nothing to show",
        ));
    }
    let show = Show::new(Progress::None, verbosity);
    let mut work = Work::prepare(
        asked,
        refreshed.stages,
        settings,
        mode(settings, refreshed.all),
        Missing::Refused,
        &show,
        cancel,
    )?;
    let received = work.receive(settings, cancel);
    let Some(cache) = work.host.pipeline.cache() else {
        // A warning has given the reason.
        return Err(Failure::failed("cannot open the cache"));
    };
    let (mut explanations, mut failed) = (Vec::new(), 0);
    for (recording, refused) in work.recordings.iter().zip(received) {
        match refused {
            None => {}
            Some(interrupted @ InputError::Interrupted) => return Err(interrupted.into()),
            Some(refused) => {
                failed += 1;
                print_error(&refused.to_string());
                continue;
            }
        }
        match work.host.pipeline.explain(&work.plan, &work.input(recording), cancel) {
            Ok(explanation) => explanations.extend(explanation),
            Err(error) => {
                let failure = Failure::from(error);
                if failure.interrupted {
                    return Err(failure);
                }
                failed += 1;
                print_error(&failure.text);
            }
        }
    }
    for unusable in &work.failed {
        failed += 1;
        print_error(&unusable.error.to_string());
    }
    let info = (shown == Shown::Summary).then(|| cache.info()).transpose();
    let info = info.map_err(|error: CacheError| Failure::failed(error))?;
    if json {
        match &info {
            Some(info) => print_json(&json!({ "cache": info, "inputs": explanations })),
            None => print_json(&json!({ "inputs": explanations })),
        }
    } else {
        let cache = info.iter().map(info::text);
        let inputs = explanations.iter().map(|explanation| text(explanation, shown));
        print(&cache.chain(inputs).collect::<Vec<_>>().join("\n"));
    }
    Ok(match failed {
        0 => Exit::Done,
        failed if failed == work.recordings.len() + work.failed.len() => Exit::Failed,
        _ => Exit::SomeFailed,
    })
}

fn text(explanation: &Explanation, shown: Shown) -> String {
    let mut out = format!("{}\n", explanation.input);
    let mut before = "";
    let rows: Vec<_> = explanation
        .stages
        .iter()
        .map(|stage| {
            let row = [
                format!("  {}", name(stage)),
                state(stage).to_owned(),
                remark(stage, before),
            ];
            if stage.state != StageState::Hit {
                before = stage.stage.name();
            }
            row
        })
        .collect();
    let lines = aligned(&rows);
    for (line, stage) in lines.lines().zip(&explanation.stages) {
        out.push_str(line);
        out.push('\n');
        if shown == Shown::Everything {
            out.push_str(&components(stage));
        }
    }
    out
}

fn name(stage: &StageExplanation) -> String {
    let format = stage.format.iter().map(|format| format!(" {format}"));
    let plugin = format!(" by {} {}", stage.plugin, stage.plugin_version);
    format!("{}{}{plugin}", stage.stage, format.collect::<String>())
}

fn state(stage: &StageExplanation) -> &'static str {
    match stage.state {
        StageState::Hit => "hit",
        StageState::Miss => "miss",
        StageState::Refresh => "refresh",
        StageState::Unknown => "unknown",
        StageState::Missing => "missing",
    }
}

/// A summary of a stage; `before` is the last earlier stage that must run.
fn remark(stage: &StageExplanation, before: &str) -> String {
    match stage.state {
        StageState::Hit => stage.entry.as_ref().map_or_else(String::new, |entry| {
            format!("saves {}, {}", duration(entry.cost_ms), size(entry.size))
        }),
        StageState::Refresh => "requested".to_owned(),
        StageState::Missing => stage.trouble.clone().unwrap_or_default(),
        StageState::Unknown => format!("depends on {before}"),
        StageState::Miss => {
            let nearest = stage
                .nearest
                .as_ref()
                .map_or_else(|| "no similar result".to_owned(), since);
            let unfinished = stage.unfinished.as_ref();
            let unfinished = unfinished.map(|rest| format!("; checkpoint after {}", duration(rest.cost_ms)));
            format!("{nearest}{}", unfinished.unwrap_or_default())
        }
    }
}

fn since(nearest: &Nearest) -> String {
    let changes: Vec<_> = nearest.changes.iter().map(ToString::to_string).collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    let ago = duration(now_ms.saturating_sub(nearest.created_ms).max(0));
    format!("{} (since a run {ago} ago)", changes.join(", "))
}

/// The parts of the key, indented.
fn components(stage: &StageExplanation) -> String {
    let (Some(key), Some(parts)) = (&stage.key, &stage.parts) else {
        return String::new();
    };
    let mut rows = vec![["      key".to_owned(), key.to_string()]];
    let mut add = |what: &str, text: String| rows.push([format!("      {what}"), text]);
    // The host's own stages have a separate version and no file.
    if parts.plugin == "cesar" {
        add("version", parts.plugin_version.clone());
    } else {
        add("plugin", format!("ABI {}, sha256 {}", parts.abi, parts.plugin_digest));
    }
    for (option, digest) in &parts.models {
        add(option, format!("sha256 {digest}"));
    }
    for (kind, digest) in &parts.inputs {
        add(kind, digest.to_string());
    }
    let options: Vec<_> = parts
        .options
        .iter()
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    if !options.is_empty() {
        add("options", options.join(", "));
    }
    aligned(&rows)
}
