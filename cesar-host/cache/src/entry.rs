//! Entries, lists and statistics of the cache.

use std::fs::File;
use std::path::PathBuf;

use cesar_base::Digest;
use serde::Serialize;

use super::key::Key;

/// Estimated size of the rows of a result in the index, besides its bytes.
pub(super) const ENTRY_BYTES: u64 = 2_048;

/// An entry of the index: the result of a piece of work, without its bytes.
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
    /// Duration of the work, in milliseconds, which a hit saves.
    pub cost_ms: i64,
    /// Time of storage, in milliseconds since 1970.
    pub created_ms: i64,
    /// Last use, to within a minute, in milliseconds since 1970.
    pub last_used_ms: i64,
    /// The time from which it is a miss, in milliseconds since 1970; never when absent.
    pub expires_ms: Option<i64>,
    /// The user's name of the input, such as a file name.
    pub label: Option<String>,
    /// JSON of the stage that stored it, such as the validators of a download.
    pub details: Option<String>,
}

/// The properties of a new result, besides its key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewEntry {
    /// Duration of the work, in milliseconds.
    pub cost_ms: i64,
    /// The time from which the entry is a miss, in milliseconds since 1970; never when absent.
    pub expires_ms: Option<i64>,
    /// The user's name of the input. Not part of the key.
    pub label: Option<String>,
    /// JSON of the stage. Opaque to the cache.
    pub details: Option<String>,
    /// Time of the computation, in milliseconds since 1970, where another machine has computed it; now when absent.
    pub created_ms: Option<i64>,
}

/// An entry with its verified bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The entry.
    pub entry: Entry,
    /// The result.
    pub bytes: Vec<u8>,
}

/// An entry with a source of its verified bytes.
#[derive(Debug)]
pub struct ArtifactFile {
    /// The entry.
    pub entry: Entry,
    /// The source of the bytes.
    pub source: ArtifactSource,
}

/// The source of the verified bytes of a result.
#[derive(Debug)]
pub enum ArtifactSource {
    /// A small result, in memory.
    Bytes(Vec<u8>),
    /// A large result in a file of the cache, which must not be changed.
    File {
        /// Its path. Prefer the open file: the path is gone once the entry is evicted.
        path: PathBuf,
        /// The file, open for reading at its beginning.
        file: File,
    },
}

/// An entry with its data for lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// The entry.
    #[serde(flatten)]
    pub entry: Entry,
    /// Number of uses since it was stored.
    pub hits: u64,
    /// Whether a running job needs it, according to the index: a killed job's lease stays until housekeeping.
    pub leased: bool,
}

/// The order of a list; the first entry has the highest value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// Used last.
    #[default]
    Used,
    /// Stored last.
    Created,
    /// Largest.
    Size,
    /// Most expensive.
    Cost,
    /// Highest eviction score: the reverse of the order of eviction.
    EvictionScore,
}

/// Counters since the cache was created.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// Results used instead of computed.
    pub hits: u64,
    /// Results that had to be computed.
    pub misses: u64,
    /// Size of the results used.
    pub bytes_saved: u64,
    /// The cost of computing them, in milliseconds.
    pub ms_saved: u64,
    /// Damaged entries that were detected and removed.
    pub healed: u64,
    /// Entries removed to free space.
    pub evicted: u64,
    /// Requests that waited for another computation.
    pub waited: u64,
    /// Those of the results used that came from the shared cache.
    pub shared: u64,
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
    /// The cost of computing them, in milliseconds.
    pub cost_ms: u64,
}

/// The data of `cesar cache info`.
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
    /// The size that `max_size` limits: all results, and 2 KiB for the rows of each entry.
    pub used_bytes: u64,
    /// The size of the index file, which contains the small results.
    pub index_bytes: u64,
    /// The maximum of that size; absent when there is no limit.
    pub max_size: Option<u64>,
    /// Free space on the disk, in bytes; absent when the system does not report it.
    pub free_disk: Option<u64>,
    /// The space to keep free on the disk, in bytes.
    pub min_free_disk: u64,
    /// Number of damaged files kept for inspection.
    pub quarantined: u64,
    /// Last end of housekeeping, in milliseconds since 1970.
    pub maintained_ms: Option<i64>,
    /// Per stage, in the order of their names.
    pub stages: Vec<StageInfo>,
    /// Counters since the cache was created.
    pub statistics: Statistics,
    /// Warnings from opening the cache.
    pub warnings: Vec<String>,
}
