//! A file for symphonia's readers, with zeros in place of a missing part, and without another file behind it.
//!
//! Those of AIFF and CAF read the part behind the sound, and refuse a file that ends before it or has something else there.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use symphonia::core::io::MediaSource;

use crate::stop;

/// Maximum number of zeros that are read: more than the rest of a packet, and what is read ahead. A reader that has lost its place in a
/// damaged file would take them for empty chunks, as far as the declared length.
const MOST_ZEROS: usize = 1 << 20;

/// The file, extended to its declared length.
pub(super) struct Padded {
    file: File,
    there: u64,
    claimed: u64,
    position: u64,
    /// Zeros that may still be read.
    zeros: usize,
    /// Bytes that are read instead of those of the file, at their positions.
    patches: Vec<(u64, Vec<u8>)>,
}

impl Padded {
    /// The first `length` bytes of the file, or all.
    pub(super) fn new(file: File, length: Option<u64>, claimed: u64, patches: Vec<(u64, Vec<u8>)>) -> io::Result<Self> {
        let there = file.metadata()?.len();
        let there = length.map_or(there, |length| length.min(there));
        Ok(Self {
            file,
            there,
            claimed: claimed.max(there),
            position: 0,
            zeros: MOST_ZEROS,
            patches,
        })
    }
}

impl Read for Padded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        stop::check()?;
        let read = if self.position < self.there {
            let left = usize::try_from(self.there - self.position).unwrap_or(usize::MAX);
            let read = left.min(buffer.len());
            self.file.read(&mut buffer[..read])?
        } else {
            let left = usize::try_from(self.claimed.saturating_sub(self.position)).unwrap_or(usize::MAX);
            let zeros = left.min(buffer.len()).min(self.zeros);
            buffer[..zeros].fill(0);
            self.zeros -= zeros;
            zeros
        };
        for (start, bytes) in &self.patches {
            for (byte, at) in bytes.iter().zip(*start..) {
                let index = at
                    .checked_sub(self.position)
                    .and_then(|index| usize::try_from(index).ok());
                if let Some(place) = index.and_then(|index| buffer[..read].get_mut(index)) {
                    *place = *byte;
                }
            }
        }
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Padded {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(offset) => self.claimed.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        self.file.seek(SeekFrom::Start(self.position.min(self.there)))?;
        Ok(self.position)
    }
}

impl MediaSource for Padded {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.claimed)
    }
}
