//! Transcripts that a new one of the same recording replaces, because it was renamed or has grown.

use std::path::{Path, PathBuf};

use cesar_base::Digest;
use cesar_base::names::shown;

use super::names::joined;
use super::{Outputs, Place, file};

/// Transcripts that a new one of the same recording replaces, unless they were edited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Replaced {
    /// Of the same bytes, under an earlier name of the recording.
    pub(crate) same: Vec<PathBuf>,
    /// Of its earlier bytes.
    pub(crate) earlier: Vec<PathBuf>,
}

impl Place {
    /// The first names that [`Outputs::write`] would try.
    pub(crate) fn likely_files(&self, extensions: &[String]) -> Vec<PathBuf> {
        let Self::Folder(names) = self else { return Vec::new() };
        let bases = names.candidates().take(4);
        bases
            .flat_map(|base| extensions.iter().map(move |extension| joined(&base, extension)))
            .collect()
    }
}

impl Replaced {
    /// Those below a folder.
    #[must_use]
    pub(crate) fn below(mut self, folder: &Path) -> Self {
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        for files in [&mut self.same, &mut self.earlier] {
            files.retain(|file| file.starts_with(&folder));
        }
        self
    }
}

impl Outputs {
    /// Removes the transcripts of earlier bytes, so that a new one gets their names.
    pub(crate) fn withdraw_earlier(&self, replaced: &Replaced) {
        let is_known = |file: &&PathBuf| self.media_of(file).is_some();
        replaced.earlier.iter().filter(is_known).for_each(remove);
    }

    /// Removes the transcripts of the recording with these bytes under its earlier names, now that those in `written` exist.
    pub(crate) fn withdraw_same(&self, replaced: &Replaced, media: &Digest, written: &[PathBuf]) {
        let written: Vec<_> = written.iter().filter_map(|file| file.canonicalize().ok()).collect();
        let is_new = |file: &PathBuf| file.canonicalize().is_ok_and(|file| written.contains(&file));
        let is_earlier = |file: &&PathBuf| self.media_of(file) == Some(*media) && !is_new(file);
        replaced.same.iter().filter(is_earlier).for_each(remove);
    }

    fn media_of(&self, file: &Path) -> Option<Digest> {
        file::digest(file).and_then(|digest| self.written.media_of(file, &digest))
    }
}

fn remove(file: &PathBuf) {
    if let Err(error) = std::fs::remove_file(file) {
        tracing::debug!("cannot remove `{}`: {error}", shown(file));
    }
}
