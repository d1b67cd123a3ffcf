//! Comparison of the index with the stores whose documents it has.

use std::collections::HashSet;

use cesar_base::{Clock as _, Digest, SystemClock};
use cesar_cache::{Cache, CacheError, Entry as Cached, Key, Listed, Sort};
use cesar_corrections::Corrections;
use cesar_jobs::{Job, JobId, JobState, JobStore, JobsError, ListQuery};
use cesar_pipeline::Stage;
use cesar_search::{Entry, Index, Presence, SearchError, Source};
use plugin_api::document::Document;

use super::{JOBS, cache_holder, for_index, is_indexed, job_source, logged};

/// Maximum number of jobs of a recording whose words are stored again.
const MOST_OF_RECORDING: u32 = 500;

/// Documents stored in one transaction.
const BATCH: usize = 100;

/// The documents of a cache, the one last shown to a user at the end. Of one time, a transcript with its spelling corrected comes later.
fn documents(cache: &Cache) -> Result<Vec<Listed>, CacheError> {
    let mut listed = cache.list(Some(Stage::Merge.name()), Sort::Created, None)?;
    listed.extend(cache.list(Some(Stage::Glossary.name()), Sort::Created, None)?);
    listed.sort_by_key(|listed| listed.entry.last_used_ms);
    Ok(listed)
}

fn cached_source(cache: &Cache, entry: &Cached) -> Source {
    Source {
        holder: cache_holder(cache),
        id: entry.key.to_string(),
    }
}

/// The stores whose documents are indexed.
#[derive(Clone, Copy)]
pub struct Holders<'a> {
    /// The cache, if it is used.
    pub cache: Option<&'a Cache>,
    /// The jobs, if there are any.
    pub jobs: Option<&'a dyn JobStore>,
    /// The corrections of recordings, if there are any.
    pub corrections: Option<&'a Corrections>,
}

impl std::fmt::Debug for Holders<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Holders").finish_non_exhaustive()
    }
}

