//! Ogg (RFC 3533) with Opus (RFC 7845), Vorbis and FLAC: lost or damaged pages, parallel streams, and links of a chain that change
//! their codec, rate or channels.
//!
//! A chain is consecutive files: when all streams of a link have ended, another begins with its own headers. Its sound continues
//! at the end of the previous link. The track of the next link is the one at the same index.

mod beside;
mod link;
mod page;
mod pictures;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::path::Path;

use super::bytes::Bytes;
use super::{Demuxer, Ending, Loss, Losses, Nanoseconds, Packet, Track, beginnings, tags};
use crate::AudioError;
use crate::clock::nanoseconds;
use crate::kind::Kind;
use beside::Beside;
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
    /// End of the sound of the earlier links, and losses in them that were not returned yet.
    end: Nanoseconds,
    lost: Losses,
    beside: Beside,
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
    /// The number of the latest page.
    sequence: Option<u32>,
    has_ended: bool,
}

impl Unknown {
    fn length(&self) -> Option<Nanoseconds> {
        self.rate.map(|rate| nanoseconds(self.granule, rate))
    }

    fn loss(&self) -> Loss {
        Loss::of_codec(self.name, self.length())
    }

    fn end(&self) -> Nanoseconds {
        self.start.saturating_add(self.length().unwrap_or(0))
    }

    fn take(&mut self, page: &Page) {
        self.granule = self.granule.max(page.granule.unwrap_or(0));
        self.sequence = Some(page.sequence);
        self.has_ended |= page.is_last;
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
        lost: Losses::default(),
        beside: Beside::default(),
        ending: Ending::default(),
    };
    ogg.begin_stream(0);
    Ok(Some(Box::new(ogg)))
}

