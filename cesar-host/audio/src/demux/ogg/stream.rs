//! One logical stream: its headers, and its packets with their times.
//!
//! A page's granule position is the end of its last packet, in frames since the stream began. So the packets that end in a page are
//! timed backwards from it; a loss before the page shows as a gap.

use super::super::flac;
use super::super::xiph::{self, Comments, Flac, OPUS_RATE, Opus, Vorbis};
use super::super::{Codec, Loss, Losses, Nanoseconds, Packet};
use super::page::Page;
use super::pictures::Pictures;
use crate::SOURCE_RATES;
use crate::clock::{frames, nanoseconds};

/// Maximum length of a packet, in bytes.
const LONGEST_PACKET: usize = 16 << 20;

/// Seconds that one page may last; the pages in front of the first ones found lasted no longer.
const LONGEST_PAGE: u64 = 10;

/// Seconds before the first pages that are lost sound, by the numbers of the pages alone. A recorded radio station continues the numbers
/// of a stream that began earlier.
const LONGEST_LATE_START: u64 = 30;

/// The kind of a stream, by its first packet.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Opus(Opus),
    /// The identification header; the others follow.
    Vorbis(Vec<u8>),
    /// The number of header packets that follow.
    Flac(Flac),
    /// Another codec of sound, by its name.
    Unknown(&'static str),
    Pictures(Pictures),
    /// Texts, skeletons, other pictures.
    NoSound,
}

impl Kind {
    /// Identifies a stream by its first packet.
    pub(super) fn identify(packet: &[u8]) -> Self {
        let flac = || {
            // Mapping header: 0x7F FLAC, version, number of packets, fLaC, and the block's header of 4 bytes.
            let block = packet.strip_prefix(b"\x7fFLAC")?.get(4 + 4 + 4..)?;
            Flac::parse(block)
        };
        match packet {
            [b'O', b'p', b'u', b's', b'H', ..] => Opus::parse(packet).map_or(Self::Unknown("opus"), Self::Opus),
            [1, b'v', b'o', b'r', b'b', b'i', b's', ..] => Self::Vorbis(packet.to_vec()),
            [0x7F, b'F', b'L', b'A', b'C', ..] => flac().map_or(Self::Unknown("flac"), Self::Flac),
            [b'S', b'p', b'e', b'e', b'x', ..] => Self::Unknown("speex"),
            [b'f', b'L', b'a', b'C', ..] => Self::Unknown("flac without a mapping"),
            [b'P', b'C', b'M', b' ', ..] => Self::Unknown("pcm"),
            _ => Pictures::parse(packet).map_or(Self::NoSound, Self::Pictures),
        }
    }

    /// Name of the codec.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Opus(_) => "opus",
            Self::Vorbis(_) => "vorbis",
            Self::Flac(_) => "flac",
            Self::Unknown(name) => name,
            Self::Pictures(_) | Self::NoSound => "none",
        }
    }
}

/// The rate of the granule positions of a stream with this first packet, for codecs without a decoder.
pub(super) fn stated_rate(packet: &[u8]) -> Option<u32> {
    let field = |at: usize| packet.get(at..)?.first_chunk().copied();
    match packet {
        [b'S', b'p', b'e', b'e', b'x', ..] => field(36).map(u32::from_le_bytes),
        [b'P', b'C', b'M', b' ', ..] => field(16).map(u32::from_be_bytes),
        [b'O', b'p', b'u', b's', b'H', ..] => Some(OPUS_RATE),
        [1, b'v', b'o', b'r', b'b', b'i', b's', ..] => field(12).map(u32::from_le_bytes),
        _ => None,
    }
    .filter(|rate| SOURCE_RATES.contains(rate))
}

/// The measure of packets.
#[derive(Debug, Clone)]
enum Measure {
    Opus,
    Vorbis(Box<Vorbis>),
    Flac,
}

/// A stream with known headers.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    pub(super) serial: u32,
    pub(super) codec: Codec,
    pub(super) rate: u32,
    /// Frames to drop at its beginning.
    pre_skip: u64,
    measure: Measure,
    /// Number of header packets at the beginning.
    headers: usize,
    /// A packet that began in an earlier page.
    partial: Vec<u8>,
    has_partial: bool,
    sequence: Option<u32>,
    /// Pages missing between the headers and the first packets, and whether bytes are in the place of pages.
    missing_pages: u64,
    has_lost_bytes: bool,
    /// Granule position of the stream's start: above 0 in a part cut out of a longer one.
    base: Option<u64>,
    /// End of the latest packet.
    position: u64,
    skip_left: u64,
    lost: Losses,
    /// Whether its last page was read.
    pub(super) has_ended: bool,
    /// Start of its link, and of that link's earliest stream by the granule positions.
    start: Nanoseconds,
    origin: Option<Nanoseconds>,
    /// Whether the next packet needs a new decoder.
    is_another: bool,
}

