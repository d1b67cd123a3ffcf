//! `cesar jobs …`: the jobs of the server, from its database, with or without a running server.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cesar_config::Settings;
use cesar_jobs::{
    Cancellation, Disk, Job, JobId, JobState, JobStore, JobView, ListQuery, Options, Retention, SqliteJobs,
    SystemRandom, Uploads,
};
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::value_parser;
use serde_json::json;

use super::args::JsonFlag;
use super::corrections;
use super::humanize::count;
use crate::cli::columns::aligned;
use crate::cli::report::{Exit, Failure, note, print, print_json};
use crate::cli::{search, serve};

/// Maximum number of jobs removed in one step.
const STEP: u32 = 500;

/// The commands.
#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// List jobs, newest first
    List(ListArgs),
    /// Show a job
    Show {
        #[command(flatten)]
        job: JobArg,
        #[command(flatten)]
        json: JsonFlag,
    },
    /// Cancel a job
    Cancel {
        #[command(flatten)]
        job: JobArg,
    },
    /// Retry a failed job
    Retry {
        #[command(flatten)]
        job: JobArg,
        /// Ignore cached results and recompute all stages
        #[arg(long)]
        refresh: bool,
    },
    /// Remove old finished jobs and their uploads
    Prune {
        /// Remove all finished jobs, regardless of age
        #[arg(long)]
        all: bool,
    },
}

/// The arguments of `list`.
#[derive(clap::Args)]
pub(super) struct ListArgs {
    /// Only jobs with these states
    #[arg(
        long,
        value_name = "STATUS",
        value_delimiter = ',',
        value_parser = PossibleValuesParser::new(JobState::ALL.map(JobState::as_str)).try_map(|state| state.parse::<JobState>())
    )]
    status: Vec<JobState>,
    /// Maximum number of jobs to list
    #[arg(long, value_name = "N", default_value = "50", value_parser = value_parser!(u32).range(1..))]
    limit: u32,
    #[command(flatten)]
    json: JsonFlag,
}

/// A job by its id.
#[derive(clap::Args)]
pub(super) struct JobArg {
    /// Job id, as listed
    #[arg(value_name = "ID")]
    id: String,
}

impl JobArg {
    fn id(&self) -> Result<JobId, Failure> {
        self.id.parse().map_err(Failure::usage)
    }
}

/// Runs one of them.
pub(super) fn run(command: Command, settings: &Settings) -> Result<Exit, Failure> {
    match command {
        Command::List(args) => list(args, settings),
        Command::Show { job, json } => show(job.id()?, settings, json.json),
        Command::Cancel { job } => cancel(job.id()?, settings),
        Command::Retry { job, refresh } => retry(job.id()?, settings, refresh),
        Command::Prune { all } => prune(settings, all),
    }
}

fn open(folder: &Path) -> Result<SqliteJobs, Failure> {
    SqliteJobs::open(folder, Options::default()).map_err(Failure::failed)
}

fn store(settings: &Settings) -> Result<SqliteJobs, Failure> {
    open(&serve::data_folder(settings)?)
}

/// `cesar jobs list`.
fn list(args: ListArgs, settings: &Settings) -> Result<Exit, Failure> {
    let query = ListQuery {
        states: args.status,
        limit: args.limit,
        ..ListQuery::default()
    };
    let jobs = store(settings)?.list(&query).map_err(Failure::failed)?;
    if args.json.json {
        print_json(&json!({ "jobs": jobs.iter().map(JobView::new).collect::<Vec<_>>() }));
        return Ok(Exit::Done);
    }
    if jobs.is_empty() {
        note("no jobs");
        return Ok(Exit::Done);
    }
    let row = |job: &Job| {
        [
            job.id.to_string(),
            job.state.to_string(),
            format!("{:.0}%", job.progress.percent),
            job.request.title.as_ref().unwrap_or(&job.request.label).clone(),
        ]
    };
    let header = ["ID", "STATUS", "PROGRESS", "RECORDING"].map(str::to_owned);
    print(&aligned(
        &[header].into_iter().chain(jobs.iter().map(row)).collect::<Vec<_>>(),
    ));
    Ok(Exit::Done)
}

/// `cesar jobs show`.
fn show(id: JobId, settings: &Settings, json: bool) -> Result<Exit, Failure> {
    let store = store(settings)?;
    let job = store.get(id).map_err(Failure::failed)?;
    let job = job.ok_or_else(|| Failure::failed(cesar_jobs::JobsError::NotFound { job: id }))?;
    if json {
        let document = store.document(id).map_err(Failure::failed)?;
        let document = document
            .map(|json| corrections::corrected(json, settings))
            .transpose()?;
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
    if let Some(title) = &job.request.title {
        rows.insert(2, ["title".to_owned(), title.clone()]);
    }
    if let Some(error) = &job.error {
        rows.push(["error".to_owned(), format!("{}: {}", error.code, error.message)]);
    }
    if let Some(webhook) = &job.webhook {
        let delivery = format!("{} after {} attempts", webhook.state.as_str(), webhook.attempts);
        rows.push(["webhook".to_owned(), delivery]);
    }
    print(&aligned(&rows));
    Ok(Exit::Done)
}

/// `cesar jobs cancel`.
fn cancel(id: JobId, settings: &Settings) -> Result<Exit, Failure> {
    match store(settings)?.cancel(id).map_err(Failure::failed)? {
        Cancellation::Done(job) => note(&format!("job {} cancelled", job.id)),
        Cancellation::Requested(job) => note(&format!("job {} is running; its worker is notified to stop", job.id)),
        Cancellation::Ended(job) if job.state == JobState::Cancelled => note(&format!("job {} cancelled", job.id)),
        Cancellation::Ended(job) => {
            return Err(Failure::failed(format!(
                "job `{}` has already finished: it is {}",
                job.id, job.state
            )));
        }
    }
    Ok(Exit::Done)
}

/// `cesar jobs retry`.
fn retry(id: JobId, settings: &Settings, refresh: bool) -> Result<Exit, Failure> {
    let job = store(settings)?.retry(id, refresh).map_err(Failure::failed)?;
    note(&format!("job {} requeued", job.id));
    Ok(Exit::Done)
}

/// `cesar jobs prune`.
fn prune(settings: &Settings, all: bool) -> Result<Exit, Failure> {
    let folder = serve::data_folder(settings)?;
    let store = open(&folder)?;
    let uploads = Uploads::open(&folder, Disk::real(), Arc::new(SystemRandom)).map_err(Failure::failed)?;
    let retention = if all {
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
    search::forget_jobs(&store, settings);
    note(&format!("removed {}", count(removed as u64, "job", "jobs")));
    Ok(Exit::Done)
}
