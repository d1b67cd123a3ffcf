//! Entries, lists and statistics of the cache.

use std::fs::File;
use std::path::PathBuf;

use cesar_base::Digest;
use serde::Serialize;

use super::key::Key;

/// Estimated size of the rows of a result in the index, besides its bytes.
pub(super) const ENTRY_BYTES: u64 = 2_048;

/// An entry of the index: which result a piece of work had, without the result's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The work.
    pub key: Key,
    /// SHA-256 of the result.
    pub digest: Digest,
    /// Size of the result in bytes.
    pub size: u64,
    /// The stage that made it.
    pub stage: String,
    /// The plugin that ran the stage.
    pub plugin: String,
    /// That plugin's version.
    pub plugin_version: String,
    /// How long the work took, in milliseconds: what a hit saves.
    pub cost_ms: i64,
    /// When it was stored, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it was last used, to within a minute, in milliseconds since 1970.
    pub last_used_ms: i64,
    /// From when on it is a miss, in milliseconds since 1970; never when absent.
    pub expires_ms: Option<i64>,
    /// What a person calls the input, such as a file name.
    pub label: Option<String>,
    /// JSON of the stage that stored it, such as the validators of a download.
    pub details: Option<String>,
}

/// What is said about a result when it is stored, besides its key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewEntry {
    /// How long the work took, in milliseconds.
    pub cost_ms: i64,
    /// From when on the entry is a miss, in milliseconds since 1970; never when absent.
    pub expires_ms: Option<i64>,
    /// What a person calls the input. Not part of the key.
    pub label: Option<String>,
    /// JSON that the stage wants to find again. Opaque to the cache.
    pub details: Option<String>,
}

/// An entry with its bytes, which have been verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The entry.
    pub entry: Entry,
    /// The result.
    pub bytes: Vec<u8>,
}

/// An entry with a place to read its bytes from, which have been verified.
#[derive(Debug)]
pub struct ArtifactFile {
    /// The entry.
    pub entry: Entry,
    /// Where the bytes are.
    pub source: ArtifactSource,
}

/// Where the verified bytes of a result are.
#[derive(Debug)]
pub enum ArtifactSource {
    /// A small result, in memory.
    Bytes(Vec<u8>),
    /// A large result in a file of the cache, never to be changed.
    File {
        /// Its path. Prefer the open file: the path is gone once the entry is evicted.
        path: PathBuf,
        /// The file, open for reading at its beginning.
        file: File,
    },
}

/// An entry with what is worth knowing in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// The entry.
    #[serde(flatten)]
    pub entry: Entry,
    /// How often it was used since it was stored.
    pub hits: u64,
    /// Whether a running job needs it, as far as the index tells: a killed job's mark stays until housekeeping.
    pub leased: bool,
}

/// The order of a list; what comes first has most of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// Used last.
    #[default]
    Used,
    /// Stored last.
    Created,
    /// Largest.
    Size,
    /// Took longest.
    Cost,
    /// Highest eviction score: the reverse of the order of eviction.
    EvictionScore,
}

/// Counters since the cache was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// Results used instead of computed.
    pub hits: u64,
    /// Results that had to be computed.
    pub misses: u64,
    /// Size of the results used.
    pub bytes_saved: u64,
    /// Time that computing them had taken, in milliseconds.
    pub ms_saved: u64,
    /// Damaged entries that were found and removed.
    pub healed: u64,
    /// Entries removed to make room.
    pub evicted: u64,
    /// Requests that waited for another one's computation.
    pub waited: u64,
}

/// Number and size of the entries of one stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageInfo {
    /// The stage.
    pub stage: String,
    /// Its entries.
    pub entries: u64,
    /// The size of their results. Results of the same content count for each entry.
    pub bytes: u64,
    /// Time that computing them took, in milliseconds.
    pub cost_ms: u64,
}

/// What `cesar cache info` shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Info {
    /// The cache folder.
    #[serde(serialize_with = "cesar_base::names::serialize")]
    pub location: PathBuf,
    /// The schema version of the index.
    pub schema: i64,
    /// SQLite's journal mode: `wal`, or `delete` on network file systems.
    pub journal: String,
    /// The number of entries.
    pub entries: u64,
    /// The size of all results. Results of the same content count once.
    pub bytes: u64,
    /// What `max_size` limits: all results, and 2 KiB for the rows of each entry.
    pub used_bytes: u64,
    /// The size of the index file, in which the small results are.
    pub index_bytes: u64,
    /// How large that may grow; absent when there is no limit.
    pub max_size: Option<u64>,
    /// How much of the disk is free; absent when the system does not report it.
    pub free_disk: Option<u64>,
    /// How much of it is to stay free.
    pub min_free_disk: u64,
    /// Damaged files that are kept for inspection.
    pub quarantined: u64,
    /// When housekeeping was last finished, in milliseconds since 1970.
    pub maintained_ms: Option<i64>,
    /// Per stage, in the order of their names.
    pub stages: Vec<StageInfo>,
    /// Counters since the cache was made.
    pub statistics: Statistics,
    /// Warnings from opening the cache.
    pub warnings: Vec<String>,
}
