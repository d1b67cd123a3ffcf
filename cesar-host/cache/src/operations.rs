//! The operations of a [`Cache`], each forwarded to the responsible part.

use std::path::Path;

use cesar_base::{Digest, FileStamp};

use super::cache::{Cache, Parts};
use super::compute::{Computation, Outcome, Request, SingleFlight, Stopped};
use super::entry::{Artifact, ArtifactFile, Entry, Listed, NewEntry, Sort};
use super::error::{Result, Stop};
use super::file_digest;
use super::incoming::Incoming;
use super::key::{Key, KeyParts};
use super::key_diff::{self, Nearest};
use super::leases::Lease;
use super::lock::{KeyGuard, Wait};
use super::maintain::Maintained;
use super::partial::{self, PartialInfo, Partials};
use super::prune::{Prune, Pruned, Pruner};
use super::second_level::SharedResult;
use super::verify::{Verification, Verifier};
use super::write::ArtifactWriter;

/// Finding and computing results.
impl Cache {
    /// Finds the result of `parts`, or computes and stores it. One of the threads and processes that request the same
    /// result computes it; the others wait, calling `wait` meanwhile.
    ///
    /// # Errors
    /// Only [`Stopped`]: errors of the cache become a warning in the outcome.
    pub fn get_or_compute<E>(
        &self,
        parts: &KeyParts,
        request: impl Into<Request>,
        wait: &mut Wait<'_>,
        compute: impl FnOnce() -> std::result::Result<Vec<u8>, E>,
    ) -> std::result::Result<Outcome, Stopped<E>> {
        self.get_or_compute_locked(parts, request, wait, |_| compute().map(Computation::from))
    }

    /// Like [`Cache::get_or_compute`], for a computation with checkpoints ([`Cache::partials`]): it gets the lock of its
    /// key, unless it runs without one.
    ///
    /// # Errors
    /// As [`Cache::get_or_compute`].
    pub fn get_or_compute_locked<E>(
        &self,
        parts: &KeyParts,
        request: impl Into<Request>,
        wait: &mut Wait<'_>,
        compute: impl FnOnce(Option<&KeyGuard>) -> std::result::Result<Computation, E>,
    ) -> std::result::Result<Outcome, Stopped<E>> {
        let Parts {
            storage,
            locks,
            leases,
            usage,
            reader,
            writer,
            ..
        } = &*self.parts;
        let single_flight = SingleFlight {
            storage,
            locks,
            leases,
            usage,
            reader,
            writer,
            second_level: self.second_level.as_deref(),
        };
        single_flight.get_or_compute(parts, request.into(), wait, compute)
    }

    /// Looks up an entry without reading or verifying its bytes. Counts nothing: see [`Cache::record_hit`]. An
    /// expired entry is a miss.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn lookup(&self, key: &Key) -> Result<Option<Entry>> {
        self.parts.reader.lookup(key)
    }

    /// Reads an entry and verifies its bytes. A damaged entry is quarantined and is a miss. Counts a hit.
    ///
    /// # Errors
    /// When the index or the object cannot be read. Damage is not an error.
    pub fn get(&self, key: &Key) -> Result<Option<Artifact>> {
        self.parts.reader.get(key)
    }

    /// Like [`Cache::get`], for inspection: counts nothing, and leaves damage to the next use.
    ///
    /// # Errors
    /// As [`Cache::get`].
    pub fn peek(&self, key: &Key) -> Result<Option<Artifact>> {
        self.parts.reader.peek(key)
    }

    /// Verifies an entry and returns a source of its bytes, without holding a large result in memory. A damaged entry
    /// is quarantined and is a miss. Counts a hit.
    ///
    /// # Errors
    /// As [`Cache::get`].
    pub fn get_file(&self, key: &Key) -> Result<Option<ArtifactFile>> {
        self.parts.reader.get_file(key)
    }

    /// Like [`Cache::get_file`], also for an expired entry.
    ///
    /// # Errors
    /// As [`Cache::get`].
    pub fn get_file_ignoring_expiry(&self, key: &Key) -> Result<Option<ArtifactFile>> {
        self.parts.reader.get_file_ignoring_expiry(key)
    }

    /// The results of a stage for these inputs ([`KeyParts::inputs_digest`]), newest first, including expired ones.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn results_for_inputs(&self, stage: &str, inputs: &Digest) -> Result<Vec<(Entry, KeyParts)>> {
        self.parts.reader.results_for_inputs(stage, inputs)
    }

    /// The results of a stage that have this digest among their inputs, the newest first, expired ones included. Reads the rows of the
    /// whole stage.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn results_with_input(&self, stage: &str, input: &Digest) -> Result<Vec<Entry>> {
        self.parts.reader.results_with_input(stage, input)
    }

    /// The earlier result whose key differs least from that of `parts`. `label` is the user's name of the input.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn nearest(&self, parts: &KeyParts, label: Option<&str>) -> Result<Option<Nearest>> {
        key_diff::nearest(&self.parts.storage.index, parts, label)
    }

    /// Counts the use of a result found by [`Cache::lookup`], for callers that need only its digest. [`Cache::get`]
    /// counts by itself.
    pub fn record_hit(&self, entry: &Entry) {
        self.parts.usage.record_hit(entry);
    }

    /// Records that a user was given this result now: [`Entry::last_used_ms`] is exact for it.
    pub fn record_shown(&self, key: Key) {
        self.parts.usage.record_shown(key);
    }

    /// Counts a result that had to be computed. [`Cache::get_or_compute`] counts by itself.
    pub fn record_miss(&self) {
        self.parts.usage.count(|statistics| statistics.misses += 1);
    }

    /// Writes the pending uses. Also done when the last clone of the cache is dropped; a program that ends without
    /// dropping it calls this first.
    ///
    /// # Errors
    /// When the index cannot be written; the uses are kept.
    pub fn flush(&self) -> Result<()> {
        self.parts.usage.flush()
    }
}

