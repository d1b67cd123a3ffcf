//! `cesar plugins check FILE`: runs the conformance kit and reports each case.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cesar_base::names::lossless;
use cesar_base::{GivenValue, parse_duration};
use cesar_cache::Mode;
use cesar_config::Settings;
use cesar_conformance::{Effort, Outcome, Report, Subject, check};
use cesar_pipeline::{AddressPolicy, StageRequest};
use cesar_runner::discovery::Plugin;
use cesar_runner::{CancelToken, Limits};
use clap::ValueHint;
use serde_json::json;

use super::lookup::find;
use crate::cli::host;
use crate::cli::humanize::count;
use crate::cli::report::{Exit, Failure, print, print_json};

/// The command's own arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Plugin file or id
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    id: String,
    /// Option for the plugin; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    option: Vec<String>,
    /// Time limit of one request, such as `30s` (default: 30 min, with --quick 1 min)
    #[arg(long, value_name = "TIME", value_parser = limit)]
    limit: Option<i64>,
    /// Shorter tests: one minute of silence instead of an hour, 8 runs instead of 100
    #[arg(long)]
    quick: bool,
}

/// A duration above 0, in ms.
fn limit(text: &str) -> Result<i64, &'static str> {
    let length = parse_duration(text).filter(|length_ms| *length_ms > 0);
    length.ok_or("it must be a duration such as `30 s`")
}

/// Fails if a case fails.
pub(super) fn run(args: &Args, settings: &Settings, json: bool, cancel: &CancelToken) -> Result<Exit, Failure> {
    let pipeline = host::build(settings, Mode::Bypass, AddressPolicy::Any)
        .map_err(Failure::failed)?
        .pipeline;
    let asked = args.id.as_str();
    let plugin = if Path::new(asked).is_file() {
        Arc::new(Plugin::read(Path::new(asked)).map_err(Failure::failed)?)
    } else {
        find(pipeline.registry(), asked)?
    };
    let request = StageRequest {
        plugin: None,
        options: options(&args.option)?,
    };
    let given = pipeline.given_to(&plugin.manifest, &request, cancel)?;
    let mut effort = if args.quick { Effort::QUICK } else { Effort::FULL };
    if let Some(limit) = args.limit {
        effort.limit = Duration::from_millis(u64::try_from(limit).unwrap_or(u64::MAX));
    }
    let limits = Limits {
        time: None,
        ..host::runner_limits(settings)
    };
    let program = std::env::current_exe().map_err(Failure::failed)?;
    let subject = Subject::new(program, &plugin, given, limits, effort).map_err(Failure::failed)?;
    let reports = check(&subject, |report| {
        if !json {
            print(&line(report));
        }
    });
    let failed = reports
        .iter()
        .filter(|report| report.outcome == Outcome::Failed)
        .count();
    if json {
        let manifest = &plugin.manifest;
        print_json(&json!({
            "id": manifest.id, "version": manifest.version, "path": lossless(&plugin.path), "passed": failed == 0, "cases": reports
        }));
    } else {
        let verdict = match failed {
            0 => "passes all conformance tests".to_owned(),
            failed => format!(
                "fails {}",
                count(failed as u64, "conformance test", "conformance tests")
            ),
        };
        print(&format!(
            "`{}` {} {verdict}\n",
            plugin.manifest.id, plugin.manifest.version
        ));
    }
    Ok(if failed == 0 { Exit::Done } else { Exit::Failed })
}

fn options(given: &[String]) -> Result<std::collections::BTreeMap<String, GivenValue>, Failure> {
    given
        .iter()
        .map(|text| {
            let (name, value) = text
                .split_once('=')
                .ok_or_else(|| Failure::usage(format!("`--option` must be `NAME=VALUE`, not `{text}`")))?;
            Ok((name.trim().to_owned(), GivenValue::Text(value.to_owned())))
        })
        .collect()
}

fn line(report: &Report) -> String {
    let outcome = match report.outcome {
        Outcome::Passed => "passed ",
        Outcome::Failed => "FAILED ",
        Outcome::Skipped => "skipped",
    };
    let says = match (report.outcome, report.says.as_str()) {
        (Outcome::Failed, says) => format!("{says} (required: {})", report.asks),
        (_, "") => report.asks.to_owned(),
        (_, says) => format!("{}: {says}", report.asks),
    };
    format!("{outcome} {:<16} {says}\n", report.case)
}
