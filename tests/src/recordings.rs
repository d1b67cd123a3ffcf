//! The recordings and their texts: bundled ones under `fixtures/`, third-party ones in a folder outside the tree.

use crate::workspace;
use serde_json::Value;
use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// The folder of the bundled recordings.
pub fn fixtures() -> PathBuf {
    workspace().join("tests/fixtures")
}

/// One file of the bundled recordings.
///
/// # Panics
/// If it does not exist.
pub fn fixture(name: &str) -> PathBuf {
    let path = fixtures().join(name);
    assert!(path.is_file(), "`{}` is missing: restore it with git", path.display());
    path
}

/// The folder of third-party recordings (`$CESAR_TEST_DATA`, else `../shared/data` beside the workspace), which may
/// not be committed. `None`, with a reported skip, if there is none: the calling test then has nothing to do.
pub fn test_data() -> Option<PathBuf> {
    let found = find_test_data();
    if found.is_none() {
        crate::skip::without_data();
    }
    found
}

/// [`test_data`] without the report.
pub fn find_test_data() -> Option<PathBuf> {
    let folder = match env::var_os("CESAR_TEST_DATA") {
        Some(given) => PathBuf::from(given),
        None => workspace().parent()?.join("shared/data"),
    };
    folder.join("audio").is_dir().then_some(folder)
}

/// A recording and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Path of the recording relative to its folder, for tables.
    pub name: String,
    /// The recording.
    pub recording: PathBuf,
    /// Language, ISO 639-1.
    pub language: String,
    /// The words.
    pub text: String,
    /// A remark for readers of its error rate.
    pub note: Option<String>,
}

/// The bundled recordings with their texts, by name.
///
/// # Panics
/// If a text or its language cannot be read.
pub fn bundled() -> Vec<Reference> {
    let mut found: Vec<Reference> = entries(&fixtures())
        .into_iter()
        .filter(|path| matches!(extension(path), "flac" | "m4a" | "mp3" | "ogg" | "opus" | "wav"))
        .map(|recording| Reference {
            name: recording
                .file_name()
                .expect("a directory entry has a name")
                .to_string_lossy()
                .into_owned(),
            language: string(&json(&recording.with_extension("json")), "language"),
            text: read(&recording.with_extension("txt")),
            note: None,
            recording,
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// The recordings under `data` whose text is known (`tools/references.json`), in the order of the list. A listed but
/// absent recording is included: opening it fails.
///
/// # Panics
/// If the list cannot be read.
pub fn references(data: &Path) -> Vec<Reference> {
    let list = json(&workspace().join("tests/tools/references.json"));
    let recordings = list["recordings"]
        .as_array()
        .expect("`references.json` has a list `recordings`");
    recordings
        .iter()
        .map(|entry| {
            let file = string(entry, "file");
            Reference {
                recording: data.join(&file),
                name: file.strip_prefix("audio/").unwrap_or(&file).to_owned(),
                language: string(entry, "language"),
                text: string(entry, "text"),
                note: entry["note"].as_str().map(str::to_owned),
            }
        })
        .collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let listing = fs::read_dir(folder).unwrap_or_else(|error| panic!("`{}`: {error}", folder.display()));
    listing
        .map(|entry| entry.expect("the folder can be listed").path())
        .collect()
}

fn extension(path: &Path) -> &str {
    path.extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("`{}`: {error}", path.display()))
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&read(path)).unwrap_or_else(|error| panic!("`{}`: {error}", path.display()))
}

fn string(object: &Value, key: &str) -> String {
    object[key]
        .as_str()
        .unwrap_or_else(|| panic!("`{key}` is missing in {object}"))
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bundled_recording_has_its_text_and_language() {
        let names: Vec<_> = bundled()
            .into_iter()
            .map(|reference| (reference.name, reference.language))
            .collect();
        let expected = [
            ("harbour.mp3", "en"),
            ("interview.m4a", "en"),
            ("meeting.flac", "en"),
            ("short.wav", "en"),
            ("spanish.opus", "es"),
            ("welcome.ogg", "en"),
        ];
        assert_eq!(
            names,
            expected.map(|(name, language)| (name.to_owned(), language.to_owned()))
        );
    }

    #[test]
    fn every_listed_recording_is_in_the_test_data() {
        let Some(data) = test_data() else { return };
        let absent: Vec<_> = references(&data)
            .into_iter()
            .filter(|entry| !entry.recording.is_file())
            .collect();
        assert_eq!(absent, []);
    }
}
