//! Limits of size and age of the cache.
//!
//! There are two marks: crossing the high one (`max_size`, or `min_free_disk` in the opposite direction) starts the
//! eviction, which continues to a low one a tenth further. So a full cache is cleaned occasionally, not at every store.

use std::collections::{BTreeMap, BTreeSet};

/// The limits of a cache. By default there are none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// Maximum bytes of the results, with 2 KiB for the rows of each entry.
    pub max_size: Option<u64>,
    /// Bytes of the disk to keep free.
    pub min_free_disk: u64,
    /// Lifetimes of results, in milliseconds from when they were stored, by stage.
    pub ttl_ms: BTreeMap<String, i64>,
    /// Stages whose newest result of each input stays after its expiry, until space is needed, for use when no newer one
    /// can be fetched. A lifetime in `ttl_ms` also applies to it.
    pub stale: BTreeSet<String>,
    /// Maximum wait for another computation, in milliseconds, before computing alone.
    pub lock_timeout_ms: Option<i64>,
}

impl Limits {
    /// Bytes to remove when `used` are in use and `free` are left on the disk (`None`: not checked); 0 while
    /// no limit is crossed.
    pub fn excess(&self, used: u64, free: Option<u64>) -> u64 {
        let by_size = match self.max_size {
            Some(limit) if used > limit => used - low_mark(limit),
            _ => 0,
        };
        let by_disk = match free {
            Some(free) if free < self.min_free_disk => high_mark(self.min_free_disk) - free,
            _ => 0,
        };
        by_size.max(by_disk)
    }

    /// Expiry of a result of `stage` stored at `now_ms`, given the lifetime that its stage requests.
    pub(super) fn expiry(&self, stage: &str, wished_ms: Option<i64>, now_ms: i64) -> Option<i64> {
        let by_stage = self.ttl_ms.get(stage).map(|ttl_ms| now_ms.saturating_add(*ttl_ms));
        match (wished_ms, by_stage) {
            (Some(wished_ms), Some(by_stage)) => Some(wished_ms.min(by_stage)),
            (one, other) => one.or(other),
        }
    }
}

fn low_mark(limit: u64) -> u64 {
    limit - limit / 10
}

fn high_mark(limit: u64) -> u64 {
    limit.saturating_add(limit / 10)
}
