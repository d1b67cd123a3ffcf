//! Samples that could not be returned, in the order of the track.

use super::super::xiph::OpusLengths;
use super::super::{Loss, Losses, Nanoseconds};

/// Maximum number of entries between two packets; further samples lengthen the last.
const MOST: usize = 64;

/// The reason why samples are not returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// They lie behind the end of the file.
    Behind,
    /// Their codec has no decoder.
    Unknown,
    /// Their length is not that in the tables.
    Length,
    /// So many fragments before a sample are missing.
    Fragments(u32),
    /// So many bytes before a sample are no atoms.
    Junk(u64),
}

/// Losses since the previous packet.
#[derive(Debug, Clone, Default)]
pub(super) struct Passed(Vec<(Cause, u64, Nanoseconds)>);

impl Passed {
    /// Adds a sample of this length, or a gap.
    pub(super) fn add(&mut self, cause: Cause, length: Nanoseconds) {
        let is_full = self.0.len() >= MOST;
        match self.0.last_mut() {
            Some((last, count, sum)) if *last == cause || is_full => {
                *count += 1;
                *sum = sum.saturating_add(length);
            }
            _ => self.0.push((cause, 1, length)),
        }
    }

    /// All of them as losses; none are left.
    pub(super) fn take(&mut self) -> Losses {
        let mut losses = Losses::default();
        for (cause, count, length) in std::mem::take(&mut self.0) {
            losses.add(loss(cause, count, length));
        }
        losses
    }

    /// Those behind the last packet, and bytes there that are no atoms. Samples behind the end of the file are the missing end, not a loss
    /// before it.
    pub(super) fn at_end(&self, junk: u64) -> Losses {
        let mut left = self.clone();
        left.0.pop_if(|(cause, ..)| *cause == Cause::Behind);
        if junk > 0 {
            left.add(Cause::Junk(junk), 0);
        }
        left.take()
    }
}

fn loss(cause: Cause, count: u64, length: Nanoseconds) -> Loss {
    let message = match cause {
        Cause::Behind => format!("{count} packets lie behind the end of the file"),
        Cause::Unknown => format!("{count} packets are of an unknown codec"),
        Cause::Length => OpusLengths::MESSAGE.to_owned(),
        Cause::Junk(bytes) => format!("{bytes} bytes are no atoms of MP4"),
        Cause::Fragments(1) => "a fragment is missing".to_owned(),
        Cause::Fragments(fragments) => format!("{fragments} fragments are missing"),
    };
    let is_timed = matches!(cause, Cause::Behind | Cause::Unknown | Cause::Length) && length > 0;
    Loss {
        duration: is_timed.then_some(length),
        message,
    }
}
