//! Reading a result: its manifest, then its bytes, all verified.

use std::sync::Arc;

use cesar_base::Digest;
use cesar_cache::{Key, SharedResult};
use object_store::Error;

use super::counters::add;
use super::manifest::{self, Fault};
use super::seal::SealKey;
use super::shared::Shared;
use super::store::{Store, Version};
use super::transport::LARGEST_BODY;

/// The answer of a look.
#[derive(Debug)]
pub(crate) enum Lookup {
    Found(SharedResult),
    Missing,
    /// There is a result that must not be used, of this version.
    Rejected(Version),
    /// The store gave no answer.
    Failed,
}

/// A manifest or a large result, or its fault.
pub(crate) enum Read<T> {
    Sound(T),
    Missing,
    Faulty(Fault, Version),
}

/// Looks for the result of a key. Counts nothing but a rejection.
pub(crate) fn look(shared: &Arc<Shared>, key: &Key) -> Lookup {
    let (store, path, seal) = (shared.store.clone(), shared.layout.manifest(key), shared.seal.clone());
    let key = *key;
    let manifest = shared.ask(shared.times.request, async move {
        read_manifest(&store, &path, &key, seal.as_ref()).await
    });
    let (manifest, version) = match manifest {
        None => return Lookup::Failed,
        Some(Read::Missing) => return Lookup::Missing,
        Some(Read::Faulty(fault, version)) => return rejected(shared, fault, version),
        Some(Read::Sound(found)) => found,
    };
    let header = manifest.header;
    let bytes = match manifest.bytes {
        Some(bytes) => bytes,
        None => {
            let (store, path) = (shared.store.clone(), shared.layout.object(&header.digest));
            let (digest, size) = (header.digest, header.size);
            match shared.ask(shared.times.read, async move {
                read_object(&store, &path, digest, size).await
            }) {
                None => return Lookup::Failed,
                Some(None) => return rejected(shared, Fault::Damaged, version),
                Some(Some(bytes)) => bytes,
            }
        }
    };
    Lookup::Found(SharedResult {
        bytes,
        cost_ms: header.cost_ms,
        created_ms: header.created_ms,
        details: header.details,
    })
}

fn rejected(shared: &Shared, fault: Fault, version: Version) -> Lookup {
    shared.reject(fault);
    Lookup::Rejected(version)
}

/// Counts a result that was found.
pub(crate) fn count_hit(shared: &Shared, result: &SharedResult) {
    add(&shared.counters.hits, 1);
    add(&shared.counters.bytes_read, result.bytes.len() as u64);
}

/// Reads the manifest of a key, with its version.
pub(crate) async fn read_manifest(
    store: &Store,
    path: &object_store::path::Path,
    key: &Key,
    seal: Option<&SealKey>,
) -> Result<Read<(manifest::Manifest, Version)>, Error> {
    let Some(found) = store.get(path, manifest::LARGEST).await? else {
        return Ok(Read::Missing);
    };
    Ok(match manifest::decode(&found.bytes, key, seal) {
        Ok(manifest) => Read::Sound((manifest, found.version)),
        Err(fault) => Read::Faulty(fault, found.version),
    })
}

/// Reads the bytes of a large result; `None` when they are missing or others.
pub(crate) async fn read_object(
    store: &Store,
    path: &object_store::path::Path,
    digest: Digest,
    size: u64,
) -> Result<Option<Vec<u8>>, Error> {
    if size > LARGEST_BODY {
        return Ok(None);
    }
    let found = store.get(path, size).await?;
    let bytes = found.map(|found| Vec::from(found.bytes));
    Ok(bytes.filter(|bytes| bytes.len() as u64 == size && Digest::of(bytes) == digest))
}