fn no_pages(bytes: u64) -> String {
    format!("{bytes} bytes are no Ogg pages")
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
        let start = self.end_link();
        self.end = start;
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
                    sequence: None,
                    has_ended: false,
                });
            }
        }
        Ok(())
    }

    /// A page of a stream that never began: the only one under another number, if it continues that, or another.
    fn take_stray(&mut self, page: &Page, length: u64) {
        match (&mut self.stream, self.link.streams.as_mut_slice()) {
            (Some(stream), [only]) if !stream.has_ended && stream.is_continued_by(page) => {
                only.serial = page.serial;
                stream.serial = page.serial;
            }
            _ => self.beside.stray(page, length),
        }
    }

    /// End of the sound so far.
    fn sound_end(&self) -> Nanoseconds {
        match (&self.stream, &self.unknown) {
            (Some(stream), _) => stream.end(),
            (None, Some(unknown)) => unknown.end(),
            (None, None) => self.end,
        }
    }

    /// Whether the last page of the sound was read.
    fn sound_has_ended(&self) -> bool {
        let unknown = self.unknown.as_ref();
        let stream = self.stream.as_ref().map(|stream| stream.has_ended);
        stream.or(unknown.map(|unknown| unknown.has_ended)).unwrap_or(false)
    }

    /// Notes what the streams of a link lost at their end. Returns that end, with the estimated length of lost sound.
    fn end_link(&mut self) -> Nanoseconds {
        let end = self.sound_end();
        if let Some(stream) = &mut self.stream {
            self.lost.append(stream.take_lost());
        }
        if let Some(unknown) = &self.unknown {
            self.lost.add(unknown.loss());
        }
        let known = self.lost.duration();
        let lost = self.beside.end(self.sound_has_ended(), self.link.streams.len() > 1);
        if lost.skipped > 0 {
            self.lost.add(Loss {
                duration: self.share(end, lost.of_pages),
                message: no_pages(lost.skipped),
            });
        }
        if lost.stray > 0 {
            self.lost.add(Loss {
                duration: self.share(end, lost.stray),
                message: "pages belong to no stream of the file".to_owned(),
            });
        }
        self.unknown = None;
        end.saturating_add(self.lost.duration() - known)
    }

    /// The length of lost bytes before the position, whose share of the file is their share of the sound up to `end`; `None` if that is
    /// nothing.
    fn share(&self, end: Nanoseconds, bytes: u64) -> Option<Nanoseconds> {
        let others = self.position.saturating_sub(bytes).max(1);
        let share = i128::from(end) * i128::from(bytes) / i128::from(others);
        Nanoseconds::try_from(share).ok().filter(|share| *share > 0)
    }

    /// Notes the bytes at the end of the file that are no pages.
    fn skip_end(&mut self, skipped: u64, is_cut: bool) -> Result<(), AudioError> {
        let (start, end) = (self.position, self.position + skipped);
        self.position = end;
        self.ending.rest = Some(start).filter(|_| skipped > 0);
        if beginnings::is_other_kind(&mut self.bytes, start, Kind::Ogg)? {
            return Ok(());
        }
        let marked = page::marked(&mut self.bytes, (start, end))?;
        let chosen = self.serial();
        let is_other = |serial: &Option<u32>| {
            let of_link = self.link.streams.iter().find(|begun| Some(begun.serial) == *serial);
            of_link.is_some_and(|begun| Some(begun.serial) != chosen)
        };
        if self.sound_has_ended() && !marked.is_empty() && marked.iter().all(is_other) {
            return Ok(());
        }
        self.ending.is_cut |= is_cut;
        if !is_cut && tags::skip_zeros(&mut self.bytes, start, end)? < end {
            self.beside.skip(skipped, !marked.is_empty());
        }
        Ok(())
    }

    /// The number of the chosen stream.
    fn serial(&self) -> Option<u32> {
        let stream = self.stream.as_ref().map(|stream| stream.serial);
        stream.or(self.unknown.as_ref().map(|unknown| unknown.serial))
    }

    /// Notes that a page of the chosen stream follows.
    fn resume(&mut self, page: &Page) {
        let is_next = match (&self.stream, &self.unknown) {
            (Some(stream), _) => stream.is_continued_by(page),
            (None, Some(unknown)) => unknown
                .sequence
                .is_some_and(|before| before.wrapping_add(1) == page.sequence),
            (None, None) => true,
        };
        let skipped = self
            .beside
            .resume(is_next || page.is_first, self.link.streams.len() > 1);
        match &mut self.stream {
            _ if skipped == 0 => {}
            Some(stream) => stream.lose_bytes(no_pages(skipped)),
            None => self.lost.add(Loss::until_next(no_pages(skipped))),
        }
    }

    fn take(&mut self, page: &Page, (position, end): (u64, u64)) -> Result<(), AudioError> {
        let is_new = page.is_first && !self.link.streams.iter().any(|begun| begun.serial == page.serial);
        // A link may have the serial of the previous one: then its first page comes after sound.
        if is_new || (page.is_first && self.has_begun) {
            self.next_link(position)?;
        }
        if !page.is_first && !self.link.streams.iter().any(|begun| begun.serial == page.serial) {
            self.take_stray(page, end - position);
        }
        if self.serial() == Some(page.serial) {
            self.resume(page);
        }
        if let Some(unknown) = self.unknown.as_mut().filter(|unknown| unknown.serial == page.serial) {
            unknown.take(page);
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
                    if skipped > 0 {
                        let marked = page::marked(&mut self.bytes, (self.position, start))?;
                        self.beside.skip(skipped, !marked.is_empty());
                    }
                    self.position = start;
                    self.take(&page, (start, end))?;
                    self.position = end;
                }
                Found::End { skipped, is_cut } => {
                    self.skip_end(skipped, is_cut)?;
                    self.end_link();
                    self.ending.lost.append(self.lost.take());
                    return Ok(None);
                }
            }
        }
    }

    fn ending(&self) -> Ending {
        self.ending.clone()
    }
}
