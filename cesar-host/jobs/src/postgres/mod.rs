//! Jobs in PostgreSQL, for several servers: claims and leases, notifications, registrations of workers. `docs/internals/jobs-on-postgresql.md`
//! has the protocol and its guarantees.
//!
//! Every transition is one statement, which is a transaction of its own; one of a worker finds its job by the lease (the number of the
//! claim, which never repeats) and by its registration, which must not have expired by the database's clock. Clients' changes
//! lock the row first. All SQL about jobs in PostgreSQL is in this folder.

mod address;
mod changes;
mod client;
mod clients;
mod errors;
mod events;
mod housekeeping;
mod inspection;
mod leases;
mod pool;
mod records;
mod rows;
mod schema;
mod store;
mod submit;
mod time;
mod tls;
mod transitions;
mod workers;

use std::sync::Arc;
use std::time::Duration;

use cesar_base::Records;

use super::changes::Changes;
use super::error::Result;
use super::id::{JobId, UploadId, WorkerId};
use super::job::{Job, JobState, Progress, Report, StageError};
use super::policy::Retention;
use super::store::{
    Cancellation, Claim, Counts, Delivery, EventPosition, Failure, JobStore, Lease, ListQuery, NewJob, NextDue, Offer,
    Pruned, QueuedNeed, RunEvent, Signal, Submission, WebhookClaim, WebhookLease,
};

pub(crate) use inspection::inspect;
pub(crate) use leases::PostgresLeases;
pub use store::{PostgresJobs, PostgresOptions};
pub use workers::{LEASE, PostgresWorkers};

#[cfg(test)]
pub(super) use pool::Limits;
#[cfg(test)]
pub(super) use schema::VERSION;

impl JobStore for PostgresJobs {
    fn submit(&self, new: &NewJob) -> Result<Submission> {
        submit::submit(self, new)
    }

    fn get(&self, job: JobId) -> Result<Option<Job>> {
        clients::get(self, job)
    }

    fn document(&self, job: JobId) -> Result<Option<String>> {
        clients::document(self, job)
    }

    fn list(&self, query: &ListQuery) -> Result<Vec<Job>> {
        clients::list(self, query)
    }

    fn counts(&self) -> Result<Counts> {
        clients::counts(self)
    }

    fn cancel(&self, job: JobId) -> Result<Cancellation> {
        clients::cancel(self, job)
    }

    fn abandon(&self, job: JobId, requests: u32) -> Result<Option<Cancellation>> {
        clients::abandon(self, job, requests)
    }

    fn retry(&self, job: JobId, refresh: bool) -> Result<Job> {
        clients::retry(self, job, refresh)
    }

    fn rename(&self, job: JobId, title: Option<&str>) -> Result<Job> {
        clients::rename(self, job, title)
    }

    fn remove(&self, job: JobId) -> Result<Job> {
        clients::remove(self, job)
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
        clients::uses_upload(self, upload)
    }

    fn job_of_upload(&self, upload: UploadId) -> Result<Option<Job>> {
        clients::job_of_upload(self, upload)
    }

    fn claim_webhook(&self, hold: Duration) -> Result<Option<WebhookClaim>> {
        housekeeping::claim_webhook(self, hold)
    }

    fn record_delivery(&self, lease: &WebhookLease, delivery: &Delivery) -> Result<Job> {
        housekeeping::record_delivery(self, lease, delivery)
    }

    fn is_away(&self) -> bool {
        Self::is_away(self)
    }

    fn announce(&self, worker: WorkerId, offer: &Offer) -> Result<()> {
        transitions::announce(self, worker, offer)
    }

    fn queued_by_need(&self, limit: u32) -> Result<Vec<QueuedNeed>> {
        clients::queued_by_need(self, limit)
    }

    fn identity(&self) -> Result<String> {
        self.run("read the name of the jobs", |connection| {
            let rows = connection.query("SELECT id FROM identity", &[])?;
            let missing = || errors::PgError::Unreadable("it has no name".to_owned());
            let row = rows.first().ok_or_else(missing)?;
            Ok(row.try_get::<_, uuid::Uuid>(0)?.to_string())
        })
    }

    fn records(&self) -> Option<Arc<dyn Records>> {
        Some(Arc::new(self.shared_records()))
    }

    fn changes(&self) -> Option<Box<dyn Changes>> {
        Some(Box::new(self.listener()))
    }
}
