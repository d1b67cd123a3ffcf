//! Worker threads: claim a job, run the pipeline, store the result.
//!
//! Each thread is a worker with a registration of its own ([`cesar_jobs::Liveness`]). A worker that panics, or cannot store how a job ended,
//! gives it back and registers again, so that the job is requeued. Progress is kept in memory ([`Run`]) and published to listeners.
//! [`crate::work::sweeping::housekeeping`] writes it to the store a few times a second and reads back cancellations, so that no event of a plugin waits for
//! the disk.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use cesar_base::{Clock as _, Digest, SystemClock};
use cesar_jobs::{
    Claim, Failure, FailureKind, Job, JobsError, LocalUpload, Offer, Source as JobSource, StageError, Worker,
};
use cesar_pipeline::{Address, AddressError, Documented, Input, PipelineError, Plan, Source, Stage};
use cesar_runner::CancelToken;
use plugin_api::download::Reason;
use serde_json::Value;

use crate::figures::metrics::is_hit;
use crate::figures::snapshot::Engine;
use crate::refusal::{Code, Refusal};
use crate::state::events::JobEventKind;
use crate::state::jobs::{Run, StopReason};
use crate::state::{App, Shared};
use crate::traces::JobSpan;
use crate::work::indexing;
use crate::work::requests::{needed_label, part, plan};
use crate::work::running::failure;
use crate::work::running::kept_events;
use crate::work::running::observer::RunObserver;
use cesar_jobs::JobView;

/// The longest sleep of an idle worker: jobs may come from other processes.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The same where the store reports changes, and many processes ask it.
const SHARED_POLL_INTERVAL: Duration = Duration::from_secs(10);

/// The pause of a worker whose job's end could not be stored.
const END_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// The pause of a worker that could not read a recording from the shared storage: others may be able to.
const STORAGE_RETRY_INTERVAL: Duration = Duration::from_secs(5);

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

/// Claims and runs jobs until the server stops or the worker is no longer registered.
///
/// # Errors
/// When the end of a job cannot be stored. The lease stays with this worker, and no other may take the job while it is registered.
fn run_jobs(shared: &App, worker: &Worker) -> Result<(), JobsError> {
    let mut announced = None;
    while !shared.signals.stopping() && worker.is_registered() {
        let ticket = shared.signals.jobs_ready.ticket();
        let offer = offer(shared);
        if announced.as_ref() != Some(&offer) {
            match shared.jobs.store.announce(worker.id(), &offer) {
                Ok(()) => announced = Some(offer.clone()),
                // Only for those who look at the workers; the next claim retries it.
                Err(error) => tracing::debug!("{error}"),
            }
        }
        match shared.jobs.store.claim_from(worker.id(), &offer) {
            Ok(Some(claim)) => match run_job(shared, &claim)? {
                Next::Claim => {}
                Next::Pause => pause(shared, STORAGE_RETRY_INTERVAL),
                Next::Register => return Ok(()),
            },
            Ok(None) => shared.signals.jobs_ready.wait_since(ticket, until_due(shared)),
            Err(error @ JobsError::Unregistered { .. }) => {
                tracing::warn!("{error}");
                return Ok(());
            }
            Err(error) => {
                tracing::error!("cannot claim a job: {error}");
                shared.signals.jobs_ready.wait(POLL_INTERVAL);
                // The store may have given a job to this worker, which it then has to give back.
                return Ok(());
            }
        }
    }
    Ok(())
}

/// What a worker does after a job.
enum Next {
    Claim,
    /// The shared storage is away from this machine.
    Pause,
    /// The store may think that the worker holds a job that it does not run.
    Register,
}

/// The jobs that this process takes. A job of another waits for a worker that has its engine and model; where all work is done in one
/// process, it fails at once, with the reason.
fn offer(shared: &Shared) -> Offer {
    if shared.works_alone() {
        return Offer::Everything;
    }
    let latest = shared.figures.snapshot.latest();
    let engines = latest.engines.iter().flat_map(Engine::offers);
    let labels = shared.labels.iter().flatten().map(|label| needed_label(label));
    Offer::Only(engines.chain(labels).collect())
}

/// What jobs may need that this process takes; empty for a process without an engine that can run.
pub(crate) fn takes(shared: &Shared) -> Vec<String> {
    let latest = shared.figures.snapshot.latest();
    let able = latest.engines.iter().filter(|engine| engine.can_run());
    let engines: Vec<String> = able.flat_map(Engine::offers).collect();
    let labels = shared.labels.iter().flatten().map(|label| needed_label(label));
    match engines.is_empty() {
        true => engines,
        false => engines.into_iter().chain(labels).collect(),
    }
}

