//! Storing a result behind the answer: its bytes, then its manifest. The first result of a key wins.

use std::sync::Arc;

use bytes::Bytes;
use cesar_base::SharedLease;
use cesar_cache::{KeyParts, SharedResult};
use object_store::Error;

use super::counters::add;
use super::lock::Lock;
use super::manifest;
use super::shared::Shared;
use super::store::{Put, Version};
use super::transport::LARGEST_BODY;

/// What happens to a result that is there.
#[derive(Debug)]
pub(crate) enum Present {
    /// It stays.
    Wins,
    /// It must not be used, and is replaced unless it has changed since this version.
    IsFaulty(Version),
    /// The user asked for a new one (`--refresh`).
    IsReplaced,
}

/// What lets other machines wait for a result, until it is stored.
#[derive(Debug, Default)]
pub(crate) struct Reservation {
    /// The lock in the bucket.
    pub(crate) lock: Option<Lock>,
    /// The lease of servers that share a database.
    pub(crate) lease: Option<Box<dyn SharedLease>>,
}

/// The outcome of storing.
enum Stored {
    New,
    /// Another machine has stored one first.
    Late,
}

/// Starts to store a result, then to end the reservation of its key.
pub(crate) fn begin(
    shared: &Arc<Shared>,
    result: SharedResult,
    parts: &KeyParts,
    present: Present,
    reservation: Reservation,
) {
    let length = result.bytes.len();
    let ticket = match shared.writable && length as u64 <= LARGEST_BODY {
        true => shared.pending.write(length),
        false => None,
    };
    let Some(ticket) = ticket else {
        if shared.writable {
            add(&shared.counters.unwritten, 1);
        }
        return;
    };
    let (shared, parts) = (Arc::clone(shared), parts.clone());
    let task = Arc::clone(&shared);
    shared.runtime.spawn(async move {
        let stored = task
            .attempt(task.times.write, store(&task, result, &parts, present))
            .await;
        match stored {
            Some(Stored::New) => {
                add(&task.counters.stored, 1);
                add(&task.counters.bytes_written, length as u64);
            }
            Some(Stored::Late) => add(&task.counters.duplicates, 1),
            None => add(&task.counters.unwritten, 1),
        }
        if let Some(lock) = reservation.lock {
            lock.release().await;
        }
        drop(reservation.lease);
        drop(ticket);
    });
}

async fn store(shared: &Shared, result: SharedResult, parts: &KeyParts, present: Present) -> Result<Stored, Error> {
    let (header, encoded) = manifest::encode(&result, parts, shared.seal.as_ref());
    let (store, layout) = (&shared.store, &shared.layout);
    if !header.inline {
        let (path, bytes) = (layout.object(&header.digest), Bytes::from(result.bytes));
        match present {
            Present::Wins | Present::IsReplaced => store.keep(&path, bytes).await?,
            // It may be these bytes that are damaged.
            Present::IsFaulty(_) => store.overwrite(&path, bytes).await?,
        }
    }
    let (path, encoded) = (layout.manifest(&header.key), Bytes::from(encoded));
    let put = match present {
        Present::Wins => store.create(&path, encoded.clone()).await?,
        Present::IsFaulty(version) => store.replace(&path, encoded.clone(), version).await?,
        Present::IsReplaced => {
            store.overwrite(&path, encoded).await?;
            return Ok(Stored::New);
        }
    };
    match put {
        Put::Done(_) => Ok(Stored::New),
        // A request of ours whose answer was lost, and which was sent again.
        Put::Refused => match store.get(&path, manifest::LARGEST).await? {
            Some(found) if found.bytes == encoded => Ok(Stored::New),
            _ => Ok(Stored::Late),
        },
    }
}
