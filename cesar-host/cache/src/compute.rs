//! Single flight: find a result, or compute and store it, once for all concurrent requests.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::entry::{Artifact, Entry, NewEntry};
use super::error::{CacheError, GiveUp, Result};
use super::key::{Key, KeyParts};
use super::leases::Leases;
use super::lock::{KeyGuard, KeyLocks, Wait};
use super::read::Reader;
use super::second_level::{Claim, SecondLevel, SharedResult, Sought};
use super::storage::Storage;
use super::usage::UsageCounter;
use super::write::ResultWriter;

/// Use of the cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Use stored results, store new ones.
    #[default]
    ReadWrite,
    /// Compute in any case and replace the stored result (`--refresh`).
    Refresh,
    /// Neither read nor write (`--no-cache`).
    Bypass,
}

/// A request for a result, besides its key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// Use of the cache.
    pub mode: Mode,
    /// Lifetime of the result from its storage, in milliseconds; unlimited when absent.
    pub lifetime_ms: Option<i64>,
    /// The user's name of the input. Not part of the key.
    pub label: Option<String>,
    /// JSON of the stage, stored with the entry.
    pub details: Option<String>,
}

impl From<Mode> for Request {
    fn from(mode: Mode) -> Self {
        Self {
            mode,
            ..Self::default()
        }
    }
}

/// The output of a computation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Computation {
    /// The result.
    pub bytes: Vec<u8>,
    /// The part of the time that was spent waiting for other work, in milliseconds.
    pub idle_ms: i64,
    /// The cost of the checkpoints that this computation resumed from, in milliseconds.
    pub earlier_ms: i64,
    /// JSON stored with the entry in place of the request's.
    pub details: Option<String>,
}

impl From<Vec<u8>> for Computation {
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            ..Self::default()
        }
    }
}

/// Source of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hit {
    /// It was cached.
    Hit {
        /// The cost of its computation, in milliseconds.
        saved_ms: i64,
    },
    /// Another machine computed it: the second level had it.
    Shared {
        /// The cost of its computation, in milliseconds.
        saved_ms: i64,
    },
    /// Another thread or process computed it while this one waited.
    Waited {
        /// The cost of its computation, in milliseconds.
        saved_ms: i64,
    },
    /// It was computed.
    Miss {
        /// The cost of this computation, in milliseconds.
        took_ms: i64,
    },
}

/// A result and its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The result.
    pub bytes: Vec<u8>,
    /// Its entry; absent if it was not stored, by request or because of an error.
    pub entry: Option<Entry>,
    /// Its source.
    pub hit: Hit,
    /// Errors of the cache, in one or more sentences. The result is correct nevertheless.
    pub cache_warning: Option<String>,
}

/// The reason why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum Stopped<E> {
    /// `wait` returned [`GiveUp::Interrupted`].
    #[error("interrupted while waiting for another process that computes the same result")]
    Interrupted,
    /// The computation failed. Nothing is stored.
    #[error(transparent)]
    Failed(E),
}

/// The parts that the protocol needs.
pub(super) struct SingleFlight<'a> {
    pub(super) storage: &'a Storage,
    pub(super) locks: &'a KeyLocks,
    pub(super) leases: &'a Arc<Leases>,
    pub(super) usage: &'a UsageCounter,
    pub(super) reader: &'a Reader,
    pub(super) writer: &'a Arc<ResultWriter>,
    pub(super) second_level: Option<&'a dyn SecondLevel>,
}

/// The share of the second level in one computation.
enum Contribution {
    /// None: there is no second level, or it gets no such results.
    None,
    /// The result is new to it.
    Claimed(Box<dyn Claim>),
    /// The result replaces its own.
    Replaced,
}

