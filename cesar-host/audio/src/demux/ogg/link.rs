//! The streams that begin together: a file, or a link of a chain.

use super::super::Nanoseconds;
use super::super::bytes::Bytes;
use super::page::{self, Found, Page};
use super::stream::{Kind, Stream};
use crate::AudioError;

/// Streams that one link may have.
const MOST_STREAMS: usize = 64;

/// Pages, and bytes of them, in which a link's headers are.
const MOST_PAGES: usize = 1024;
const MOST_HEADERS: u64 = 16 << 20;

/// Bytes in which all streams begin.
const MOST_SEARCHED: u64 = 8 << 20;

#[derive(Default)]
pub(super) struct Link {
    pub(super) streams: Vec<Begun>,
    /// When the earliest of them begins, by their granule positions.
    origin: Option<Nanoseconds>,
}

/// A stream by its first packets.
pub(super) struct Begun {
    pub(super) serial: u32,
    pub(super) kind: Kind,
    /// Packets behind the first, as far as they are headers of Vorbis.
    more: Vec<Vec<u8>>,
}

impl Link {
    /// Reads the streams whose first pages follow each other from `position` on, with their headers.
    pub(super) fn read(bytes: &mut Bytes, position: u64) -> Result<Self, AudioError> {
        let (mut link, mut at) = (Self::default(), position);
        let mut pages: Vec<Page> = Vec::new();
        while at < position.saturating_add(MOST_HEADERS) && pages.len() < MOST_PAGES {
            let Found::Page(page, end, _) = page::find(bytes, at)? else {
                break;
            };
            at = end;
            if page.is_first && pages.is_empty() && link.streams.len() < MOST_STREAMS {
                let pieces = page.pieces();
                let kind = pieces.first().map_or(Kind::NoSound, |(piece, _)| Kind::of(piece));
                link.streams.push(Begun {
                    serial: page.serial,
                    kind,
                    more: Vec::new(),
                });
                continue;
            }
            if page.is_first {
                break;
            }
            let serial = page.serial;
            pages.push(page);
            for begun in link.streams.iter_mut().filter(|begun| begun.serial == serial) {
                if matches!(begun.kind, Kind::Vorbis(_)) {
                    begun.more = first_packets(pages.iter().filter(|page| page.serial == serial), 2);
                }
            }
            if link.has_headers() {
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

    /// A stream whose link begins at `start`; `None` when its headers are broken or its codec is not known.
    pub(super) fn stream(&self, begun: &Begun, start: Nanoseconds) -> Option<Stream> {
        Stream::new(begun.serial, &begun.kind, &begun.more, (start, self.origin))
    }

    /// Whether all headers that are needed have been read: Vorbis has two behind its first page.
    fn has_headers(&self) -> bool {
        let is_ready = |begun: &Begun| !matches!(begun.kind, Kind::Vorbis(_)) || begun.more.len() >= 2;
        self.streams.iter().all(is_ready)
    }

    /// When the earliest stream begins: that of pictures, or one of sound.
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
            let Found::Page(page, end, _) = page::find(bytes, at)? else {
                break;
            };
            at = end;
            if page.is_first && has_begun {
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

/// The first packets of pages that follow each other.
fn first_packets<'a>(pages: impl Iterator<Item = &'a Page>, count: usize) -> Vec<Vec<u8>> {
    let (mut packets, mut packet) = (Vec::new(), Vec::new());
    for page in pages {
        for (piece, ends) in page.pieces() {
            packet.extend_from_slice(piece);
            if ends {
                packets.push(std::mem::take(&mut packet));
            }
            if packets.len() == count {
                return packets;
            }
        }
    }
    packets
}
