//! Positioned reading of an untrusted file.
//!
//! Declared sizes allocate nothing: reads are limited by the file's length. [`Input::spend`] limits the work that tables
//! can cause, so that reading of every file ends.

use std::io::{self, Read, Seek, SeekFrom};

/// The input of a container.
pub(super) trait Bytes: Read + Seek + Send {}

impl<T: Read + Seek + Send> Bytes for T {}

/// Bytes around the latest small read.
const WINDOW: usize = 4096;

/// Work that any file may cause, and how often its bytes may be read.
const FREE_WORK: u64 = 1 << 18;
const MOST_PASSES: u64 = 16;

/// A file, read at positions.
pub(super) struct Input {
    bytes: Box<dyn Bytes>,
    length: u64,
    window: Vec<u8>,
    window_start: u64,
    work_left: u64,
}

impl Input {
    pub(super) fn new(mut bytes: Box<dyn Bytes>) -> io::Result<Self> {
        let length = bytes.seek(SeekFrom::End(0))?;
        Ok(Self {
            bytes,
            length,
            window: Vec::new(),
            window_start: 0,
            work_left: length.saturating_mul(MOST_PASSES).saturating_add(FREE_WORK),
        })
    }

    /// Length of the file.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Counts work; false if the file has caused too much of it.
    pub(super) fn spend(&mut self, work: u64) -> bool {
        self.work_left = self.work_left.saturating_sub(work.max(1));
        self.work_left > 0
    }

    /// At most `limit` bytes from `start` on, fewer at the end of the file.
    pub(super) fn read(&mut self, start: u64, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        if start < self.length {
            self.bytes.seek(SeekFrom::Start(start))?;
            let limit = limit.min(self.length - start);
            bytes.reserve_exact(usize::try_from(limit).unwrap_or(0));
            self.bytes.by_ref().take(limit).read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    }

    /// The few bytes from `start` on; `None` if the file ends before.
    pub(super) fn array<const N: usize>(&mut self, start: u64) -> io::Result<Option<[u8; N]>> {
        let is_inside = |window: &[u8], at: u64| {
            let offset = usize::try_from(start.checked_sub(at)?).ok()?;
            window.get(offset..)?.first_chunk().copied()
        };
        if let Some(bytes) = is_inside(&self.window, self.window_start) {
            return Ok(Some(bytes));
        }
        self.window = self.read(start, WINDOW as u64)?;
        self.window_start = start;
        Ok(self.window.first_chunk().copied())
    }
}

/// Big-endian numbers in a slice; `None` beyond its end.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|chunk| u16::from_be_bytes(*chunk))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|chunk| u32::from_be_bytes(*chunk))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|chunk| u64::from_be_bytes(*chunk))
}
