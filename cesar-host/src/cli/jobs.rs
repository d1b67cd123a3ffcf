//! `cesar jobs …`: the jobs of the server, from the same database, whether a server runs or not.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cesar_config::Settings;
use cesar_jobs::{
    Cancellation, Disk, Job, JobId, JobState, JobStore, JobView, ListQuery, Options, Retention, SqliteJobs,
    SystemRandom, Uploads,
};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use serde_json::json;

use super::args;
use crate::cli::columns::aligned;
use crate::cli::report::{Exit, Failure, note, print, print_json};
use crate::cli::serve;

/// Most jobs that are removed in one step.
const STEP: u32 = 500;

/// The command's shape.
pub(super) fn command() -> Command {
    let id = || {
        Arg::new("id")
            .value_name("ID")
            .required(true)
            .help("The job's id, as listed")
    };
    let list = Command::new("list")
        .about("List jobs, the youngest first")
        .arg(
            Arg::new("status")
                .long("status")
                .value_name("STATUS")
                .value_delimiter(',')
                .action(ArgAction::Append)
                .value_parser(JobState::ALL.map(JobState::as_str))
                .help("Only jobs in these states"),
        )
        .arg(
            Arg::new("limit")
                .long("limit")
                .value_name("N")
                .value_parser(value_parser!(u32).range(1..))
                .default_value("50")
                .help("At most so many"),
        )
        .arg(args::json());
    let refresh = Arg::new("refresh")
        .long("refresh")
        .action(ArgAction::SetTrue)
        .help("Do all stages again, also those whose results are kept");
    let all = Arg::new("all")
        .long("all")
        .action(ArgAction::SetTrue)
        .help("Remove all jobs that have ended, however young");
    Command::new("jobs")
        .about("The jobs of `cesar serve`")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(list)
        .subcommand(Command::new("show").about("Show a job").arg(id()).arg(args::json()))
        .subcommand(Command::new("cancel").about("Cancel a job").arg(id()))
        .subcommand(
            Command::new("retry")
                .about("Do again what failed")
                .arg(id())
                .arg(refresh),
        )
        .subcommand(
            Command::new("prune")
                .about("Remove jobs that ended long ago, and their uploads")
                .arg(all),
        )
}

fn open(folder: &Path) -> Result<SqliteJobs, Failure> {
    SqliteJobs::open(folder, Options::default()).map_err(Failure::failed)
}

fn store(settings: &Settings) -> Result<SqliteJobs, Failure> {
    open(&serve::data_folder(settings)?)
}

fn id(matches: &ArgMatches) -> Result<JobId, Failure> {
    let text = matches.get_one::<String>("id").map_or("", String::as_str);
    text.parse().map_err(Failure::usage)
}

/// `cesar jobs list`.
pub(super) fn list(matches: &ArgMatches, settings: &Settings, json: bool) -> Result<Exit, Failure> {
    let states = matches.get_many::<String>("status").into_iter().flatten();
    let query = ListQuery {
        states: states
            .map(|state| state.parse())
            .collect::<Result<_, _>>()
            .map_err(Failure::usage)?,
        after: None,
        limit: matches.get_one("limit").copied().unwrap_or(STEP),
    };
    let jobs = store(settings)?.list(&query).map_err(Failure::failed)?;
    if json {
        print_json(&json!({ "jobs": jobs.iter().map(JobView::new).collect::<Vec<_>>() }));
        return Ok(Exit::Done);
    }
    let row = |job: &Job| {
        [
            job.id.to_string(),
            job.state.to_string(),
            format!("{:.0}%", job.progress.percent),
            job.request.label.clone(),
        ]
    };
    print(&aligned(&jobs.iter().map(row).collect::<Vec<_>>()));
    Ok(Exit::Done)
}

/// `cesar jobs show`.
pub(super) fn show(matches: &ArgMatches, settings: &Settings, json: bool) -> Result<Exit, Failure> {
    let id = id(matches)?;
    let store = store(settings)?;
    let job = store.get(id).map_err(Failure::failed)?;
    let job = job.ok_or_else(|| Failure::failed(cesar_jobs::JobsError::NotFound { job: id }))?;
    if json {
        let document = store.document(id).map_err(Failure::failed)?;
        print_json(&JobView::with_document(&job, document.as_deref()));
        return Ok(Exit::Done);
    }
    let mut rows = vec![
        ["id".to_owned(), job.id.to_string()],
        ["status".to_owned(), job.state.to_string()],
        ["recording".to_owned(), job.request.label.clone()],
        [
            "attempts".to_owned(),
            format!("{} of {}", job.attempts, job.max_attempts),
        ],
        [
            "progress".to_owned(),
            format!("{:.0}% ({})", job.progress.percent, job.progress.phase),
        ],
    ];
    if let Some(error) = &job.error {
        rows.push(["error".to_owned(), format!("{}: {}", error.code, error.message)]);
    }
    if let Some(webhook) = &job.webhook {
        let told = format!("{} after {} attempts", webhook.state.as_str(), webhook.attempts);
        rows.push(["webhook".to_owned(), told]);
    }
    print(&aligned(&rows));
    Ok(Exit::Done)
}

/// `cesar jobs cancel`.
pub(super) fn cancel(matches: &ArgMatches, settings: &Settings) -> Result<Exit, Failure> {
    match store(settings)?.cancel(id(matches)?).map_err(Failure::failed)? {
        Cancellation::Done(job) => note(&format!("job {} is cancelled", job.id)),
        Cancellation::Requested(job) => note(&format!("job {} runs; its worker is told to stop", job.id)),
        Cancellation::Ended(job) if job.state == JobState::Cancelled => note(&format!("job {} is cancelled", job.id)),
        Cancellation::Ended(job) => {
            return Err(Failure::failed(format!(
                "job `{}` has ended already: it is {}",
                job.id, job.state
            )));
        }
    }
    Ok(Exit::Done)
}

/// `cesar jobs retry`.
pub(super) fn retry(matches: &ArgMatches, settings: &Settings) -> Result<Exit, Failure> {
    let job = store(settings)?
        .retry(id(matches)?, matches.get_flag("refresh"))
        .map_err(Failure::failed)?;
    note(&format!("job {} waits again", job.id));
    Ok(Exit::Done)
}

/// `cesar jobs prune`.
pub(super) fn prune(matches: &ArgMatches, settings: &Settings) -> Result<Exit, Failure> {
    let folder = serve::data_folder(settings)?;
    let store = open(&folder)?;
    let uploads = Uploads::open(&folder, Disk::real(), Arc::new(SystemRandom)).map_err(Failure::failed)?;
    let retention = if matches.get_flag("all") {
        Retention {
            completed: Duration::ZERO,
            failed: Duration::ZERO,
        }
    } else {
        Retention {
            completed: settings.server.keep_completed,
            failed: settings.server.keep_failed,
        }
    };
    let mut removed = 0;
    loop {
        let pruned = store.prune(&retention, STEP).map_err(Failure::failed)?;
        for upload in &pruned.uploads {
            uploads.remove(*upload).map_err(Failure::failed)?;
        }
        removed += pruned.jobs.len();
        if pruned.jobs.len() < STEP as usize {
            break;
        }
    }
    note(&format!("{removed} jobs removed"));
    Ok(Exit::Done)
}