impl Holders<'_> {
    /// Stores every document, until `stop` returns `true`. Documents that cannot be read are left out.
    ///
    /// # Errors
    /// When the index cannot be written.
    pub fn fill(&self, index: &Index, stop: &dyn Fn() -> bool) -> Result<(), SearchError> {
        // Sources of an index of before, and its order: both follow from the stores.
        if let Some(cache) = self.cache {
            index.retain(&cache_holder(cache), &HashSet::new())?;
        }
        if self.jobs.is_some() {
            index.retain(JOBS, &HashSet::new())?;
        }
        let mut batch = self.batch(index);
        if let Some(cache) = self.cache {
            for listed in documents(cache).unwrap_or_default() {
                if stop() {
                    return Ok(());
                }
                batch.add_cached(cache, listed.entry)?;
            }
        }
        for job in self.finished_jobs() {
            // Without the jobs it is not complete, and filled again.
            let Some(job) = logged(job).filter(|_| !stop()) else {
                return Ok(());
            };
            let document = self.jobs.and_then(|jobs| jobs.document(job.id).ok().flatten());
            let Some(document) = document.filter(|_| is_indexed(&job)) else {
                continue;
            };
            batch.add_job(job, &document)?;
        }
        batch.store()?;
        index.set_built()
    }

    /// Stores the indexed documents of one recording again, after its corrections changed: those of the cache, and that of `job`.
    ///
    /// # Errors
    /// When the index cannot be written.
    pub fn refresh(&self, index: &Index, media: &Digest, job: Option<JobId>) -> Result<(), SearchError> {
        let mut batch = self.batch(index);
        if let Some(cache) = self.cache {
            let of = |stage: Stage, input: &Digest| cache.results_with_input(stage.name(), input).unwrap_or_default();
            // One that no run has shown stays unknown: it is not what the user read.
            let mut add_known = |entry: Cached| match index.add_source(
                &entry.digest,
                &cached_source(cache, &entry),
                entry.label.as_deref().unwrap_or_default(),
            )? {
                true => batch.add_cached(cache, entry),
                false => Ok(()),
            };
            for merged in of(Stage::Merge, media) {
                for spelled in of(Stage::Glossary, &merged.digest) {
                    add_known(spelled)?;
                }
                add_known(merged)?;
            }
        }
        let job = job.and_then(|id| self.jobs?.get(id).ok().flatten());
        if let Some(job) = job.filter(is_indexed) {
            let document = self.jobs.and_then(|jobs| jobs.document(job.id).ok().flatten());
            batch.add_job(job, &document.unwrap_or_default())?;
        }
        batch.store()
    }

    /// Removes the sources that are gone, and what is left of removed words. Adds jobs that other servers have completed.
    ///
    /// # Errors
    /// When the index cannot be read or written.
    pub fn reconcile(&self, index: &Index) -> Result<(), SearchError> {
        if let Some(cache) = self.cache
            && let Ok(listed) = documents(cache)
        {
            let keys = listed.iter().map(|listed| listed.entry.key.to_string());
            index.retain(&cache_holder(cache), &keys.collect())?;
        }
        if self.jobs.is_some() {
            self.compare_jobs(index)?;
            self.apply_corrections(index)?;
        }
        index.maintain()?;
        match self.cache {
            Some(_) => index.set_reconciled(SystemClock.now_ms()),
            None => Ok(()),
        }
    }

    /// Adds jobs that other servers have completed, and removes those that are gone. Without all jobs nothing is removed.
    fn compare_jobs(&self, index: &Index) -> Result<(), SearchError> {
        let (mut gone, mut batch) = (index.sources(JOBS)?, self.batch(index));
        // A caller without the corrections that servers share only removes.
        let may_add = self.corrections.is_some() || self.jobs.is_none_or(|jobs| jobs.records().is_none());
        let mut is_complete = true;
        for job in self.finished_jobs() {
            let Some(job) = logged(job) else {
                is_complete = false;
                break;
            };
            if !gone.remove(&job.id.to_string()) && is_indexed(&job) && may_add {
                let document = self.jobs.and_then(|jobs| jobs.document(job.id).ok().flatten());
                document.map_or(Ok(()), |document| batch.add_job(job, &document))?;
            }
        }
        batch.store()?;
        let source = |id| Source {
            holder: JOBS.to_owned(),
            id,
        };
        match is_complete {
            true => index.remove(&gone.into_iter().map(source).collect::<Vec<_>>()),
            false => Ok(()),
        }
    }

    /// Stores the words of recordings again whose corrections are of another revision than those in the index, where servers share them.
    pub(super) fn apply_corrections(&self, index: &Index) -> Result<(), SearchError> {
        let (Some(corrections), Some(jobs)) = (self.corrections.filter(|some| some.are_shared()), self.jobs) else {
            return Ok(());
        };
        for (media, revision) in logged(corrections.revisions()).unwrap_or_default() {
            if index.revision(&media)? == revision {
                continue;
            }
            let query = ListQuery {
                recording: Some(media),
                limit: MOST_OF_RECORDING,
                ..ListQuery::default()
            };
            let Some(of_recording) = logged(jobs.list(&query)) else {
                return Ok(());
            };
            for job in of_recording {
                self.refresh(index, &media, Some(job.id))?;
            }
            // Unless the corrections could not be read meanwhile.
            if logged(corrections.history(&media)).is_some() {
                index.set_revision(&media, revision)?;
            }
        }
        Ok(())
    }

    fn batch<'b>(&'b self, index: &'b Index) -> Batch<'b> {
        Batch {
            index,
            corrections: self.corrections,
            documents: Vec::new(),
        }
    }

    /// Whether a source still holds its document.
    #[must_use]
    pub fn presence(&self, source: &Source) -> Presence {
        let held = |held: Option<bool>| match held {
            Some(true) => Presence::Present,
            Some(false) => Presence::Gone,
            None => Presence::Unknown,
        };
        match (self.jobs, self.cache) {
            (Some(jobs), _) if source.holder == JOBS => held(source.id.parse::<JobId>().ok().and_then(|id| {
                let job = jobs.get(id).ok()?;
                Some(job.is_some_and(|job| job.has_document))
            })),
            (_, Some(cache)) if source.holder == cache_holder(cache) => {
                held(source.id.parse::<Key>().ok().and_then(|key| {
                    let entry = cache.lookup(&key).ok()?;
                    Some(entry.is_some())
                }))
            }
            _ => Presence::Unknown,
        }
    }

    /// The jobs with a document, the newest first. The last one may be an error.
    fn finished_jobs(&self) -> impl Iterator<Item = Result<Job, JobsError>> {
        const PAGE: u32 = 200;
        let mut query = ListQuery {
            states: vec![JobState::Completed, JobState::Partial],
            after: None,
            recording: None,
            limit: PAGE,
        };
        let jobs = self.jobs;
        let mut ended = false;
        let pages = std::iter::from_fn(move || {
            let page = match jobs.filter(|_| !ended)?.list(&query) {
                Ok(page) => page,
                Err(error) => {
                    ended = true;
                    return Some(vec![Err(error)]);
                }
            };
            ended = page.len() < PAGE as usize;
            query.after = page.last().map(|job| job.id);
            Some(page.into_iter().map(Ok).collect())
        });
        pages.flatten()
    }
}

/// Documents that are stored together.
struct Batch<'a> {
    index: &'a Index,
    corrections: Option<&'a Corrections>,
    documents: Vec<(Digest, Document, Source, String, i64)>,
}

