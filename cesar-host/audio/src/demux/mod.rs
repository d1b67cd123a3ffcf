//! Containers: the audio tracks of a file, and the packets of one of them, each with its time.
//!
//! One module a container, behind [`Demuxer`]. A demuxer reads a file in any state: broken parts are skipped and
//! reported with the next packet ([`Packet::lost`]), not refused. It refuses only a file that it cannot begin to read.
//!
//! **Clock.** [`Packet::time`] is a player's time: 0 is the start of the recording (of its earliest track), with edit
//! lists, encoder delays and late starts taken into account. A demuxer without times (MP3, ADTS, FLAC, WAV) omits it:
//! packets then follow each other.
//!
//! **Trimming.** The encoder's delay and padding are removed by the decoder, as the packet specifies: `skip` and `discard`
//! count decoded frames at the track's rate.

mod adts;
mod another;
mod avi;
mod beginnings;
mod bytes;
mod flac;
mod framed;
mod frames;
mod general;
mod loss;
mod matroska;
mod mp4;
pub(crate) mod mpeg_audio;
mod ogg;
mod tags;
#[cfg(test)]
pub(crate) mod testing;
mod wave;
mod xiph;

use std::path::Path;

pub(crate) use another::begins_at as another_begins_at;
use frames::Reach;
pub(crate) use loss::{ANOTHER_RECORDING, Hole, Holes, Loss, Losses};
use symphonia::core::codecs::audio::AudioCodecParameters;
pub(crate) use xiph::PACKETS_OF_OTHER_LENGTH;

use crate::AudioError;
pub(crate) use crate::clock::Nanoseconds;
use crate::kind::Kind;

/// An open container.
pub(crate) trait Demuxer: Send {
    /// Short name of the container, such as `matroska`.
    fn container(&self) -> &'static str;

    /// The audio tracks in the file's order, including those of unknown codecs. Never empty.
    fn tracks(&self) -> &[Track];

    /// Chooses the track, by its index in [`Demuxer::tracks`], whose packets [`Demuxer::next`] returns; the first without a call.
    /// Called at most once, before the first packet.
    fn select(&mut self, index: usize);

    /// The next packet of the chosen track; `None` at the end of the readable part.
    ///
    /// # Errors
    /// [`AudioError::Unreadable`] if the operating system refuses to read. Damage is not an error.
    fn next(&mut self) -> Result<Option<Packet>, AudioError>;

    /// The end of the file; valid after [`Demuxer::next`] returned `None`.
    fn ending(&self) -> Ending;

    /// ffmpeg's name of the format, if the file was recognised by frames that do not explain all of it: a format that is unknown
    /// here may contain them.
    fn guess(&self) -> Option<&'static str> {
        None
    }
}

/// An audio track.
#[derive(Debug, Clone)]
pub(crate) struct Track {
    /// The container's number for it.
    pub(crate) id: u64,
    /// Its codec parameters; `None` if its codec is unknown here.
    pub(crate) codec: Option<Codec>,
    /// The container's name of the codec (`apac`, `A_TRUEHD`), for messages.
    pub(crate) codec_name: String,
    /// The container's language code: `eng`, `de-CH`; `None` if unknown or `und`.
    pub(crate) language: Option<String>,
    /// Its title.
    pub(crate) title: Option<String>,
    /// Whether players choose it by default (absent in Matroska: true; MP4: the `enabled` flag of `tkhd`).
    pub(crate) is_default: bool,
    /// The declared end of the track, on the recording's clock; estimates do not count.
    pub(crate) declared_end: Option<Nanoseconds>,
}

/// The parameters of a decoder.
#[derive(Debug, Clone)]
pub(crate) struct Codec {
    /// For symphonia's decoders. Opus: the rate is 48 kHz, and `extra_data` is not needed.
    pub(crate) parameters: AudioCodecParameters,
    /// Multiplies every sample; the output gain of an Opus header, 1 elsewhere.
    pub(crate) gain: f32,
    /// The WAVE channel mask by the container, 0 if the channels have no positions; `None`: the decoder's.
    pub(crate) mask: Option<u32>,
}

