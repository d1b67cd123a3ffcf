//! Jobs in SQLite: `jobs.db`, with a write-ahead log and `synchronous = FULL`, so that what was acknowledged survives
//! power loss.
//!
//! One connection reads (`query_only`), one writes, each behind a mutex that is held for one transaction. Every change
//! is one statement in one `BEGIN IMMEDIATE` transaction: a transaction that begins by reading and then wants to write
//! fails at once when another process writes, whereas an immediate one waits its turn. Only submitting needs several
//! statements: it looks for an earlier job, counts, and inserts. All SQL about jobs is in this folder.
//!
//! Progress alone is committed without waiting for the device (`synchronous = NORMAL` for that transaction): it is told
//! often and is not worth a sync. In a write-ahead log the next full commit makes it durable as well.

mod housekeeping;
mod open;
mod queries;
mod rows;
mod schema;
mod transitions;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cesar_base::{Clock, SystemClock};
use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

use super::disk::Disk;
use super::error::{JobsError, Result};
use super::id::{JobId, Random, SystemRandom, UploadId, WorkerId};
use super::job::{Job, JobState, Progress, Report, StageError};
use super::policy::{Policy, Retention};
use super::store::{
    Cancellation, Claim, Counts, Delivery, Failure, JobStore, Lease, ListQuery, NewJob, NextDue, Pruned, Signal,
    Submission, WebhookClaim, WebhookLease,
};

#[cfg(test)]
pub(super) use open::check_sqlite;
#[cfg(test)]
pub(super) use schema::VERSION;

/// What a store works with; the defaults are the real things.
#[derive(Clone)]
pub struct Options {
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Chance, for ids and pauses.
    pub random: Arc<dyn Random>,
    /// The numbers to follow.
    pub policy: Policy,
    /// Access to the disk.
    pub disk: Disk,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            policy: Policy::default(),
            disk: Disk::real(),
        }
    }
}

/// The jobs database of a folder.
pub struct SqliteJobs {
    path: PathBuf,
    options: Options,
    reader: Mutex<Connection>,
    writer: Mutex<Connection>,
}

/// An error of SQLite, or one that a test injected in its place.
#[derive(Debug)]
enum SqlError {
    Sqlite(rusqlite::Error),
    Io(std::io::Error),
}

type SqlResult<T> = std::result::Result<T, SqlError>;

impl From<rusqlite::Error> for SqlError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<std::io::Error> for SqlError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

/// Whether a commit waits for the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Durability {
    Synced,
    Relaxed,
}

impl SqliteJobs {
    /// Opens `folder/jobs.db`, making the folder and the file when they are missing. Jobs of dead workers stay as they
    /// are until [`super::Workers::recover`].
    ///
    /// # Errors
    /// When the folder cannot be written, or the database cannot be used: see [`JobsError`].
    pub fn open(folder: &Path, options: Options) -> Result<Self> {
        let opened = open::open(folder, &options.disk)?;
        Ok(Self {
            path: folder.join("jobs.db"),
            options,
            reader: opened.reader.into(),
            writer: opened.writer.into(),
        })
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn now_ms(&self) -> i64 {
        self.options.clock.now_ms()
    }

    /// Runs a query.
    fn read<T>(&self, action: &'static str, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        let reader = self.reader.lock();
        let result = self
            .options
            .disk
            .step()
            .map_err(SqlError::from)
            .and_then(|()| Ok(query(&reader)?));
        result.map_err(|error| explain(action, &self.path, error))
    }

    /// Runs one write transaction; it is on the device when this returns.
    fn write<T>(
        &self,
        action: &'static str,
        changes: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        self.write_with(Durability::Synced, action, changes)
    }

    fn write_with<T>(
        &self,
        durability: Durability,
        action: &'static str,
        changes: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let mut writer = self.writer.lock();
        self.transact(&mut writer, durability, changes)
            .map_err(|error| explain(action, &self.path, error))
    }

    fn transact<T>(
        &self,
        writer: &mut Connection,
        durability: Durability,
        changes: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> SqlResult<T> {
        let level = match durability {
            Durability::Synced => "FULL",
            Durability::Relaxed => "NORMAL",
        };
        self.options.disk.step()?;
        writer.pragma_update(None, "synchronous", level)?;
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let result = changes(&transaction)?;
        self.options.disk.step()?;
        transaction.commit()?;
        Ok(result)
    }

    /// Runs a query or a change on the writing connection, for tests.
    #[cfg(test)]
    pub(super) fn inspect<T>(&self, inspect: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        inspect(&self.writer.lock())
    }
}

impl std::fmt::Debug for SqliteJobs {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SqliteJobs")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// Turns an error of SQLite into one of the jobs.
fn explain(action: &'static str, path: &Path, error: SqlError) -> JobsError {
    let path = path.to_owned();
    match error {
        SqlError::Io(source) => JobsError::Io { action, path, source },
        SqlError::Sqlite(source) => match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => JobsError::Damaged { path },
            _ => JobsError::Database { action, path, source },
        },
    }
}

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

    fn claim(&self, owner: WorkerId) -> Result<Option<Claim>> {
        transitions::claim(self, owner)
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

    fn claim_webhook(&self, hold: Duration) -> Result<Option<WebhookClaim>> {
        housekeeping::claim_webhook(self, hold)
    }

    fn record_delivery(&self, lease: &WebhookLease, delivery: &Delivery) -> Result<Job> {
        housekeeping::record_delivery(self, lease, delivery)
    }
}
