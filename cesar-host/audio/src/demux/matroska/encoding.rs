//! Encodings of the stored frames of a track (RFC 9559, 5.1.4.1.31): compression, and encryption.

use std::io::Read as _;

use flate2::read::ZlibDecoder;

use super::ebml::{self, children, id};

/// Maximum length of a frame of audio.
const LONGEST: u64 = 16 << 20;

/// Maximum growth of a frame by decompression; silence is small.
const MOST_TIMES: u64 = 64;

/// Maximum number of steps of a track.
const MOST_STEPS: usize = 8;

/// One step of decoding.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Inflate,
    Prepend(Vec<u8>),
}

/// The decoding steps of a track.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Encodings {
    of_frames: Vec<Step>,
    of_private: Vec<Step>,
}

impl Encodings {
    /// Reads the body of `ContentEncodings`; an error names an unsupported encoding in a word.
    pub(super) fn parse(body: &[u8]) -> Result<Self, &'static str> {
        const FRAMES: u64 = 1;
        const PRIVATE: u64 = 2;
        let encodings = children(body).filter(|(child, _)| *child == id::CONTENT_ENCODING);
        let mut found: Vec<_> = encodings.map(|(_, body)| Encoding::parse(body)).collect();
        if found.len() > MOST_STEPS {
            return Err("encoded many times");
        }
        // The last encoding is undone first.
        found.sort_by_key(|encoding| std::cmp::Reverse(encoding.order));
        let mut encodings = Self::default();
        for encoding in found {
            let step = encoding.step()?;
            if encoding.scope & PRIVATE != 0 {
                encodings.of_private.push(step.clone());
            }
            if encoding.scope & FRAMES != 0 {
                encodings.of_frames.push(step);
            }
        }
        Ok(encodings)
    }

    /// A frame as the encoder wrote it; `None` if it is damaged. `most` is its maximum length.
    pub(super) fn frame(&self, frame: &[u8], most: u64) -> Option<Vec<u8>> {
        undo(&self.of_frames, frame, most)
    }

    /// The private data of the codec; `None` if damaged.
    pub(super) fn private(&self, data: &[u8]) -> Option<Vec<u8>> {
        undo(&self.of_private, data, LONGEST)
    }

    /// Maximum length of a frame in a file of `length` bytes.
    pub(super) fn most(length: u64) -> u64 {
        LONGEST.min(length.saturating_mul(MOST_TIMES))
    }
}

fn undo(steps: &[Step], data: &[u8], most: u64) -> Option<Vec<u8>> {
    steps.iter().try_fold(data.to_vec(), |data, step| match step {
        Step::Prepend(head) => Some([head.as_slice(), &data].concat()),
        Step::Inflate => {
            let mut inflated = Vec::new();
            let mut decoder = ZlibDecoder::new(data.as_slice()).take(most);
            decoder.read_to_end(&mut inflated).ok()?;
            (inflated.len() as u64 != most).then_some(inflated)
        }
    })
}

/// One `ContentEncoding`.
struct Encoding<'a> {
    order: u64,
    scope: u64,
    is_encryption: bool,
    algorithm: u64,
    settings: &'a [u8],
}

impl<'a> Encoding<'a> {
    fn parse(body: &'a [u8]) -> Self {
        let mut encoding = Self {
            order: 0,
            scope: 1,
            is_encryption: false,
            algorithm: 0,
            settings: &[],
        };
        for (child, body) in children(body) {
            match child {
                id::CONTENT_ENCODING_ORDER => encoding.order = ebml::unsigned(body),
                id::CONTENT_ENCODING_SCOPE => encoding.scope = ebml::unsigned(body),
                id::CONTENT_ENCODING_TYPE => encoding.is_encryption = ebml::unsigned(body) != 0,
                id::CONTENT_COMPRESSION => {
                    for (child, body) in children(body) {
                        match child {
                            id::CONTENT_COMP_ALGO => encoding.algorithm = ebml::unsigned(body),
                            id::CONTENT_COMP_SETTINGS => encoding.settings = body,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        encoding
    }

    fn step(&self) -> Result<Step, &'static str> {
        match self.algorithm {
            _ if self.is_encryption => Err("encrypted"),
            0 => Ok(Step::Inflate),
            3 => Ok(Step::Prepend(self.settings.to_vec())),
            1 => Err("compressed with bzlib"),
            2 => Err("compressed with LZO"),
            _ => Err("compressed in an unknown way"),
        }
    }
}
