//! What a store of jobs can do, whatever holds them.
//!
//! [`JobStore`] is what the server, its workers and the command line use. Another store must pass the shared
//! suite of this module's tests on it.

use std::collections::BTreeMap;
use std::time::Duration;

use cesar_base::Digest;

use super::error::Result;
use super::id::{JobId, UploadId, WorkerId};
use super::job::{Job, JobState, Progress, Report, StageError};
use super::policy::Retention;
use super::request::JobRequest;

/// The client's promise that equal keys mean equal requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The client's key. If clients have names, the caller puts the name into it.
    pub key: String,
    /// Over the request; see [`JobRequest::fingerprint`].
    pub fingerprint: Digest,
}

/// A job to be submitted.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// What it is to do. Its upload is stored already and named by no other job.
    pub request: JobRequest,
    /// For clients that may send a request twice.
    pub idempotency: Option<Idempotency>,
    /// Work with the same key that has not ended is joined instead of being queued again. `None` for a job of its own.
    pub coalesce_key: Option<String>,
}

impl NewJob {
    /// A job of its own.
    pub fn new(request: JobRequest) -> Self {
        Self {
            request,
            idempotency: None,
            coalesce_key: None,
        }
    }
}

/// What became of a submission. Unless it is [`Submission::New`], the upload of the request belongs to no job and is to
/// be removed.
#[derive(Debug, Clone, PartialEq)]
pub enum Submission {
    /// The job is on the disk and will not be lost.
    New(Job),
    /// The same request came before, under the same idempotency key.
    Existing(Job),
    /// Equal work has not ended yet.
    Joined(Job),
    /// Another request came before under the same idempotency key.
    Conflict {
        /// The job of that request.
        job: JobId,
    },
    /// Too many jobs wait.
    Full {
        /// How many.
        queued: u64,
        /// When to ask again.
        retry_after: Duration,
    },
}

/// What became of the wish to cancel a job.
#[derive(Debug, Clone, PartialEq)]
pub enum Cancellation {
    /// It waited, and is cancelled.
    Done(Job),
    /// A worker holds it and will see the wish.
    Requested(Job),
    /// It had ended before.
    Ended(Job),
}

/// Which jobs to list: the youngest first.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    /// Only jobs in these states; all when empty.
    pub states: Vec<JobState>,
    /// Only jobs older than this one, which need not exist any more.
    pub after: Option<JobId>,
    /// At most so many.
    pub limit: u32,
}

/// A worker's right to a job, until it gives it back or loses it. A later claim has a greater number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The job.
    pub job: JobId,
    /// The number of the claim, counted through the job's life.
    pub number: u32,
}

/// A job that a worker is to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The job, running now.
    pub job: Job,
    /// The right to change it.
    pub lease: Lease,
}

/// What a worker is to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Go on.
    Continue,
    /// Stop, and call [`JobStore::cancelled`].
    Cancel,
}

/// What kind of failure it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailureKind {
    /// It would fail again.
    Final,
    /// It may succeed later.
    Transient,
    /// A plugin's process died. That may be the job's fault: the second time, the job ends.
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
    /// What went wrong.
    pub error: StageError,
    /// Whether trying again makes sense.
    pub kind: FailureKind,
}

impl Failure {
    /// What the job says when the plugin crashed for the last time.
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

/// What a job says whose worker died.
pub(super) fn worker_lost() -> StageError {
    StageError {
        code: "worker_lost".to_owned(),
        message: "the server ended while it ran this job; see its log, and retry the job if it was not retried"
            .to_owned(),
        stage: None,
    }
}

/// How many jobs there are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// In each state; states without jobs are there with 0.
    pub by_state: BTreeMap<JobState, u64>,
    /// Pending webhooks.
    pub webhooks_pending: u64,
    /// When the oldest job that waits was submitted, in ms since 1970.
    pub oldest_queued_ms: Option<i64>,
}

/// When there is something to do, in ms since 1970; in the past when it is due already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NextDue {
    /// When a job can be claimed.
    pub job_ms: Option<i64>,
    /// When a webhook can be claimed.
    pub webhook_ms: Option<i64>,
}

/// What was removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pruned {
    /// The jobs, oldest first.
    pub jobs: Vec<JobId>,
    /// Their uploads, whose files nothing names any more.
    pub uploads: Vec<UploadId>,
}

/// A webhook to be notified now.
#[derive(Debug, Clone, PartialEq)]
pub struct WebhookClaim {
    /// The job that ended.
    pub job: Job,
    /// The right to say how it went.
    pub lease: WebhookLease,
}

/// The right to record the result of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebhookLease {
    /// The job.
    pub job: JobId,
    /// The number of the claim, counted through the job's life.
    pub number: u32,
}

/// The verdict on a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was delivered.
    Delivered,
    /// Try again later, as long as attempts are left.
    TryAgain,
    /// Trying again makes no sense, as for an address that is refused.
    GiveUp,
}

/// The result of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// What to make of it.
    pub verdict: Verdict,
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// What went wrong, in one sentence.
    pub error: Option<String>,
}

