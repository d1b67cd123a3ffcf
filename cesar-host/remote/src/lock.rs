//! Locks of keys: the machine that computes a result lets the others wait.
//!
//! A lock is an object that one machine creates, renews, and removes. It saves double work and protects nothing: a result is
//! stored once whatever the locks say. Whether a lock has been given up is decided without the clock of this machine: by the
//! time of the store, or where that is unknown, by watching the lock for its whole lifetime.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cesar_cache::Key;
use object_store::Error;
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use tokio::task::AbortHandle;

use super::counters::add;
use super::pending::Ticket;
use super::shared::Shared;
use super::store::{Found, Put, Version};

/// More is no lock.
const LARGEST: u64 = 4_096;
/// Times of the store have the precision of a second.
const PRECISION_MS: i64 = 2_000;

/// The content of a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Content {
    holder: String,
    /// The time without renewal after which it is given up.
    lifetime_ms: u64,
    /// Makes the content of each renewal, and so its version, another one.
    renewals: u64,
}

impl Content {
    fn bytes(&self) -> Bytes {
        serde_json::to_vec(self)
            .expect("text and numbers always serialise")
            .into()
    }
}

/// The outcome of an attempt.
#[derive(Debug)]
pub(crate) enum Attempt {
    Locked(Lock),
    /// Another machine has it.
    Held,
    /// The store gave no answer.
    Failed,
}

/// A lock that this process watches: its version, and since when it has that.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    version: Version,
    since: Instant,
}

/// A lock of this process. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct Lock {
    shared: Arc<Shared>,
    path: Path,
    renewal: AbortHandle,
    is_released: bool,
}

/// Takes the lock of a key, if it is free or given up.
pub(crate) fn try_lock(shared: &Arc<Shared>, key: &Key, watched: &mut Option<Watched>) -> Attempt {
    let path = shared.layout.lock(key);
    let content = Content {
        holder: shared.holder.clone(),
        lifetime_ms: u64::try_from(shared.times.lock.as_millis()).unwrap_or(u64::MAX),
        renewals: 0,
    };
    let (store, of, bytes) = (shared.store.clone(), path.clone(), content.bytes());
    let created = shared.ask(shared.times.request, async move {
        match store.create(&of, bytes).await? {
            Put::Done(version) => Ok(Ok(version)),
            Put::Refused => Ok(Err(store.get(&of, LARGEST).await?)),
        }
    });
    let found = match created {
        None => return Attempt::Failed,
        Some(Ok(version)) => return Attempt::Locked(Lock::begin(shared, path, content, version)),
        // It was released in between: the result is probably there.
        Some(Err(None)) => return Attempt::Held,
        Some(Err(Some(found))) => found,
    };
    let theirs: Option<Content> = serde_json::from_slice(&found.bytes).ok();
    if theirs
        .as_ref()
        .is_some_and(|theirs| theirs.holder == shared.holder && theirs.renewals == 0)
    {
        // A request of ours whose answer was lost, and which was sent again: threads of this process share the lock of the key
        // in the cache folder.
        return Attempt::Locked(Lock::begin(shared, path, content, found.version));
    }
    let lifetime = theirs.map_or(shared.times.lock, |theirs| Duration::from_millis(theirs.lifetime_ms));
    // No writer asks for more than this: a lock that does was planted, or is damaged.
    let lifetime = lifetime.min(shared.times.lock);
    if !is_given_up(&found, lifetime, watched, shared.store.clock().now_ms()) {
        return Attempt::Held;
    }
    let (store, of, bytes) = (shared.store.clone(), path.clone(), content.bytes());
    let taken = shared.ask(shared.times.request, async move {
        store.replace(&of, bytes, found.version).await
    });
    match taken {
        None => Attempt::Failed,
        Some(Put::Refused) => Attempt::Held,
        Some(Put::Done(version)) => {
            add(&shared.counters.taken_over, 1);
            Attempt::Locked(Lock::begin(shared, path, content, version))
        }
    }
}

/// Whether the holder of a lock has stopped renewing it.
fn is_given_up(found: &Found, lifetime: Duration, watched: &mut Option<Watched>, now_ms: Option<i64>) -> bool {
    let lifetime_ms = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
    if now_ms.is_some_and(|now_ms| now_ms - found.modified_ms > lifetime_ms.saturating_add(PRECISION_MS)) {
        return true;
    }
    match watched {
        Some(watched) if watched.version == found.version => watched.since.elapsed() >= lifetime,
        _ => {
            *watched = Some(Watched {
                version: found.version.clone(),
                since: Instant::now(),
            });
            false
        }
    }
}

impl Lock {
    fn begin(shared: &Arc<Shared>, path: Path, content: Content, version: Version) -> Self {
        let renewal = renew(Arc::clone(shared), path.clone(), content, version);
        Self {
            renewal: shared.runtime.spawn(renewal),
            shared: Arc::clone(shared),
            path,
            is_released: false,
        }
    }

    /// Removes the lock, within a task.
    pub(crate) async fn release(mut self) {
        self.is_released = true;
        self.renewal.abort();
        let shared = &self.shared;
        shared.attempt(shared.times.request, remove(shared, &self.path)).await;
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.is_released {
            return;
        }
        self.renewal.abort();
        let (shared, path) = (Arc::clone(&self.shared), self.path.clone());
        let ticket: Ticket = shared.pending.release();
        self.shared.runtime.spawn(async move {
            shared.attempt(shared.times.request, remove(&shared, &path)).await;
            drop(ticket);
        });
    }
}

/// Removes a lock unless another machine has taken it over.
async fn remove(shared: &Shared, path: &Path) -> Result<(), Error> {
    let Some(found) = shared.store.get(path, LARGEST).await? else {
        return Ok(());
    };
    let content: Option<Content> = serde_json::from_slice(&found.bytes).ok();
    match content.is_some_and(|content| content.holder == shared.holder) {
        true => shared.store.remove(path).await,
        false => Ok(()),
    }
}

/// Renews a lock until it is aborted, or another machine has taken it over.
async fn renew(shared: Arc<Shared>, path: Path, mut content: Content, mut version: Version) {
    loop {
        tokio::time::sleep(shared.times.renewal).await;
        content.renewals += 1;
        let replaced = shared.store.renew(&path, content.bytes(), version.clone());
        match shared.attempt(shared.times.request, replaced).await {
            Some(Put::Done(renewed)) => version = renewed,
            Some(Put::Refused) => return,
            // The next attempt may come in time.
            None => (),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(version: &str, modified_ms: i64) -> Found {
        Found {
            bytes: Bytes::new(),
            version: Version::of(version),
            modified_ms,
        }
    }

    #[test]
    fn the_time_of_the_store_decides_that_a_lock_is_given_up() {
        let lifetime = Duration::from_secs(60);
        for (now_ms, expected) in [(60_000, false), (62_000, false), (62_001, true)] {
            assert_eq!(is_given_up(&found("a", 0), lifetime, &mut None, Some(now_ms)), expected);
        }
    }

    #[test]
    fn without_that_time_a_lock_is_watched_for_its_lifetime() {
        let mut watched = None;
        assert!(!is_given_up(&found("a", 0), Duration::ZERO, &mut watched, None));
        // Renewed: the watch begins again.
        assert!(!is_given_up(&found("b", 0), Duration::ZERO, &mut watched, None));
        assert!(is_given_up(&found("b", 0), Duration::ZERO, &mut watched, None));
        assert!(!is_given_up(
            &found("b", 0),
            Duration::from_secs(600),
            &mut watched,
            None
        ));
    }
}
