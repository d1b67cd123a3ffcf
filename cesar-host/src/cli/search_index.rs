//! The search index, as other commands keep it: documents of finished runs, corrections, removals.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cesar_base::Digest;
use cesar_cache::Cache;
use cesar_config::Settings;
use cesar_corrections::Corrections;
use cesar_jobs::JobStore;
use cesar_pipeline::{DocumentSink, FinishedDocument};
use cesar_search::{Entry, Index, SearchError, Source};
use cesar_server::{Holders, cache_holder, corrected};
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
    holder: String,
    /// Opened for the first document; `None` before that, and after it could not be opened.
    index: Mutex<Option<Arc<Index>>>,
}

impl Indexer {
    /// For the data folder and the cache; `index` where it is open already.
    pub(super) fn new(folder: PathBuf, cache: &Cache, index: Option<Arc<Index>>) -> Self {
        Self {
            folder,
            holder: cache_holder(cache),
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
            holder: self.holder.clone(),
            id: finished.key.to_string(),
        };
        let key: Digest = finished.digest;
        if index.add_source(&key, &source, finished.label)? {
            return Ok(());
        }
        // A run that read only the digest leaves the document to the next rebuild.
        let Some(document) = finished
            .bytes
            .and_then(|bytes| serde_json::from_slice::<Document>(bytes).ok())
        else {
            return Ok(());
        };
        index.store(&Entry {
            key,
            document: &corrected(corrections(&self.folder).as_ref(), document),
            source: &source,
            title: finished.label,
        })
    }
}

impl DocumentSink for Indexer {
    fn finished(&self, document: &FinishedDocument<'_>) {
        if let Err(error) = self.add(document) {
            tracing::debug!("the transcript is not indexed: {error}");
        }
    }
}
