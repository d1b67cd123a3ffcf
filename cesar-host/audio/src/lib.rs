//! Decoding: any recording becomes 16 kHz mono `f32`, in blocks.
//!
//! ```text
//! file ──► wav ────────┐
//!          native ─────┼─► interleaved frames ─► Downmix ─► Resampler ─► Window ─► sink
//!          ffmpeg ─────┘   at the source's rate   (mono)     (16 kHz)     (slice)
//! ```
//!
//! [`decode`] is the only way in. It asks the readers in that order: `wav` reads RIFF/RF64 with PCM or
//! floats; `native` reads AIFF, FLAC, MP3, MP4/M4A, Ogg, Matroska/WebM, CAF and ADTS with `symphonia` and
//! libopus; `ffmpeg`, when the options name one, gets what those call unsupported. Each is a `Source`
//! that hands out frames with the encoder's delay and padding already removed.
//!
//! * **Streaming.** At most a few blocks are in memory, however long the file is. The sink is called for every
//!   block, with an empty slice while nothing of it belongs to the result (before the slice's start), so that it
//!   can always cancel by returning [`ControlFlow::Break`].
//! * **Slices** are cut after resampling: `decode(slice)` is exactly that range of `decode(all)`. Decoding starts
//!   at the beginning of the file and stops behind the slice's end.
//! * **Values.** Integer samples are divided by 2^(bits-1). Floats beyond ±1 are kept; NaN and infinities
//!   become 0 and are counted in a warning.
//! * **Damage.** A file that ends before what it declares is an error: [`AudioError::Damaged`] when it is opened, where
//!   its container says how many bytes it has (MP4, Matroska), else [`AudioError::Truncated`] when decoding gets to
//!   the end: what the sink has been given by then must be thrown away. Formats that declare nothing (a WAV
//!   stream, an MP3 without a Xing header, Ogg without a last page) can only end early with a warning or unnoticed.
//!   A packet that cannot be decoded becomes silence of its length, with a warning.
//!   Headers with an impossible sample rate or number of channels are [`AudioError::Damaged`], because the memory that
//!   resampling and mixing take grows with both. `ffmpeg` always hands out 16 kHz mono.
//! * **Tracks.** The default audio track, or the first; a warning says when there are more. Gaps between the time
//!   stamps of packets are not filled, as `ffmpeg` does not.

mod container;
#[expect(dead_code, reason = "the demuxers follow")]
mod demux;
mod downmix;
mod error;
mod ffmpeg;
mod levels;
mod matroska;
mod native;
mod resample;
mod trim;
mod wav;
mod window;

#[cfg(test)]
mod compare_ffmpeg;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::ops::{ControlFlow, RangeInclusive};
use std::path::{Path, PathBuf};

pub use error::AudioError;
pub use ffmpeg::ffmpeg_available;
pub use levels::{FRAME_MS, Levels, SILENCE_DB, levels};

use downmix::Downmix;
use resample::Resampler;
use window::Window;

/// Samples per second of everything that [`decode`] delivers.
pub const SAMPLE_RATE: u32 = 16_000;

const SAMPLES_PER_MS: u64 = SAMPLE_RATE as u64 / 1000;

/// Sample rates, in Hz, that recordings have; a header that says another is damaged.
const SOURCE_RATES: RangeInclusive<u32> = 1_000..=768_000;

/// Channels that recordings have: Vorbis and Opus count them in one byte.
const SOURCE_CHANNELS: RangeInclusive<u16> = 1..=255;

/// Names the decoding algorithm in a cache key: changes whenever the samples produced may change.
/// A key needs [`DecodeOptions::cache_identity`], which adds whether `ffmpeg` may be used.
pub const DECODER_VERSION: &str = "1";

/// File name extensions of recordings, in lower case.
const MEDIA_EXTENSIONS: &[&str] = &[
    "3gp", "aac", "ac3", "aif", "aifc", "aiff", "amr", "avi", "caf", "flac", "flv", "m4a", "m4b", "m4v", "mka", "mkv",
    "mov", "mp2", "mp3", "mp4", "mpeg", "mpg", "oga", "ogg", "ogv", "opus", "ts", "wav", "wave", "webm", "wma", "wmv",
];

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
    /// The program that reads what the built-in decoders cannot; `None` does without.
    pub ffmpeg: Option<PathBuf>,
}