impl SingleFlight<'_> {
    /// Finds or computes a result: see [`Cache::get_or_compute_locked`](super::Cache::get_or_compute_locked).
    pub(super) fn get_or_compute<E>(
        &self,
        parts: &KeyParts,
        request: Request,
        wait: &mut Wait<'_>,
        compute: impl FnOnce(Option<&KeyGuard>) -> std::result::Result<Computation, E>,
    ) -> std::result::Result<Outcome, Stopped<E>> {
        let mut warnings = Warnings::default();
        if request.mode == Mode::Bypass {
            let (computed, took_ms) = self.timed(|| compute(None))?;
            return Ok(Outcome {
                bytes: computed.bytes,
                entry: None,
                hit: Hit::Miss { took_ms },
                cache_warning: None,
            });
        }
        let (key, reads) = (parts.key(), request.mode == Mode::ReadWrite);
        if reads && let Some(artifact) = self.get_collecting(&key, &mut warnings) {
            return Ok(hit_outcome(artifact, false, warnings));
        }
        let lock = self.lock_or_compute_alone(&key, wait, &mut warnings)?;
        if reads
            && let Some((_, waited)) = &lock
            && let Some(artifact) = self.get_collecting(&key, &mut warnings)
        {
            return Ok(hit_outcome(artifact, *waited, warnings));
        }
        let guard = lock.map(|(guard, _)| guard);
        // Without the lock, each process of this machine would ask.
        let second_level = self
            .second_level
            .filter(|_| guard.is_some() && request.lifetime_ms.is_none());
        let contribution = match second_level {
            None => Contribution::None,
            Some(_) if !reads => Contribution::Replaced,
            Some(second_level) => match second_level.find_or_claim(parts, wait) {
                Sought::Found(shared) => return Ok(self.shared_outcome(guard, parts, request, shared, warnings)),
                Sought::Missing(claim) => Contribution::Claimed(claim),
                Sought::Interrupted => return Err(Stopped::Interrupted),
            },
        };
        // The results of earlier stages may be needed again afterwards.
        let lease = self.leases.lease_recently_used();
        let (computed, took_ms) = self.timed(|| compute(guard.as_ref()))?;
        drop(lease);
        self.usage.count(|statistics| statistics.misses += 1);
        let cost_ms = took_ms.saturating_add(computed.earlier_ms);
        let request = Request {
            details: computed.details.or(request.details),
            ..request
        };
        let shared = second_level.map(|_| SharedResult {
            bytes: computed.bytes.clone(),
            cost_ms,
            created_ms: self.storage.now_ms(),
            details: request.details.clone(),
        });
        let new = NewEntry {
            cost_ms,
            created_ms: shared.as_ref().map(|shared| shared.created_ms),
            ..self.new_entry(request)
        };
        let entry = self.store_computed(guard, parts, new, &computed.bytes, &mut warnings);
        match (shared, contribution, second_level) {
            (Some(shared), Contribution::Claimed(claim), _) => claim.fulfil(shared, parts),
            (Some(shared), Contribution::Replaced, Some(second_level)) => second_level.replace(shared, parts),
            _ => (),
        }
        Ok(Outcome {
            bytes: computed.bytes,
            entry,
            hit: Hit::Miss { took_ms },
            cache_warning: warnings.into_warning(),
        })
    }

    fn timed<E>(
        &self,
        compute: impl FnOnce() -> std::result::Result<Computation, E>,
    ) -> std::result::Result<(Computation, i64), Stopped<E>> {
        let started_ms = self.storage.now_ms();
        let computed = compute().map_err(Stopped::Failed)?;
        // The clock may have been set back meanwhile.
        let took_ms = (self.storage.now_ms() - started_ms - computed.idle_ms).max(0);
        Ok((computed, took_ms))
    }

    fn get_collecting(&self, key: &Key, warnings: &mut Warnings) -> Option<Artifact> {
        warnings.collect(self.reader.get(key)).flatten()
    }

    /// The lock, and whether this process waited for it; `None` when the computation continues without it.
    fn lock_or_compute_alone<E>(
        &self,
        key: &Key,
        wait: &mut Wait<'_>,
        warnings: &mut Warnings,
    ) -> std::result::Result<Option<(KeyGuard, bool)>, Stopped<E>> {
        let mut waited = false;
        let locked = self.locks.lock(key, &mut |waiting| -> ControlFlow<GiveUp> {
            if !waited {
                waited = true;
                self.usage.count(|statistics| statistics.waited += 1);
            }
            wait(waiting)
        });
        match locked {
            Err(CacheError::GaveUp {
                reason: GiveUp::Interrupted,
                ..
            }) => Err(Stopped::Interrupted),
            Err(CacheError::GaveUp {
                reason: GiveUp::ComputeAlone,
                ..
            }) => Ok(None),
            locked => Ok(warnings.collect(locked).map(|guard| (guard, waited))),
        }
    }

    /// Stores a result. Without the lock, it is stored only if the key is still free.
    fn store_computed(
        &self,
        guard: Option<KeyGuard>,
        parts: &KeyParts,
        new: NewEntry,
        bytes: &[u8],
        warnings: &mut Warnings,
    ) -> Option<Entry> {
        let guard = match guard {
            Some(guard) => guard,
            None => warnings.collect(self.locks.try_lock(&parts.key())).flatten()?,
        };
        warnings.collect(self.writer.put(&guard, parts, new, bytes))
    }

    fn new_entry(&self, request: Request) -> NewEntry {
        let expires_ms = request
            .lifetime_ms
            .map(|lifetime_ms| self.storage.now_ms().saturating_add(lifetime_ms));
        NewEntry {
            expires_ms,
            label: request.label,
            details: request.details,
            ..NewEntry::default()
        }
    }

    /// Stores a result of the second level, and makes it the outcome.
    fn shared_outcome(
        &self,
        guard: Option<KeyGuard>,
        parts: &KeyParts,
        request: Request,
        shared: SharedResult,
        mut warnings: Warnings,
    ) -> Outcome {
        let SharedResult {
            bytes,
            cost_ms,
            created_ms,
            details,
        } = shared;
        let new = NewEntry {
            cost_ms,
            created_ms: Some(created_ms),
            details,
            ..self.new_entry(request)
        };
        self.usage.count(|statistics| {
            statistics.hits += 1;
            statistics.shared += 1;
            statistics.bytes_saved += bytes.len() as u64;
            statistics.ms_saved += cost_ms.unsigned_abs();
        });
        let entry = self.store_computed(guard, parts, new, &bytes, &mut warnings);
        Outcome {
            bytes,
            entry,
            hit: Hit::Shared { saved_ms: cost_ms },
            cache_warning: warnings.into_warning(),
        }
    }
}

/// The outcome for a stored result.
fn hit_outcome(artifact: Artifact, waited: bool, warnings: Warnings) -> Outcome {
    let Artifact { entry, bytes } = artifact;
    let saved_ms = entry.cost_ms;
    let hit = if waited {
        Hit::Waited { saved_ms }
    } else {
        Hit::Hit { saved_ms }
    };
    Outcome {
        bytes,
        entry: Some(entry),
        hit,
        cache_warning: warnings.into_warning(),
    }
}

/// Errors of the cache so far, without duplicates.
#[derive(Default)]
struct Warnings(Vec<String>);

impl Warnings {
    fn collect<T>(&mut self, result: Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                let text = error.to_string();
                if !self.0.contains(&text) {
                    self.0.push(text);
                }
                None
            }
        }
    }

    fn into_warning(self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join("; "))
    }
}
