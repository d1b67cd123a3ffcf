//! `cesar jobs …`: the jobs of the server, from its store, with or without a running server.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cesar_base::{Clock as _, SystemClock};
use cesar_config::Settings;
use cesar_jobs::{
    Cancellation, Disk, Job, JobId, JobState, JobStore, JobView, JobsError, ListQuery, Location, Policy, Retention,
    SystemRandom, Uploads,
};
use cesar_runner::CancelToken;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use serde_json::json;

use super::args::{JsonFlag, whole};
use super::corrections;
use super::humanize::{count, distance};
use super::render::RenderArgs;
use crate::cli::columns::aligned;
use crate::cli::report::{Exit, Failure, note, print, print_json};
use crate::cli::{blobs, search_index, serve};

/// Maximum number of jobs removed in one step.
const STEP: u32 = 500;

/// Characters of an id that are listed. Its end is random, its beginning is the time.
const SHOWN_END: usize = 8;

/// The fewest characters of an id's end that name a job.
const SHORTEST_END: usize = 4;

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
    /// Write the transcript of a job, with its corrections
    Transcript {
        #[command(flatten)]
        job: JobArg,
        #[command(flatten)]
        rendering: Box<RenderArgs>,
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
    /// Remove a finished job with its transcript and its upload
    #[command(visible_alias = "rm")]
    Remove {
        #[command(flatten)]
        job: JobArg,
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
    #[arg(long, value_name = "N", default_value = "50", value_parser = whole(1_u32, None))]
    limit: u32,
    #[command(flatten)]
    json: JsonFlag,
}

/// A job by its id.
#[derive(clap::Args)]
pub(super) struct JobArg {
    /// Job id, or its end as listed
    #[arg(value_name = "ID")]
    id: String,
}

impl JobArg {
    /// The id: the whole one, or the only one with this end.
    fn id(&self, store: &dyn JobStore) -> Result<JobId, Failure> {
        let unknown = match self.id.parse() {
            Ok(id) => return Ok(id),
            Err(error) => Failure::usage(error),
        };
        let is_end = self.id.len() >= SHORTEST_END && self.id.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_end {
            return Err(unknown);
        }
        let mut found = Vec::new();
        let mut query = ListQuery {
            limit: STEP,
            ..ListQuery::default()
        };
        loop {
            let jobs = store.list(&query).map_err(Failure::failed)?;
            let ids = jobs.iter().map(|job| job.id);
            found.extend(ids.filter(|id| id.to_string().ends_with(&self.id)));
            match jobs.last() {
                Some(last) if jobs.len() == STEP as usize => query.after = Some(last.id),
                _ => break,
            }
        }
        match found.as_slice() {
            [id] => Ok(*id),
            [] => Err(Failure::failed(format!("no job has an id that ends in `{}`", self.id))),
            several => Err(Failure::usage(format!(
                "the ids of {} jobs end in `{}`; give more of it",
                several.len(),
                self.id
            ))),
        }
    }
}

/// The end of an id that is listed.
fn short(id: JobId) -> String {
    let id = id.to_string();
    id[id.len() - SHOWN_END..].to_owned()
}

/// Runs one of them.
pub(super) fn run(command: Command, settings: &Settings, cancel: &CancelToken) -> Result<Exit, Failure> {
    let folder = serve::data_folder(settings)?;
    let store = location(&folder, settings)
        .open(Policy::default())
        .map_err(Failure::failed)?;
    let store = &*store;
    match command {
        Command::List(args) => list(args, store),
        Command::Show { job, json } => show(store, job.id(store)?, settings, json.json),
        Command::Transcript { job, rendering } => transcript(store, job.id(store)?, &rendering, settings, cancel),
        Command::Cancel { job } => stop(store, job.id(store)?),
        Command::Retry { job, refresh } => retry(store, job.id(store)?, refresh),
        Command::Remove { job } => remove(store, job.id(store)?, &folder, settings),
        Command::Prune { all } => prune(store, &folder, settings, all),
    }
}

/// The place of the jobs by the settings.
pub(super) fn location(folder: &Path, settings: &Settings) -> Location {
    Location::new(folder.to_owned(), settings.server.jobs.clone())
}

fn uploads(store: &dyn JobStore, folder: &Path, settings: &Settings) -> Result<Uploads, Failure> {
    let uploads = Uploads::open(folder, Disk::real(), Arc::new(SystemRandom)).map_err(Failure::failed)?;
    let Some(blobs) = blobs::open(&settings.server)? else {
        return Ok(uploads);
    };
    let identity = store.identity().map_err(Failure::failed)?;
    Ok(uploads.shared_by(blobs.within(&identity), settings.server.max_copies))
}

/// `cesar jobs list`.
fn list(args: ListArgs, store: &dyn JobStore) -> Result<Exit, Failure> {
    let query = ListQuery {
        states: args.status,
        limit: args.limit,
        ..ListQuery::default()
    };
    let jobs = store.list(&query).map_err(Failure::failed)?;
    if args.json.json {
        print_json(&json!({ "jobs": jobs.iter().map(JobView::new).collect::<Vec<_>>() }));
        return Ok(Exit::Done);
    }
    if jobs.is_empty() {
        note("no jobs");
        return Ok(Exit::Done);
    }
    let now = SystemClock.now_ms();
    let row = |job: &Job| {
        [
            short(job.id),
            job.state.to_string(),
            format!("{:.0}%", job.progress.percent),
            distance(job.created_ms, now),
            model(job).unwrap_or_else(|| "-".to_owned()),
            job.request.title.as_ref().unwrap_or(&job.request.label).clone(),
        ]
    };
    let header = ["ID", "STATUS", "PROGRESS", "AGE", "MODEL", "RECORDING"].map(str::to_owned);
    print(&aligned(
        &[header].into_iter().chain(jobs.iter().map(row)).collect::<Vec<_>>(),
    ));
    Ok(Exit::Done)
}

/// The model that the request names, else the one that its server chose.
fn model(job: &Job) -> Option<String> {
    let chosen = || {
        let resolved = job.request.resolved.as_ref()?;
        Some(resolved.asr.options.get("model")?.as_text()?.to_owned())
    };
    job.request.parameters.model.clone().or_else(chosen)
}

/// `cesar jobs show`.
fn show(store: &dyn JobStore, id: JobId, settings: &Settings, json: bool) -> Result<Exit, Failure> {
    let job = store.get(id).map_err(Failure::failed)?;
    let job = job.ok_or_else(|| Failure::failed(JobsError::NotFound { job: id }))?;
    if json {
        let document = store.document(id).map_err(Failure::failed)?;
        let document = document
            .map(|json| corrections::corrected(json, store, settings))
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
fn stop(store: &dyn JobStore, id: JobId) -> Result<Exit, Failure> {
    match store.cancel(id).map_err(Failure::failed)? {
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
fn retry(store: &dyn JobStore, id: JobId, refresh: bool) -> Result<Exit, Failure> {
    let job = store.retry(id, refresh).map_err(Failure::failed)?;
    note(&format!("job {} requeued", job.id));
    Ok(Exit::Done)
}

/// `cesar jobs transcript`.
fn transcript(
    store: &dyn JobStore,
    id: JobId,
    rendering: &RenderArgs,
    settings: &Settings,
    cancel: &CancelToken,
) -> Result<Exit, Failure> {
    let document = store.document(id).map_err(Failure::failed)?;
    let Some(document) = document else {
        let job = store.get(id).map_err(Failure::failed)?;
        let state = job
            .ok_or_else(|| Failure::failed(JobsError::NotFound { job: id }))?
            .state;
        return Err(Failure::failed(format!("job `{id}` has no transcript: it is {state}")));
    };
    let document = corrections::corrected(document, store, settings)?;
    rendering.write(document.as_bytes(), &format!("job {}", short(id)), settings, cancel)
}

/// `cesar jobs remove`.
fn remove(store: &dyn JobStore, id: JobId, folder: &Path, settings: &Settings) -> Result<Exit, Failure> {
    let has_transcript = store.document(id).map_err(Failure::failed)?.is_some();
    let job = store.remove(id).map_err(Failure::failed)?;
    let mut parts = vec![format!("job {id}")];
    parts.extend(has_transcript.then(|| "its transcript".to_owned()));
    if let Some(upload) = job.request.upload() {
        uploads(store, folder, settings)?
            .remove(upload)
            .map_err(Failure::failed)?;
        parts.push("its upload".to_owned());
    }
    search_index::forget_jobs(store, settings);
    note(&format!("removed {}", parts.join(", ")));
    Ok(Exit::Done)
}

/// `cesar jobs prune`.
fn prune(store: &dyn JobStore, folder: &Path, settings: &Settings, all: bool) -> Result<Exit, Failure> {
    let uploads = uploads(store, folder, settings)?;
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
    search_index::forget_jobs(store, settings);
    note(&format!("removed {}", count(removed as u64, "job", "jobs")));
    Ok(Exit::Done)
}
