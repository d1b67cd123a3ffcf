//! Worker threads: claim a job, run the pipeline, store the result.
//!
//! Each thread is a worker with a lock of its own ([`cesar_jobs::Workers`]). A worker that panics, or cannot store how a job ended, gives
//! its lock back and registers again, so that the job is requeued. Progress is kept in memory ([`Run`]) and published to listeners.
//! [`crate::work::sweeping::housekeeping`] writes it to the store a few times a second and reads back cancellations, so that no event of a plugin waits for
//! the disk.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use cesar_base::{Clock as _, Digest, SystemClock};
use cesar_jobs::{Claim, Failure, FailureKind, Job, JobsError, Source as JobSource, StageError, Worker};
use cesar_pipeline::{Address, AddressError, Documented, Input, PipelineError, Plan, Source, Stage};
use plugin_api::download::Reason;
use serde_json::Value;

use crate::figures::metrics::is_hit;
use crate::refusal::{Code, Refusal};
use crate::state::events::JobEventKind;
use crate::state::jobs::{Run, StopReason};
use crate::state::{App, Shared};
use crate::work::indexing;
use crate::work::requests::part;
use crate::work::requests::plan;
use crate::work::running::failure;
use crate::work::running::observer::RunObserver;
use cesar_jobs::JobView;

/// The longest sleep of an idle worker: jobs may come from other processes.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Claims and runs jobs until the server stops.
pub(crate) fn run(shared: &App) {
    while !shared.signals.stopping() {
        let worker = match shared.jobs.workers.register() {
            Ok(worker) => worker,
            Err(error) => {
                tracing::error!("cannot register a worker: {error}");
                shared.signals.jobs_ready.wait(POLL_INTERVAL);
                continue;
            }
        };
        match catch_unwind(AssertUnwindSafe(|| run_jobs(shared, &worker))) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!("cannot store the end of a job, which is retried: {error}");
                shared.signals.jobs_ready.wait(POLL_INTERVAL);
            }
            Err(_) => tracing::error!("a worker panicked; its job is retried"),
        }
    }
}

/// Claims and runs jobs until the server stops.
///
/// # Errors
/// When the end of a job cannot be stored. The lease stays with this worker, and no other may take the job while its lock is held.
fn run_jobs(shared: &App, worker: &Worker) -> Result<(), JobsError> {
    while !shared.signals.stopping() {
        match shared.jobs.store.claim(worker.id()) {
            Ok(Some(claim)) => run_job(shared, &claim)?,
            Ok(None) => shared.signals.jobs_ready.wait(until_due(shared)),
            Err(error) => {
                tracing::error!("cannot claim a job: {error}");
                shared.signals.jobs_ready.wait(POLL_INTERVAL);
            }
        }
    }
    Ok(())
}

fn until_due(shared: &Shared) -> Duration {
    let due_ms = shared.jobs.store.next_due().ok().and_then(|due| due.job_ms);
    let wait = due_ms.map(|due_ms| u64::try_from(due_ms - SystemClock.now_ms()).unwrap_or(1));
    wait.map_or(POLL_INTERVAL, |ms| Duration::from_millis(ms).min(POLL_INTERVAL))
}

/// Runs one job.
///
/// # Errors
/// When its end cannot be stored.
fn run_job(shared: &App, claim: &Claim) -> Result<(), JobsError> {
    let job = &claim.job;
    let run = Arc::new(Run::new(claim.lease));
    shared.jobs.running.insert(&run);
    let _guard = RunGuard { shared, run: &run };
    shared.events.hub.begin(job.id, claim.lease.number);
    shared.events.feed.job(job);
    tracing::info!(job = %job.id, attempt = job.attempts, "job started");
    let ended = finish(shared, &run, job, execute(shared, &run, job));
    match ended {
        Ok(job) => {
            publish_end(shared, &job);
            index(shared, &job);
        }
        Err(JobsError::LeaseLost { .. }) => {
            tracing::warn!(job = %job.id, "the lease of the job was lost; its result is dropped");
        }
        Err(error) => {
            if error.is_disk_full() {
                shared.jobs.waiters.refuse(job.id, unstored());
            }
            return Err(error);
        }
    }
    Ok(())
}

/// The answer to requests that wait for a job whose end cannot be stored.
fn unstored() -> Refusal {
    Refusal::new(
        StatusCode::INSUFFICIENT_STORAGE,
        Code::DiskFull,
        "no space is left on the server's disk for the transcript; the job is done again when there is some",
    )
}

/// Removes the run at the end of its attempt, also after a panic.
struct RunGuard<'a> {
    shared: &'a Shared,
    run: &'a Run,
}

impl Drop for RunGuard<'_> {
    fn drop(&mut self) {
        self.shared.jobs.running.remove(self.run.job);
    }
}

/// Publishes the end of an attempt.
fn publish_end(shared: &Shared, job: &Job) {
    tracing::info!(job = %job.id, state = %job.state, "attempt ended");
    shared.events.feed.job(job);
    let view = JobView::new(job).to_json();
    if job.state.has_ended() {
        shared.events.hub.end(job.id, view);
        shared.figures.metrics.job_ended(job.state);
        shared.signals.webhooks_ready.notify_all();
    } else {
        shared.events.hub.publish(job.id, JobEventKind::Waiting, view);
    }
}

