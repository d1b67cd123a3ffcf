//! The samples of a track one after the other, from its tables and from fragments.

use std::io;

use super::fragments::Fragments;
use super::input::Input;
use super::sample::{Layout, Sample};
use super::samples::Tables;
use super::track::TrackInfo;

/// The source of samples.
#[derive(Clone)]
pub(super) struct Supply {
    tables: Option<Tables>,
    fragments: Option<Fragments>,
    /// Before the first fragment.
    fresh: Option<Fragments>,
    layout: Option<Layout>,
    /// Read, but not returned yet.
    held: Option<Sample>,
}

impl Supply {
    pub(super) fn new(info: &TrackInfo) -> Self {
        let first_time = info.tables.as_ref().map_or(0, Tables::total);
        let fragments = Fragments::new(info.id, info.defaults, info.default_duration, first_time);
        let fragments = Some(fragments).filter(|_| info.is_fragmented);
        Self {
            tables: info.tables.clone(),
            fresh: fragments.clone(),
            fragments,
            layout: info.descriptions.first().and_then(|first| first.layout),
            held: None,
        }
    }

    /// Goes to the last sample at `time` or before; in fragments to the first.
    pub(super) fn seek(&mut self, input: &mut Input, time: i64) -> io::Result<()> {
        self.held = None;
        self.fragments.clone_from(&self.fresh);
        match &mut self.tables {
            Some(tables) if time > 0 => tables.seek(input, time),
            Some(tables) => tables.rewind(input),
            None => Ok(()),
        }
    }

    pub(super) fn next(&mut self, input: &mut Input) -> io::Result<Option<Sample>> {
        if let Some(tables) = &mut self.tables
            && let Some(sample) = tables.next(input)?
        {
            return Ok(Some(sample));
        }
        let Some(fragments) = &mut self.fragments else {
            return Ok(None);
        };
        let first = match self.held.take() {
            Some(held) => Some(held),
            None => fragments.next(input)?,
        };
        let (Some(mut sample), Some(layout)) = (first, self.layout.filter(|layout| layout.frames == 1)) else {
            return Ok(first);
        };
        // Adjacent frames of PCM are one packet.
        while sample.size < layout.bytes * layout.packet {
            match fragments.next(input)? {
                Some(next) if follows(&sample, &next) => {
                    sample.size += next.size;
                    sample.duration = sample.duration.saturating_add(next.duration);
                }
                next => {
                    self.held = next;
                    break;
                }
            }
        }
        Ok(Some(sample))
    }

    pub(super) fn lengthen(&mut self, ticks: u64) {
        if let Some(fragments) = &mut self.fragments {
            fragments.lengthen(ticks);
        }
    }

    pub(super) fn skipped(&self) -> u64 {
        self.fragments.as_ref().map_or(0, Fragments::skipped)
    }

    pub(super) fn take_skipped(&mut self) -> u64 {
        self.fragments.as_mut().map_or(0, Fragments::take_skipped)
    }

    pub(super) fn is_cut(&self) -> bool {
        self.fragments.as_ref().is_some_and(Fragments::is_cut)
    }
}

fn follows(sample: &Sample, next: &Sample) -> bool {
    let is_beside = sample.position.checked_add(sample.size) == Some(next.position);
    is_beside && next.start == sample.end() && next.description == sample.description && next.missing_fragments == 0
}
