//! The interface of a store of jobs, for any storage.
//!
//! The server, its workers and the command line use [`JobStore`]. Another implementation must pass the shared suite
//! of this module's tests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use cesar_base::{Digest, Records};

use super::changes::Changes;
use super::error::Result;
use super::id::{JobId, UploadId, WorkerId};
use super::job::{Job, JobState, Progress, Report, StageError};
use super::policy::Retention;
use super::request::JobRequest;

/// The client's promise that equal keys mean equal requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The client's key. If clients have names, the caller includes the name.
    pub key: String,
    /// The fingerprint of the request; see [`JobRequest::fingerprint`].
    pub fingerprint: Digest,
}

/// A new job.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Its request. Its upload is already stored and named by no other job.
    pub request: JobRequest,
    /// For clients that may send a request twice.
    pub idempotency: Option<Idempotency>,
    /// Work with the same key that has not ended is joined instead of being queued again. `None` for a separate job.
    pub coalesce_key: Option<String>,
}

impl NewJob {
    /// A separate job.
    pub fn new(request: JobRequest) -> Self {
        Self {
            request,
            idempotency: None,
            coalesce_key: None,
        }
    }
}

/// The outcome of a submission. Unless it is [`Submission::New`], the upload of the request belongs to no job and must be removed.
#[derive(Debug, Clone, PartialEq)]
pub enum Submission {
    /// The job is on the disk and will not be lost.
    New(Job),
    /// The same request was submitted before, under the same idempotency key.
    Existing(Job),
    /// Equal work has not ended yet.
    Joined(Job),
    /// Another request was submitted before under the same idempotency key.
    Conflict {
        /// The job of that request.
        job: JobId,
    },
    /// The queue is full.
    Full {
        /// The number of queued jobs.
        queued: u64,
        /// When the client may retry.
        retry_after: Duration,
    },
}

/// The outcome of a cancellation.
#[derive(Debug, Clone, PartialEq)]
pub enum Cancellation {
    /// It was queued, and is cancelled.
    Done(Job),
    /// A worker holds it and will see the request.
    Requested(Job),
    /// It had already ended.
    Ended(Job),
}

/// A selection of jobs, the youngest first.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    /// Only jobs in these states; all when empty.
    pub states: Vec<JobState>,
    /// Only jobs older than this one, which may have been removed.
    pub after: Option<JobId>,
    /// Only jobs of the recording with this digest: an upload, or what a completed download gave.
    pub recording: Option<Digest>,
    /// Maximum number of jobs.
    pub limit: u32,
}

/// A worker's right to a job, until it returns or loses it. A later claim has a greater number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The job.
    pub job: JobId,
    /// The number of the claim, counted over the job's life.
    pub number: u32,
}

/// The queued jobs that have a need in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedNeed {
    /// The need.
    pub need: String,
    /// How many jobs have it.
    pub number: u64,
    /// When the oldest of them was submitted, in ms since 1970.
    pub oldest_ms: i64,
}

/// The jobs that a worker takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// All.
    Everything,
    /// Those of which it has all [`needs`](JobRequest::needs), such as an engine and its model.
    Only(BTreeSet<String>),
}

impl Offer {
    /// Whether a worker takes a job with these needs.
    pub fn covers(&self, needs: &[String]) -> bool {
        match self {
            Self::Everything => true,
            Self::Only(has) => needs.iter().all(|need| has.contains(need)),
        }
    }

    /// The offer as a list, for a statement; `None` for everything.
    pub(super) fn list(&self) -> Option<Vec<&str>> {
        match self {
            Self::Everything => None,
            Self::Only(has) => Some(has.iter().map(String::as_str).collect()),
        }
    }
}

/// A job claimed by a worker.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The job, now running.
    pub job: Job,
    /// The right to change it.
    pub lease: Lease,
}

/// The position of an event: events of a later claim come later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventPosition {
    /// The claim of the run.
    pub claim: u32,
    /// The number in the claim.
    pub number: u64,
}

