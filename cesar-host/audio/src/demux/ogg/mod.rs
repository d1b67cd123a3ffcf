//! Ogg (RFC 3533) with Opus (RFC 7845), Vorbis and FLAC: lost or damaged pages, parallel streams, and links of a chain that change
//! their codec, rate or channels.
//!
//! A chain is consecutive files: when all streams of a link have ended, another begins with its own headers. Its sound continues
//! at the end of the previous link. The track of the next link is the one at the same index.

mod link;
mod page;
mod pictures;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::path::Path;

use super::bytes::Bytes;
use super::tags;
use super::{Demuxer, Ending, Loss, Nanoseconds, Packet, Track};
use crate::AudioError;
use crate::clock::nanoseconds;
use link::Link;
use page::{Found, LONGEST, Page};
use stream::Stream;

/// An open file.
struct Ogg {
    bytes: Bytes,
    /// Position of the next page.
    position: u64,
    tracks: Vec<Track>,
    /// The index of the chosen stream, and the streams of this link.
    chosen: usize,
    link: Link,
    stream: Option<Stream>,
    /// The sound of this link, if it cannot be decoded.
    unknown: Option<Unknown>,
    ready: VecDeque<Packet>,
    /// Whether pages of sound of this link have been read.
    has_begun: bool,
    /// End of the sound of the earlier links, and a loss in them that was not returned yet.
    end: Nanoseconds,
    lost: Option<Loss>,
    ending: Ending,
}

/// A link's sound in a codec without a decoder, or with broken headers.
struct Unknown {
    serial: u32,
    name: &'static str,
    rate: Option<u32>,
    start: Nanoseconds,
    /// The latest granule position.
    granule: u64,
}

impl Unknown {
    fn length(&self) -> Option<Nanoseconds> {
        self.rate.map(|rate| nanoseconds(self.granule, rate))
    }

    fn loss(&self) -> Loss {
        Loss::of_codec(self.name, self.length())
    }
}

/// Opens the file at `path`; `None` if it is not an Ogg file, or has no sound.
///
/// # Errors
/// [`AudioError::Unreadable`].
pub(crate) fn open(path: &Path) -> Result<Option<Box<dyn Demuxer>>, AudioError> {
    let mut bytes = Bytes::open(path)?;
    if !bytes.at(0, 4)?.starts_with(b"OggS") {
        return Ok(None);
    }
    let link = Link::read(&mut bytes, 0)?;
    let mut tracks = Vec::new();
    for begun in link.sounds() {
        let stream = link.stream(begun, 0);
        let end = match &stream {
            Some(stream) => declared_end(&mut bytes, stream)?,
            None => None,
        };
        let comments = begun.comments();
        tracks.push(Track {
            id: u64::from(begun.serial),
            codec: stream.map(|stream| stream.codec),
            codec_name: begun.kind.name().to_owned(),
            language: comments.language,
            title: comments.title,
            is_default: tracks.is_empty(),
            declared_end: end,
        });
    }
    if tracks.is_empty() {
        return Ok(None);
    }
    let mut ogg = Ogg {
        bytes,
        position: 0,
        tracks,
        chosen: 0,
        link,
        stream: None,
        unknown: None,
        ready: VecDeque::new(),
        has_begun: false,
        end: 0,
        lost: None,
        ending: Ending::default(),
    };
    ogg.begin_stream(0);
    Ok(Some(Box::new(ogg)))
}

/// End of the stream by its last page, if that is the last in the file; unknown for chains.
fn declared_end(bytes: &mut Bytes, stream: &Stream) -> Result<Option<Nanoseconds>, AudioError> {
    let mut at = bytes.length().saturating_sub(2 * LONGEST as u64);
    let mut last = None;
    while let Found::Page(page, end, _) = page::find(bytes, at)? {
        at = end;
        if page.serial == stream.serial && page.granule.is_some() {
            last = Some(page);
        }
    }
    let granule = last.filter(|page| page.is_last).and_then(|page| page.granule);
    Ok(granule.map(|granule| stream.time_of(granule)))
}

impl Ogg {
    /// Begins the chosen stream of the link.
    fn begin_stream(&mut self, start: Nanoseconds) {
        let sounds: Vec<_> = self.link.sounds().collect();
        let begun = sounds.get(self.chosen).or(sounds.first());
        self.stream = begun.and_then(|begun| self.link.stream(begun, start));
        self.has_begun = false;
    }