impl Default for DecodeOptions {
    /// Uses the `ffmpeg` on the search path, when there is one.
    fn default() -> Self {
        Self {
            ffmpeg: ffmpeg_available(),
        }
    }
}

impl DecodeOptions {
    /// What a cache key must contain for these options: [`DECODER_VERSION`] and whether `ffmpeg` may be used.
    pub fn cache_identity(&self) -> String {
        let suffix = if self.ffmpeg.is_some() { "+ffmpeg" } else { "" };
        format!("{DECODER_VERSION}{suffix}")
    }
}

/// Which program decoded the recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoder {
    /// The decoders built into this program.
    Native,
    /// `ffmpeg`, as a child process.
    Ffmpeg,
}

/// What was decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// Samples at 16 kHz given to the sink.
    pub samples: u64,
    /// Length of the whole recording, when it is known or was decoded to its end.
    pub source_duration_ms: Option<u64>,
    /// Name of the codec, such as `pcm_s16le` or `aac`.
    pub codec: String,
    /// Samples per second in the file.
    pub source_rate: u32,
    /// Channels in the file.
    pub channels: u16,
    /// Who decoded it.
    pub decoder: Decoder,
    /// Sentences about what was odd without being an error.
    pub warnings: Vec<String>,
}

/// A recording's interleaved frames, as a reader hands them out.
trait Source {
    fn facts(&self) -> &Facts;

    /// Appends some frames to `block`; `false` when there are no more.
    fn read(&mut self, block: &mut Vec<f32>) -> Result<bool, AudioError>;

    /// What was odd so far.
    fn warnings(&self) -> Vec<String>;
}

/// What a reader knows about its recording once it is open.
#[derive(Debug, Clone)]
struct Facts {
    codec: String,
    source_rate: u32,
    channels: u16,
    decoder: Decoder,
    /// Declared by the file; an estimate is not one.
    duration_ms: Option<u64>,
    stream: Stream,
}

/// The shape of the frames that a reader hands out.
#[derive(Debug, Clone, Copy)]
struct Stream {
    rate: u32,
    channels: u16,
    /// WAVE channel mask, or 0 when the positions are unknown.
    mask: u32,
}

/// Whether a file with this extension (without the dot, in any case) is worth trying when walking a folder.
pub fn is_media_extension(extension: &str) -> bool {
    MEDIA_EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str())
}

/// The length of the recording in milliseconds as its file declares it, without decoding; `None` when it
/// declares none.
///
/// # Errors
/// As [`decode`], as far as they show when the file is opened.
pub fn probe(path: &Path, options: &DecodeOptions) -> Result<Option<u64>, AudioError> {
    check_file(path)?;
    match open_native(path) {
        Err(AudioError::Unsupported { reason, .. }) => {
            ffmpeg_source(path, reason, options).map(|source| source.facts().duration_ms)
        }
        opened => opened.map(|source| source.facts().duration_ms),
    }
}

/// Decodes `slice` of the recording at `path` to 16 kHz mono and gives it to `sink`, block by block.
///
/// `sink` is also called with empty blocks, as its chance to cancel. What it has been given is complete only
/// when the result is `Ok`.
///
/// # Errors
/// See [`AudioError`]; [`AudioError::Cancelled`] when `sink` returned [`ControlFlow::Break`].
pub fn decode(
    path: &Path,
    slice: Slice,
    options: &DecodeOptions,
    sink: &mut dyn FnMut(&[f32]) -> ControlFlow<()>,
) -> Result<Decoded, AudioError> {
    if let Some(end_ms) = slice.end_ms.filter(|end_ms| *end_ms <= slice.start_ms) {
        return Err(AudioError::EmptySlice {
            path: path.to_owned(),
            start_ms: slice.start_ms,
            end_ms,
        });
    }
    check_file(path)?;
    let mut delivered = 0;
    let native = open_native(path).and_then(|mut source| deliver(path, source.as_mut(), slice, &mut delivered, sink));
    match native {
        Err(AudioError::Unsupported { reason, .. }) if delivered == 0 => {
            let mut source = ffmpeg_source(path, reason, options)?;
            deliver(path, &mut source, slice, &mut delivered, sink)
        }
        other => other,
    }
}