/// The time until a job is due. For a worker that takes only some jobs, one that is due already is another worker's.
fn until_due(shared: &Shared) -> Duration {
    let longest = match shared.are_jobs_shared() {
        true => SHARED_POLL_INTERVAL,
        false => POLL_INTERVAL,
    };
    let due_ms = shared.jobs.store.next_due().ok().and_then(|due| due.job_ms);
    let wait = due_ms.map(|due_ms| u64::try_from(due_ms - SystemClock.now_ms()));
    match wait {
        Some(Ok(ms)) => Duration::from_millis(ms).min(longest),
        // It became due meanwhile.
        Some(Err(_)) if shared.works_alone() => Duration::from_millis(1),
        // Another worker's; a later one may be due soon.
        Some(Err(_)) => POLL_INTERVAL.max(longest / 5),
        None => longest,
    }
}

/// Runs one job.
///
/// # Errors
/// When its end cannot be stored.
fn run_job(shared: &App, claim: &Claim) -> Result<Next, JobsError> {
    let job = &claim.job;
    let run = Arc::new(Run::new(claim.lease, JobSpan::begin(job)));
    shared.jobs.running.insert(&run);
    let _guard = RunGuard { shared, run: &run };
    shared.events.hub.begin(job.id, claim.lease.number);
    shared.events.feed.job(job);
    tracing::info!(job = %job.id, trace = %run.span.trace(), attempt = job.attempts, "job started");
    let result = execute(shared, &run, job);
    let next = match &result {
        Err(Unfinished::NoRecording(error)) if error.is_storage_away() || error.is_disk_full() => Next::Pause,
        _ => Next::Claim,
    };
    // Before the end, after which a listener in another process looks for no more.
    kept_events::keep(shared, &run);
    let (mut ended, mut is_reported) = (finish(shared, &run, job, &result), false);
    // What was computed is kept until the database is back: the lease may still be valid, and the store refuses the end if it is not.
    while ended.as_ref().is_err_and(JobsError::is_away) && !shared.signals.stopping() {
        if !std::mem::replace(&mut is_reported, true) {
            tracing::warn!(job = %job.id, trace = %run.span.trace(), "the end of the attempt waits for the database of jobs");
        }
        pause(shared, END_RETRY_INTERVAL);
        ended = finish(shared, &run, job, &result);
    }
    // It may have been stored at once, and only the answer was lost.
    if is_reported
        && matches!(ended, Err(JobsError::LeaseLost { .. }))
        && let Ok(Some(stored)) = shared.jobs.store.get(job.id)
        && stored.state.has_ended()
    {
        ended = Ok(stored);
    }
    match ended {
        Ok(job) => {
            // One that was handed back has an attempt less, and the error of an earlier one.
            let is_handed_back = job.attempts < claim.job.attempts;
            let error = job.error.as_ref().filter(|_| !is_handed_back);
            run.span.end(job.state.as_str(), error.map(|error| error.code.as_str()));
            publish_end(shared, &run, &job);
            indexing::add_ended_job(shared, &job);
        }
        Err(JobsError::LeaseLost { .. }) => {
            shared.figures.metrics.lease_lost();
            run.span.end("lost", Some("the lease was lost"));
            tracing::warn!(job = %job.id, trace = %run.span.trace(), "the lease of the job was lost; its result is dropped");
            return Ok(Next::Register);
        }
        Err(error) => {
            run.span.end("unstored", Some("the end cannot be stored"));
            if error.is_disk_full() {
                shared.jobs.waiters.refuse(job.id, unstored());
            }
            return Err(error);
        }
    }
    Ok(next)
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
        if std::thread::panicking() {
            tracing::error!(job = %self.run.job, trace = %self.run.span.trace(), "the attempt panicked");
        }
        // Without effect on one that has ended.
        self.run.span.end("lost", Some("the attempt did not end"));
    }
}

