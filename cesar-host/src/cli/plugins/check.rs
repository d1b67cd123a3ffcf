//! `cesar plugins check FILE`: the conformance kit, told case by case.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cesar_base::GivenValue;
use cesar_base::names::lossless;
use cesar_cache::Mode;
use cesar_config::Settings;
use cesar_conformance::{Effort, Outcome, Report, Subject, check};
use cesar_pipeline::{AddressPolicy, StageRequest};
use cesar_runner::discovery::Plugin;
use cesar_runner::{CancelToken, Limits};
use clap::ArgMatches;
use serde_json::json;

use super::lookup::find;
use crate::cli::host;
use crate::cli::report::{Exit, Failure, print, print_json};

/// Fails when a case does.
pub(super) fn run(
    matches: &ArgMatches,
    settings: &Settings,
    json: bool,
    cancel: &CancelToken,
) -> Result<Exit, Failure> {
    let pipeline = host::build(settings, Mode::Bypass, AddressPolicy::Any)
        .map_err(Failure::failed)?
        .pipeline;
    let asked = matches.get_one::<String>("id").map_or("", String::as_str);
    let plugin = if Path::new(asked).is_file() {
        Arc::new(Plugin::read(Path::new(asked)).map_err(Failure::failed)?)
    } else {
        find(pipeline.registry(), asked)?
    };
    let request = StageRequest {
        plugin: None,
        options: options(matches)?,
    };
    let given = pipeline.given_to(&plugin.manifest, &request, cancel)?;
    let mut effort = if matches.get_flag("quick") {
        Effort::QUICK
    } else {
        Effort::FULL
    };
    if let Some(limit) = matches.get_one::<i64>("limit") {
        effort.limit = Duration::from_millis(u64::try_from(*limit).unwrap_or(u64::MAX));
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
            0 => "keeps the contract".to_owned(),
            failed => format!("breaks the contract in {failed} cases"),
        };
        print(&format!(
            "`{}` {} {verdict}\n",
            plugin.manifest.id, plugin.manifest.version
        ));
    }
    Ok(if failed == 0 { Exit::Done } else { Exit::Failed })
}

fn options(matches: &ArgMatches) -> Result<std::collections::BTreeMap<String, GivenValue>, Failure> {
    let given = matches.get_many::<String>("option").into_iter().flatten();
    given
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
        (Outcome::Failed, says) => format!("{says} (asked: {})", report.asks),
        (_, "") => report.asks.to_owned(),
        (_, says) => format!("{}: {says}", report.asks),
    };
    format!("{outcome} {:<16} {says}\n", report.case)
}