/// An event of a run, for listeners in other processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEvent {
    /// Its position.
    pub position: EventPosition,
    /// Its kind.
    pub kind: String,
    /// JSON.
    pub data: String,
    /// Whether the earlier ones of its kind are dropped, as for progress. Not stored.
    pub replaces: bool,
}

/// The next action of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Continue.
    Continue,
    /// Stop, and call [`JobStore::cancelled`].
    Cancel,
}

/// The kind of a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailureKind {
    /// A retry would fail again.
    Final,
    /// A retry may succeed later.
    Transient,
    /// A plugin's process died. The job may be the cause: the second time, it ends.
    Crash {
        /// The plugin's id, for the message.
        plugin: String,
        /// The plugin's digest; crashes of another build are counted separately.
        digest: Digest,
    },
}

/// A failed attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The error.
    pub error: StageError,
    /// The kind of failure.
    pub kind: FailureKind,
}

impl Failure {
    /// The error of a job after the plugin's last allowed crash.
    pub(super) fn crashed_twice(&self) -> Option<StageError> {
        let FailureKind::Crash { plugin, .. } = &self.kind else {
            return None;
        };
        Some(StageError {
            code: "plugin_crashed".to_owned(),
            message: format!(
                "the plugin `{plugin}` crashed twice on this job ({}); try another model or plugin",
                self.error.message
            ),
            stage: self.error.stage.clone(),
        })
    }
}

/// The error of a job whose worker died.
pub(super) fn worker_lost() -> StageError {
    StageError {
        code: "worker_lost".to_owned(),
        message: "the server ended while it ran this job; see its log, and retry the job if it was not retried"
            .to_owned(),
        stage: None,
    }
}

/// Numbers of jobs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// By state; states without jobs are included with 0.
    pub by_state: BTreeMap<JobState, u64>,
    /// Pending webhooks.
    pub webhooks_pending: u64,
    /// The submission time of the oldest queued job, in ms since 1970.
    pub oldest_queued_ms: Option<i64>,
}

/// The times of the next work, in ms since 1970; in the past if it is already due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NextDue {
    /// When a job can next be claimed.
    pub job_ms: Option<i64>,
    /// When a webhook can next be claimed.
    pub webhook_ms: Option<i64>,
}

/// The removed jobs and uploads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pruned {
    /// The jobs, oldest first.
    pub jobs: Vec<JobId>,
    /// Their uploads, whose files are no longer named.
    pub uploads: Vec<UploadId>,
}

/// A webhook to notify now.
#[derive(Debug, Clone, PartialEq)]
pub struct WebhookClaim {
    /// The job that ended.
    pub job: Job,
    /// The right to record the result.
    pub lease: WebhookLease,
}

/// The right to record the result of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebhookLease {
    /// The job.
    pub job: JobId,
    /// The number of the claim, counted over the job's life.
    pub number: u32,
}

/// The verdict on a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was delivered.
    Delivered,
    /// Retry later, as long as attempts are left.
    TryAgain,
    /// A retry is useless, as for a refused address.
    GiveUp,
}

/// The result of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The verdict.
    pub verdict: Verdict,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The error, in one sentence.
    pub error: Option<String>,
}

/// A store of jobs. Its methods may wait for the disk and are called from threads that may block.
///
/// Every method returns an error if the store cannot be read or written ([`super::JobsError::Io`],
/// [`super::JobsError::Database`], [`super::JobsError::Damaged`]). Those with a [`Lease`] return
/// [`super::JobsError::LeaseLost`] if it has ended.
pub trait JobStore: Send + Sync {
    /// Queues a job. With [`Submission::New`] it will not be lost. After an error, the job may exist or not, and its
    /// upload is left to [`super::Uploads::sweep`].
    ///
    /// # Errors
    /// As all methods.
    fn submit(&self, new: &NewJob) -> Result<Submission>;

    /// The job of this id, if it exists.
    ///
    /// # Errors
    /// As all methods.
    fn get(&self, job: JobId) -> Result<Option<Job>>;

    /// The document of a job, as JSON, if there is one.
    ///
    /// # Errors
    /// As all methods.
    fn document(&self, job: JobId) -> Result<Option<String>>;

