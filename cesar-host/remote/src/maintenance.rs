//! `cesar cache info|prune|verify --remote`: the contents of a shared cache, their removal and their check.
//!
//! All three read every manifest. Removal takes the manifest first and the bytes later: an object without a manifest stays for
//! [`GRACE_MS`], since a writer stores the bytes first.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::SystemTime;

use cesar_base::Digest;
use cesar_cache::{DamagedEntry, Pruned, StageInfo};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::Error;
use serde::Serialize;

use super::error::{RemoteError, Result};
use super::failure;
use super::lookup;
use super::remote_cache::RemoteCache;
use super::shared::Shared;
use super::survey::{self, AT_A_TIME, Row, Summary};

/// The time for which an object without a manifest stays, and a lock without renewal.
const GRACE_MS: i64 = 24 * 3_600_000;

/// The contents of a shared cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RemoteInfo {
    /// Its URL.
    pub location: String,
    /// The number of results.
    pub entries: u64,
    /// The size of all results. Results of the same content count once.
    pub bytes: u64,
    /// The number of objects with bytes of large results.
    pub objects: u64,
    /// Those of them that no result names: leftovers of interrupted writers and of removals.
    pub orphans: u64,
    /// Results that are being computed, or whose machine has died.
    pub locks: u64,
    /// Results that are damaged, or written without the key.
    pub rejected: u64,
    /// Per stage, in the order of their names.
    pub stages: Vec<StageInfo>,
}

/// The result of reading everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RemoteVerification {
    /// Results verified.
    pub entries: u64,
    /// Objects read, each once.
    pub contents: u64,
    /// Size of everything that was read.
    pub bytes: u64,
    /// Results that must not be used.
    pub damaged: Vec<DamagedEntry>,
    /// Objects that no result names.
    pub orphans: u64,
    /// Their size in bytes.
    pub orphan_bytes: u64,
    /// Number of damaged results that were removed.
    pub repaired: u64,
}

impl RemoteVerification {
    /// Whether nothing is damaged, or all damage is removed.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.repaired >= self.damaged.len() as u64
    }
}

/// The conditions of a removal; a result is removed if it meets all of them, and none without any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemotePrune {
    /// Stored this long ago, in milliseconds. Readers leave no trace, so the last use is unknown.
    pub older_ms: Option<i64>,
    /// Of this stage.
    pub stage: Option<String>,
    /// Whether to only report the results.
    pub dry_run: bool,
}

impl RemoteCache {
    /// Counts everything.
    ///
    /// # Errors
    /// [`RemoteError`] when the store refuses or does not answer.
    pub fn info(&self) -> Result<RemoteInfo> {
        let shared = Arc::clone(&self.shared);
        self.run("read", async move { info(&shared).await })
    }

    /// Reads everything. Calls `progress` with the number of results and bytes so far. With `repair`, damaged results are removed
    /// unless they were replaced meanwhile.
    ///
    /// # Errors
    /// [`RemoteError`] when the store refuses or does not answer. Damage is not an error.
    pub fn verify(&self, repair: bool, progress: impl FnMut(u64, u64) + Send + 'static) -> Result<RemoteVerification> {
        let shared = Arc::clone(&self.shared);
        let mut progress = progress;
        self.run("verify", async move { verify(&shared, repair, &mut progress).await })
    }

    /// Removes the matching results, and leftovers that are a day old.
    ///
    /// # Errors
    /// [`RemoteError`] when the store refuses or does not answer.
    pub fn prune(&self, prune: &RemotePrune) -> Result<Pruned> {
        let (shared, prune) = (Arc::clone(&self.shared), prune.clone());
        self.run("prune", async move { remove_matching(&shared, &prune).await })
    }

    fn run<T: Send + 'static>(
        &self,
        action: &'static str,
        task: impl Future<Output = std::result::Result<T, Error>> + Send + 'static,
    ) -> Result<T> {
        match self.shared.runtime.wait(task) {
            Some(Ok(value)) => Ok(value),
            Some(Err(error)) => Err(failure::refusal(action, &self.location(), &error)),
            None => Err(RemoteError::Client {
                detail: "its thread ended".to_owned(),
            }),
        }
    }
}

async fn info(shared: &Arc<Shared>) -> std::result::Result<RemoteInfo, Error> {
    let rows = survey::manifests(shared, &mut |_, _| ()).await?;
    let contents = survey::contents(shared).await?;
    let named = survey::named(&rows);
    let mut stages: BTreeMap<&str, StageInfo> = BTreeMap::new();
    let (mut digests, mut bytes, mut rejected) = (BTreeSet::new(), 0, 0);
    for row in &rows {
        let Ok(summary) = &row.result else {
            rejected += 1;
            continue;
        };
        if digests.insert(summary.digest) {
            bytes += summary.size;
        }
        let stage = stages.entry(&summary.stage).or_insert_with(|| StageInfo {
            stage: summary.stage.clone(),
            entries: 0,
            bytes: 0,
            cost_ms: 0,
        });
        stage.entries += 1;
        stage.bytes += summary.size;
        stage.cost_ms += summary.cost_ms.unsigned_abs();
    }
    Ok(RemoteInfo {
        location: shared.location.to_string(),
        entries: rows.len() as u64 - rejected,
        bytes,
        objects: contents.len() as u64,
        orphans: contents
            .iter()
            .filter(|content| !named.contains(&content.digest))
            .count() as u64,
        locks: survey::locks(shared).await?.len() as u64,
        rejected,
        stages: stages.into_values().collect(),
    })
}

