//! Containers: the audio tracks of a file, and the packets of one of them, each with its time.
//!
//! One module a container, behind [`Demuxer`]. A demuxer reads a file whatever state it is in: what is broken is passed
//! over and reported with the next packet ([`Packet::lost`]), not refused. It refuses only what it cannot begin to read.
//!
//! **Clock.** [`Packet::time`] is what a player shows: 0 is the start of the recording (of its earliest track), edit lists,
//! encoder delays and late starts taken into account. A demuxer that knows no times (MP3, ADTS, FLAC, WAV) leaves it out:
//! packets then follow each other.
//!
//! **Trimming.** What an encoder put before and behind the sound is removed by the decoder, as the packet says: `skip` and
//! `discard` count decoded frames at the track's rate.

mod adts;
mod bytes;
mod flac;
mod frames;
mod general;
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

use symphonia::core::codecs::audio::AudioCodecParameters;

use crate::AudioError;
use crate::kind::Kind;

/// Nanoseconds on the recording's clock; 0 is where a player starts.
pub(crate) type Nanoseconds = i64;

/// One container, open.
pub(crate) trait Demuxer: Send {
    /// Short name of the container, such as `matroska`.
    fn container(&self) -> &'static str;

    /// The audio tracks in the file's order, those of unknown codecs included. Never empty.
    fn tracks(&self) -> &[Track];

    /// Chooses the track, by its index in [`Demuxer::tracks`], whose packets [`Demuxer::next`] returns; the first without a call.
    /// Called at most once, before the first packet.
    fn select(&mut self, index: usize);

    /// The next packet of the chosen track; `None` at the end of what can be read.
    ///
    /// # Errors
    /// [`AudioError::Unreadable`] when the operating system refuses to read. Damage is no error.
    fn next(&mut self) -> Result<Option<Packet>, AudioError>;

    /// How the file ended; asked after [`Demuxer::next`] gave `None`.
    fn ending(&self) -> Ending;
}

/// An audio track.
#[derive(Debug, Clone)]
pub(crate) struct Track {
    /// The container's number for it.
    pub(crate) id: u64,
    /// How to decode it; `None` when its codec is not known here.
    pub(crate) codec: Option<Codec>,
    /// The codec as the container names it (`apac`, `A_TRUEHD`), for messages.
    pub(crate) codec_name: String,
    /// As the container has it: `eng`, `de-CH`; `None` when unknown or `und`.
    pub(crate) language: Option<String>,
    /// Its title.
    pub(crate) title: Option<String>,
    /// Whether players choose it without being asked (absent in Matroska: true; MP4: the `enabled` flag of `tkhd`).
    pub(crate) is_default: bool,
    /// When the track ends by what the file declares, on the recording's clock; an estimate is not one.
    pub(crate) declared_end: Option<Nanoseconds>,
}

/// How to decode packets.
#[derive(Debug, Clone)]
pub(crate) struct Codec {
    /// For symphonia's decoders. Opus: the rate is 48 kHz, and `extra_data` is not needed.
    pub(crate) parameters: AudioCodecParameters,
    /// Multiplies every sample; the output gain of an Opus header, 1 elsewhere.
    pub(crate) gain: f32,
}

/// A unit that decodes to some frames.
#[derive(Debug, Clone, Default)]
pub(crate) struct Packet {
    /// As the decoder takes it.
    pub(crate) data: Vec<u8>,
    /// When the first frame behind `skip` is presented; `None`: right behind the packet before.
    pub(crate) time: Option<Nanoseconds>,
    /// How long what it decodes to is, when that is known: the length of the silence if it cannot be decoded.
    pub(crate) duration: Option<Nanoseconds>,
    /// Decoded frames to drop from its beginning.
    pub(crate) skip: u64,
    /// Decoded frames to drop from its end.
    pub(crate) discard: u64,
    /// From this packet on another codec, rate or number of channels: make a new decoder (a new link of chained Ogg, a change inside
    /// FLAC or MP3). The first packet's is the track's and is left out.
    pub(crate) codec: Option<Codec>,
    /// The loss before it.
    pub(crate) lost: Option<Loss>,
}

/// Bytes that belong to no packet, or packets that are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Loss {
    /// How long what is missing was; `None` when the time of the next packet decides, or nothing can.
    pub(crate) duration: Option<Nanoseconds>,
    /// Half a sentence for people: `8192 bytes are no MP3 frames`.
    pub(crate) message: String,
}

/// How a file ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ending {
    /// The file ends in the middle of something (a packet, a page, a cluster, an atom that must be there).
    pub(crate) is_cut: bool,
    /// The loss behind the last packet, other than the rest of the file.
    pub(crate) lost: Option<Loss>,
    /// Until when the file promises sound of the chosen track, where that is known only at the end (Matroska's duration is that of
    /// the longest track, so it counts only when no track has packets until then); else [`Track::declared_end`] counts.
    pub(crate) promised_end: Option<Nanoseconds>,
}

/// Opens the file with the demuxer of its kind.
///
/// # Errors
/// [`AudioError::Unsupported`] when there is none, or the file is not what it looks like.
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

/// Streams without a container.
fn bare(path: &Path) -> Result<Box<dyn Demuxer>, AudioError> {
    if let Some(audio) = mpeg_audio::open(path)? {
        return Ok(audio);
    }
    if let Some(audio) = adts::open(path)? {
        return Ok(audio);
    }
    flac::open_bare(path)?.ok_or_else(|| AudioError::unsupported(path, "unknown format"))
}