impl Stream {
    /// A stream of this kind; `more` are the header packets behind the first. `None` if they are broken.
    pub(super) fn new(
        serial: u32,
        kind: &Kind,
        more: &[Vec<u8>],
        (start, origin): (Nanoseconds, Option<Nanoseconds>),
    ) -> Option<Self> {
        let (codec, rate, pre_skip, measure, headers) = match kind {
            Kind::Opus(opus) => (opus.codec.clone(), OPUS_RATE, opus.pre_skip, Measure::Opus, 2),
            Kind::Vorbis(identification) => {
                let vorbis = Vorbis::parse(identification, more.get(1)?)?;
                (
                    vorbis.codec.clone(),
                    vorbis.rate,
                    0,
                    Measure::Vorbis(Box::new(vorbis)),
                    3,
                )
            }
            Kind::Flac(flac) => {
                let comments = more.first().map(|packet| Comments::parse(packet));
                let codec = Codec {
                    mask: comments.and_then(|comments| comments.mask),
                    ..flac.codec.clone()
                };
                (codec, flac.rate, 0, Measure::Flac, 1)
            }
            Kind::Unknown(_) | Kind::Pictures(_) | Kind::NoSound => return None,
        };
        Some(Self {
            serial,
            codec,
            rate,
            pre_skip,
            measure,
            headers,
            partial: Vec::new(),
            has_partial: false,
            sequence: None,
            missing_pages: 0,
            has_lost_bytes: false,
            base: None,
            position: 0,
            skip_left: pre_skip,
            lost: Losses::default(),
            has_ended: false,
            start,
            origin,
            is_another: false,
        })
    }

    /// Notes bytes that are no pages before the next packet.
    pub(super) fn lose_bytes(&mut self, message: String) {
        self.has_lost_bytes = true;
        self.lose(message);
    }

    /// Notes a loss before the next packet.
    fn lose(&mut self, message: String) {
        self.partial.clear();
        self.has_partial = false;
        if let Measure::Vorbis(vorbis) = &mut self.measure {
            vorbis.reset();
        }
        self.lost.add(Loss::until_next(message));
    }

    /// The losses that were not returned yet.
    pub(super) fn take_lost(&mut self) -> Losses {
        self.lost.take()
    }

    /// Marks this stream as the successor of another, which may have lost its end: the first packet reports that.
    pub(super) fn is_another_link(&mut self, lost: Losses) {
        self.lost = lost;
        self.is_another = true;
    }

    /// Start of its first packets by their granule positions, once read.
    pub(super) fn first_time(&self) -> Option<Nanoseconds> {
        self.base.map(|base| nanoseconds(base, self.rate))
    }

    /// The time of a granule position.
    pub(super) fn time_of(&self, granule: u64) -> Nanoseconds {
        let origin = self.origin.map(|origin| frames(origin, self.rate));
        let begin = match (origin, self.base) {
            (Some(origin), Some(base)) => origin.min(base),
            (origin, base) => origin.or(base).unwrap_or(0),
        };
        let played = granule.saturating_sub(begin.saturating_add(self.pre_skip));
        self.start.saturating_add(nanoseconds(played, self.rate))
    }

    /// End of the sound returned so far.
    pub(super) fn end(&self) -> Nanoseconds {
        self.time_of(self.position)
    }

    /// Whether the page is the next one by its number.
    pub(super) fn is_continued_by(&self, page: &Page) -> bool {
        self.sequence
            .is_some_and(|sequence| sequence.wrapping_add(1) == page.sequence)
    }

    /// The number of pages missing before the page; 0 if the numbers do not rise.
    fn missing_before(&self, page: &Page) -> u64 {
        let distance = |sequence: u32| page.sequence.wrapping_sub(sequence).cast_signed();
        let distance = self.sequence.map_or(1, distance);
        u64::try_from(distance).unwrap_or(0).saturating_sub(1)
    }

    /// The packets that end in a page of this stream.
    pub(super) fn packets(&mut self, page: &Page) -> Vec<Packet> {
        if self.base.is_none() {
            self.missing_pages = self.missing_pages.saturating_add(self.missing_before(page));
        }
        // The bytes in their place may have been noted.
        if self.sequence.is_some() && !self.is_continued_by(page) && self.lost.is_empty() {
            self.lose("pages of the recording are missing".to_owned());
        }
        self.sequence = Some(page.sequence);
        self.has_ended |= page.is_last;
        let complete = self.complete(page);
        self.timed(complete, page)
    }

