//! The stored result of decoding: what is known of the samples, and the key it is stored under.

use cesar_audio::{DecodeOptions, Decoded, Decoder, Issue, Slice, Stop};
use cesar_base::Digest;
use cesar_cache::{KeyParts, OptionValue};
use cesar_runner::{CancelToken, Pcm};
use plugin_api::document::Partial;
use serde::{Deserialize, Serialize};

use super::request::Part;
use super::stage::Stage;
use super::tools::Tools;

/// The reason of a partial result of an incomplete recording.
pub const AUDIO_INCOMPLETE: &str = "audio_incomplete";
/// Maximum number of faults in one sentence.
const LISTED: usize = 3;

/// The stored result of decoding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DecodedAudio {
    /// SHA-256 of the samples as little-endian `f32`.
    pub(super) pcm: Digest,
    /// Number of samples at 16 kHz.
    pub(super) samples: u64,
    /// Codec of the track.
    pub(super) codec: String,
    /// The decoder: `native`, `mp3` (with the second decoder of MPEG audio) or `ffmpeg`.
    pub(super) reader: String,
    /// Notes for the user about the recording.
    pub(super) warnings: Vec<String>,
    /// Its faults.
    pub(super) issues: Vec<StoredIssue>,
    /// Missing sound, by the file's declaration.
    pub(super) missing_ms: u64,
    /// The number of the track that replaced the silent default one.
    pub(super) track: Option<usize>,
    /// The title of each track, where it has one, if all tracks are channels.
    pub(super) track_titles: Vec<Option<String>>,
    /// A comparison of the two readers, if both were used.
    pub(super) details: Vec<String>,
}

/// A stored fault of the recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredIssue {
    pub(super) kind: String,
    pub(super) start_ms: u64,
    pub(super) end_ms: u64,
    pub(super) message: String,
}

impl From<Issue> for StoredIssue {
    fn from(issue: Issue) -> Self {
        Self {
            kind: issue.kind.name().to_owned(),
            start_ms: issue.start_ms,
            end_ms: issue.end_ms,
            message: issue.message,
        }
    }
}

impl DecodedAudio {
    pub(super) fn new(decoded: Decoded, pcm: &Pcm) -> Self {
        Self {
            pcm: Digest::from_bytes(pcm.digest()),
            samples: pcm.samples(),
            codec: decoded.codec,
            reader: match decoded.decoder {
                Decoder::Native => "native",
                Decoder::SecondMp3 => "mp3",
                Decoder::Ffmpeg => "ffmpeg",
            }
            .to_owned(),
            warnings: decoded.warnings,
            issues: decoded.issues.into_iter().map(StoredIssue::from).collect(),
            missing_ms: decoded.missing_ms,
            track: decoded.track,
            track_titles: decoded.track_titles,
            details: decoded.details,
        }
    }

    /// The decoder.
    pub(super) fn reader(&self) -> Decoder {
        match self.reader.as_str() {
            "ffmpeg" => Decoder::Ffmpeg,
            "mp3" => Decoder::SecondMp3,
            _ => Decoder::Native,
        }
    }

    /// Whether too much sound is missing for a transcript of the whole recording.
    pub(super) fn is_incomplete(&self) -> bool {
        cesar_audio::is_incomplete(
            self.missing_ms,
            self.samples * 1000 / u64::from(cesar_audio::SAMPLE_RATE),
        )
    }

    /// The partial entry of an incomplete recording.
    pub(super) fn partial(&self, slice: Slice) -> Option<Partial> {
        self.is_incomplete().then(|| Partial {
            stage: Stage::Decode.name().to_owned(),
            reason: AUDIO_INCOMPLETE.to_owned(),
            message: self.faults(slice),
            retry: None,
        })
    }

    /// The faults in one sentence, with their places in the recording; empty if there are none.
    pub(super) fn faults(&self, slice: Slice) -> String {
        let in_recording = |ms: u64| ms.saturating_add(slice.start_ms);
        let listed: Vec<_> = self
            .issues
            .iter()
            .take(LISTED)
            .map(|issue| {
                let place = (in_recording(issue.start_ms), in_recording(issue.end_ms));
                cesar_audio::with_place(&issue.message, place)
            })
            .collect();
        let more = self.issues.len().saturating_sub(LISTED);
        let more = if more > 0 {
            format!(", and {more} more")
        } else {
            String::new()
        };
        let missing = match self.missing_ms {
            0 => String::new(),
            ms => format!("{} of sound are missing: ", cesar_audio::tenths(ms)),
        };
        format!("{missing}{}{more}", listed.join(", "))
    }

    /// Length in ms, rounded up to include every sample.
    pub(super) fn duration_ms(&self) -> u64 {
        self.samples.div_ceil(u64::from(cesar_audio::SAMPLE_RATE) / 1000)
    }
}

/// The options with this request to stop.
pub(super) fn stopped_by(cancel: &CancelToken, options: DecodeOptions) -> DecodeOptions {
    let cancel = cancel.clone();
    DecodeOptions {
        stop: Stop::when(move || cancel.is_cancelled()),
        ..options
    }
}

/// The options that a part of a recording is decoded with.
pub(super) fn options_of(tools: &Tools, part: &Part) -> DecodeOptions {
    DecodeOptions {
        track: part.track.clone(),
        strict: part.strict,
        ..tools.decoding.clone()
    }
}

/// The key of the samples of a recording.
pub(super) fn parts_of(tools: &Tools, media: Digest, part: &Part) -> KeyParts {
    let slice = part.slice;
    let milliseconds = |ms: u64| OptionValue::Integer(i64::try_from(ms).unwrap_or(i64::MAX));
    KeyParts {
        stage: Stage::Decode.name().into(),
        plugin: "cesar".into(),
        plugin_version: options_of(tools, part).cache_identity(),
        plugin_digest: Digest::from_bytes([0; 32]),
        abi: plugin_api::ABI_MAJOR,
        models: Vec::new(),
        options: [
            ("start_ms".to_owned(), milliseconds(slice.start_ms)),
            (
                "end_ms".to_owned(),
                slice.end_ms.map_or(OptionValue::Null, milliseconds),
            ),
        ]
        .into(),
        inputs: vec![("media".into(), media)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_reported_in_recording_time() {
        let issue = |start_ms, end_ms| StoredIssue {
            kind: "missing_end".to_owned(),
            start_ms,
            end_ms,
            message: "the end of the file is missing".to_owned(),
        };
        let audio = DecodedAudio {
            pcm: Digest::from_bytes([0; 32]),
            samples: 19_200,
            codec: "mp3".to_owned(),
            reader: "native".to_owned(),
            warnings: Vec::new(),
            issues: vec![issue(1_200, 4_800)],
            missing_ms: 3_600,
            track: None,
            track_titles: Vec::new(),
            details: Vec::new(),
        };
        let slice = Slice {
            start_ms: 4_000,
            end_ms: None,
        };
        let sentence = "3.6 s of sound are missing: the end of the file is missing from 5.2 s to 8.8 s";
        assert_eq!(audio.faults(slice), sentence);
        assert_eq!(audio.partial(slice).unwrap().message, sentence);
        assert_eq!(
            audio.issues[0].start_ms, 1_200,
            "the document counts from the start of the part"
        );
    }
}
