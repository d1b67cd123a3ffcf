//! Random access to a file's bytes through one window, and a budget for searching them.
//!
//! In a hostile file, each byte can begin something long that must be checked. [`Bytes::spend`] is called before many bytes are
//! checked at one place, so that the work for a file grows with its length and not with the square of it.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crate::{AudioError, stop};

/// Minimum number of bytes per read.
const WINDOW: usize = 128 * 1024;

/// Bytes that may be checked in any file, and how often each of them may be checked.
const FREE_WORK: u64 = 16 << 20;
const MOST_PASSES: u64 = 8;

/// A file with a window in memory.
#[derive(Debug)]
pub(crate) struct Bytes {
    path: PathBuf,
    file: File,
    length: u64,
    /// Position of the window.
    start: u64,
    window: Vec<u8>,
    work_left: u64,
}

impl Bytes {
    /// Opens the file.
    ///
    /// # Errors
    /// [`AudioError::Unreadable`].
    pub(crate) fn open(path: &Path) -> Result<Self, AudioError> {
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (length, file) = opened.map_err(|source| AudioError::unreadable(path, source))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            length,
            start: 0,
            window: Vec::new(),
            work_left: length.saturating_mul(MOST_PASSES).saturating_add(FREE_WORK),
        })
    }

    /// Length of the file when it was opened.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the check of this many bytes from the budget; `false` if it is used up, so that searching must stop.
    pub(crate) fn spend(&mut self, count: usize) -> bool {
        self.work_left = self.work_left.saturating_sub(count as u64);
        self.has_budget()
    }

    /// Whether budget is left.
    pub(crate) fn has_budget(&self) -> bool {
        self.work_left > 0
    }

    /// The `count` bytes at `position`; fewer only at the end of the file.
    ///
    /// # Errors
    /// [`AudioError::Unreadable`].
    pub(crate) fn at(&mut self, position: u64, count: usize) -> Result<&[u8], AudioError> {
        let count = count.min(usize::try_from(self.length.saturating_sub(position)).unwrap_or(usize::MAX));
        if count == 0 {
            return Ok(&[]);
        }
        if !self.has(position, count) {
            self.fill(position, count)
                .map_err(|source| AudioError::unreadable(&self.path, source))?;
        }
        let offset = usize::try_from(position - self.start).unwrap_or(usize::MAX);
        let rest = self.window.get(offset..).unwrap_or_default();
        Ok(&rest[..count.min(rest.len())])
    }

    /// The `N` bytes at `position`; `None` if the file ends before.
    ///
    /// # Errors
    /// [`AudioError::Unreadable`].
    pub(crate) fn array<const N: usize>(&mut self, position: u64) -> Result<Option<[u8; N]>, AudioError> {
        Ok(self.at(position, N)?.first_chunk().copied())
    }

    fn has(&self, position: u64, count: usize) -> bool {
        let end = self.start + self.window.len() as u64;
        position >= self.start && position.saturating_add(count as u64) <= end
    }

    /// Reads twice the requested length, so that large requests at many places read few bytes repeatedly.
    fn fill(&mut self, position: u64, count: usize) -> io::Result<()> {
        stop::check()?;
        self.window.clear();
        self.start = position;
        self.file.seek(SeekFrom::Start(position))?;
        let wanted = count.saturating_mul(2).max(WINDOW) as u64;
        self.file.by_ref().take(wanted).read_to_end(&mut self.window)?;
        // A truncated file ends at its present end.
        if self.window.len() < count {
            self.length = self.length.min(position + self.window.len() as u64);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_gives_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let content = (0..400_000_u32)
            .map(|index| ((index * 7) >> 3) as u8)
            .collect::<Vec<_>>();
        std::fs::write(&path, &content).unwrap();
        let mut bytes = Bytes::open(&path).unwrap();
        for (position, count) in [
            (0, 4),
            (399_998, 10),
            (100, 300_000),
            (5, 131_072),
            (131_070, 9),
            (400_000, 1),
            (9_000_000, 3),
        ] {
            let expected = content.get(position..).unwrap_or_default();
            let expected = &expected[..count.min(expected.len())];
            assert_eq!(
                bytes.at(position as u64, count).unwrap(),
                expected,
                "{position} {count}"
            );
        }
        assert_eq!(bytes.array::<2>(399_999).unwrap(), None);
        assert_eq!(bytes.at(u64::MAX, 5).unwrap(), b"");
    }
}
