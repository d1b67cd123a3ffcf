//! Decoding: any recording becomes 16 kHz mono `f32`, in blocks.
//!
//! ```text
//!        ┌─ kind ─► demux ─► player ─┐
//! file ──┤                           ├─► continuous ─► mono ─► Window ─► sink
//!        └─ ffmpeg ──────────────────┘   (no holes)   (16 kHz)  (slice)
//! ```
//!
//! [`decode`] is the only way in. `kind` recognises the file by its structure; a `demux` module reads the container; `player` decodes its
//! packets with symphonia and libopus; `ffmpeg`, when the options name one, reads what those do not know. Each is a
//! `Source` of chunks of frames, with the encoder's delay and padding removed.
//!
//! * **What can be read is decoded; what cannot is reported.** Damage, missing ends, gaps and changes of format are [`Issue`]s with their place.
//!   Sound that cannot be decoded is silence of its length. Errors are for files without sound, of no known kind, or of
//!   which nothing can be decoded; and with [`DecodeOptions::strict`] for every file of which sound is missing.
//! * **Two readers.** Where the built-in reader meets damage, a change of format or an unknown structure, ffmpeg decodes the file
//!   as well, and the more complete take is used: [`Sink::begin`] starts a take, [`Decoded::take`] says which to keep.
//! * **Clock.** Sample `n` is what a player plays at `n / 16000` seconds: late tracks begin with silence, gaps in the time stamps are filled.
//! * **Streaming.** A few blocks are in memory, however long the file is. The sink is called for every block, with an empty one while nothing
//!   of it belongs to the result (before the slice's start), so that it can cancel.
//! * **Slices** are cut after resampling: `decode(slice)` is exactly that range of `decode(all)`. Decoding starts at the beginning of
//!   the file and stops behind the slice's end.
//! * **Values.** Integer samples are divided by 2^(bits-1). Floats beyond ±1 are kept; NaN and infinities become 0 and are counted in
//!   a warning.
//!
//! The policy with its reasons is in `docs/guide/inputs.md`.

mod cancellation;
mod clock;
mod continuous;
mod decoder;
mod demux;
mod downmix;
mod error;
mod extensions;
mod ffmpeg;
mod issue;
mod joined;
mod kind;
mod levels;
mod mono;
mod mp3;
mod name;
mod open;
mod player;
mod resample;
mod silence;
mod source;
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

pub use error::AudioError;
pub use extensions::is_media_extension;
pub use ffmpeg::ffmpeg_available;
pub use issue::{Issue, IssueKind, with_place};
pub use levels::{FRAME_MS, Levels, SILENCE_DB, levels};
pub use name::Name;
pub use tracks::TrackChoice;

use source::Stream;

/// Samples per second of everything that [`decode`] delivers.
pub const SAMPLE_RATE: u32 = 16_000;

const SAMPLES_PER_MS: u64 = SAMPLE_RATE as u64 / 1000;

/// Sample rates, in Hz, that recordings have; a header that says another is damaged.
const SOURCE_RATES: RangeInclusive<u32> = 1_000..=768_000;

/// Channels that recordings have: Vorbis and Opus count them in one byte.
const SOURCE_CHANNELS: RangeInclusive<u16> = 1..=255;

/// Names the decoding algorithm in a cache key: changes whenever the samples produced may change.
/// A key needs [`DecodeOptions::cache_identity`], which adds the options.
pub const DECODER_VERSION: &str = "4";

/// Missing sound that makes a transcript partial: more than this, or more than one part in [`MISSING_SHARE`].
const MISSING_MS: u64 = 1000;

/// See [`MISSING_MS`].
const MISSING_SHARE: u64 = 100;

/// The part of the recording to keep, in milliseconds of the source; all of it by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Slice {
    /// Where the part begins.
    pub start_ms: u64,
    /// Where it ends; `None` for the recording's end. May lie behind it.
    pub end_ms: Option<u64>,
}

/// How to decode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeOptions {
    /// The program that reads what the built-in readers cannot; `None` does without.
    pub ffmpeg: Option<PathBuf>,
    /// Which audio track.
    pub track: TrackChoice,
    /// Whether missing sound is an error.
    pub strict: bool,
}