/// Publishes the end of an attempt.
fn publish_end(shared: &Shared, run: &Run, job: &Job) {
    tracing::info!(job = %job.id, trace = %run.span.trace(), state = %job.state, "attempt ended");
    run.span
        .end(job.state.as_str(), job.error.as_ref().map(|error| error.code.as_str()));
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

/// Why a job has no document.
enum Unfinished {
    /// It failed.
    Failed {
        error: Box<PipelineError>,
        engine: Option<Digest>,
    },
    /// Its recording cannot be had now.
    NoRecording(JobsError),
}

fn execute(shared: &Shared, run: &Run, job: &Job) -> Result<Documented, Unfinished> {
    let unfinished = |error, plan: Option<&Plan>| Unfinished::Failed {
        error: Box::new(error),
        engine: plan.map(Plan::engine_digest),
    };
    let plan = plan(shared, &job.request, &run.cancel).map_err(|error| unfinished(error, None))?;
    let plan = if job.refresh || job.request.parameters.refresh {
        plan.refreshing(Stage::ALL)
    } else {
        plan
    };
    let _local = local_upload(shared, job, &run.cancel).map_err(Unfinished::NoRecording)?;
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

/// The upload of a job on this machine, kept there until it is dropped; `None` for URLs.
///
/// # Errors
/// [`JobsError::NoUpload`] if it is gone; those of [`cesar_jobs::Uploads::open_upload`].
pub(crate) fn local_upload(shared: &Shared, job: &Job, cancel: &CancelToken) -> Result<Option<LocalUpload>, JobsError> {
    match &job.request.source {
        JobSource::Upload { upload, digest, .. } => {
            let is_stopped = || cancel.is_cancelled();
            let opened = shared.uploads.files.open_upload(*upload, digest, &is_stopped);
            shared.figures.snapshot.note_storage(&opened);
            opened?.map_or_else(|| Err(shared.uploads.files.missing()), |local| Ok(Some(local)))
        }
        JobSource::Url { .. } => Ok(None),
    }
}

/// The recording of a job for the pipeline. An upload is at its place as long as the [`local_upload`] is held.
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

fn finish(shared: &Shared, run: &Run, job: &Job, result: &Result<Documented, Unfinished>) -> Result<Job, JobsError> {
    let (error, engine) = match result {
        Ok(documented) => return complete(shared, run, documented),
        Err(Unfinished::Failed { error, engine }) => (error, engine),
        Err(Unfinished::NoRecording(error)) => return without_recording(shared, run, job, error),
    };
    if matches!(**error, PipelineError::Interrupted) {
        match run.stop_reason() {
            Some(StopReason::Stopping) => return shared.jobs.store.hand_back(&run.lease),
            Some(StopReason::Lost) => return Err(JobsError::LeaseLost { job: job.id }),
            Some(StopReason::Cancelled) => return shared.jobs.store.cancelled(&run.lease),
            None => {}
        }
    }
    tracing::warn!(job = %job.id, trace = %run.span.trace(), "attempt failed: {error}");
    let failure = failure::classify(error, run.phase(), *engine);
    shared.jobs.store.fail(&run.lease, &failure)
}

/// The end of an attempt whose recording cannot be had. Only the storage that machines share is expected to come back by itself.
fn without_recording(shared: &Shared, run: &Run, job: &Job, error: &JobsError) -> Result<Job, JobsError> {
    match run.stop_reason() {
        Some(StopReason::Stopping) => return shared.jobs.store.hand_back(&run.lease),
        Some(StopReason::Lost) => return Err(JobsError::LeaseLost { job: job.id }),
        Some(StopReason::Cancelled) => return shared.jobs.store.cancelled(&run.lease),
        None => {}
    }
    // At once: another machine may reach the storage, or have the recording, or room for it.
    if error.is_storage_away() || error.is_disk_full() {
        tracing::error!(job = %job.id, trace = %run.span.trace(), "the job waits: {error}");
        return shared.jobs.store.hand_back(&run.lease);
    }
    tracing::warn!(job = %job.id, trace = %run.span.trace(), "attempt failed: {error}");
    shared.jobs.store.fail(
        &run.lease,
        &failure::without_recording(error, shared.settings.blobs.is_some()),
    )
}

/// Waits, but not when the server stops.
fn pause(shared: &Shared, duration: Duration) {
    let end = Instant::now() + duration;
    while !shared.signals.stopping() {
        match end.checked_duration_since(Instant::now()) {
            Some(rest) if !rest.is_zero() => shared.signals.pauses.wait(rest),
            _ => return,
        }
    }
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
    tracing::warn!(job = %run.job, trace = %run.span.trace(), stage = partial.stage, "the transcript is partial: {}", partial.message);
    let error = StageError {
        code: partial.reason.clone(),
        message: partial.message.clone(),
        stage: Some(partial.stage.clone()),
    };
    shared.jobs.store.complete_partly(&run.lease, text, &report, &error)
}

#[cfg(test)]
mod tests {
    use cesar_jobs::{JobRequest, NewJob, SystemRandom, UploadId};

    use super::*;
    use crate::testing;

    #[test]
    fn a_job_whose_upload_was_lost_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let app = testing::app(folder.path(), &[]);
        let request = JobRequest::new(JobSource::Upload {
            upload: UploadId::new(&SystemRandom),
            bytes: 7,
            digest: Digest::of(b"content"),
        });
        app.jobs.store.submit(&NewJob::new(request)).unwrap();
        let worker = app.jobs.workers.register().unwrap();
        let claim = app.jobs.store.claim(worker.id()).unwrap().unwrap();
        let lost = local_upload(&app, &claim.job, &CancelToken::default()).unwrap_err();
        assert!(matches!(lost, JobsError::NoUpload { .. }), "{lost}");
        let run = Run::new(claim.lease, JobSpan::begin(&claim.job));
        let ended = finish(&app, &run, &claim.job, &Err(Unfinished::NoRecording(lost))).unwrap();
        let error = ended.error.unwrap();
        assert_eq!(
            (&*error.code, &*error.message),
            (
                "recording_gone",
                "the stored recording of the job is missing on the server; upload it again"
            )
        );
    }
}
