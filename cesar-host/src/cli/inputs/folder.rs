//! The recordings in a folder.
//!
//! Skipped are hidden files and folders (such as `._talk.wav` of macOS), unfinished downloads, files without an extension of
//! recordings, and entries that are no files. Named explicitly they are transcribed like any other.

use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use cesar_base::names::shown;
use cesar_runner::CancelToken;
use walkdir::{DirEntry, WalkDir};

use super::collected::{Collected, PassedOver};
use super::recording::{InputError, Recording, file};

/// Extensions of incomplete files of browsers and download programs.
const UNFINISHED: [&str; 9] = [
    "!ut",
    "aria2",
    "bc!",
    "crdownload",
    "download",
    "opdownload",
    "part",
    "partial",
    "tmp",
];

/// Kind of an entry of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    Folder,
    Recording,
    Hidden,
    Unfinished,
    Other,
}

/// Adds the recordings of a folder, each named by its relative path.
pub(super) fn add(collected: &mut Collected, folder: &Path, cancel: &CancelToken) -> Result<(), InputError> {
    let before = collected.recordings.len();
    walk(collected, folder, &|_| false, cancel)?;
    match collected.recordings.len() == before {
        true => Err(InputError::NoRecordings(folder.to_owned())),
        false => Ok(()),
    }
}

/// Adds the recordings of a folder, if there are any. Folders below it that are `left_out` are not read, and one to which several links lead is
/// read once: each of them could have several links again.
pub(crate) fn walk(
    collected: &mut Collected,
    folder: &Path,
    left_out: &dyn Fn(&Path) -> bool,
    cancel: &CancelToken,
) -> Result<Seen, InputError> {
    std::fs::read_dir(folder).map_err(|error| InputError::Folder(folder.to_owned(), error))?;
    let mut found = Vec::new();
    let mut passed_over = PassedOver {
        folder: folder.to_owned(),
        ..PassedOver::default()
    };
    let mut seen = Seen::default();
    let mut entries = WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter();
    while let Some(entry) = entries.next() {
        if cancel.is_cancelled() {
            return Err(InputError::Interrupted);
        }
        let entry = match entry {
            Ok(entry) => entry,
            // A broken link or a locked folder is no reason to skip the others.
            Err(error) => {
                let is_hidden = error.path().is_some_and(|path| path != folder && is_hidden(path));
                match is_hidden {
                    true => passed_over.hidden += 1,
                    false => collected.skipped.push(skipped(&error)),
                }
                continue;
            }
        };
        match kind(&entry) {
            Entry::Folder if left_out(entry.path()) => entries.skip_current_dir(),
            Entry::Folder => {
                if let Some(first) = seen.before(&entry) {
                    let (path, first) = (shown(entry.path()), shown(first));
                    let note = format!("skipped `{path}`: it is the same folder as `{first}`");
                    collected.skipped.push(note);
                    entries.skip_current_dir();
                }
            }
            Entry::Recording => found.push(recording(folder, entry.into_path())),
            Entry::Hidden => {
                passed_over.hidden += 1;
                if entry.file_type().is_dir() {
                    entries.skip_current_dir();
                }
            }
            Entry::Unfinished => passed_over.unfinished += 1,
            Entry::Other => passed_over.others += 1,
        }
    }
    collected.passed_over.extend(passed_over.some());
    collected.recordings.extend(found);
    Ok(seen)
}

/// The folders that a walk has read, by device and number.
#[derive(Default)]
pub(crate) struct Seen(HashMap<(u64, u64), PathBuf>);

impl Seen {
    /// The path by which the folder of this device and number was read.
    pub(crate) fn path(&self, identity: (u64, u64)) -> Option<&Path> {
        self.0.get(&identity).map(PathBuf::as_path)
    }

    /// The path by which the folder was read before; else remembers it.
    fn before(&mut self, entry: &DirEntry) -> Option<&Path> {
        let metadata = entry.metadata().ok()?;
        match self.0.entry((metadata.dev(), metadata.ino())) {
            Occupied(before) => Some(before.into_mut()),
            Vacant(first) => {
                first.insert(entry.path().to_owned());
                None
            }
        }
    }
}

/// Whether [`walk`] takes a file of this path in the folder for a recording.
pub(crate) fn is_recording(folder: &Path, path: &Path) -> bool {
    let Ok(below) = path.strip_prefix(folder) else {
        return false;
    };
    !below.iter().any(|name| is_hidden(Path::new(name))) && kind_of_file(path) == Entry::Recording
}

fn kind(entry: &DirEntry) -> Entry {
    // The folder itself was named, with any name.
    if entry.depth() > 0 && is_hidden(entry.path()) {
        Entry::Hidden
    } else if entry.file_type().is_dir() {
        Entry::Folder
    } else if !entry.file_type().is_file() {
        Entry::Other
    } else {
        kind_of_file(entry.path())
    }
}

/// Kind of a file that is not hidden, by its extension.
fn kind_of_file(path: &Path) -> Entry {
    let extension = path
        .extension()
        .map(|extension| extension.to_string_lossy().to_lowercase());
    match extension.as_deref() {
        Some(extension) if UNFINISHED.contains(&extension) => Entry::Unfinished,
        Some(extension) if cesar_audio::is_media_extension(extension) => Entry::Recording,
        _ => Entry::Other,
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// The recording at a path in the folder.
pub(crate) fn recording(folder: &Path, path: PathBuf) -> Recording {
    let name = path.strip_prefix(folder).unwrap_or(&path).to_owned();
    file(path, name)
}

fn skipped(error: &walkdir::Error) -> String {
    let path = error.path().map(shown).unwrap_or_default();
    match (error.loop_ancestor(), error.io_error()) {
        (Some(above), _) => format!("skipped `{path}`: it links to its parent `{}`", shown(above)),
        (None, Some(reason)) => format!("skipped `{path}`: {reason}"),
        (None, None) => format!("skipped `{path}`"),
    }
}
