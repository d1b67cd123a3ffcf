//! A look at everything that a shared cache holds, for its maintenance.

use std::collections::BTreeSet;
use std::sync::Arc;

use cesar_base::Digest;
use cesar_cache::Key;
use futures_util::TryStreamExt as _;
use object_store::path::Path;
use object_store::{Error, ObjectMeta};

use super::lookup::{self, Read};
use super::manifest::Fault;
use super::shared::Shared;
use super::store::Version;

/// Requests at a time.
pub(crate) const AT_A_TIME: usize = 16;

/// A manifest, without the bytes of its result.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) key: Key,
    pub(crate) path: Path,
    pub(crate) version: Version,
    /// Time of the last change, in milliseconds since 1970.
    pub(crate) modified_ms: i64,
    pub(crate) result: Result<Summary, Fault>,
}

/// The properties of a result.
#[derive(Debug, Clone)]
pub(crate) struct Summary {
    pub(crate) stage: String,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    pub(crate) inline: bool,
    pub(crate) cost_ms: i64,
}

/// An object with the bytes of a large result.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    pub(crate) digest: Digest,
    pub(crate) path: Path,
    pub(crate) size: u64,
    pub(crate) modified_ms: i64,
}

/// All manifests. Objects with other names are passed over. `progress` gets the number of manifests so far and their bytes.
pub(crate) async fn manifests(
    shared: &Arc<Shared>,
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<Vec<Row>, Error> {
    let listed = shared.store.list(&shared.layout.manifests());
    let read = |meta: ObjectMeta| {
        let shared = Arc::clone(shared);
        async move { row(&shared, meta).await }
    };
    let mut rows = listed.map_ok(read).try_buffer_unordered(AT_A_TIME);
    let (mut all, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.try_next().await? {
        let Some(row) = row else { continue };
        bytes += row.result.as_ref().map_or(0, |summary| summary.size);
        all.push(row);
        progress(all.len() as u64, bytes);
    }
    all.sort_by_key(|row| row.key);
    Ok(all)
}

/// The row of a listed object; `None` if it has another name, or was removed meanwhile.
async fn row(shared: &Shared, meta: ObjectMeta) -> Result<Option<Row>, Error> {
    let Some(key) = name(&meta).and_then(|name| name.parse::<Key>().ok()) else {
        return Ok(None);
    };
    let path = meta.location.clone();
    let row = |version, result| Row {
        key,
        path: path.clone(),
        version,
        modified_ms: meta.last_modified.timestamp_millis(),
        result,
    };
    Ok(
        match lookup::read_manifest(&shared.store, &path, &key, shared.seal.as_ref()).await? {
            Read::Missing => None,
            Read::Faulty(fault, version) => Some(row(version, Err(fault))),
            Read::Sound((manifest, version)) => {
                let header = manifest.header;
                let summary = Summary {
                    stage: header.parts.stage,
                    digest: header.digest,
                    size: header.size,
                    inline: header.inline,
                    cost_ms: header.cost_ms,
                };
                Some(row(version, Ok(summary)))
            }
        },
    )
}

/// All objects with bytes of large results.
pub(crate) async fn contents(shared: &Shared) -> Result<Vec<Content>, Error> {
    let listed: Vec<ObjectMeta> = shared.store.list(&shared.layout.objects()).try_collect().await?;
    let content = |meta: &ObjectMeta| {
        Some(Content {
            digest: name(meta)?.parse().ok()?,
            path: meta.location.clone(),
            size: meta.size,
            modified_ms: meta.last_modified.timestamp_millis(),
        })
    };
    Ok(listed.iter().filter_map(content).collect())
}

/// All locks, with their times.
pub(crate) async fn locks(shared: &Shared) -> Result<Vec<(Path, i64)>, Error> {
    let listed = shared.store.list(&shared.layout.locks());
    let lock = |meta: ObjectMeta| (meta.location, meta.last_modified.timestamp_millis());
    listed.map_ok(lock).try_collect().await
}

/// The digests of objects that manifests name.
pub(crate) fn named(rows: &[Row]) -> BTreeSet<Digest> {
    let summaries = rows.iter().filter_map(|row| row.result.as_ref().ok());
    summaries
        .filter(|summary| !summary.inline)
        .map(|summary| summary.digest)
        .collect()
}

fn name(meta: &ObjectMeta) -> Option<String> {
    meta.location.filename().map(str::to_owned)
}
