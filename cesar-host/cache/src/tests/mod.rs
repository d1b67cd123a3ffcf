//! Tests of the cache as a whole. Time is a [`ManualClock`]; nothing sleeps to let time pass.

mod concurrent_processes;
mod damage;
mod evicting;
mod eviction_score;
mod faults;
mod file_digests;
mod housekeeping;
mod incoming;
mod key_diff;
mod keys;
mod leasing;
mod migrating;
mod model;
mod opening;
mod partials;
mod processes;
mod single_flight;
mod storing;
mod unusable_cache;
mod verifying;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cesar_base::{Clock, Digest, Fault, FaultKind, FileStamp, Io, ManualClock, SystemClock};
use tempfile::TempDir;

use super::*;

/// 2026-01-01 00:00 UTC.
const START_MS: i64 = 1_767_225_600_000;

/// An empty folder, in memory where the system has such a file system: thousands of syncs take minutes on a disk.
fn folder() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap()
}

/// A cache in its own folder, with a clock that stands still.
struct Fixture {
    folder: TempDir,
    clock: Arc<ManualClock>,
    cache: Cache,
}

impl Fixture {
    fn new() -> Self {
        Self::limited(Limits::default())
    }

    fn limited(limits: Limits) -> Self {
        let folder = folder();
        let clock = Arc::new(ManualClock::new(START_MS));
        let cache = Cache::open_limited(folder.path(), clock.clone(), limits).unwrap();
        Self { folder, clock, cache }
    }

    /// Stores a result that took `cost_ms`.
    fn put_cost(&self, number: u64, cost_ms: i64, length: usize) -> Key {
        self.put_new(
            &parts(number),
            NewEntry {
                cost_ms,
                ..NewEntry::default()
            },
            &noise(number, length),
        )
    }

    fn put_new(&self, parts: &KeyParts, new: NewEntry, bytes: &[u8]) -> Key {
        let guard = self.cache.lock(&parts.key(), &mut never_wait).unwrap();
        self.cache.put(&guard, parts, new, bytes).unwrap().key
    }

    /// The numbers that are still stored.
    fn kept(&self, numbers: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let is_kept = |number: &u64| self.cache.lookup(&parts(*number).key()).unwrap().is_some();
        numbers.into_iter().filter(is_kept).collect()
    }

    fn files(&self, below: &str) -> usize {
        std::fs::read_dir(self.path(below)).unwrap().count()
    }

    fn used(&self) -> u64 {
        self.cache.info().unwrap().used_bytes
    }

    /// A second opening of the same folder, as by another process.
    fn reopen(&self) -> Cache {
        Cache::open(self.folder.path(), self.clock.clone()).unwrap()
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join("v1").join(below)
    }

    fn object(&self, bytes: &[u8]) -> PathBuf {
        object_path(self.folder.path(), bytes)
    }

    fn put(&self, parts: &KeyParts, bytes: &[u8]) -> Entry {
        put(&self.cache, parts, bytes).unwrap()
    }

    fn count(&self, table: &str) -> i64 {
        let query = format!("SELECT COUNT(*) FROM {table}");
        self.cache
            .parts
            .storage
            .index
            .inspect(|connection| connection.query_row(&query, [], |row| row.get(0)))
            .unwrap()
    }
}

fn object_path(directory: &Path, bytes: &[u8]) -> PathBuf {
    let digest = Digest::of(bytes).to_string();
    directory.join("v1/objects").join(&digest[..2]).join(digest)
}

fn put(cache: &Cache, parts: &KeyParts, bytes: &[u8]) -> Result<Entry> {
    let guard = cache.lock(&parts.key(), &mut never_wait)?;
    cache.put(
        &guard,
        parts,
        NewEntry {
            cost_ms: 9_100,
            ..NewEntry::default()
        },
        bytes,
    )
}

/// Parts that differ from those of other numbers in one input.
fn parts(number: u64) -> KeyParts {
    KeyParts {
        stage: "asr".to_owned(),
        plugin: "ct2".to_owned(),
        plugin_version: "1.0.0".to_owned(),
        plugin_digest: Digest::of(b"plugin"),
        abi: 1,
        models: vec![("model".to_owned(), Digest::of(b"model"))],
        options: BTreeMap::from([("beam_size".to_owned(), OptionValue::Integer(5))]),
        inputs: vec![("pcm".to_owned(), Digest::of(&number.to_le_bytes()))],
    }
}

/// Pseudo-random bytes, the same for the same seed.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    })
    .take(length)
    .collect()
}

/// For locks without another holder.
fn never_wait(waiting: &Waiting) -> ControlFlow<GiveUp> {
    panic!("unexpected wait: {waiting:?}")
}

fn wait_on(_: &Waiting) -> ControlFlow<GiveUp> {
    ControlFlow::Continue(())
}

fn computed(bytes: &[u8]) -> impl FnOnce() -> std::result::Result<Vec<u8>, Infallible> {
    let bytes = bytes.to_vec();
    move || Ok(bytes)
}

fn must_not_compute() -> std::result::Result<Vec<u8>, Infallible> {
    panic!("computed although the result was there")
}

/// Moves a file's modification time into the past, relative to the start of the fixtures' clocks.
fn age(path: &Path, by_ms: i64) {
    let changed_ms = u64::try_from(START_MS - by_ms).unwrap();
    let changed = std::time::UNIX_EPOCH + std::time::Duration::from_millis(changed_ms);
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(changed).unwrap();
}

/// Pseudo-random numbers, the same for the same seed (SplitMix64).
struct SplitMix(u64);

impl SplitMix {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn below_length(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }
}

/// A number from the environment, to run more of a test.
fn variable(name: &str, otherwise: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}
