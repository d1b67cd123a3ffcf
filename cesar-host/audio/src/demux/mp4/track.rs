//! A track, from `trak`.

use std::io;

use symphonia::core::codecs::audio::well_known::{CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_MP3};

use super::atom::{Atom, find_in, in_slice};
use super::codec::{Description, descriptions};
use super::edits::{Range, Scales, end_of, ranges};
use super::fragments::{Defaults, Fragments};
use super::input::{Input, u16_at, u32_at};
use super::movie::{MOST_TRACKS, Movie};
use super::samples::Tables;
use crate::demux::{Nanoseconds, Track};

/// Bytes of a description that are read: a longer one is not of sound.
const LONGEST_DESCRIPTION: u64 = 1 << 16;

/// Maximum number of samples examined to find the start of a fragmented file.
const FIRST_FRAGMENTS: u64 = 1 << 22;

/// A track of any kind.
#[derive(Debug)]
pub(super) struct TrackInfo {
    pub(super) id: u32,
    pub(super) is_audio: bool,
    pub(super) scales: Scales,
    pub(super) ranges: Vec<Range>,
    pub(super) descriptions: Vec<Description>,
    pub(super) tables: Option<Tables>,
    pub(super) defaults: Defaults,
    pub(super) is_fragmented: bool,
    /// Whether its samples are in a file that it names.
    pub(super) is_elsewhere: bool,
    /// Default duration of a sample.
    pub(super) default_duration: u32,
    is_enabled: bool,
    language: Option<String>,
    title: Option<String>,
}

impl TrackInfo {
    /// Reads `trak`; `None` without a header or media.
    pub(super) fn read(input: &mut Input, movie: &Movie, track: &Atom) -> io::Result<Option<Self>> {
        let (Some(header), Some(media)) = (track.find(input, b"tkhd")?, track.find(input, b"mdia")?) else {
            return Ok(None);
        };
        let header = header.body(input, 32)?;
        let Some(id) = u32_at(&header, if header.first() == Some(&1) { 20 } else { 12 }) else {
            return Ok(None);
        };
        let media_header = media.body_of(input, b"mdhd", 40)?;
        let is_long = media_header.first() == Some(&1);
        let scales = Scales {
            track: u32_at(&media_header, if is_long { 20 } else { 12 }).unwrap_or(0),
            movie: movie.scale,
        };
        let handler = media.body_of(input, b"hdlr", 256)?;
        let mut info = Self {
            id,
            is_audio: handler.get(8..12) == Some(b"soun"),
            scales,
            ranges: Vec::new(),
            descriptions: Vec::new(),
            tables: None,
            defaults: movie.defaults(id),
            is_fragmented: movie.is_fragmented,
            is_elsewhere: false,
            default_duration: 0,
            is_enabled: header.get(3).is_some_and(|flags| flags & 1 == 1),
            language: u16_at(&media_header, if is_long { 32 } else { 20 }).and_then(language),
            title: None,
        };
        if info.is_audio {
            info.read_media(input, movie, &media)?;
            let extended = media.body_of(input, b"elng", 64)?;
            info.language = text(extended.get(4..).unwrap_or_default()).or(info.language);
            let user_data = track.body_of(input, b"udta", LONGEST_DESCRIPTION)?;
            info.title = title(&user_data, handler.get(24..).unwrap_or_default());
        }
        info.read_edits(input, movie, track)?;
        Ok(Some(info))
    }