async fn verify(
    shared: &Arc<Shared>,
    repair: bool,
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> std::result::Result<RemoteVerification, Error> {
    let rows = survey::manifests(shared, progress).await?;
    let sizes: BTreeMap<Digest, u64> = sound(&rows)
        .filter(|(_, summary)| !summary.inline)
        .map(|(_, summary)| (summary.digest, summary.size))
        .collect();
    let read = |(digest, size): (Digest, u64)| {
        let (store, path) = (shared.store.clone(), shared.layout.object(&digest));
        async move {
            Ok::<_, Error>((
                digest,
                size,
                lookup::read_object(&store, &path, digest, size).await?.is_some(),
            ))
        }
    };
    let read: Vec<_> = stream::iter(sizes)
        .map(read)
        .buffer_unordered(AT_A_TIME)
        .try_collect()
        .await?;
    let lost: BTreeSet<Digest> = read
        .iter()
        .filter(|(_, _, is_sound)| !is_sound)
        .map(|(digest, ..)| *digest)
        .collect();
    let inline = sound(&rows)
        .filter(|(_, summary)| summary.inline)
        .map(|(_, summary)| summary.size);
    let mut verification = RemoteVerification {
        entries: rows.len() as u64,
        contents: read.len() as u64,
        bytes: inline.sum::<u64>() + read.iter().map(|(_, size, _)| size).sum::<u64>(),
        ..RemoteVerification::default()
    };
    for row in &rows {
        let damage = match &row.result {
            Err(fault) => fault.describe(),
            Ok(summary) if !summary.inline && lost.contains(&summary.digest) => "its bytes are missing or have changed",
            Ok(_) => continue,
        };
        let summary = row.result.as_ref().ok();
        verification.damaged.push(DamagedEntry {
            key: row.key,
            digest: summary.map(|summary| summary.digest),
            stage: summary.map(|summary| summary.stage.clone()),
            label: None,
            damage: damage.to_owned(),
        });
        if repair && remove_unchanged(shared, row).await? {
            verification.repaired += 1;
        }
    }
    let named = survey::named(&rows);
    for content in survey::contents(shared).await? {
        if !named.contains(&content.digest) {
            verification.orphans += 1;
            verification.orphan_bytes += content.size;
        } else if repair && lost.contains(&content.digest) {
            // A writer of the same result would take it for its own.
            shared.store.remove(&content.path).await?;
        }
    }
    Ok(verification)
}

/// Removes a manifest unless it was replaced since it was read.
async fn remove_unchanged(shared: &Shared, row: &Row) -> std::result::Result<bool, Error> {
    let found = shared.store.get(&row.path, 0).await?;
    if found.is_some_and(|found| found.version == row.version) {
        shared.store.remove(&row.path).await?;
    }
    Ok(true)
}

async fn remove_matching(shared: &Arc<Shared>, prune: &RemotePrune) -> std::result::Result<Pruned, Error> {
    let rows = survey::manifests(shared, &mut |_, _| ()).await?;
    let now_ms = shared.store.clock().now_ms().unwrap_or_else(local_ms);
    let has_condition = prune.older_ms.is_some() || prune.stage.is_some();
    let matches = |row: &Row| {
        let is_old = prune
            .older_ms
            .is_none_or(|older_ms| now_ms.saturating_sub(row.modified_ms) >= older_ms);
        let is_of_stage = match (&prune.stage, &row.result) {
            (None, _) => true,
            (Some(stage), Ok(summary)) => summary.stage == *stage,
            (Some(_), Err(_)) => false,
        };
        has_condition && is_old && is_of_stage
    };
    let (removed, kept): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(matches);
    let mut pruned = Pruned {
        entries: removed.len() as u64,
        ..Pruned::default()
    };
    for (_, summary) in sound(&removed) {
        pruned.bytes += summary.size;
        pruned.cost_ms = pruned.cost_ms.saturating_add(summary.cost_ms);
    }
    if prune.dry_run {
        return Ok(pruned);
    }
    let named = survey::named(&kept);
    let was_removed = survey::named(&removed);
    let is_left_over = |modified_ms: i64| now_ms.saturating_sub(modified_ms) >= GRACE_MS;
    let contents = survey::contents(shared).await?;
    let orphans = contents.into_iter().filter(|content| {
        !named.contains(&content.digest) && (was_removed.contains(&content.digest) || is_left_over(content.modified_ms))
    });
    let locks = survey::locks(shared).await?;
    let locks = locks.into_iter().filter(|(_, modified_ms)| is_left_over(*modified_ms));
    // Manifests first, so that none names bytes that are gone.
    for batch in [
        removed.iter().map(|row| row.path.clone()).collect::<Vec<_>>(),
        orphans
            .map(|content| content.path)
            .chain(locks.map(|(path, _)| path))
            .collect(),
    ] {
        let remove = |path| async move { shared.store.remove(&path).await };
        stream::iter(batch)
            .map(remove)
            .buffer_unordered(AT_A_TIME)
            .try_collect::<()>()
            .await?;
    }
    Ok(pruned)
}

/// The rows whose manifests are sound.
fn sound(rows: &[Row]) -> impl Iterator<Item = (&Row, &Summary)> {
    rows.iter().filter_map(|row| Some((row, row.result.as_ref().ok()?)))
}

fn local_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
