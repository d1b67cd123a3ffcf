//! The artifact cache: computed results by key, shared by processes, verified on every read.
//!
//! # Two levels
//! `key → digest` maps a piece of work to its result; `digest → bytes` holds the result. A [`Key`] is derived from
//! everything that may change the result ([`KeyParts`]). Equal results are stored once, and a chain of stages can be
//! followed from digest to digest in the index, reading only the last result. Results below [`INLINE_LIMIT`] are BLOBs
//! in the index, larger ones files named by their digest.
//!
//! # Storing
//! 1. lock the key ([`Cache::lock`]): the kernel frees the lock when the process dies;
//! 2. look it up again ([`Cache::get`]): another process may have stored the result meanwhile;
//! 3. compute, and write to a temporary file on the same file system, hashing ([`Cache::writer`]);
//! 4. `sync_data`, rename into place, sync the folder;
//! 5. write the rows in one immediate transaction; small results are part of it and skip steps 3 and 4.
//!
//! A crash before the rename leaves a temporary file, swept at the next opening; a crash between rename and commit
//! leaves an object that no row names. **No row ever names bytes that are not on disk.** [`Cache::get_or_compute`]
//! does all of this.
//!
//! # Reading
//! All bytes are hashed when read. Missing, short or changed bytes, and rows with a wrong seal, are quarantined (rows
//! first, then the file moves to `quarantine/`), counted as healed, and are a miss. Before that, the damage is checked
//! again under an exclusive `objects.lock`: another process may have repaired it.
//!
//! # Staying small
//! Results are evicted when they have expired (the latest of some stages only under pressure: [`Limits::stale`]), when the
//! cache exceeds its [`Limits`], and on request ([`Cache::prune`], [`Cache::clear`]): lowest score first
//! (`eviction_score.rs`), never one that a running job leases ([`Cache::lease`]), rows before files, in short steps
//! (`evict.rs`). Housekeeping runs after stores (`maintain.rs`).
//!
//! # A second level
//! A cache may have a [`SecondLevel`] that machines share ([`Cache::with_second_level`]). It is asked under the lock of the key
//! for what the folder lacks, and offered what was computed. Results with a lifetime of their own, downloads and checkpoints
//! stay in the folder.
//!
//! # Errors
//! Every operation returns [`CacheError`], and none may fail a job: [`Cache::get_or_compute`] returns the result and a
//! warning. When the cache cannot be opened, the job runs without it.
//!
//! # Compatibility
//! The key scheme, the layout (`v1/`) and the schema of the index are pinned by tests. `layout.rs` lists the files and
//! the order of locks.
//! The order of syncs above bounds the loss in a power failure. Tests can only kill processes.

mod cache;
mod compute;
mod entry;
mod error;
mod evict;
mod eviction_score;
mod file_digest;
mod file_lock;
mod incoming;
mod index;
mod key;
mod key_diff;
mod layout;
mod leases;
mod limits;
mod lock;
mod maintain;
mod objects;
mod operations;
mod partial;
mod prune;
mod read;
mod second_level;
mod storage;
mod sweep;
mod temporary;
mod usage;
mod verify;
mod write;

#[cfg(test)]
mod tests;

pub use cache::Cache;
pub use compute::{Computation, Hit, Mode, Outcome, Request, Stopped};
pub use entry::{Artifact, ArtifactFile, ArtifactSource, Entry, Info, Listed, NewEntry, Sort, StageInfo, Statistics};
pub use error::{CacheError, GiveUp, Result, Stop};
pub use file_digest::hash_file;
pub use incoming::Incoming;
pub use key::{Finite, Key, KeyParts, NotFinite, OptionValue, inputs_digest};
pub use key_diff::{Change, Component, Nearest, changes};
pub use leases::Lease;
pub use limits::Limits;
pub use lock::{KeyGuard, Wait, Waiting};
pub use maintain::Maintained;
pub use partial::{PARTIAL_LIFETIME_MS, Partial, PartialInfo, Partials};
pub use prune::{Prune, Pruned};
pub use second_level::{Claim, SecondLevel, SharedResult, Sought};
pub use temporary::RESUME;
pub use verify::{DamagedEntry, Verification};
pub use write::{ArtifactWriter, INLINE_LIMIT};
