//! The description of one track (RFC 9559, 5.1.4.1).

use super::audio::Audio;
use super::codec::{Decoding, Meter};
use super::ebml::{self, children, id};
use super::encoding::Encodings;

const VIDEO: u64 = 1;
const AUDIO: u64 = 2;

/// One track.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) uid: u64,
    kind: u64,
    pub(super) is_default: bool,
    pub(super) title: Option<String>,
    pub(super) language: Option<String>,
    /// Delay of times, in nanoseconds.
    pub(super) delay: i64,
    /// Nanoseconds of a packet, if all are equally long.
    pub(super) default_duration: Option<i64>,
    pub(super) decoding: Decoding,
    pub(super) encodings: Encodings,
}

impl Entry {
    /// Reads the body of a `TrackEntry`; `None` without a number.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let mut draft = Draft::default();
        for (child, body) in children(body) {
            draft.take(child, body);
        }
        draft.finish()
    }

    pub(super) fn is_audio(&self) -> bool {
        self.kind == AUDIO
    }

    /// Whether its first time is a possible start of the recording: subtitles do not count.
    pub(super) fn is_heard_or_seen(&self) -> bool {
        matches!(self.kind, VIDEO | AUDIO)
    }
}

/// The values read from an entry. Absent values are those of the standard.
struct Draft<'a> {
    number: u64,
    uid: u64,
    kind: u64,
    is_enabled: bool,
    is_default: bool,
    title: Option<String>,
    language: &'a [u8],
    language_tag: Option<String>,
    codec: &'a [u8],
    private: &'a [u8],
    delay: u64,
    default_duration: u64,
    audio: Audio,
    encodings: Result<Encodings, &'static str>,
}

impl Default for Draft<'_> {
    fn default() -> Self {
        Self {
            number: 0,
            uid: 0,
            kind: 0,
            is_enabled: true,
            is_default: true,
            title: None,
            language: b"eng",
            language_tag: None,
            codec: &[],
            private: &[],
            delay: 0,
            default_duration: 0,
            audio: Audio::default(),
            encodings: Ok(Encodings::default()),
        }
    }
}

impl<'a> Draft<'a> {
    fn take(&mut self, child: u32, body: &'a [u8]) {
        match child {
            id::TRACK_NUMBER => self.number = ebml::unsigned(body),
            id::TRACK_UID => self.uid = ebml::unsigned(body),
            id::TRACK_TYPE => self.kind = ebml::unsigned(body),
            id::FLAG_ENABLED => self.is_enabled = ebml::unsigned(body) != 0,
            id::FLAG_DEFAULT => self.is_default = ebml::unsigned(body) != 0,
            id::NAME => self.title = ebml::text(body),
            id::LANGUAGE => self.language = body,
            id::LANGUAGE_BCP47 => self.language_tag = ebml::text(body),
            id::CODEC_ID => self.codec = body,
            id::CODEC_PRIVATE => self.private = body,
            id::CODEC_DELAY => self.delay = ebml::unsigned(body),
            id::DEFAULT_DURATION => self.default_duration = ebml::unsigned(body),
            id::AUDIO => self.audio = Audio::parse(body),
            id::CONTENT_ENCODINGS => self.encodings = Encodings::parse(body),
            _ => {}
        }
    }

    fn finish(self) -> Option<Entry> {
        /// Maximum delay of an encoder.
        const LONGEST_DELAY: u64 = 10_000_000_000;
        let name = ebml::text(self.codec).unwrap_or_else(|| "unknown".to_owned());
        let (decoding, encodings) = match self.encodings {
            Ok(encodings) => {
                let private = encodings.private(self.private).unwrap_or_default();
                (Decoding::identify(&name, &private, &self.audio), encodings)
            }
            Err(reason) => {
                let decoding = Decoding::identify(&name, &[], &self.audio);
                let decoding = Decoding {
                    meter: Meter::Unknown,
                    ..decoding.unreadable(&format!("({reason})"))
                };
                (decoding, Encodings::default())
            }
        };
        let language = self.language_tag.or_else(|| ebml::text(self.language));
        (self.number > 0).then_some(Entry {
            number: self.number,
            uid: self.uid,
            kind: self.kind,
            is_default: self.is_default && self.is_enabled,
            title: self.title,
            language: language.filter(|language| language != "und"),
            delay: i64::try_from(self.delay.min(LONGEST_DELAY)).unwrap_or(0),
            default_duration: i64::try_from(self.default_duration)
                .ok()
                .filter(|duration| *duration > 0),
            decoding,
            encodings,
        })
    }
}
