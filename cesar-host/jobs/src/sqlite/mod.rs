//! Jobs in SQLite: `jobs.db`, with a write-ahead log and `synchronous = FULL`, so that acknowledged changes survive power loss.
//!
//! One connection reads (`query_only`), one writes, each behind a mutex that is held for one transaction. Every change
//! is one statement in one `BEGIN IMMEDIATE` transaction: a transaction that begins with a read and then writes fails
//! at once when another process writes, whereas an immediate one waits. Only submitting needs several statements: it
//! finds an earlier job, counts, and inserts. All SQL about jobs is in this folder.
//!
//! Only progress is committed without waiting for the device (`synchronous = NORMAL` for that transaction): it is frequent
//! and does not justify a sync. In a write-ahead log the next full commit makes it durable as well.

mod database;
mod errors;
mod events;
mod housekeeping;
mod open;
mod queries;
mod rows;
mod schema;
mod transitions;

use std::time::Duration;

use super::error::Result;
use super::id::{JobId, UploadId, WorkerId};
use super::job::{Job, JobState, Progress, Report, StageError};
use super::policy::Retention;
use super::store::{
    Cancellation, Claim, Counts, Delivery, EventPosition, Failure, JobStore, Lease, ListQuery, NewJob, NextDue, Offer,
    Pruned, RunEvent, Signal, Submission, WebhookClaim, WebhookLease,
};

pub use database::{SqliteJobs, StoreOptions};
pub(super) use open::peek;

#[cfg(test)]
pub(super) use open::check_sqlite;
#[cfg(test)]
pub(super) use schema::VERSION;

impl JobStore for SqliteJobs {
    fn submit(&self, new: &NewJob) -> Result<Submission> {
        queries::submit(self, new)
    }

    fn get(&self, job: JobId) -> Result<Option<Job>> {
        queries::get(self, job)
    }

    fn document(&self, job: JobId) -> Result<Option<String>> {
        queries::document(self, job)
    }

    fn list(&self, query: &ListQuery) -> Result<Vec<Job>> {
        queries::list(self, query)
    }

    fn counts(&self) -> Result<Counts> {
        queries::counts(self)
    }

    fn cancel(&self, job: JobId) -> Result<Cancellation> {
        queries::cancel(self, job)
    }

    fn retry(&self, job: JobId, refresh: bool) -> Result<Job> {
        queries::retry(self, job, refresh)
    }

    fn rename(&self, job: JobId, title: Option<&str>) -> Result<Job> {
        queries::rename(self, job, title)
    }

    fn remove(&self, job: JobId) -> Result<Job> {
        queries::remove(self, job)
    }

    fn claim_from(&self, owner: WorkerId, offer: &Offer) -> Result<Option<Claim>> {
        transitions::claim(self, owner, offer)
    }

    fn downloaded(&self, lease: &Lease) -> Result<Job> {
        transitions::downloaded(self, lease)
    }

    fn refreshed(&self, lease: &Lease) -> Result<Job> {
        transitions::refreshed(self, lease)
    }

    fn progress(&self, lease: &Lease, progress: &Progress, report: Option<&Report>) -> Result<Signal> {
        transitions::progress(self, lease, progress, report)
    }

    fn complete(&self, lease: &Lease, document: &str, report: &Report) -> Result<Job> {
        transitions::complete(self, lease, JobState::Completed, document, report, None)
    }

    fn complete_partly(&self, lease: &Lease, document: &str, report: &Report, error: &StageError) -> Result<Job> {
        transitions::complete(self, lease, JobState::Partial, document, report, Some(error))
    }

    fn fail(&self, lease: &Lease, failure: &Failure) -> Result<Job> {
        transitions::fail(self, lease, failure)
    }

    fn cancelled(&self, lease: &Lease) -> Result<Job> {
        transitions::cancelled(self, lease)
    }

    fn hand_back(&self, lease: &Lease) -> Result<Job> {
        transitions::hand_back(self, lease)
    }

    fn keep_events(&self, lease: &Lease, events: &[RunEvent]) -> Result<()> {
        events::keep(self, lease, events)
    }

    fn events(&self, job: JobId, last: EventPosition) -> Result<Vec<RunEvent>> {
        events::after(self, job, last)
    }

    fn owners(&self) -> Result<Vec<WorkerId>> {
        housekeeping::owners(self)
    }

    fn requeue_jobs_of(&self, owner: WorkerId) -> Result<Vec<Job>> {
        transitions::requeue_jobs_of(self, owner)
    }

    fn next_due(&self) -> Result<NextDue> {
        housekeeping::next_due(self)
    }

    fn prune(&self, retention: &Retention, limit: u32) -> Result<Pruned> {
        housekeeping::prune(self, retention, limit)
    }

    fn uses_upload(&self, upload: UploadId) -> Result<bool> {
        queries::uses_upload(self, upload)
    }

    fn job_of_upload(&self, upload: UploadId) -> Result<Option<Job>> {
        queries::job_of_upload(self, upload)
    }

    fn claim_webhook(&self, hold: Duration) -> Result<Option<WebhookClaim>> {
        housekeeping::claim_webhook(self, hold)
    }

    fn record_delivery(&self, lease: &WebhookLease, delivery: &Delivery) -> Result<Job> {
        housekeeping::record_delivery(self, lease, delivery)
    }
}