/// Adds the transcript of an ended job to the search index.
fn index(shared: &Shared, job: &Job) {
    let Some(index) = shared.transcripts.search.as_ref().filter(|_| job.has_document) else {
        return;
    };
    match shared.jobs.store.document(job.id) {
        Ok(Some(document)) => indexing::add_job(index, job, &document, Some(&shared.transcripts.corrections)),
        Ok(None) => {}
        Err(error) => tracing::debug!(job = %job.id, "cannot read the transcript for the search index: {error}"),
    }
}

/// The failure of a job.
struct Unfinished {
    error: Box<PipelineError>,
    engine: Option<Digest>,
}

fn execute(shared: &Shared, run: &Run, job: &Job) -> Result<Documented, Unfinished> {
    let unfinished = |error, plan: Option<&Plan>| Unfinished {
        error: Box::new(error),
        engine: plan.map(Plan::engine_digest),
    };
    let plan = plan(shared, &job.request, &run.cancel).map_err(|error| unfinished(error, None))?;
    let plan = if job.refresh || job.request.parameters.refresh {
        plan.refreshing(Stage::ALL)
    } else {
        plan
    };
    let input = input(shared, job).map_err(|error| unfinished(error, Some(&plan)))?;
    run.set_download(matches!(input.source, Source::Address(_)));
    run.set_diarize(plan.identifies_speakers());
    let observer = RunObserver::new(shared, run);
    let result = shared.pipeline.run_to_document(&plan, &input, &observer, &run.cancel);
    // After a failure of a later stage, a retry does not recompute what was recomputed already.
    if job.refresh && result.is_err() && run.has_finished(Stage::Asr) {
        let _ = shared.jobs.store.refreshed(&run.lease);
    }
    result.map_err(|error| unfinished(error, Some(&plan)))
}

/// The recording of a job for the pipeline.
pub(crate) fn input(shared: &Shared, job: &Job) -> Result<Input, PipelineError> {
    let source = match &job.request.source {
        JobSource::Upload { upload, .. } => Source::File(shared.uploads.files.path(*upload)),
        // Another version of the program may have queued it.
        JobSource::Url { url } => Source::Address(Address::parse(url).map_err(|error| no_address(&error))?),
    };
    Ok(Input {
        source,
        label: job.request.label.clone(),
        part: part(shared, &job.request),
        retry: Some(format!("POST /jobs/{}/retry", job.id)),
    })
}

fn no_address(error: &AddressError) -> PipelineError {
    PipelineError::Download {
        reason: Reason::Unsupported,
        message: error.to_string(),
    }
}

fn finish(shared: &Shared, run: &Run, job: &Job, result: Result<Documented, Unfinished>) -> Result<Job, JobsError> {
    let Unfinished { error, engine } = match result {
        Ok(documented) => return complete(shared, run, &documented),
        Err(unfinished) => unfinished,
    };
    if matches!(*error, PipelineError::Interrupted) {
        match run.stop_reason() {
            Some(StopReason::Stopping) => return shared.jobs.store.hand_back(&run.lease),
            Some(StopReason::Lost) => return Err(JobsError::LeaseLost { job: job.id }),
            Some(StopReason::Cancelled) => return shared.jobs.store.cancelled(&run.lease),
            None => {}
        }
    }
    tracing::warn!(job = %job.id, "attempt failed: {error}");
    let failure = failure::classify(&error, run.phase(), engine);
    shared.jobs.store.fail(&run.lease, &failure)
}

fn complete(shared: &Shared, run: &Run, documented: &Documented) -> Result<Job, JobsError> {
    let Ok(text) = std::str::from_utf8(&documented.document) else {
        let error = StageError {
            code: "invalid_output".to_owned(),
            message: "the stored document is not text; clear the cache".to_owned(),
            stage: Some(Stage::Merge.name().to_owned()),
        };
        let kind = FailureKind::Final;
        return shared.jobs.store.fail(&run.lease, &Failure { error, kind });
    };
    let mut report = run.report();
    let document: Value = serde_json::from_str(text).unwrap_or_default();
    report.provenance = document["provenance"].clone();
    if let Some(audio) = report.provenance["audio"].as_object_mut() {
        // Views of the job show it without reading the document.
        audio.insert("duration".to_owned(), document["duration"].clone());
    }
    let hits = documented.stages.iter().filter(|stage| is_hit(stage.outcome)).count();
    shared.figures.metrics.stages(&documented.stages);
    #[expect(clippy::cast_precision_loss, reason = "a handful of stages")]
    if !documented.stages.is_empty() {
        report.cache_hit_ratio = Some(hits as f64 / documented.stages.len() as f64);
    }
    let Some(partial) = &documented.partial else {
        return shared.jobs.store.complete(&run.lease, text, &report);
    };
    tracing::warn!(job = %run.job, stage = partial.stage, "the transcript is partial: {}", partial.message);
    let error = StageError {
        code: partial.reason.clone(),
        message: partial.message.clone(),
        stage: Some(partial.stage.clone()),
    };
    shared.jobs.store.complete_partly(&run.lease, text, &report, &error)
}
