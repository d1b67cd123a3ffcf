//! The threads that do the jobs: claim, run the pipeline, say how it went.
//!
//! Each thread is a worker with a lock of its own ([`cesar_jobs::Workers`]). One that panics, or cannot store how a job ended, gives
//! its lock back and gets another, so that the job is requeued. What the pipeline says is kept in memory ([`Run`]) and told to listeners; the clerk ([`super::clerk`]) carries it to the
//! store a few times a second and brings back whether to go on, so that no event of a plugin ever waits for the disk.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cesar_base::{Clock as _, SystemClock};
use cesar_jobs::{Claim, Failure, FailureKind, Job, JobsError, StageError, Worker};
use cesar_pipeline::{Address, AddressError, Documented, Input, PipelineError, Plan, Source, Stage, StageOutcome};
use plugin_api::download::Reason;
use serde_json::{Value, json};

use super::Shared;
use super::running::{Run, Why};
use super::view::JobView;
use super::{failure, observer, work};

/// How long a worker without work sleeps at most: jobs may come from other processes.
const LOOK: Duration = Duration::from_secs(1);

/// Claims and runs jobs until the server stops.
pub(crate) fn run(shared: &Arc<Shared>) {
    while !shared.stopping() {
        let worker = match shared.workers.register() {
            Ok(worker) => worker,
            Err(error) => {
                tracing::error!("no worker can be registered: {error}");
                shared.bell.wait(LOOK);
                continue;
            }
        };
        match catch_unwind(AssertUnwindSafe(|| work_off(shared, &worker))) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!("the end of a job cannot be stored, so that it is done again: {error}");
                shared.bell.wait(LOOK);
            }
            Err(_) => tracing::error!("a worker panicked; its job is tried again"),
        }
    }
}

/// Claims and does jobs until the server stops.
///
/// # Errors
/// When the end of a job cannot be stored. The lease stays with this worker, and no other may take the job while its lock is held.
fn work_off(shared: &Arc<Shared>, worker: &Worker) -> Result<(), JobsError> {
    while !shared.stopping() {
        match shared.store.claim(worker.id()) {
            Ok(Some(claim)) => one(shared, &claim)?,
            Ok(None) => shared.bell.wait(until_due(shared)),
            Err(error) => {
                tracing::error!("no job can be claimed: {error}");
                shared.bell.wait(LOOK);
            }
        }
    }
    Ok(())
}

fn until_due(shared: &Shared) -> Duration {
    let due_ms = shared.store.next_due().ok().and_then(|due| due.job_ms);
    let wait = due_ms.map(|due_ms| u64::try_from(due_ms - SystemClock.now_ms()).unwrap_or(1));
    wait.map_or(LOOK, |ms| Duration::from_millis(ms).min(LOOK))
}