/// Storing results.
impl Cache {
    /// Takes the lock of a key, calling `wait` as long as another thread or process holds it.
    ///
    /// # Errors
    /// [`CacheError::GaveUp`](super::CacheError::GaveUp) when `wait` breaks or the time limit is reached;
    /// [`CacheError::Io`](super::CacheError::Io) when the lock file cannot be created.
    pub fn lock(&self, key: &Key, wait: &mut Wait<'_>) -> Result<KeyGuard> {
        self.parts.locks.lock(key, wait)
    }

    /// Takes the lock of a key if it is free.
    ///
    /// # Errors
    /// [`CacheError::Io`](super::CacheError::Io) when the lock file cannot be created.
    pub fn try_lock(&self, key: &Key) -> Result<Option<KeyGuard>> {
        self.parts.locks.try_lock(key)
    }

    /// Stores a result that is in memory.
    ///
    /// # Errors
    /// If the lock is of another key, or the disk or the index refuses. Then nothing is stored.
    pub fn put(&self, guard: &KeyGuard, parts: &KeyParts, new: NewEntry, bytes: &[u8]) -> Result<Entry> {
        self.parts.writer.put(guard, parts, new, bytes)
    }

    /// Stores a result that is in memory, and offers it to the second level.
    ///
    /// # Errors
    /// As [`Cache::put`].
    pub fn put_and_offer(&self, guard: &KeyGuard, parts: &KeyParts, new: NewEntry, bytes: &[u8]) -> Result<Entry> {
        let (cost_ms, details) = (new.cost_ms, new.details.clone());
        let entry = self.put(guard, parts, new, bytes)?;
        if let Some(second_level) = &self.second_level {
            let offered = SharedResult {
                bytes: bytes.to_vec(),
                cost_ms,
                created_ms: entry.created_ms,
                details,
            };
            second_level.offer(offered, parts);
        }
        Ok(entry)
    }

    /// Like [`Cache::get`]. What the folder lacks is looked for in the second level, and then stored in the folder.
    ///
    /// # Errors
    /// As [`Cache::get`]; when the folder cannot be written.
    pub fn get_offered(&self, parts: &KeyParts) -> Result<Option<Vec<u8>>> {
        let key = parts.key();
        if let Some(stored) = self.get(&key)? {
            return Ok(Some(stored.bytes));
        }
        let Some(offered) = self.second_level.as_ref().and_then(|level| level.find(parts)) else {
            return Ok(None);
        };
        let new = NewEntry {
            cost_ms: offered.cost_ms,
            created_ms: Some(offered.created_ms),
            details: offered.details,
            ..NewEntry::default()
        };
        if let Some(guard) = self.try_lock(&key)? {
            self.put(&guard, parts, new, &offered.bytes)?;
        }
        Ok(Some(offered.bytes))
    }

    /// Starts to store a result of unknown size. Needs no lock before [`ArtifactWriter::commit`].
    pub fn writer(&self) -> ArtifactWriter {
        self.parts.writer.start()
    }

    /// Stores a file as the result of a key. The file is moved: it must be on the cache's file system, as in
    /// [`Incoming`], and no process may write to it any more. A small file is copied.
    ///
    /// # Errors
    /// If the lock is of another key, the disk or the index refuses, or `stop` returns `true`. Then nothing is stored.
    pub fn put_file(
        &self,
        guard: &KeyGuard,
        parts: &KeyParts,
        new: NewEntry,
        path: &Path,
        stop: Stop<'_>,
    ) -> Result<Entry> {
        self.parts.writer.put_file(guard, parts, new, path, stop)
    }

    /// Stores the result of `from` under another key too, without copying its bytes. `None` when they are gone.
    ///
    /// # Errors
    /// When the lock is of another key, or the disk or the index refuses.
    pub fn renew(&self, guard: &KeyGuard, parts: &KeyParts, new: NewEntry, from: &Key) -> Result<Option<Entry>> {
        self.parts.writer.renew(guard, parts, new, from)
    }

