//! The jobs of `cesar serve`: an acknowledged job is never lost, and ends exactly once.
//!
//! ```text
//!              submit                                 retry (from partial, error, cancelled)
//!                │  ┌──────────────────────────────────────────────────────────────┐
//!                ▼  ▼     claim                                                    │
//!              queued ─────────────► downloading ─────────► processing             │
//!              │ ▲ ▲                     │      downloaded      │                  │
//!              │ │ └─ hand_back, dead ───┤                      │                  │
//!              │ └─── fail, to try again ┴──────────────────────┤                  │
//!       cancel │                                                ├─ complete ───────│─► completed
//!              │                                                ├─ complete_partly ┼─► partial
//!              │                                                ├─ fail, for good ─┼─► error (partial with a document)
//!              └────────────────────────────────────────────────┴─ cancelled ──────┴─► cancelled
//! ```
//! An upload is never `downloading`; every transition from `processing` is also possible from `downloading`.
//! `partial`: there is a document, and a later stage failed.
//!
//! # Rights
//! | actor | operation | right |
//! |---|---|---|
//! | clients | [`JobStore::submit`], [`JobStore::cancel`], [`JobStore::retry`] and reading | none needed here |
//! | a worker | [`JobStore::claim`], [`JobStore::claim_from`] | its registration ([`Worker`]): a locked file, or a row that has not expired |
//! | a worker | [`progress`](JobStore::progress), [`complete`](JobStore::complete), [`fail`](JobStore::fail), … | the [`Lease`] of its claim |
//! | any process | [`Liveness::recover`] | the lock on the dead worker's file, or the removal of its row |
//! | any process | [`JobStore::claim_webhook`] and [`JobStore::record_delivery`] | the [`WebhookLease`] of the claim |
//! | any process | [`JobStore::prune`], [`Uploads::sweep`] | the job has ended; the file's lock is free |
//!
//! # Invariants
//! 1. **A worker that lost a job cannot change it.** Every transition of a worker is one statement that finds the row
//!    by job and lease; a lease is the number of a claim, counted over the job's whole life.
//! 2. **No acknowledged job is lost.** [`Submission::New`] is returned after the commit is on the device
//!    ([`SqliteJobs`], `PostgresJobs`), and an upload is on the device before its job ([`Uploads`]). Undecided work after an error is
//!    not acknowledged.
//! 3. **A job ends together with its document.** Both are stored in one statement, so no job that is claimed again
//!    has a finished document. A job with a document from before a retry ends in `partial`, not in `error`.
//! 4. **A dead worker's job is claimed again**: on one machine at once, because a lock shows that it is dead ([`Workers`]); in a database
//!    when its lease has expired by the database's clock (`PostgresWorkers`).
//! 5. The document stays with its job until retention removes both, independently of the cache.
//!
//! # Attempts
//! An attempt counts from its claim, so a job that crashes its server runs out of attempts; it then ends with the code
//! `worker_lost`. Only [`JobStore::hand_back`] returns an attempt. After a transient failure, the job waits `min(2ⁿ·5
//! s, 10 min) ± 10 %`; after a worker's death it does not wait. Two crashes of one plugin on a job end it at once with
//! the code `plugin_crashed`. A retry on request starts with all attempts.
//!
//! # A worker's life
//! [`Liveness::register`]; [`Liveness::recover`] and [`Uploads::sweep`] at the start, recovery also every few seconds; then:
//! claim → run, reporting `progress` a few times a second and stopping at [`Signal::Cancel`] → `complete`, `complete_partly`,
//! `fail` or `cancelled` → the webhook, by any process that claims it. [`JobStore::next_due`] is the time of the next check.
//! On [`JobsError::LeaseLost`] it drops its results; on [`JobsError::Unregistered`] it registers again. At the end, `hand_back`.
//!
//! # Files
//! ```text
//! <data>/jobs.db            one row per job (SQLite)
//! <data>/jobs.setup.lock    exclusive while the database is created or migrated
//! <data>/workers/<id>.lock  held by a living worker
//! <data>/uploads/<id>       uploaded recordings, named by their jobs
//! <data>/uploads/<id>.tus   resumable uploads, with their descriptions in <id>.json
//! ```
//! Lock order: the file of a worker or of an upload, then `jobs.setup.lock`, then the store's mutex, then the
//! transaction. Nothing here waits for a worker's lock; it is only tried. An upload's is only waited for by those who read a copy.
//!
//! # Limits
//! In a folder, one machine: locks and the write-ahead log need one kernel. Servers on several machines use a database ([`Location`]), and
//! share uploads by [`Blobs`]. Power loss is covered by the order of syncs, not by
//! tests: these can only fail operations and kill processes. Everything here blocks; an async server calls it from
//! threads that may block.

mod blobs;
mod changes;
mod disk;
mod error;
mod id;
mod inspection;
mod job;
mod liveness;
mod location;
mod policy;
#[cfg(feature = "postgres")]
mod postgres;
mod request;
mod resumable;
mod resumable_state;
mod resumable_sweep;
mod shared_pieces;
mod shared_uploads;
mod sqlite;
mod store;
mod unreadable;
mod uploads;
pub mod values;
mod view;
mod workers;

#[cfg(test)]
mod tests;

pub use blobs::{Blobs, Piece};
pub use changes::{Change, Changes};
pub use disk::Disk;
pub use error::{JobsError, Result};
pub use id::{JobId, ParseIdError, Random, SystemRandom, UploadId, WorkerId};
pub use inspection::{InspectedJobs, Inspection};
pub use job::{Job, JobState, ParseStateError, Progress, Report, StageError, Webhook, WebhookState};
pub use liveness::{Liveness, Recovery, Worker};
pub use location::{Location, OpenedJobs};
pub use policy::{Policy, Retention};
#[cfg(feature = "postgres")]
pub use postgres::{LEASE, PostgresJobs, PostgresOptions, PostgresWorkers};
pub use request::{JobRequest, ResolvedGlossary, ResolvedRequest, ResolvedStage, Source, TranscribeRequest};
pub use resumable::{Opened, ResumableWriter};
pub use resumable_state::{Description, LIFETIME_MS, ResumableState};
pub use shared_uploads::{LocalUpload, ORPHAN_AGE};
pub use sqlite::{SqliteJobs, StoreOptions};
pub use store::{
    Cancellation, Claim, Counts, Delivery, EventPosition, Failure, FailureKind, Idempotency, JobStore, Lease,
    ListQuery, NewJob, NextDue, Offer, Pruned, QueuedNeed, RunEvent, Signal, Submission, Verdict, WebhookClaim,
    WebhookLease,
};
pub use uploads::{StoredUpload, Swept, UploadWriter, Uploads};
pub use view::JobView;
pub use workers::Workers;
