//! The search index, as other commands keep it: documents of finished runs, corrections, removals.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cesar_base::{Clock as _, Digest, SystemClock};
use cesar_cache::Cache;
use cesar_config::Settings;
use cesar_corrections::Corrections;
use cesar_jobs::JobStore;
use cesar_pipeline::{DocumentSink, FinishedDocument};
use cesar_search::{Index, SearchError, Source};
use cesar_server::{Holders, add_given, cache_holder, corrected};
use parking_lot::Mutex;
use plugin_api::document::Document;

use super::report::note;

/// The corrections, where there are any and they can be read: without them, the words as recognised are found.
pub(super) fn corrections(folder: &Path) -> Option<Corrections> {
    let opened = Corrections::open_existing(folder, cesar_corrections::StoreOptions::default());
    opened.unwrap_or_else(|error| {
        note(&format!(
            "warning: {error}; the search finds the text as it was recognised"
        ));
        None
    })
}

/// Stores the transcripts of a recording again, after its corrections changed. These are stored, so errors are only warnings.
pub(super) fn refresh(media: &Digest, cache: &Cache, corrections: &Corrections, settings: &Settings) {
    let Some(folder) = existing_index(settings) else { return };
    let holders = Holders {
        cache: Some(cache),
        jobs: None,
        corrections: Some(corrections),
    };
    if let Err(error) = Index::open(&folder).and_then(|index| holders.refresh(&index, media, None)) {
        note(&format!(
            "warning: the search index has the words before the correction ({error})"
        ));
    }
}

/// The folder of the index, where there is one.
fn existing_index(settings: &Settings) -> Option<PathBuf> {
    let folder = settings.folders.data().filter(|_| settings.search)?;
    folder.join("search.db").exists().then_some(folder)
}

/// Clears the index of results that a command has removed from the cache. The removal has succeeded, so errors are only warnings.
pub(super) fn forget_removed(cache: &Cache, settings: &Settings) {
    forget(
        settings,
        &Holders {
            cache: Some(cache),
            jobs: None,
            corrections: None,
        },
    );
}

/// Clears the index of jobs that a command has removed.
pub(super) fn forget_jobs(jobs: &dyn JobStore, settings: &Settings) {
    forget(
        settings,
        &Holders {
            cache: None,
            jobs: Some(jobs),
            corrections: None,
        },
    );
}

fn forget(settings: &Settings, holders: &Holders<'_>) {
    let Some(folder) = settings
        .folders
        .data()
        .filter(|folder| folder.join("search.db").exists())
    else {
        return;
    };
    let forgotten = Index::open(&folder).and_then(|index| holders.reconcile(&index));
    if let Err(error) = forgotten {
        note(&format!(
            "warning: removed words may still be in the search index ({error})"
        ));
    }
}

/// Stores the documents of finished runs.
#[derive(Debug)]
pub(super) struct Indexer {
    folder: PathBuf,
    cache: Cache,
    /// Opened for the first document; `None` before that, and after it could not be opened.
    index: Mutex<Option<Arc<Index>>>,
}

impl Indexer {
    /// For the data folder and the cache; `index` where it is open already.
    pub(super) fn new(folder: PathBuf, cache: &Cache, index: Option<Arc<Index>>) -> Self {
        Self {
            folder,
            cache: cache.clone(),
            index: Mutex::new(index),
        }
    }

    fn index(&self) -> Result<Arc<Index>, SearchError> {
        let mut open = self.index.lock();
        match &*open {
            Some(index) => Ok(Arc::clone(index)),
            None => Ok(Arc::clone(open.insert(Arc::new(Index::open(&self.folder)?)))),
        }
    }

    fn add(&self, finished: &FinishedDocument<'_>) -> Result<(), SearchError> {
        let index = self.index()?;
        let source = Source {
            holder: cache_holder(&self.cache),
            id: finished.key.to_string(),
        };
        let key: Digest = finished.digest;
        let now_ms = SystemClock.now_ms();
        if index.give(&key, &source, finished.label, now_ms)? {
            return Ok(());
        }
        let document = match finished.bytes {
            Some(bytes) => serde_json::from_slice::<Document>(bytes).ok(),
            // The run read only the digest.
            None => (self.cache.peek(&finished.key).ok().flatten())
                .and_then(|artifact| serde_json::from_slice(&artifact.bytes).ok()),
        };
        let Some(document) = document else { return Ok(()) };
        let document = corrected(corrections(&self.folder).as_ref(), document);
        add_given(&index, (&key, &source, finished.label), &document, now_ms)
    }
}

impl DocumentSink for Indexer {
    fn finished(&self, document: &FinishedDocument<'_>) {
        if let Err(error) = self.add(document) {
            tracing::debug!("the transcript is not indexed: {error}");
        }
    }
}