    /// Another link of the chain.
    fn next_link(&mut self, position: u64) -> Result<(), AudioError> {
        let (start, lost) = match (&mut self.stream, self.unknown.take()) {
            (Some(stream), _) => (stream.end(), stream.take_lost()),
            (None, Some(unknown)) => {
                let end = unknown.start.saturating_add(unknown.length().unwrap_or(0));
                (end, Some(unknown.loss()))
            }
            (None, None) => (self.end, None),
        };
        self.end = start;
        self.lost = self.lost.take().or(lost);
        self.link = Link::read(&mut self.bytes, position)?;
        self.begin_stream(start);
        let sounds: Vec<_> = self.link.sounds().collect();
        match &mut self.stream {
            Some(stream) => stream.is_another_link(self.lost.take()),
            None => {
                self.unknown = sounds.get(self.chosen).or(sounds.first()).map(|begun| Unknown {
                    serial: begun.serial,
                    name: begun.kind.name(),
                    rate: begun.rate,
                    start,
                    granule: 0,
                });
            }
        }
        Ok(())
    }

    /// A page of a stream that never began: the only one under another number, if it continues that, or a loss.
    fn take_stray(&mut self, page: &Page) {
        let Some(stream) = &mut self.stream else { return };
        match self.link.streams.as_mut_slice() {
            [only] if stream.is_continued_by(page) => {
                only.serial = page.serial;
                stream.serial = page.serial;
            }
            _ => stream.lose("pages belong to no stream of the file".to_owned()),
        }
    }

    /// The loss of bytes at the end that are no pages. Their share of the file is their share of the sound.
    fn lose_end(&mut self, skipped: u64) -> Result<Option<Loss>, AudioError> {
        let end = tags::skip_zeros(&mut self.bytes, self.position, self.position + skipped)?;
        if skipped == 0 || end == self.position + skipped {
            return Ok(None);
        }
        let sound = i128::from(self.stream.as_ref().map_or(self.end, Stream::end));
        let share = sound * i128::from(skipped) / i128::from(self.position.max(1));
        let has_pages = page::has_mark(&mut self.bytes, self.position)?;
        Ok(Some(Loss {
            duration: Nanoseconds::try_from(share).ok().filter(|_| has_pages),
            message: format!("{skipped} bytes are no Ogg pages"),
        }))
    }

    fn take(&mut self, page: &Page, position: u64) -> Result<(), AudioError> {
        let is_new = page.is_first && !self.link.streams.iter().any(|begun| begun.serial == page.serial);
        // A link may have the serial of the previous one: then its first page comes after sound.
        if is_new || (page.is_first && self.has_begun) {
            self.next_link(position)?;
        }
        if !page.is_first && !self.link.streams.iter().any(|begun| begun.serial == page.serial) {
            self.take_stray(page);
        }
        if let Some(unknown) = self.unknown.as_mut().filter(|unknown| unknown.serial == page.serial) {
            unknown.granule = unknown.granule.max(page.granule.unwrap_or(0));
            self.has_begun |= !page.is_first;
        }
        let Some(stream) = &mut self.stream else { return Ok(()) };
        if stream.serial == page.serial {
            let packets = stream.packets(page);
            self.has_begun |= !packets.is_empty();
            self.ready.extend(packets);
        }
        Ok(())
    }
}

impl Demuxer for Ogg {
    fn container(&self) -> &'static str {
        "ogg"
    }

    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn select(&mut self, index: usize) {
        self.chosen = index;
        self.begin_stream(0);
    }

    fn next(&mut self) -> Result<Option<Packet>, AudioError> {
        loop {
            if let Some(packet) = self.ready.pop_front() {
                return Ok(Some(packet));
            }
            match page::find(&mut self.bytes, self.position)? {
                Found::Page(page, end, skipped) => {
                    let start = self.position + skipped;
                    if skipped > 0
                        && let Some(stream) = &mut self.stream
                    {
                        stream.lose(format!("{skipped} bytes are no Ogg pages"));
                    }
                    self.position = end;
                    self.take(&page, start)?;
                }
                Found::End { skipped, is_cut } => {
                    self.ending.is_cut |= is_cut;
                    let known = self.unknown.as_ref().map(Unknown::loss).or(self.lost.take());
                    let of_stream = self.stream.as_mut().and_then(Stream::take_lost);
                    let of_end = if is_cut { None } else { self.lose_end(skipped)? };
                    self.ending.lost = self.ending.lost.take().or(known).or(of_end).or(of_stream);
                    self.position += skipped;
                    return Ok(None);
                }
            }
        }
    }

    fn ending(&self) -> Ending {
        self.ending.clone()
    }
}
