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

impl Outputs {
    /// Removes the files that a transcript of the recording with these bytes replaces.
    pub(crate) fn withdraw(&self, replaced: &Replaced, media: &Digest) {
        let media_of = |file: &Path| file::digest(file).and_then(|digest| self.written.media_of(file, &digest));
        let same = replaced.same.iter().filter(|file| media_of(file) == Some(*media));
        let earlier = replaced.earlier.iter().filter(|file| media_of(file).is_some());
        for file in same.chain(earlier) {
            if let Err(error) = std::fs::remove_file(file) {
                tracing::debug!("cannot remove `{}`: {error}", shown(file));
            }
        }
    }
}