    /// Creates a folder into which another program writes a result.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn incoming(&self) -> Result<Incoming> {
        Incoming::create(&self.parts.storage)
    }

    /// Like [`Cache::incoming`], for resumable work named by a digest: with the files of an earlier holder
    /// ([`Incoming::keep`], or its death) if it left a file [`RESUME`](super::RESUME). While another process holds that
    /// folder, an empty one.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn incoming_of(&self, work: &Digest) -> Result<Incoming> {
        Incoming::claim(&self.parts.storage, work)
    }

    /// The checkpoints under the key of `guard`.
    ///
    /// # Errors
    /// [`CacheError::WrongLock`](super::CacheError::WrongLock) when the lock is of another cache.
    pub fn partials<'a>(&'a self, guard: &'a KeyGuard) -> Result<Partials<'a>> {
        Partials::open(&self.parts.storage, guard)
    }

    /// The size and cost of the checkpoints under a key. Needs no lock; the answer may be out of date at once.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn partial_info(&self, key: &Key) -> Result<Option<PartialInfo>> {
        partial::info(&self.parts.storage, key)
    }

    /// Drops checkpoints that were not resumed within [`PARTIAL_LIFETIME_MS`](super::PARTIAL_LIFETIME_MS), and returns
    /// the number of their results. Also done whenever a computation writes its first checkpoint.
    ///
    /// # Errors
    /// When the index cannot be written.
    pub fn drop_stale_partials(&self) -> Result<u64> {
        partial::drop_stale(&self.parts.storage)
    }

    /// SHA-256 of a file, remembered while the file does not change.
    ///
    /// # Errors
    /// When it is not a regular file or cannot be read, or `stop` returns `true`. Errors of the index are ignored: the
    /// file is hashed.
    pub fn file_digest(&self, path: &Path, stop: Stop<'_>) -> Result<Digest> {
        self.stamped_file_digest(path, stop).map(|(digest, _)| digest)
    }

    /// Like [`Cache::file_digest`], with the stamp of the file when it was hashed. A caller that reads the file afterwards
    /// compares the stamps to detect changes.
    ///
    /// # Errors
    /// As [`Cache::file_digest`].
    pub fn stamped_file_digest(&self, path: &Path, stop: Stop<'_>) -> Result<(Digest, FileStamp)> {
        file_digest::remembered_digest(&self.parts.storage, path, stop)
    }
}

/// Keeping and removing results.
impl Cache {
    /// Protects the entries of `keys`, also those stored later, from eviction while the lease lives. Damage and
    /// replacement still remove them.
    ///
    /// # Errors
    /// When the index or the owner's file cannot be written.
    pub fn lease(&self, keys: &[Key]) -> Result<Lease> {
        self.parts.leases.lease(keys)
    }

    /// Runs a whole round of housekeeping now, unless another process is running one.
    ///
    /// # Errors
    /// When the index or the disk refuses.
    pub fn maintain(&self) -> Result<Maintained> {
        self.parts.housekeeper.maintain()
    }

    /// Removes the matching entries, in short steps between which running jobs can proceed.
    ///
    /// # Errors
    /// [`CacheError::Busy`](super::CacheError::Busy) while another process removes entries; when the index or the disk
    /// refuses.
    pub fn prune(&self, prune: &Prune) -> Result<Pruned> {
        self.flush()?;
        self.pruner().prune(prune)
    }

    /// Removes everything but leased entries, including checkpoints, remembered digests and the quarantine. Counters stay.
    ///
    /// # Errors
    /// As [`Cache::prune`].
    pub fn clear(&self, dry_run: bool) -> Result<Pruned> {
        self.flush()?;
        self.pruner().clear(dry_run)
    }

    fn pruner(&self) -> Pruner<'_> {
        Pruner {
            storage: &self.parts.storage,
            leases: &self.parts.leases,
            evictor: &self.parts.evictor,
            sweeper: &self.parts.sweeper,
            housekeeper: &self.parts.housekeeper,
        }
    }

    /// Entries in order, at most `limit`, of one stage or all.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn list(&self, stage: Option<&str>, sort: Sort, limit: Option<u64>) -> Result<Vec<Listed>> {
        // Uses that cannot be written are merely missing from the list.
        let _ = self.flush();
        self.parts.storage.index.list(stage, sort, limit)
    }

    /// Reads and hashes everything. Calls `progress` with the number of entries and bytes read so far, once per page.
    ///
    /// # Errors
    /// When the index or an object cannot be read. Damage is not an error.
    pub fn verify(&self, repair: bool, progress: &mut dyn FnMut(u64, u64)) -> Result<Verification> {
        let verifier = Verifier {
            storage: &self.parts.storage,
            reader: &self.parts.reader,
            sweeper: &self.parts.sweeper,
        };
        verifier.verify(repair, progress)
    }
}