impl Codec {
    fn new(parameters: AudioCodecParameters) -> Self {
        Self {
            parameters,
            gain: 1.0,
            mask: None,
        }
    }
}

/// A unit that decodes to some frames.
#[derive(Debug, Clone, Default)]
pub(crate) struct Packet {
    /// The input of the decoder.
    pub(crate) data: Vec<u8>,
    /// Presentation time of the first frame behind `skip`; `None`: directly behind the previous packet.
    pub(crate) time: Option<Nanoseconds>,
    /// Its decoded length, if known: the length of the silence if it cannot be decoded.
    pub(crate) duration: Option<Nanoseconds>,
    /// Decoded frames to drop from its beginning.
    pub(crate) skip: u64,
    /// Decoded frames to drop from its end.
    pub(crate) discard: u64,
    /// A new codec, rate or number of channels from this packet on, which needs a new decoder (a new link of chained Ogg, a change
    /// inside FLAC or MP3). The first packet's is the track's and is omitted.
    pub(crate) codec: Option<Codec>,
    /// The losses before it.
    pub(crate) lost: Losses,
}

/// The end of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ending {
    /// The file ends in the middle of an element (a packet, a page, a cluster, a required atom).
    pub(crate) is_cut: bool,
    /// The losses behind the last packet, other than the rest of the file.
    pub(crate) lost: Losses,
    /// The end of the chosen track's sound by the file's declaration, if known only at the end (Matroska's duration is that of the
    /// longest track, so it counts only if no track has packets until then); else [`Track::declared_end`] counts.
    pub(crate) promised_end: Option<Nanoseconds>,
    /// The position of bytes at the end of the file that are not the container's.
    pub(crate) rest: Option<u64>,
}

/// Opens the file with the demuxer of its kind.
///
/// # Errors
/// [`AudioError::Unsupported`] if there is none, or the file is not what it appears to be.
pub(crate) fn open(path: &Path, kind: Kind) -> Result<Box<dyn Demuxer>, AudioError> {
    match kind {
        Kind::General(extension) => general::open(path, extension),
        Kind::Wave => wave::open(path)?.ok_or_else(|| AudioError::unsupported(path, "it has no samples")),
        Kind::Mp4 => mp4::open(path)?.ok_or_else(|| AudioError::unsupported(path, "unknown format")),
        Kind::Matroska => matroska::open(path)?.ok_or_else(|| AudioError::unsupported(path, "unknown format")),
        Kind::Ogg => ogg::open(path)?.ok_or_else(|| AudioError::NoAudioTrack { name: path.into() }),
        Kind::Flac => flac::open(path)?.ok_or_else(|| AudioError::unsupported(path, "unknown format")),
        Kind::Unknown => bare(path),
        Kind::Foreign(name) => Err(AudioError::unsupported(path, format!("{name} has no built-in reader"))),
        Kind::Refused(..) => Err(AudioError::unsupported(path, "unknown format")),
    }
}

/// Finds the losses of a stream that ffmpeg decodes without seeing them.
///
/// # Errors
/// [`AudioError::Unreadable`].
pub(crate) fn holes(kind: Kind, path: &Path, stream: u32) -> Result<Holes, AudioError> {
    match kind {
        Kind::Foreign("ac3" | "eac3") => framed::dolby(path),
        Kind::Foreign("dts") => framed::dts(path),
        Kind::Foreign("avi") => avi::holes(path, stream),
        _ => Ok(Holes::default()),
    }
}

/// Streams without a container; last those whose beginning is destroyed.
fn bare(path: &Path) -> Result<Box<dyn Demuxer>, AudioError> {
    for reach in [Reach::Near, Reach::Far] {
        if let Some(audio) = mpeg_audio::open_within(path, reach)? {
            return Ok(audio);
        }
        if let Some(audio) = adts::open_within(path, reach)? {
            return Ok(audio);
        }
    }
    flac::open_bare(path)?.ok_or_else(|| AudioError::unsupported(path, "unknown format"))
}
