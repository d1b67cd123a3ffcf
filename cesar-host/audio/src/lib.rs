//! Decoding: any recording becomes 16 kHz mono `f32`, in blocks.
//!
//! ```text
//!        ┌─ kind ─► demux ─► player ─┐
//! file ──┤                           ├─► continuous ─► mono ─► Window ─► sink
//!        └─ ffmpeg ──────────────────┘   (no holes)   (16 kHz)  (slice)
//! ```
//!
//! [`decode`] is the only entry point. `kind` recognises the file by its structure; a `demux` module reads the container; `player`
//! decodes its packets with symphonia and libopus; `ffmpeg`, if the options name one, reads other files. Each is a `Source` of
//! chunks of frames, with the encoder's delay and padding removed.
//!
//! * **Readable sound is decoded; the rest is reported.** Damage, missing ends, gaps and changes of format are [`Issue`]s with
//!   their place. Sound that cannot be decoded is silence of its length. Errors are for files without sound, of unknown kind, or
//!   without decodable sound; and with [`DecodeOptions::strict`] for every file with missing sound.
//! * **Two readers.** If the built-in reader finds damage, a change of format or an unknown structure, ffmpeg decodes the file as
//!   well, and the more complete take is used: [`Sink::begin`] starts a take, [`Decoded::take`] is the one to keep.
//! * **Clock.** Sample `n` is a player's at `n / 16000` seconds: late tracks begin with silence, gaps in the time stamps are filled.
//! * **Streaming.** A few blocks are in memory, for any length of the file. The sink is called for every block, with an empty one
//!   before the slice's start.
//! * **Cancellation.** [`DecodeOptions::stop`] is asked at every read of the file, [`Sink::write`] with every block.
//! * **Slices** are cut after resampling: `decode(slice)` is exactly that range of `decode(all)`. Decoding starts at the beginning of
//!   the file and stops behind the slice's end.
//! * **Values.** Integer samples are divided by 2^(bits-1). Floats beyond ±1 are kept; NaN and infinities become 0 and are counted in
//!   a warning.
//!
//! The policy with its reasons is in `docs/guide/inputs.md`.

mod cancellation;
mod channel;
mod clock;
mod continuous;
mod decode;
mod decoder;
mod demux;
mod downmix;
mod error;
mod extensions;
mod ffmpeg;
mod follower;
mod intact;
mod issue;
mod joined;
mod kind;
mod levels;
mod mono;
mod mp3;
mod name;
mod open;
mod player;
mod silence;
mod source;
mod stop;
mod take;
mod takes;
mod tracks;
mod tried;
mod window;

#[cfg(test)]
mod compare_ffmpeg;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::ops::{ControlFlow, RangeInclusive};
use std::path::{Path, PathBuf};

pub use channel::{Beside, channel};
pub use error::AudioError;
pub use extensions::is_media_extension;
pub use ffmpeg::{ffmpeg_available, ffmpeg_is_confined};
pub use issue::{Issue, IssueKind, tenths, with_place};
pub use levels::{FRAME_MS, Levels, SILENCE_DB, levels};
pub use name::Name;
pub use stop::Stop;
pub use tracks::TrackChoice;

use source::Stream;

/// Sample rate in Hz of everything that [`decode`] delivers.
pub const SAMPLE_RATE: u32 = cesar_resample::SAMPLE_RATE;

const SAMPLES_PER_MS: u64 = SAMPLE_RATE as u64 / 1000;

/// Possible sample rates of recordings, in Hz; a header with another is damaged.
const SOURCE_RATES: RangeInclusive<u32> = 1_000..=768_000;

/// Possible channel counts of recordings: Vorbis and Opus count them in one byte.
const SOURCE_CHANNELS: RangeInclusive<u16> = 1..=255;

/// The version of the decoding algorithm in a cache key: changes whenever the samples produced may change. A key
/// needs [`DecodeOptions::cache_identity`], which adds the options.
pub const DECODER_VERSION: &str = "13";

/// Missing sound that makes a transcript partial: more than this, or more than one part in [`MISSING_SHARE`].
const MISSING_MS: u64 = 1000;

/// See [`MISSING_MS`].
const MISSING_SHARE: u64 = 100;

/// The part of the recording to keep, in milliseconds of the source; all of it by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Slice {
    /// The start of the part.
    pub start_ms: u64,
    /// The end of the part; `None` for the recording's end, which it may exceed.
    pub end_ms: Option<u64>,
}

/// Options of decoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeOptions {
    /// The program for files that the built-in readers cannot read; `None` disables it.
    pub ffmpeg: Option<PathBuf>,
    /// The audio track.
    pub track: TrackChoice,
    /// Whether missing sound is an error.
    pub strict: bool,
    /// The request to stop: asked at every read of the file, also while it is opened.
    pub stop: Stop,
}

impl Default for DecodeOptions {
    /// Uses the `ffmpeg` on the search path, if there is one.
    fn default() -> Self {
        Self {
            ffmpeg: ffmpeg_available(),
            track: TrackChoice::Default,
            strict: false,
            stop: Stop::NEVER,
        }
    }
}