/// Does one job.
///
/// # Errors
/// When its end cannot be stored.
fn one(shared: &Arc<Shared>, claim: &Claim) -> Result<(), JobsError> {
    let job = &claim.job;
    let run = Arc::new(Run::new(claim.lease));
    shared.running.insert(&run);
    // Also when the work panics.
    let _guard = Leave { shared, run: &run };
    shared.hub.begin(job.id, claim.lease.number);
    tracing::info!(job = %job.id, attempt = job.attempts, "a job begins");
    let ended = finish(shared, &run, job, execute(shared, &run, job));
    match ended {
        Ok(job) => told(shared, &job),
        Err(JobsError::LeaseLost { .. }) => {
            tracing::warn!(job = %job.id, "the job was taken away; its result is dropped");
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

struct Leave<'a> {
    shared: &'a Shared,
    run: &'a Run,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.shared.running.remove(self.run.job);
    }
}

/// Tells everybody who listens how the attempt ended.
fn told(shared: &Shared, job: &Job) {
    tracing::info!(job = %job.id, state = %job.state, "a job's attempt ends");
    let view = JobView::new(job).to_json();
    if job.state.has_ended() {
        shared.hub.end(job.id, view);
        shared.metrics.job_ended(job.state);
        shared.webhook_bell.ring();
    } else {
        shared.hub.tell(job.id, super::events::EventKind::Waiting, view);
    }
}

/// Why there is no document.
struct Unfinished {
    error: Box<PipelineError>,
    engine: Option<cesar_base::Digest>,
}

fn execute(shared: &Shared, run: &Run, job: &Job) -> Result<Documented, Unfinished> {
    let unfinished = |error, plan: Option<&Plan>| Unfinished {
        error: Box::new(error),
        engine: plan.map(Plan::engine_digest),
    };
    let plan = work::plan(shared, &job.request, &run.cancel).map_err(|error| unfinished(error, None))?;
    let plan = if job.refresh || job.request.refresh {
        plan.refreshing(Stage::ALL)
    } else {
        plan
    };
    let source = match &job.request.source {
        cesar_jobs::Source::Upload { upload, .. } => Source::File(shared.uploads.path(*upload)),
        cesar_jobs::Source::Url { url } => match Address::parse(url) {
            Ok(address) => Source::Address(address),
            // It was checked before it was queued, perhaps by another version.
            Err(error) => return Err(unfinished(no_address(&error), Some(&plan))),
        },
    };
    run.downloads(matches!(source, Source::Address(_)));
    let input = Input {
        source,
        label: job.request.label.clone(),
        part: work::part(shared, &job.request),
        retry: Some(format!("POST /jobs/{}/retry", job.id)),
    };
    run.identifies_speakers(plan.identifies_speakers());
    let observer = observer::Watch::new(shared, run);
    let result = shared.pipeline.run_to_document(&plan, &input, &observer, &run.cancel);
    // What was computed anew once need not be so again when a later stage fails.
    if job.refresh && result.is_err() && run.has_finished(Stage::Asr.name()) {
        let _ = shared.store.refreshed(&run.lease);
    }
    result.map_err(|error| unfinished(error, Some(&plan)))
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
        match run.why() {
            Why::Stopping => return shared.store.hand_back(&run.lease),
            Why::Lost => return Err(JobsError::LeaseLost { job: job.id }),
            Why::Cancelled => return shared.store.cancelled(&run.lease),
            Why::Nothing => {}
        }
    }
    tracing::warn!(job = %job.id, "the job failed: {error}");
    let failure = failure::of(&error, &run.phase(), engine);
    shared.store.fail(&run.lease, &failure)
}

fn complete(shared: &Shared, run: &Run, documented: &Documented) -> Result<Job, JobsError> {
    let Ok(text) = std::str::from_utf8(&documented.document) else {
        let error = StageError {
            code: "invalid_output".to_owned(),
            message: "the stored document is not text; clear the cache".to_owned(),
            stage: Some(Stage::Merge.name().to_owned()),
        };
        let kind = FailureKind::Final;
        return shared.store.fail(&run.lease, &Failure { error, kind });
    };
    let mut report = run.report();
    let document: Value = serde_json::from_str(text).unwrap_or_default();
    report.provenance = document["provenance"].clone();
    let hits = documented
        .stages
        .iter()
        .filter(|stage| observer::is_hit(stage.outcome))
        .count();
    shared.metrics.stages(&documented.stages);
    #[expect(clippy::cast_precision_loss, reason = "a handful of stages")]
    if !documented.stages.is_empty() {
        report.cache_hit_ratio = Some(hits as f64 / documented.stages.len() as f64);
    }
    let Some(partial) = &documented.partial else {
        return shared.store.complete(&run.lease, text, &report);
    };
    tracing::warn!(job = %run.job, stage = partial.stage, "the transcript is partial: {}", partial.message);
    let error = StageError {
        code: partial.reason.clone(),
        message: partial.message.clone(),
        stage: Some(partial.stage.clone()),
    };
    shared.store.complete_partly(&run.lease, text, &report, &error)
}

/// Wakes sleepers; a ring that nobody hears is remembered.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: Mutex<u64>,
    condition: std::sync::Condvar,
}

impl Bell {
    /// Wakes all.
    pub(crate) fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.condition.notify_all();
    }

    /// Sleeps until somebody rings, or for `most`.
    pub(crate) fn wait(&self, most: Duration) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *rung;
        let woken = self.condition.wait_timeout_while(rung, most, |rung| *rung == before);
        drop(woken.unwrap_or_else(PoisonError::into_inner));
    }
}

/// What a stage's report says to listeners.
pub(crate) fn stage_json(stage: &str, plugin: &str, outcome: StageOutcome, ms: i64) -> Value {
    json!({ "stage": stage, "plugin": plugin, "outcome": outcome, "ms": ms })
}
