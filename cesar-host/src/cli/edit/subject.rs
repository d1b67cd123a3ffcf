//! Subject of corrections: a recording, and the transcript that they are checked against.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use cesar_audio::DecodeOptions;
use cesar_base::names::shown;
use cesar_base::{Digest, SystemClock, open_file, read_file};
use cesar_cache::{Cache, Entry, hash_file};
use cesar_config::Settings;
use cesar_corrections::{media_of, parse};
use cesar_pipeline::{PipelineError, Stage};
use cesar_runner::CancelToken;
use plugin_api::document::Document;

use crate::cli::host;
use crate::cli::report::{Failure, note};

/// The most transcripts of a recording that corrections are checked against.
const TRANSCRIPTS: usize = 8;

/// A recording, by its content.
pub(super) struct Subject {
    pub(super) media: Digest,
    /// Its transcripts, the last shown first.
    pub(super) documents: Vec<Document>,
}

impl Subject {
    /// Reads a JSON transcript, or hashes a recording and looks for its transcripts in the cache.
    pub(super) fn of(file: &Path, settings: &Settings, cancel: &CancelToken) -> Result<Self, Failure> {
        if is_address(file) {
            return Err(Failure::usage(format!(
                "`{0}` is an address, not a file; write its transcript with `cesar transcribe {0} -f json -o talk.json`, and name that",
                shown(file)
            )));
        }
        if let Err(error) = open_file(file)
            && error.kind() == ErrorKind::InvalidInput
        {
            return Err(Failure::usage(format!(
                "`{}` cannot be corrected ({error})",
                shown(file)
            )));
        }
        if is_json(file) {
            return Self::of_transcript(file);
        }
        let cache = open_cache(settings);
        let stop = || cancel.is_cancelled();
        let media = match &cache {
            Some(cache) => cache.file_digest(file, &stop),
            None => hash_file(file, &stop),
        };
        let media = media.map_err(|error| match cancel.is_cancelled() {
            true => Failure::from(PipelineError::Interrupted),
            false => Failure::failed(error),
        })?;
        let documents = cache.map(|cache| transcripts(&cache, &media)).unwrap_or_default();
        if documents.is_empty() {
            // Corrections of a transcript in another format would never be applied.
            cesar_audio::probe(file, &DecodeOptions::default())
                .map_err(|error| Failure::usage(format!("{error}; a transcript can be given as JSON")))?;
        }
        Ok(Self { media, documents })
    }

    fn of_transcript(file: &Path) -> Result<Self, Failure> {
        let refused = |reason: String| Failure::usage(format!("`{}`: {reason}", shown(file)));
        let json = std::fs::read(file).map_err(|error| refused(format!("it cannot be read ({error})")))?;
        let document = parse(&json).map_err(|error| refused(error.to_string()))?;
        let media = media_of(&document).ok_or_else(|| refused("it does not name its recording".to_owned()))?;
        Ok(Self {
            media,
            documents: vec![document],
        })
    }

    /// The transcript, if it has corrections already.
    pub(super) fn corrected(&self) -> Option<&Document> {
        let document = self.documents.first()?;
        document.provenance.corrections.map(|_| document)
    }
}

/// Whether the name is an address that `cesar transcribe` would fetch.
fn is_address(file: &Path) -> bool {
    file.to_str().is_some_and(cesar_pipeline::is_address) && !file.exists()
}

/// Whether the file begins as a JSON object: no recording does.
fn is_json(file: &Path) -> bool {
    read_file(file, 64).is_ok_and(|begin| begin.trim_ascii_start().starts_with(b"{"))
}

/// The cache, unless it is off or cannot be opened: then corrections are checked later.
pub(super) fn open_cache(settings: &Settings) -> Option<Cache> {
    let folder = settings
        .cache
        .folder()
        .ok()
        .flatten()
        .filter(|folder| folder.is_dir())?;
    match Cache::open_limited(folder, Arc::new(SystemClock), host::cache_limits(settings)) {
        Ok(cache) => Some(cache),
        Err(error) => {
            note(&format!("warning: cache error (continuing without it): {error}"));
            None
        }
    }
}

/// The transcripts of a recording, the last shown first.
fn transcripts(cache: &Cache, media: &Digest) -> Vec<Document> {
    let of = |stage: Stage, input: &Digest| cache.results_with_input(stage.name(), input).unwrap_or_default();
    let merged = of(Stage::Merge, media);
    let spelled = merged
        .iter()
        .take(TRANSCRIPTS)
        .flat_map(|entry| of(Stage::Glossary, &entry.digest));
    let mut entries: Vec<Entry> = spelled.chain(merged.iter().cloned()).collect();
    // The one that the user saw last. Of equal age, a transcript with its spelling corrected comes first.
    entries.sort_by_key(|entry| std::cmp::Reverse((entry.last_used_ms, entry.created_ms)));
    let document = |entry: Entry| parse(&cache.peek(&entry.key).ok()??.bytes).ok();
    entries.into_iter().take(TRANSCRIPTS).filter_map(document).collect()
}
