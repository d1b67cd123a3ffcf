//! The streams that begin together: those of a file, or of a link of a chain.

use super::super::Nanoseconds;
use super::super::bytes::Bytes;
use super::super::xiph::Comments;
use super::page::{self, Found, Page};
use super::stream::{Kind, Stream, stated_rate};
use crate::AudioError;

/// Maximum number of streams in a link.
const MOST_STREAMS: usize = 64;

/// Pages, and bytes of them, that may contain a link's headers.
const MOST_PAGES: usize = 1024;
const MOST_HEADERS: u64 = 16 << 20;

/// Bytes within which all streams begin.
const MOST_SEARCHED: u64 = 8 << 20;

#[derive(Default)]
pub(super) struct Link {
    pub(super) streams: Vec<Begun>,
    /// Start of the earliest of them, by their granule positions.
    origin: Option<Nanoseconds>,
}

/// A stream, by its first packets.
pub(super) struct Begun {
    pub(super) serial: u32,
    pub(super) kind: Kind,
    /// The rate of its granule positions by its first packet, if that says it.
    pub(super) rate: Option<u32>,
    /// Header packets behind the first, and the unfinished one.
    more: Vec<Vec<u8>>,
    partial: Vec<u8>,
}

impl Link {
    /// Reads the streams whose first pages follow each other from `position` on, with their headers.
    pub(super) fn read(bytes: &mut Bytes, position: u64) -> Result<Self, AudioError> {
        let (mut link, mut at, mut pages) = (Self::default(), position, 0);
        while at < position.saturating_add(MOST_HEADERS) && pages < MOST_PAGES {
            let Found::Page(page, end, _) = page::find(bytes, at)? else {
                break;
            };
            at = end;
            if page.is_first && pages == 0 && link.streams.len() < MOST_STREAMS {
                let pieces = page.pieces();
                let first = pieces.first().map_or(&[][..], |(piece, _)| piece);
                link.streams.push(Begun {
                    serial: page.serial,
                    kind: Kind::identify(first),
                    rate: stated_rate(first),
                    more: Vec::new(),
                    partial: Vec::new(),
                });
                continue;
            }
            if page.is_first {
                break;
            }
            pages += 1;
            if let Some(begun) = link.streams.iter_mut().find(|begun| begun.serial == page.serial) {
                begun.add(&page);
            }
            if link.streams.iter().all(Begun::has_headers) {
                break;
            }
        }
        link.origin = link.earliest(bytes, position)?;
        Ok(link)
    }

    /// The streams with sound, in order.
    pub(super) fn sounds(&self) -> impl Iterator<Item = &Begun> {
        let is_sound = |begun: &&Begun| !matches!(begun.kind, Kind::NoSound | Kind::Pictures(_));
        self.streams.iter().filter(is_sound)
    }

    /// A stream whose link begins at `start`; `None` if its headers are broken or its codec is unknown.
    pub(super) fn stream(&self, begun: &Begun, start: Nanoseconds) -> Option<Stream> {
        Stream::new(begun.serial, &begun.kind, &begun.more, (start, self.origin))
    }

    /// Start of the earliest stream, of pictures or sound.
    fn earliest(&self, bytes: &mut Bytes, position: u64) -> Result<Option<Nanoseconds>, AudioError> {
        let mut sounds: Vec<_> = self.sounds().filter_map(|begun| self.stream(begun, 0)).collect();
        let pictures = |serial: u32| {
            self.streams.iter().find_map(|begun| match begun.kind {
                Kind::Pictures(pictures) if begun.serial == serial => Some(pictures),
                _ => None,
            })
        };
        let mut picture_times: Vec<(u32, Nanoseconds)> = Vec::new();
        let is_picture = |begun: &&Begun| matches!(begun.kind, Kind::Pictures(_));
        let wanted = self.streams.iter().filter(is_picture).count();
        let mut at = position;
        let mut has_begun = false;
        while at < position.saturating_add(MOST_SEARCHED) {
            let Found::Page(page, end, skipped) = page::find(bytes, at)? else {
                break;
            };
            at = end;
            if skipped > 0 {
                sounds.iter_mut().for_each(|sound| sound.lose_bytes(String::new()));
            }
            let is_known = || self.streams.iter().any(|begun| begun.serial == page.serial);
            if page.is_first && (has_begun || !is_known()) {
                break;
            }
            has_begun |= !page.is_first;
            if let Some(sound) = sounds.iter_mut().find(|sound| sound.serial == page.serial) {
                sound.packets(&page);
            } else if let Some(pictures) = pictures(page.serial)
                && picture_times.iter().all(|(serial, _)| *serial != page.serial)
            {
                picture_times.extend(pictures.first_time(&page).map(|time| (page.serial, time)));
            }
            if picture_times.len() == wanted && sounds.iter().all(|sound| sound.first_time().is_some()) {
                break;
            }
        }
        let sound_times = sounds.iter().filter_map(Stream::first_time);
        Ok(sound_times.chain(picture_times.iter().map(|(_, time)| *time)).min())
    }
}

impl Begun {
    /// Number of required packets behind the first: the comments, and the setup of Vorbis.
    fn wanted(&self) -> usize {
        match self.kind {
            Kind::Vorbis(_) => 2,
            Kind::Opus(_) | Kind::Flac(_) => 1,
            Kind::Unknown(_) | Kind::Pictures(_) | Kind::NoSound => 0,
        }
    }

    /// Its comments.
    pub(super) fn comments(&self) -> Comments {
        self.more
            .first()
            .map(|packet| Comments::parse(packet))
            .unwrap_or_default()
    }

    fn has_headers(&self) -> bool {
        self.more.len() >= self.wanted()
    }

    /// Adds the required packets of a page.
    fn add(&mut self, page: &Page) {
        for (piece, ends) in page.pieces() {
            if self.has_headers() {
                return;
            }
            self.partial.extend_from_slice(piece);
            if ends {
                self.more.push(std::mem::take(&mut self.partial));
            }
        }
    }
}