impl Default for DecodeOptions {
    /// Uses the `ffmpeg` on the search path, when there is one.
    fn default() -> Self {
        Self {
            ffmpeg: ffmpeg_available(),
            track: TrackChoice::Default,
            strict: false,
        }
    }
}

impl DecodeOptions {
    /// What a cache key must contain for these options: [`DECODER_VERSION`], whether `ffmpeg` may be used, and the track.
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

/// Which program decoded the recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoder {
    /// The decoders built into this program.
    Native,
    /// The same, with the second decoder of MPEG audio.
    SecondMp3,
    /// `ffmpeg`, as a child process.
    Ffmpeg,
}

/// Takes samples at 16 kHz.
pub trait Sink {
    /// Another take begins: the recording is delivered from its start again, and the takes before stay until [`Decoded::take`] is known.
    fn begin(&mut self) -> ControlFlow<()>;

    /// The next samples of the take, maybe none; the chance to cancel.
    fn write(&mut self, samples: &[f32]) -> ControlFlow<()>;
}

/// The result of decoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// Which of the takes to keep, from 0.
    pub take: usize,
    /// Samples at 16 kHz of that take.
    pub samples: u64,
    /// Length of the whole recording, when it is known or was decoded to its end.
    pub source_duration_ms: Option<u64>,
    /// Name of the codec, such as `pcm_s16le` or `aac`.
    pub codec: String,
    /// Samples per second in the file.
    pub source_rate: u32,
    /// Channels in the file.
    pub channels: u16,
    /// The decoder.
    pub decoder: Decoder,
    /// Sentences about what was odd and takes nothing from the sound.
    pub warnings: Vec<String>,
    /// The faults, in order; times count from the slice's start.
    pub issues: Vec<Issue>,
    /// Sound in the slice that the file promises and does not have.
    pub missing_ms: u64,
    /// The number of the track that was read because the default one is silent.
    pub track: Option<usize>,
    /// With all tracks read as channels: the title of each, where it has one.
    pub track_titles: Vec<Option<String>>,
    /// How the takes compare, for those who want to know.
    pub details: Vec<String>,
}

impl Decoded {
    /// Whether so much is missing that the transcript is not that of the whole recording.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        let there_ms = self.samples / SAMPLES_PER_MS;
        is_incomplete(self.missing_ms, there_ms)
    }
}

/// More than a second, or more than a hundredth of what is there and what is missing.
#[must_use]
pub fn is_incomplete(missing_ms: u64, there_ms: u64) -> bool {
    missing_ms > MISSING_MS || missing_ms.saturating_mul(MISSING_SHARE) > there_ms.saturating_add(missing_ms)
}

/// The length of the recording in milliseconds as its file declares it, without decoding; `None` when it
/// declares none.
///
/// # Errors
/// As [`decode`], as far as they show when the file is opened.
pub fn probe(path: &Path, options: &DecodeOptions) -> Result<Option<u64>, AudioError> {
    check_file(path)?;
    open::declared_end(path, options).map(|end| end.map(clock::milliseconds))
}

/// Decodes `slice` of the recording at `path` to 16 kHz mono and gives it to `sink`, block by block.
///
/// # Errors
/// See [`AudioError`]; [`AudioError::Cancelled`] when `sink` returned [`ControlFlow::Break`].
pub fn decode(path: &Path, slice: Slice, options: &DecodeOptions, sink: &mut dyn Sink) -> Result<Decoded, AudioError> {
    if let Some(end_ms) = slice.end_ms.filter(|end_ms| *end_ms <= slice.start_ms) {
        return Err(AudioError::EmptySlice {
            name: path.into(),
            start_ms: slice.start_ms,
            end_ms,
        });
    }
    check_file(path)?;
    takes::decode(path, slice, options, sink)
}

/// Refuses a header that asks for more memory than any recording needs.
fn check_stream(path: &Path, stream: Stream) -> Result<(), AudioError> {
    let reason = if !SOURCE_RATES.contains(&stream.rate) {
        format!("its header says {} samples per second", stream.rate)
    } else if !SOURCE_CHANNELS.contains(&stream.channels) {
        format!("its header says {} channels", stream.channels)
    } else {
        return Ok(());
    };
    Err(AudioError::Damaged {
        name: path.into(),
        reason,
    })
}

/// Refuses what is not a readable file with something in it, before any decoder sees it.
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
