//! Documents go in, queries come out.

mod file;
mod finding;
mod laws;
mod removing;

use std::path::Path;

use cesar_base::Digest;
use plugin_api::document::Document;
use serde_json::json;
use tempfile::TempDir;

use crate::{Cursor, Entry, Filter, Index, Page, Presence, Search, Source};

/// A spoken segment: speaker (empty: unknown) and text.
type Said<'a> = (&'a str, &'a str);

/// A document of these segments, one each ten seconds, of the recording with this name.
fn document(recording: &str, created: &str, said: &[Said<'_>]) -> Document {
    let segments = said.iter().enumerate().map(|(id, (speaker, text))| {
        let mut segment = json!({ "id": id, "start": id * 10, "end": id * 10 + 9, "text": text });
        if !speaker.is_empty() {
            segment["speaker"] = json!(speaker);
        }
        segment
    });
    let stage = json!({ "plugin": "p", "version": "1", "plugin_sha256": "0", "options": {} });
    let value = json!({
        "schema": 1, "language": "en", "task": "transcribe", "duration": said.len() * 10, "created": created,
        "segments": segments.collect::<Vec<_>>(),
        "provenance": {
            "cesar": "1", "sampled": false, "asr": stage,
            "audio": { "media_sha256": Digest::of(recording.as_bytes()).to_string(), "pcm_sha256": "0", "codec": "pcm", "offset": 0 },
        },
    });
    serde_json::from_value(value).unwrap()
}

fn source(id: &str) -> Source {
    Source {
        holder: "jobs".to_owned(),
        id: id.to_owned(),
    }
}

/// An index in a folder of its own.
struct Library {
    folder: TempDir,
    index: Index,
}

impl Library {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let index = Index::open(folder.path()).unwrap();
        Self { folder, index }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Stores a document of a recording of this name, held by a job of this name.
    fn store(&self, name: &str, document: &Document) -> Digest {
        let key = Digest::of(format!("{name} {document:?}").as_bytes());
        self.store_as(key, name, document);
        key
    }

    fn store_as(&self, key: Digest, name: &str, document: &Document) {
        let entry = Entry {
            key,
            document,
            source: &source(name),
            title: name,
            given_ms: 0,
        };
        self.index.store(&entry).unwrap();
    }

    /// Stores a recording without speakers.
    fn say(&self, name: &str, texts: &[&str]) {
        let said: Vec<Said<'_>> = texts.iter().map(|text| ("", *text)).collect();
        self.store(name, &document(name, "2026-01-01T00:00:00Z", &said));
    }

    fn page(&self, query: &str, filter: &Filter, limit: u32, after: Option<Cursor>) -> Page {
        let search = Search {
            query: &query.parse().unwrap(),
            filter,
            limit,
            after,
        };
        self.index.find(&search, &|_| Presence::Present).unwrap()
    }

    fn find(&self, query: &str) -> Page {
        self.page(query, &Filter::default(), 20, None)
    }

    /// The names of the recordings that are found, best first.
    fn titles(&self, query: &str) -> Vec<String> {
        titles(&self.find(query))
    }

    fn titles_of(&self, query: &str, filter: &Filter) -> Vec<String> {
        titles(&self.page(query, filter, 20, None))
    }
}

fn titles(page: &Page) -> Vec<String> {
    page.hits.iter().map(|hit| hit.title.clone()).collect()
}