    /// The packets that end in the page, joined with their beginnings in earlier pages; without headers.
    fn complete(&mut self, page: &Page) -> Vec<Vec<u8>> {
        let mut complete = Vec::new();
        for (index, (piece, ends)) in page.pieces().into_iter().enumerate() {
            let goes_on = index == 0 && page.is_continued;
            if goes_on && !self.has_partial {
                // Its beginning was lost.
                continue;
            }
            if !goes_on {
                self.partial.clear();
            }
            self.partial.extend_from_slice(piece);
            if self.partial.len() > LONGEST_PACKET {
                self.lose("a packet has no end".to_owned());
                continue;
            }
            self.has_partial = !ends;
            if ends {
                complete.push(std::mem::take(&mut self.partial));
            }
        }
        complete.retain(|packet| !self.is_header(packet));
        complete
    }

    /// Whether a packet is one of the headers, which come first.
    fn is_header(&mut self, packet: &[u8]) -> bool {
        let is_header = match self.measure {
            Measure::Opus => packet.starts_with(b"OpusHead") || packet.starts_with(b"OpusTags"),
            Measure::Vorbis(_) => packet.first().is_some_and(|first| first & 1 == 1),
            // Frames begin with a sync code, metadata blocks do not.
            Measure::Flac => packet.first() != Some(&0xFF),
        };
        let is_among_headers = self.headers > 0 || is_header;
        self.headers = self.headers.saturating_sub(usize::from(is_header));
        is_header && is_among_headers
    }

    fn frames(&mut self, packet: &[u8]) -> u64 {
        match &mut self.measure {
            Measure::Opus => xiph::opus_frames(packet),
            Measure::Vorbis(vorbis) => vorbis.frames(packet),
            Measure::Flac => flac::frames_of(packet).unwrap_or(0),
        }
    }

    /// The granule position of the start of a stream whose first packets begin at `first`, in a page of this length.
    ///
    /// A stream cut out of a longer one begins at its first packets, but missing pages are a loss.
    fn start_before(&mut self, first: u64, length: u64) -> u64 {
        let of_seconds = |seconds: u64| u64::from(self.rate).saturating_mul(seconds);
        let longest = of_seconds(LONGEST_PAGE).max(length.saturating_mul(4));
        let is_from_0 = first <= self.missing_pages.saturating_mul(longest);
        match (is_from_0, self.has_lost_bytes) {
            _ if self.missing_pages == 0 => first,
            (true, true) => 0,
            (true, false) if first <= of_seconds(LONGEST_LATE_START) => 0,
            (false, true) => first.saturating_sub(self.missing_pages.saturating_mul(length)),
            (_, false) => {
                // Its beginning was never recorded. The losses of an earlier link remain.
                if !self.is_another {
                    self.lost.take();
                }
                first
            }
        }
    }

    fn timed(&mut self, complete: Vec<Vec<u8>>, page: &Page) -> Vec<Packet> {
        let lengths: Vec<u64> = complete.iter().map(|packet| self.frames(packet)).collect();
        let sum: u64 = lengths.iter().sum();
        let granule = page.granule.filter(|_| !complete.is_empty());
        if self.base.is_none() && !complete.is_empty() {
            // One whose only page ends early begins at 0.
            let first = granule.map_or(0, |granule| granule.saturating_sub(sum));
            let base = self.start_before(first, sum);
            self.base = Some(base);
            self.position = base;
            self.skip_left = self.skip_left.saturating_sub(first - base);
        }
        let (begin, surplus) = match granule {
            // The last page may end in the middle of its packets: the encoder padded them.
            Some(granule) if page.is_last && granule < self.position + sum && self.lost.is_empty() => {
                (self.position, self.position + sum - granule)
            }
            Some(granule) => (granule.saturating_sub(sum), 0),
            None => (self.position, 0),
        };
        let mut packets: Vec<Packet> = Vec::new();
        let mut position = begin;
        for (data, length) in complete.into_iter().zip(lengths) {
            let skip = self.skip_left.min(length);
            self.skip_left -= skip;
            packets.push(Packet {
                time: Some(self.time_of(position + skip)),
                duration: Some(nanoseconds(length, self.rate)),
                skip,
                lost: self.lost.take(),
                codec: std::mem::take(&mut self.is_another).then(|| self.codec.clone()),
                data,
                ..Packet::default()
            });
            position += length;
        }
        discard(&mut packets, surplus, self.rate);
        self.position = if packets.is_empty() {
            self.position
        } else {
            position - surplus.min(sum)
        };
        packets
    }
}

/// Drops frames from the end of the last packets.
fn discard(packets: &mut [Packet], mut surplus: u64, rate: u32) {
    for packet in packets.iter_mut().rev() {
        let length = frames(packet.duration.unwrap_or(0), rate);
        let dropped = surplus.min(length.saturating_sub(packet.skip));
        packet.discard = dropped;
        surplus -= dropped;
    }
}