    fn read_media(&mut self, input: &mut Input, movie: &Movie, media: &Atom) -> io::Result<()> {
        let Some(information) = media.find(input, b"minf")? else {
            return Ok(());
        };
        let Some(table) = information.find(input, b"stbl")? else {
            return Ok(());
        };
        let references = information.find_path(input, &[b"dinf", b"dref"])?;
        let references = references
            .map(|dref| dref.body(input, LONGEST_DESCRIPTION))
            .transpose()?;
        self.descriptions = descriptions(&table.body_of(input, b"stsd", LONGEST_DESCRIPTION)?);
        let references = references.as_deref().unwrap_or_default();
        for description in &mut self.descriptions {
            if external(references, description.reference).is_some() {
                description.name = format!("{} in another file", description.name);
                description.codec = None;
            }
        }
        let places = self.descriptions.iter();
        let mut places = places.map(|description| external(references, description.reference));
        let is_named = |place: &[u8]| place.iter().any(|byte| *byte != 0);
        self.is_elsewhere = !self.descriptions.is_empty() && places.all(|place| place.is_some_and(is_named));
        let first = self.descriptions.first();
        let layout = first.and_then(|first| first.layout);
        if let Some((frames, rate)) = first.and_then(|first| Some((first.frames?, first.rate))) {
            self.default_duration = u32::try_from(self.scales.ticks(frames, rate)).unwrap_or(0);
        }
        self.tables = Tables::read(input, &table, layout, self.default_duration)?;
        if movie.is_fragmented && self.tables.as_ref().is_some_and(|tables| tables.count() == 0) {
            self.tables = None;
        }
        self.find_layer(input)
    }

    /// MPEG-4 has one number for all layers of MPEG audio.
    fn find_layer(&mut self, input: &mut Input) -> io::Result<()> {
        let (Some(tables), Some(first)) = (&mut self.tables, self.descriptions.first_mut()) else {
            return Ok(());
        };
        let Some(codec) = first
            .codec
            .as_mut()
            .filter(|codec| codec.parameters.codec == CODEC_ID_MP3)
        else {
            return Ok(());
        };
        if let Some(sample) = tables.next(input)?
            && let Some([0xFF, second]) = input.array::<2>(sample.position)?
        {
            codec.parameters.codec = match second >> 1 & 3 {
                3 => CODEC_ID_MP1,
                2 => CODEC_ID_MP2,
                _ => CODEC_ID_MP3,
            };
        }
        tables.rewind(input)
    }

    fn read_edits(&mut self, input: &mut Input, movie: &Movie, track: &Atom) -> io::Result<()> {
        let list = track.find_path(input, &[b"edts", b"elst"])?;
        // If no edit covers the encoder's delay, the codec may.
        let first = self.descriptions.first().map_or(0, |first| match first.pre_skip {
            0 => self.scales.ticks(movie.apple_delay.unwrap_or(0), first.rate),
            frames => self.scales.ticks(frames, first.rate),
        });
        self.ranges = ranges(input, list, self.scales, first, movie.is_fragmented)?;
        Ok(())
    }

    /// The end of the track by its tables.
    fn declared_end(&self, movie: &Movie) -> Option<Nanoseconds> {
        let tables = self.tables.as_ref().filter(|tables| tables.count() > 0);
        let end = tables.and_then(|tables| end_of(&self.ranges, self.scales, tables.total()));
        end.max(movie.declared_end)
    }

    /// The public properties of the track.
    pub(super) fn track(&self, movie: &Movie) -> Track {
        let first = self.descriptions.first();
        Track {
            id: u64::from(self.id),
            codec: first
                .and_then(|first| first.codec.clone())
                .filter(|_| self.scales.track > 0),
            codec_name: first.map_or_else(|| "no description".to_owned(), |first| first.name.clone()),
            language: self.language.clone(),
            title: self.title.clone(),
            is_default: self.is_enabled,
            declared_end: self.declared_end(movie).filter(|end| *end > 0),
        }
    }

    pub(super) fn description(&self, number: u32) -> Option<&Description> {
        // Some files count from 0.
        let index = usize::try_from(number.saturating_sub(1)).ok()?;
        self.descriptions.get(index)
    }
}

impl Movie {
    /// All readable tracks.
    pub(super) fn tracks(&self, input: &mut Input, index: &Atom) -> io::Result<Vec<TrackInfo>> {
        let mut tracks = Vec::new();
        let mut children = index.children(input);
        while let Some(child) = children.next(input)? {
            if &child.name == b"trak" && tracks.len() < MOST_TRACKS {
                tracks.extend(TrackInfo::read(input, self, &child)?);
            }
        }
        Ok(tracks)
    }