impl Batch<'_> {
    fn add_cached(&mut self, cache: &Cache, entry: Cached) -> Result<(), SearchError> {
        let Ok(Some(artifact)) = cache.peek(&entry.key) else {
            return Ok(());
        };
        let source = cached_source(cache, &entry);
        let title = entry.label.unwrap_or_default();
        self.add(entry.digest, &artifact.bytes, (source, title, entry.last_used_ms))
    }

    fn add_job(&mut self, job: Job, document: &str) -> Result<(), SearchError> {
        let (key, given_ms) = (Digest::of(document.as_bytes()), job.finished_ms.unwrap_or_default());
        self.add(
            key,
            document.as_bytes(),
            (job_source(job.id), job.request.label, given_ms),
        )
    }

    fn add(
        &mut self,
        key: Digest,
        bytes: &[u8],
        (source, title, given_ms): (Source, String, i64),
    ) -> Result<(), SearchError> {
        match serde_json::from_slice(bytes) {
            Ok(document) => {
                if let Some(document) = for_index(self.corrections, document) {
                    self.documents.push((key, document, source, title, given_ms));
                }
            }
            Err(error) => tracing::debug!("a document is not indexed: {error}"),
        }
        match self.documents.len() {
            BATCH.. => self.store(),
            _ => Ok(()),
        }
    }

    fn store(&mut self) -> Result<(), SearchError> {
        let documents = std::mem::take(&mut self.documents);
        let entries: Vec<Entry<'_>> = (documents.iter())
            .map(|(key, document, source, title, given_ms)| Entry {
                key: *key,
                document,
                source,
                title,
                given_ms: *given_ms,
            })
            .collect();
        self.index.store_all(&entries)
    }
}

#[cfg(test)]
mod tests {
    use cesar_jobs::{Disk, JobRequest, Liveness as _, NewJob, Report, SqliteJobs, SystemRandom, Workers};

    use super::*;
    use crate::testing::failing_store;

    /// A store that fails at an operation, with a completed job.
    fn with_a_job(folder: &std::path::Path, at: u64) -> (SqliteJobs, Disk, JobId) {
        let (store, disk) = failing_store(folder, at);
        let workers = Workers::open(folder, Disk::real(), std::sync::Arc::new(SystemRandom)).unwrap();
        let request = JobRequest::new(cesar_jobs::Source::Url {
            url: "https://example.org/talk.mp3".to_owned(),
        });
        store.submit(&NewJob::new(request)).unwrap();
        let worker = workers.register().unwrap();
        let claim = store.claim(worker.id()).unwrap().unwrap();
        let document = serde_json::json!({
            "schema": 1, "language": "en", "language_probability": 0.9, "task": "transcribe", "duration": 1.0,
            "created": "2026-01-02T03:04:05Z", "speakers": [], "segments": [],
            "provenance": { "cesar": "1.0.0", "sampled": false,
                "audio": { "media_sha256": "", "pcm_sha256": "", "codec": "flac", "offset": 0.0 },
                "asr": { "plugin": "echo", "version": "0.1.0", "plugin_sha256": "", "model": null, "model_sha256": null, "options": {} } }
        })
        .to_string();
        store.complete(&claim.lease, &document, &Report::default()).unwrap();
        (store, disk, claim.job.id)
    }

    fn holders(store: &SqliteJobs) -> Holders<'_> {
        Holders {
            cache: None,
            jobs: Some(store),
            corrections: None,
        }
    }

    /// The operations of the disk before a comparison, and whether the index still has the job after it.
    fn compared(at: u64) -> (u64, bool) {
        let folder = tempfile::tempdir().unwrap();
        let (store, disk, job) = with_a_job(folder.path(), at);
        let index = Index::open(folder.path()).unwrap();
        holders(&store).reconcile(&index).unwrap();
        assert!(
            index.holds(&job_source(job)).unwrap(),
            "a job of another process is added"
        );
        let before = disk.operations();
        holders(&store).reconcile(&index).unwrap();
        (before, index.holds(&job_source(job)).unwrap())
    }

    #[test]
    fn jobs_that_cannot_be_read_stay_in_the_index() {
        let (before, is_held) = compared(u64::MAX);
        assert!(is_held);
        assert_eq!(compared(before + 1), (before, true));
    }

    #[test]
    fn removed_jobs_leave_the_index() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _, job) = with_a_job(folder.path(), u64::MAX);
        let index = Index::open(folder.path()).unwrap();
        holders(&store).reconcile(&index).unwrap();
        store.remove(job).unwrap();
        holders(&store).reconcile(&index).unwrap();
        assert!(!index.holds(&job_source(job)).unwrap());
    }
}
