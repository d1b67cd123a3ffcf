//! The search index: filled from the cache and the jobs, and cleared of what they no longer hold.
//!
//! | module | content |
//! |---|---|
//! | `holders` | comparison of the index with cache, jobs and corrections |
//! | `thread` | the thread of a server that keeps its index |

mod holders;
mod thread;

use cesar_base::{Clock as _, Digest, SystemClock};
use cesar_cache::Cache;
use cesar_corrections::{Corrections, CorrectionsError, History, media_of};
use cesar_jobs::{Job, JobId};
use cesar_search::{Entry, Index, SearchError, Source};
use plugin_api::document::Document;

use crate::work::requests::is_given;

pub use holders::Holders;
pub(crate) use thread::{add_ended_job, holders, run};

/// The holder of the documents of jobs.
pub(crate) const JOBS: &str = "jobs";

/// The holder of the documents of a cache: caches in several folders share one index.
#[must_use]
pub fn cache_holder(cache: &Cache) -> String {
    format!("cache {}", cache.directory().display())
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
    match history(corrections, &document) {
        Ok(history) => applied(&history, document),
        Err(error) => {
            tracing::debug!("a transcript is indexed without its corrections: {error}");
            document
        }
    }
}

/// The same for the index. `None` while the corrections that servers share cannot be read: a later comparison adds it.
fn for_index(corrections: Option<&Corrections>, document: Document) -> Option<Document> {
    match history(corrections, &document) {
        Err(error @ CorrectionsError::Shared(_)) => {
            tracing::debug!("a transcript is indexed later: {error}");
            None
        }
        Err(error) => {
            tracing::debug!("a transcript is indexed without its corrections: {error}");
            Some(document)
        }
        Ok(history) => Some(applied(&history, document)),
    }
}

fn applied(history: &History, document: Document) -> Document {
    match history.is_empty() {
        true => document,
        false => history.apply(document).document,
    }
}

/// The corrections of a document's recording.
fn history(corrections: Option<&Corrections>, document: &Document) -> Result<History, CorrectionsError> {
    match (corrections, media_of(document)) {
        (Some(corrections), Some(media)) => corrections.history(&media),
        _ => Ok(History::default()),
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
            Ok(document) => match for_index(corrections, document) {
                Some(document) => add_given(index, (&key, &source, title), &document, now_ms),
                None => Ok(()),
            },
            Err(error) => {
                tracing::debug!(job = %job.id, trace = %job.trace_id(), "the transcript is not indexed: {error}");
                Ok(())
            }
        },
    });
    if let Err(error) = added {
        tracing::debug!(job = %job.id, trace = %job.trace_id(), "the transcript is not indexed: {error}");
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

/// The answer of a store, whose errors are logged.
fn logged<T, E: std::fmt::Display>(answer: Result<T, E>) -> Option<T> {
    answer
        .inspect_err(|error| tracing::debug!("the search index is not compared: {error}"))
        .ok()
}
