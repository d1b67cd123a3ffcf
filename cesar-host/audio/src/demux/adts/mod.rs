//! ADTS: a stream of AAC frames without a container.

mod header;
#[cfg(test)]
mod tests;

use std::path::Path;

use super::bytes::Bytes;
use super::frames::{Coverage, Found, Header as _, Reach, Walker};
use super::{Demuxer, Ending, Loss, Packet, Track};
use crate::AudioError;
use crate::clock::nanoseconds;
pub(super) use header::Header;
use header::SAMPLES;

/// Opens the file at `path`, whose first frame is within `reach`; `None` if it is not a stream of ADTS frames.
///
/// # Errors
/// [`AudioError::Unreadable`].
pub(super) fn open_within(path: &Path, reach: Reach) -> Result<Option<Box<dyn Demuxer>>, AudioError> {
    let bytes = Bytes::open(path)?;
    let end = bytes.length();
    let Some(mut walker) = Walker::<Header>::begin(bytes, 0, end, reach)? else {
        return Ok(None);
    };
    let survey = Survey::scan(&mut walker)?;
    let first = survey.first.filter(|_| walker.is_explained_by(&survey.coverage));
    let Some(first) = first else {
        return Ok(None);
    };
    let guess = walker.leaves_bytes(&survey.coverage).then_some("aac");
    let lost_head = walker.lost_head(&survey.coverage);
    walker.rewind();
    Ok(Some(Box::new(Adts {
        walker,
        tracks: vec![survey.track(&first, lost_head)],
        coverage: survey.coverage,
        latest: first,
        ending: Ending::default(),
        guess,
        lost_head,
    })))
}

#[cfg(test)]
fn open(path: &Path) -> Result<Option<Box<dyn Demuxer>>, AudioError> {
    open_within(path, Reach::Near)
}

/// Open frames.
struct Adts {
    walker: Walker<Header>,
    tracks: Vec<Track>,
    coverage: Coverage,
    /// The header of the previous frame.
    latest: Header,
    ending: Ending,
    guess: Option<&'static str>,
    /// Bytes that are lost in front of the first frame, until the first packet.
    lost_head: u64,
}

/// Result of a walk over all frames.
#[derive(Default)]
struct Survey {
    coverage: Coverage,
    first: Option<Header>,
    blocks: u64,
    is_known: bool,
    /// All frames have one shape, and nothing is between them.
    is_uniform: bool,
}

impl Survey {
    fn scan(walker: &mut Walker<Header>) -> Result<Self, AudioError> {
        let mut survey = Self {
            is_known: true,
            is_uniform: true,
            ..Self::default()
        };
        while let Some(found) = walker.next()? {
            let first = *survey.first.get_or_insert(found.header);
            survey.coverage.add(&found);
            survey.blocks += u64::from(found.header.blocks);
            survey.is_known &= found.header.is_known();
            survey.is_uniform &= found.lost == 0 && first.is_like(&found.header);
        }
        Ok(survey)
    }

    fn track(&self, first: &Header, lost_head: u64) -> Track {
        let length = || nanoseconds(self.blocks * u64::from(SAMPLES), first.rate);
        Track {
            id: 0,
            codec: self.is_known.then(|| first.codec()),
            codec_name: first.name().to_owned(),
            language: None,
            title: None,
            is_default: true,
            declared_end: (self.is_uniform && lost_head == 0).then(length),
        }
    }
}

impl Adts {
    fn packet(&mut self, found: &Found<Header>) -> Result<Packet, AudioError> {
        let header = found.header;
        let change = (!self.latest.is_like(&header)).then(|| header.codec());
        self.latest = header;
        let frame = self.walker.bytes.at(found.start, found.length)?;
        let lost = found.lost + std::mem::take(&mut self.lost_head);
        Ok(Packet {
            data: frame.get(header.length()..).unwrap_or_default().to_vec(),
            duration: Some(nanoseconds(u64::from(header.blocks) * u64::from(SAMPLES), header.rate)),
            codec: change,
            lost: (lost > 0).then(|| self.loss(lost)).into(),
            ..Packet::default()
        })
    }

    fn loss(&self, bytes: u64) -> Loss {
        self.coverage.loss(bytes, (SAMPLES, self.latest.rate), "ADTS")
    }
}

impl Demuxer for Adts {
    fn container(&self) -> &'static str {
        "adts"
    }

    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn select(&mut self, _index: usize) {}

    fn next(&mut self) -> Result<Option<Packet>, AudioError> {
        if let Some(found) = self.walker.next()? {
            return self.packet(&found).map(Some);
        }
        let tail = self.walker.tail();
        self.ending = Ending {
            is_cut: tail.is_cut,
            lost: (tail.lost > 0)
                .then(|| Loss::until_next(self.loss(tail.lost).message))
                .into(),
            promised_end: None,
            rest: self.walker.rest,
        };
        Ok(None)
    }

    fn ending(&self) -> Ending {
        self.ending.clone()
    }

    fn guess(&self) -> Option<&'static str> {
        self.guess
    }
}