    /// A page of jobs, the youngest first.
    ///
    /// # Errors
    /// As all methods.
    fn list(&self, query: &ListQuery) -> Result<Vec<Job>>;

    /// The numbers of jobs.
    ///
    /// # Errors
    /// As all methods.
    fn counts(&self) -> Result<Counts>;

    /// Cancels a queued job, or requests it from the worker of a running one. Idempotent.
    ///
    /// # Errors
    /// [`super::JobsError::NotFound`].
    fn cancel(&self, job: JobId) -> Result<Cancellation>;

    /// Cancels a job whose clients have disconnected: this many requests, which were submitted or joined in this process. `None` if another
    /// process has clients of the job, or it is gone.
    ///
    /// # Errors
    /// If the store cannot be used.
    fn abandon(&self, job: JobId, _requests: u32) -> Result<Option<Cancellation>> {
        match self.cancel(job) {
            Err(super::JobsError::NotFound { .. }) => Ok(None),
            cancelled => cancelled.map(Some),
        }
    }

    /// Requeues a job that ended in `error`, `partial` or `cancelled`, with all its attempts. Its document stays
    /// until there is a better one, except with `refresh`, which recomputes everything.
    ///
    /// # Errors
    /// [`super::JobsError::NotFound`], [`super::JobsError::NotRetryable`].
    fn retry(&self, job: JobId, refresh: bool) -> Result<Job>;

    /// Sets or clears the title of a job.
    ///
    /// # Errors
    /// [`super::JobsError::NotFound`].
    fn rename(&self, job: JobId, title: Option<&str>) -> Result<Job>;

    /// Removes a job that has ended, with its document. Its upload is left to the caller.
    ///
    /// # Errors
    /// [`super::JobsError::NotFound`], [`super::JobsError::NotEnded`].
    fn remove(&self, job: JobId) -> Result<Job>;

    /// Claims the oldest job that is due and that the worker takes, for `owner`, which is registered. The attempt counts from here.
    ///
    /// # Errors
    /// [`super::JobsError::Unregistered`] if the owner's registration has ended, where the store knows that.
    fn claim_from(&self, owner: WorkerId, offer: &Offer) -> Result<Option<Claim>>;

    /// [`Self::claim_from`] for a worker that takes all jobs.
    ///
    /// # Errors
    /// As [`Self::claim_from`].
    fn claim(&self, owner: WorkerId) -> Result<Option<Claim>> {
        self.claim_from(owner, &Offer::Everything)
    }

    /// Records that the recording is downloaded: `downloading` becomes `processing`.
    ///
    /// # Errors
    /// As all methods with a lease.
    fn downloaded(&self, lease: &Lease) -> Result<Job>;

    /// Records that the job's stage results were dropped for `refresh`; another attempt keeps the results of this one.
    ///
    /// # Errors
    /// As all methods with a lease.
    fn refreshed(&self, lease: &Lease) -> Result<Job>;

    /// Reports progress and, if given, the report; returns whether to continue. Power loss may lose the last reports.
    ///
    /// # Errors
    /// As all methods with a lease.
    fn progress(&self, lease: &Lease, progress: &Progress, report: Option<&Report>) -> Result<Signal>;

    /// Ends a job with its document (JSON). A later cancellation has no effect.
    ///
    /// # Errors
    /// As all methods with a lease.
    fn complete(&self, lease: &Lease, document: &str, report: &Report) -> Result<Job>;

    /// Ends a job with a document that lacks the result of a stage.
    ///
    /// # Errors
    /// As all methods with a lease.
    fn complete_partly(&self, lease: &Lease, document: &str, report: &Report, error: &StageError) -> Result<Job>;

    /// Ends the attempt. The job is cancelled if that was requested; requeued if another attempt is useful and left;
    /// else it ends, in `partial` if it has a document from before a retry, in `error` otherwise.
    ///
    /// # Errors
    /// As all methods with a lease.
    fn fail(&self, lease: &Lease, failure: &Failure) -> Result<Job>;

