//! The search index: filled from the cache and the jobs, and cleared of what they no longer hold.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use cesar_base::{Clock as _, Digest, SystemClock};
use cesar_cache::{Cache, CacheError, Entry as Cached, Key, Listed, Sort};
use cesar_corrections::{Corrections, media_of};
use cesar_jobs::{Job, JobId, JobState, JobStore, ListQuery};
use cesar_pipeline::Stage;
use cesar_search::{Entry, Index, Presence, SearchError, Source};
use plugin_api::document::Document;

use crate::state::{App, Shared};
use crate::work::requests::is_given;

/// The holder of the documents of jobs.
pub(crate) const JOBS: &str = "jobs";

/// Interval of comparisons of sources with holders.
const RECONCILE_INTERVAL: Duration = Duration::from_secs(600);

/// Interval of checks for a stop.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Documents stored in one transaction.
const BATCH: usize = 100;

/// The holder of the documents of a cache: caches in several folders share one index.
#[must_use]
pub fn cache_holder(cache: &Cache) -> String {
    format!("cache {}", cache.directory().display())
}

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

fn job_source(id: JobId) -> Source {
    Source {
        holder: JOBS.to_owned(),
        id: id.to_string(),
    }
}

/// A document as its readers see it: with the corrections of its recording, as far as they can be read.
#[must_use]
pub fn corrected(corrections: Option<&Corrections>, document: Document) -> Document {
    let (Some(corrections), Some(media)) = (corrections, media_of(&document)) else {
        return document;
    };
    match corrections.history(&media) {
        Ok(history) if history.is_empty() => document,
        Ok(history) => history.apply(document).document,
        Err(error) => {
            tracing::debug!("a transcript is indexed without its corrections: {error}");
            document
        }
    }
}

/// Whether the words of a job are found: not those of one that leaves no traces, nor those that were given.
fn is_indexed(job: &Job) -> bool {
    !job.request.parameters.no_cache && !is_given(&job.request)
}

/// Adds the document of a job that has ended; nothing of a job that bypassed the cache. Errors are logged.
pub fn add_job(index: &Index, job: &Job, document: &str, corrections: Option<&Corrections>) {
    if !is_indexed(job) {
        return;
    }
    let (key, source) = (Digest::of(document.as_bytes()), job_source(job.id));
    let (title, now_ms) = (job.request.label.as_str(), SystemClock.now_ms());
    let added = index.give(&key, &source, title, now_ms).and_then(|known| match known {
        true => Ok(()),
        false => match serde_json::from_str::<Document>(document) {
            Ok(document) => add_given(index, (&key, &source, title), &corrected(corrections, document), now_ms),
            Err(error) => {
                tracing::debug!(job = %job.id, "the transcript is not indexed: {error}");
                Ok(())
            }
        },
    });
    if let Err(error) = added {
        tracing::debug!(job = %job.id, "the transcript is not indexed: {error}");
    }
}

/// Stores a document that a user was given now.
///
/// # Errors
/// When the index cannot be written.
pub fn add_given(
    index: &Index,
    (key, source, title): (&Digest, &Source, &str),
    document: &Document,
    now_ms: i64,
) -> Result<(), SearchError> {
    index.store(&Entry {
        key: *key,
        document,
        source,
        title,
        given_ms: now_ms,
    })?;
    // Where the clock was set back, another one is the last.
    index.give(key, source, title, now_ms).map(drop)
}

/// Removes the words of removed jobs. Errors are logged.
pub fn remove_jobs(index: &Index, jobs: &[JobId]) {
    let sources: Vec<Source> = jobs.iter().copied().map(job_source).collect();
    if let Err(error) = index.remove(&sources) {
        tracing::warn!("cannot remove the words of removed jobs from the search index: {error}");
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
        let mut batch = Batch {
            index,
            corrections: self.corrections,
            documents: Vec::new(),
        };
        if let Some(cache) = self.cache {
            for listed in documents(cache).unwrap_or_default() {
                if stop() {
                    return Ok(());
                }
                batch.add_cached(cache, listed.entry)?;
            }
        }
        for job in self.finished_jobs() {
            if stop() {
                return Ok(());
            }
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
        let mut batch = Batch {
            index,
            corrections: self.corrections,
            documents: Vec::new(),
        };
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

    /// Removes the sources that are gone, and what is left of removed words.
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
            let ids: HashSet<String> = self.finished_jobs().map(|job| job.id.to_string()).collect();
            index.retain(JOBS, &ids)?;
        }
        index.maintain()?;
        match self.cache {
            Some(_) => index.set_reconciled(SystemClock.now_ms()),
            None => Ok(()),
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

    /// The jobs with a document, the newest first.
    fn finished_jobs(&self) -> impl Iterator<Item = Job> {
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
            let page = jobs.filter(|_| !ended)?.list(&query).ok()?;
            ended = page.len() < PAGE as usize;
            query.after = page.last().map(|job| job.id);
            Some(page)
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
                let document = corrected(self.corrections, document);
                self.documents.push((key, document, source, title, given_ms));
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

/// Fills a new index, then compares it with cache and jobs from time to time, until the server has stopped.
pub(crate) fn run(shared: &App) {
    let Some(index) = &shared.transcripts.search else {
        return;
    };
    let mut last: Option<Instant> = None;
    while !shared.signals.stopping() {
        if last.is_none_or(|last| last.elapsed() >= RECONCILE_INTERVAL) {
            if let Err(error) = update(shared, index) {
                tracing::warn!("cannot update the search index: {error}");
            }
            last = Some(Instant::now());
        }
        shared.signals.housekeeping_due.wait(POLL_INTERVAL);
    }
}

/// The stores of a server.
pub(crate) fn holders(shared: &Shared) -> Holders<'_> {
    Holders {
        cache: shared.pipeline.cache(),
        jobs: Some(&*shared.jobs.store),
        corrections: Some(&shared.transcripts.corrections),
    }
}

fn update(shared: &Shared, index: &Index) -> Result<(), SearchError> {
    let update = || {
        let holders = holders(shared);
        if !index.is_built()? {
            holders.fill(index, &|| shared.signals.stopping())?;
        }
        holders.reconcile(index)
    };
    match update() {
        Err(error) if error.is_damage() => {
            tracing::warn!("{error}; rebuilding it");
            index.recreate()?;
            update()
        }
        result => result,
    }
}