    /// Start of the earliest track of a fragmented file: a recording of a live stream does not begin at 0.
    pub(super) fn begins(&self, input: &mut Input, tracks: &[TrackInfo]) -> io::Result<Nanoseconds> {
        if !self.is_fragmented || tracks.iter().any(|track| track.tables.is_some()) {
            return Ok(0);
        }
        let mut begin = None;
        for track in tracks.iter().filter(|track| track.scales.track > 0) {
            let mut fragments = Fragments::new(track.id, track.defaults, track.default_duration, 0);
            if let (Some(sample), Some(range)) = (fragments.first(input, FIRST_FRAGMENTS)?, track.ranges.first()) {
                let time = track.scales.presented(range, sample.start.max(range.start));
                begin = Some(begin.map_or(time, |begin: Nanoseconds| begin.min(time)));
            }
        }
        Ok(begin.unwrap_or(0).max(0))
    }
}

/// The place of another file, possibly empty, if the samples of this data reference (from 1) are there; from the body of `dref`.
fn external(references: &[u8], reference: u16) -> Option<&[u8]> {
    let index = usize::from(reference.saturating_sub(1));
    let (_, body) = in_slice(references.get(8..)?).nth(index)?;
    let (flags, place) = body.split_first_chunk::<4>()?;
    (flags[3] & 1 == 0).then_some(place)
}

/// Three letters of five bits; numbers below 0x400 are those of the Macintosh, where 0 is both English and unknown.
fn language(packed: u16) -> Option<String> {
    const MACINTOSH: [&str; 25] = [
        "", "fra", "deu", "ita", "nld", "swe", "spa", "dan", "por", "nor", "heb", "jpn", "ara", "fin", "ell", "isl",
        "mlt", "tur", "hrv", "zho", "urd", "hin", "tha", "kor", "lit",
    ];
    let name = match packed {
        0..0x400 => MACINTOSH
            .get(usize::from(packed))
            .copied()
            .unwrap_or_default()
            .to_owned(),
        _ => [10, 5, 0]
            .map(|shift| char::from((packed >> shift & 0x1F) as u8 + 0x60))
            .iter()
            .collect(),
    };
    let is_name = name.len() == 3 && name.bytes().all(|byte| byte.is_ascii_lowercase());
    (is_name && name != "und").then_some(name)
}

/// The title in `udta`, else the name of the handler if a user set it.
fn title(user_data: &[u8], handler: &[u8]) -> Option<String> {
    let name = find_in(user_data, b"name").and_then(text);
    let international = find_in(user_data, b"\xA9nam").or_else(|| find_in(user_data, b"\xA9trk"));
    let name = name.or_else(|| text(international?.get(4..)?));
    let full = find_in(user_data, b"titl").and_then(|body| text(body.get(6..)?));
    // QuickTime counts the letters in the first byte.
    let counted = handler
        .split_first()
        .filter(|(length, rest)| usize::from(**length) <= rest.len() && **length < 32);
    let handler = match counted {
        Some((length, rest)) if !handler.is_empty() => &rest[..usize::from(*length)],
        _ => handler,
    };
    name.or(full).or_else(|| text(handler).filter(|name| !is_generic(name)))
}

/// Whether a program named the handler, not a user.
fn is_generic(name: &str) -> bool {
    let name = name.to_lowercase();
    let parts = ["handle", "media", "core ", "produced", "gpac", "audio track", "mp4"];
    let whole = ["sound", "audio", "stereo", "mono", "surround"];
    parts.iter().any(|part| name.contains(part)) || whole.contains(&name.as_str())
}

/// Text up to its first zero; `None` if empty.
fn text(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim().trim_matches(char::REPLACEMENT_CHARACTER);
    (!text.is_empty()).then(|| text.to_owned())
}