impl DecodeOptions {
    /// The part of a cache key for these options: [`DECODER_VERSION`], whether `ffmpeg` may be used, and the track.
    /// `strict` changes no sample.
    pub fn cache_identity(&self) -> String {
        let ffmpeg = if self.ffmpeg.is_some() { "+ffmpeg" } else { "" };
        let track = match &self.track {
            TrackChoice::Default => String::new(),
            choice => format!("+track={}", choice.as_text()),
        };
        format!("{DECODER_VERSION}{ffmpeg}{track}")
    }
}

/// The decoder of the recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoder {
    /// The built-in decoders.
    Native,
    /// The same, with the second decoder of MPEG audio.
    SecondMp3,
    /// `ffmpeg`, as a child process.
    Ffmpeg,
}

/// Receives samples at 16 kHz.
pub trait Sink {
    /// Another take begins: the recording is delivered from its start again, and the earlier takes stay until [`Decoded::take`] is known.
    fn begin(&mut self) -> ControlFlow<()>;

    /// The next samples of the take, possibly none; the return value can cancel.
    fn write(&mut self, samples: &[f32]) -> ControlFlow<()>;
}

/// The result of decoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The index of the take to keep.
    pub take: usize,
    /// Samples at 16 kHz of that take.
    pub samples: u64,
    /// Length of the whole recording, if known or decoded to its end.
    pub source_duration_ms: Option<u64>,
    /// Name of the codec, such as `pcm_s16le` or `aac`.
    pub codec: String,
    /// Sample rate of the file in Hz.
    pub source_rate: u32,
    /// Channels in the file.
    pub channels: u16,
    /// The decoder.
    pub decoder: Decoder,
    /// Sentences about oddities that do not affect the sound.
    pub warnings: Vec<String>,
    /// The faults, in order; times count from the slice's start.
    pub issues: Vec<Issue>,
    /// Missing sound in the slice, in milliseconds, by the file's declaration.
    pub missing_ms: u64,
    /// The number of the track that replaced the silent default one.
    pub track: Option<usize>,
    /// The title of each track, where it has one, if all tracks are read as channels.
    pub track_titles: Vec<Option<String>>,
    /// A comparison of the takes, for diagnostics.
    pub details: Vec<String>,
}

impl Decoded {
    /// Whether too much is missing for a transcript of the whole recording.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        let there_ms = self.samples / SAMPLES_PER_MS;
        is_incomplete(self.missing_ms, there_ms)
    }
}

/// More than a second, or more than a hundredth of the sum of present and missing sound.
#[must_use]
pub fn is_incomplete(missing_ms: u64, there_ms: u64) -> bool {
    missing_ms > MISSING_MS || missing_ms.saturating_mul(MISSING_SHARE) > there_ms.saturating_add(missing_ms)
}

/// The declared length of the recording in milliseconds, without decoding; `None` if it declares none.
///
/// # Errors
/// As [`decode`], as far as they occur when the file is opened.
pub fn probe(path: &Path, options: &DecodeOptions) -> Result<Option<u64>, AudioError> {
    check_file(path)?;
    let end = options.stop.during(|| open::declared_end(path, options))?;
    Ok(end.map(clock::milliseconds))
}

/// The media type of a file by its content, for browsers; `application/octet-stream` where it is no recording that they know.
///
/// # Errors
/// When the file cannot be read.
pub fn media_type(path: &Path) -> io::Result<&'static str> {
    kind::media_type(path)
}

/// Decodes `slice` of the recording at `path` to 16 kHz mono and passes it to `sink`, block by block.
///
/// # Errors
/// See [`AudioError`]; [`AudioError::Cancelled`] if `sink` returned [`ControlFlow::Break`] or the stop was requested.
pub fn decode(path: &Path, slice: Slice, options: &DecodeOptions, sink: &mut dyn Sink) -> Result<Decoded, AudioError> {
    if let Some(end_ms) = slice.end_ms.filter(|end_ms| *end_ms <= slice.start_ms) {
        return Err(AudioError::EmptySlice {
            name: path.into(),
            start_ms: slice.start_ms,
            end_ms,
        });
    }
    check_file(path)?;
    options.stop.during(|| decode::decode(path, slice, options, sink))
}

/// Refuses a header that requires more memory than any recording needs.
fn check_stream(path: &Path, stream: Stream) -> Result<(), AudioError> {
    let damaged = |reason: String| AudioError::Damaged {
        name: path.into(),
        reason,
    };
    impossible(stream).map_or(Ok(()), |reason| Err(damaged(reason)))
}

/// The field of a header that no recording has.
fn impossible(stream: Stream) -> Option<String> {
    if !SOURCE_RATES.contains(&stream.rate) {
        return Some(format!("its header says {} samples per second", stream.rate));
    }
    (!SOURCE_CHANNELS.contains(&stream.channels)).then(|| format!("its header says {} channels", stream.channels))
}

/// Refuses paths that are no readable, non-empty file, before a decoder reads them.
///
/// # Errors
/// See [`AudioError`].
pub fn check_file(path: &Path) -> Result<(), AudioError> {
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => AudioError::Missing { name: path.into() },
        _ => AudioError::unreadable(path, error),
    })?;
    let name = path.into();
    match metadata {
        folder if folder.is_dir() => Err(AudioError::NotAFile { name, kind: "a folder" }),
        other if !other.is_file() => Err(AudioError::NotAFile {
            name,
            kind: "a pipe or a device",
        }),
        empty if empty.len() == 0 => Err(AudioError::EmptyFile { name }),
        _ => Ok(()),
    }
}