fn open_native(path: &Path) -> Result<Box<dyn Source>, AudioError> {
    let source: Box<dyn Source> = match wav::open(path)? {
        Some(source) => Box::new(source),
        None => Box::new(native::open(path)?),
    };
    check_stream(path, source.facts().stream)?;
    Ok(source)
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
        path: path.to_owned(),
        reason,
    })
}

/// Runs `ffmpeg` on what the built-in decoders refused for `reason`.
fn ffmpeg_source(path: &Path, reason: String, options: &DecodeOptions) -> Result<ffmpeg::FfmpegSource, AudioError> {
    match &options.ffmpeg {
        Some(program) => ffmpeg::open(program, path),
        None => Err(AudioError::Unsupported {
            path: path.to_owned(),
            reason,
            advice: "install `ffmpeg`, which reads more formats, or convert the file to wav",
        }),
    }
}

/// Sends a source's frames through mixing, resampling and slicing to the sink.
fn deliver(
    path: &Path,
    source: &mut dyn Source,
    slice: Slice,
    delivered: &mut u64,
    sink: &mut dyn FnMut(&[f32]) -> ControlFlow<()>,
) -> Result<Decoded, AudioError> {
    let stream = source.facts().stream;
    let downmix = Downmix::new(stream.channels, stream.mask);
    let mut resampler = Resampler::new(stream.rate);
    let mut window = Window::new(slice);
    let (mut frames, mut mono, mut output) = (Vec::new(), Vec::new(), Vec::new());
    let mut not_finite = 0;
    let mut more = true;
    while more && !window.is_past() {
        frames.clear();
        mono.clear();
        output.clear();
        more = source.read(&mut frames)?;
        not_finite += silence_not_finite(&mut frames);
        downmix.mix(&frames, &mut mono);
        resampler.push(&mono, &mut output);
        if !more {
            resampler.finish(&mut output);
        }
        let wanted = window.cut(&output);
        *delivered += wanted.len() as u64;
        if sink(wanted).is_break() {
            return Err(AudioError::Cancelled { path: path.to_owned() });
        }
    }
    let length = (!more).then(|| window.position());
    check_length(path, length, slice)?;
    Ok(report(source, *delivered, length, not_finite))
}

fn silence_not_finite(frames: &mut [f32]) -> u64 {
    let mut count = 0;
    for sample in frames.iter_mut().filter(|sample| !sample.is_finite()) {
        *sample = 0.0;
        count += 1;
    }
    count
}

/// Refuses a recording without samples and a slice behind its end; `length` is `None` when the end was not reached.
fn check_length(path: &Path, length: Option<u64>, slice: Slice) -> Result<(), AudioError> {
    let path = || path.to_owned();
    match length {
        Some(0) => Err(AudioError::NoSamples { path: path() }),
        Some(samples) if samples <= slice.start_ms.saturating_mul(SAMPLES_PER_MS) => Err(AudioError::StartPastEnd {
            path: path(),
            start_ms: slice.start_ms,
            duration_ms: samples / SAMPLES_PER_MS,
        }),
        _ => Ok(()),
    }
}

fn report(source: &dyn Source, samples: u64, length: Option<u64>, not_finite: u64) -> Decoded {
    let facts = source.facts();
    let mut warnings = source.warnings();
    if not_finite > 0 {
        warnings.push(format!(
            "{not_finite} samples are not numbers (NaN or infinite) and were replaced with silence"
        ));
    }
    Decoded {
        samples,
        source_duration_ms: length.map(|length| length / SAMPLES_PER_MS).or(facts.duration_ms),
        codec: facts.codec.clone(),
        source_rate: facts.source_rate,
        channels: facts.channels,
        decoder: facts.decoder,
        warnings,
    }
}

/// Refuses what is not a readable file with something in it, before any decoder sees it.
///
/// # Errors
/// See [`AudioError`].
pub fn check_file(path: &Path) -> Result<(), AudioError> {
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => AudioError::Missing { path: path.to_owned() },
        _ => AudioError::Unreadable {
            path: path.to_owned(),
            source: error,
        },
    })?;
    let path = path.to_owned();
    match metadata {
        folder if folder.is_dir() => Err(AudioError::NotAFile { path, kind: "a folder" }),
        other if !other.is_file() => Err(AudioError::NotAFile {
            path,
            kind: "a pipe or a device",
        }),
        empty if empty.len() == 0 => Err(AudioError::EmptyFile { path }),
        _ => Ok(()),
    }
}
