//! Bytes and pages between those of the chosen stream, and whether they are its loss.
//!
//! Pages are numbered in their stream. Where the number of the next page of the sound continues, only pages of other streams (pictures)
//! were lost. Pages of streams that never began are sound only if the chosen stream does not continue beside them.

use super::page::Page;

/// Maximum number of remembered streams.
const MOST_STREAMS: usize = 64;

/// What was found since the latest page of the chosen stream.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// Bytes that are no pages, and whether something in them begins like one.
    skipped: u64,
    has_marks: bool,
    /// Bytes of pages of streams that never began, and those streams.
    stray: u64,
    strays: Vec<u32>,
    /// Streams beside which the chosen one continued.
    parallel: Vec<u32>,
}

/// The bytes that are a loss of the chosen stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Blamed {
    /// No pages.
    pub(super) skipped: u64,
    /// The part of them that is sound by its appearance.
    pub(super) of_pages: u64,
    /// Pages of streams that never began.
    pub(super) stray: u64,
}

impl Beside {
    pub(super) fn skip(&mut self, bytes: u64, has_marks: bool) {
        self.skipped += bytes;
        self.has_marks |= has_marks;
    }

    /// A page of a stream that never began, of this length.
    pub(super) fn stray(&mut self, page: &Page, length: u64) {
        if self.parallel.contains(&page.serial) {
            return;
        }
        self.stray += length;
        if !self.strays.contains(&page.serial) && self.strays.len() < MOST_STREAMS {
            self.strays.push(page.serial);
        }
    }

    /// A page of the chosen stream follows, with the next number or not. Returns the bytes that were lost to it.
    pub(super) fn resume(&mut self, is_next: bool, has_other_streams: bool) -> u64 {
        self.parallel.append(&mut self.strays);
        self.parallel.truncate(MOST_STREAMS);
        self.stray = 0;
        self.has_marks = false;
        let skipped = std::mem::take(&mut self.skipped);
        if is_next && has_other_streams { 0 } else { skipped }
    }

    /// No page of the chosen stream follows. Returns what it lost, unless it had ended beside other streams.
    pub(super) fn end(&mut self, has_ended: bool, has_other_streams: bool) -> Blamed {
        let before = std::mem::take(self);
        let skipped = if has_ended && has_other_streams {
            0
        } else {
            before.skipped
        };
        Blamed {
            skipped,
            of_pages: if before.has_marks { skipped } else { 0 },
            stray: before.stray,
        }
    }
}