    /// Ends a job whose worker stopped at [`Signal::Cancel`].
    ///
    /// # Errors
    /// As all methods with a lease.
    fn cancelled(&self, lease: &Lease) -> Result<Job>;

    /// Returns an unfinished job without counting the attempt, for a server that stops.
    ///
    /// # Errors
    /// As all methods with a lease.
    fn hand_back(&self, lease: &Lease) -> Result<Job>;

    /// Keeps events of a run, in the order of their numbers. Those of earlier claims are dropped; all are, a while after the job has ended.
    ///
    /// # Errors
    /// As all methods with a lease.
    fn keep_events(&self, lease: &Lease, events: &[RunEvent]) -> Result<()>;

    /// The kept events of a job after `last`, in order.
    ///
    /// # Errors
    /// As all methods.
    fn events(&self, job: JobId, last: EventPosition) -> Result<Vec<RunEvent>>;

    /// The workers that hold jobs.
    ///
    /// # Errors
    /// As all methods.
    fn owners(&self) -> Result<Vec<WorkerId>>;

    /// Requeues all jobs of a dead worker ([`super::Liveness`]). They can be claimed at once; the attempt
    /// stays counted, so that a job that kills its server runs out of attempts.
    ///
    /// # Errors
    /// As all methods.
    fn requeue_jobs_of(&self, owner: WorkerId) -> Result<Vec<Job>>;

    /// When to check for work again.
    ///
    /// # Errors
    /// As all methods.
    fn next_due(&self) -> Result<NextDue>;

    /// Removes at most `limit` jobs that ended long ago and whose webhook is not pending.
    ///
    /// # Errors
    /// As all methods.
    fn prune(&self, retention: &Retention, limit: u32) -> Result<Pruned>;

    /// Whether a job names the upload.
    ///
    /// # Errors
    /// As all methods.
    fn uses_upload(&self, upload: UploadId) -> Result<bool>;

    /// The job that names the upload.
    ///
    /// # Errors
    /// As all methods.
    fn job_of_upload(&self, upload: UploadId) -> Result<Option<Job>>;

    /// Claims a pending webhook. If the result is not recorded within `hold` (at most ten minutes), it is pending again:
    /// a webhook is notified at least once.
    ///
    /// # Errors
    /// As all methods.
    fn claim_webhook(&self, hold: Duration) -> Result<Option<WebhookClaim>>;

    /// Records the result of a notification.
    ///
    /// # Errors
    /// [`super::JobsError::LeaseLost`] if another process has claimed it since, or the job was retried.
    fn record_delivery(&self, lease: &WebhookLease, delivery: &Delivery) -> Result<Job>;

    /// Whether the last operation could not reach the store, or had no answer in time. Asks nothing.
    fn is_away(&self) -> bool {
        false
    }

    /// Notes what a worker has, for an [`Inspection`](crate::Inspection) by other processes. Claims do not depend on it. A store for one
    /// machine notes nothing.
    ///
    /// # Errors
    /// As all methods.
    fn announce(&self, worker: WorkerId, offer: &Offer) -> Result<()> {
        let _ = (worker, offer);
        Ok(())
    }

    /// What queued jobs need of a worker, and by how many each is needed, at most `limit` of the most wanted. A store for one machine does not
    /// count: every worker has all that there is.
    ///
    /// # Errors
    /// As all methods.
    fn queued_by_need(&self, limit: u32) -> Result<Vec<QueuedNeed>> {
        let _ = limit;
        Ok(Vec::new())
    }

    /// A name that no other store has, as long as it may share a storage of uploads with others. A store for one machine has none.
    ///
    /// # Errors
    /// As all methods.
    fn identity(&self) -> Result<String> {
        Ok(String::new())
    }

    /// State beside the jobs that all their servers share. A store for one machine has none: the data folder has it.
    fn records(&self) -> Option<Arc<dyn Records>> {
        None
    }

    /// The changes of jobs from now on, if the store reports those of other processes; without that, callers poll.
    fn changes(&self) -> Option<Box<dyn Changes>> {
        None
    }
}