/// A store of jobs. Its methods may block for the disk and are called from threads that may block.
///
/// Every method returns an error when the store cannot be read or written ([`super::JobsError::Io`],
/// [`super::JobsError::Database`], [`super::JobsError::Damaged`]). Those that take a [`Lease`] return
/// [`super::JobsError::LeaseLost`] when it has ended.
pub trait JobStore: Send + Sync {
    /// Queues a job. With [`Submission::New`] it will not be lost. After an error nothing is promised: the job may be
    /// there or not, and its upload is left to [`super::Uploads::sweep`].
    ///
    /// # Errors
    /// As all methods.
    fn submit(&self, new: &NewJob) -> Result<Submission>;

    /// A job, when there is one of this id.
    ///
    /// # Errors
    /// As all methods.
    fn get(&self, job: JobId) -> Result<Option<Job>>;

    /// The document of a job, as JSON, when there is one.
    ///
    /// # Errors
    /// As all methods.
    fn document(&self, job: JobId) -> Result<Option<String>>;

    /// A page of jobs, the youngest first.
    ///
    /// # Errors
    /// As all methods.
    fn list(&self, query: &ListQuery) -> Result<Vec<Job>>;

    /// How many jobs there are.
    ///
    /// # Errors
    /// As all methods.
    fn counts(&self) -> Result<Counts>;

    /// Cancels a job that waits, and asks the worker of one that runs. Doing so twice is the same as once.
    ///
    /// # Errors
    /// [`super::JobsError::NotFound`].
    fn cancel(&self, job: JobId) -> Result<Cancellation>;

    /// Queues a job again that ended in `error`, `partial` or `cancelled`, with all its attempts. Its document stays
    /// until there is a better one, except with `refresh`, which recomputes everything.
    ///
    /// # Errors
    /// [`super::JobsError::NotFound`], [`super::JobsError::NotRetryable`].
    fn retry(&self, job: JobId, refresh: bool) -> Result<Job>;

    /// Takes the oldest job that may be taken now, for `owner`, whose lock file is held. The attempt counts from here.
    ///
    /// # Errors
    /// As all methods.
    fn claim(&self, owner: WorkerId) -> Result<Option<Claim>>;

    /// The recording is there: `downloading` becomes `processing`.
    ///
    /// # Errors
    /// As all methods with a lease.
    fn downloaded(&self, lease: &Lease) -> Result<Job>;

    /// The job's stage results were dropped as its `refresh` asks; another attempt keeps what this one computes.
    ///
    /// # Errors
    /// As all methods with a lease.
    fn refreshed(&self, lease: &Lease) -> Result<Job>;

    /// Reports progress and, if given, what is known about the result; returns whether to continue. Power loss
    /// may take the last of these away.
    ///
    /// # Errors
    /// As all methods with a lease.
    fn progress(&self, lease: &Lease, progress: &Progress, report: Option<&Report>) -> Result<Signal>;

    /// Ends a job with its document (JSON). A wish to cancel it came too late.
    ///
    /// # Errors
    /// As all methods with a lease.
    fn complete(&self, lease: &Lease, document: &str, report: &Report) -> Result<Job>;

    /// Ends a job with a document that lacks what a stage should have added.
    ///
    /// # Errors
    /// As all methods with a lease.
    fn complete_partly(&self, lease: &Lease, document: &str, report: &Report, error: &StageError) -> Result<Job>;

    /// Ends the attempt. The job is cancelled when that was asked for; waits again when another attempt makes sense and
    /// is left; else ends, in `partial` when it has a document from before a retry, in `error` otherwise.
    ///
    /// # Errors
    /// As all methods with a lease.
    fn fail(&self, lease: &Lease, failure: &Failure) -> Result<Job>;

    /// Ends a job whose worker stopped at [`Signal::Cancel`].
    ///
    /// # Errors
    /// As all methods with a lease.
    fn cancelled(&self, lease: &Lease) -> Result<Job>;

    /// Gives a job back that was not finished, at no fault of its own: the attempt does not count. For a server that
    /// stops.
    ///
    /// # Errors
    /// As all methods with a lease.
    fn hand_back(&self, lease: &Lease) -> Result<Job>;

    /// The workers that hold jobs.
    ///
    /// # Errors
    /// As all methods.
    fn owners(&self) -> Result<Vec<WorkerId>>;

    /// Takes all jobs from a worker that is dead, which the caller knows because it holds the worker's lock. They can
    /// be claimed again at once; the attempt stays counted, so that a job that kills its server runs out of them.
    ///
    /// # Errors
    /// As all methods.
    fn requeue_jobs_of(&self, owner: WorkerId) -> Result<Vec<Job>>;

    /// When to look for work again.
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

    /// Claims a pending webhook. If the result is not recorded within `hold` (at most ten minutes), it is pending again:
    /// a webhook is notified at least once.
    ///
    /// # Errors
    /// As all methods.
    fn claim_webhook(&self, hold: Duration) -> Result<Option<WebhookClaim>>;

    /// Records the result of a notification.
    ///
    /// # Errors
    /// [`super::JobsError::LeaseLost`] when another process has claimed it since, or the job was retried.
    fn record_delivery(&self, lease: &WebhookLease, delivery: &Delivery) -> Result<Job>;
}
