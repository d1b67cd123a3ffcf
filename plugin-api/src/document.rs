//! The document: the form of every transcript; schema 1, described in `docs/reference/document.md` of the repository.
//!
//! The host merges the results of the stages into a document; a `format` stage renders it. Rendering is a pure function: the same
//! document gives the same bytes. Seconds have three decimals in JSON; internally they are integer milliseconds ([`Seconds`]).
//!
//! Readers must ignore unknown fields; a field is never renamed or redefined within a schema number.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The number of the schema written here.
pub const SCHEMA: u32 = 1;

/// A time or length in milliseconds; seconds with at most three decimals in JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seconds(pub u64);

impl Seconds {
    /// In milliseconds.
    #[must_use]
    pub fn milliseconds(self) -> u64 {
        self.0
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Exact below 2^53 ms, and printed in the shortest form, so at most three decimals.
        #[expect(clippy::cast_precision_loss, reason = "285 000 years of ms fit")]
        serializer.serialize_f64(self.0 as f64 / 1000.0)
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        if !(0.0..1e12).contains(&seconds) {
            return Err(serde::de::Error::custom(format!(
                "`{seconds}` is not a time in seconds"
            )));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked to be 0 to 1e15 ms"
        )]
        Ok(Self((seconds * 1000.0).round() as u64))
    }
}

/// A transcript with all its data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Whisper language code, `null` when unknown.
    pub language: Option<String>,
    /// 0 to 1; 1 when the language was given.
    pub language_probability: Option<f64>,
    /// `transcribe`, or `translate` when the text is English for other speech.
    pub task: String,
    /// Length of the audio that was transcribed.
    pub duration: Seconds,
    /// Creation time of the text, RFC 3339 in UTC with seconds; part of the document, so that rendering it needs no clock.
    pub created: String,
    /// In order of time.
    pub segments: Vec<Segment>,
    /// Labels in order of appearance; absent without diarization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speakers: Option<Vec<String>>,
    /// The speaker turns, overlaps included; absent without diarization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turns: Option<Vec<Turn>>,
    /// Parts whose text is missing because a guard cut a decode short.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub truncated: Vec<Truncation>,
    /// `interpolated` if the engine has no times of words, so that these are interpolated within stretches of speech, by length of text;
    /// absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<Timing>,
    /// The missing part after the failure of a stage; absent from a complete transcript.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<Partial>,
    /// Faults of the recording; absent when there are none.
    #[serde(default, skip_serializing_if = "AudioReport::is_empty")]
    pub audio: AudioReport,
    /// Its origin.
    pub provenance: Provenance,
}

/// One piece of text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// 0, 1, 2, …
    pub id: u64,
    /// From the start of the transcribed audio.
    pub start: Seconds,
    /// Not before `start`, not after `duration`.
    pub end: Seconds,
    /// Without leading or trailing white space.
    pub text: String,
    /// The speaker, a label from `speakers`; absent when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker: Option<String>,
    /// Whether another speaker spoke at the same time; absent without diarization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<bool>,
    /// Absent unless word times were requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<Vec<Word>>,
    /// Mean log-probability of the tokens, `null` when the engine does not provide it.
    pub avg_logprob: Option<f64>,
    /// Text length over zlib-compressed length, or `null`.
    pub compression_ratio: Option<f64>,
    /// Probability of no speech, or `null`.
    pub no_speech_prob: Option<f64>,
    /// Temperature of the decode, or `null`.
    pub temperature: Option<f64>,
    /// The engine's token ids, or `null`.
    pub tokens: Option<Vec<u32>>,
    /// Start of the engine's window in frames of 10 ms, or `null`.
    pub seek: Option<u64>,
    /// Whether the engine detected a change of speaker after it; absent unless it looks for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker_turn_next: Option<bool>,
    /// The engine's confidence in the text, 0 to 1; absent when the engine gives no probabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<f64>,
}

/// One word with its times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// From the start of the transcribed audio.
    pub start: Seconds,
    /// Not before `start`.
    pub end: Seconds,
    /// With its leading space and trailing punctuation.
    pub word: String,
    /// 0 to 1, or `null`.
    pub probability: Option<f64>,
    /// The speaker; absent when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker: Option<String>,
    /// The source of the times, of a word that the engine did not recognise itself; absent from all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timing: Option<Timing>,
}

/// The source of the times of a word that was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timing {
    /// The engine aligned the given word with the audio.
    Aligned,
    /// From the words around it and its length.
    Interpolated,
}

/// A speaker turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// From the start of the transcribed audio.
    pub start: Seconds,
    /// Not before `start`.
    pub end: Seconds,
    /// A label from `speakers`.
    pub speaker: String,
}

/// Missing text, because a guard cut a decode short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truncation {
    /// Start of the missing text.
    pub start: Seconds,
    /// The time at which decoding continued.
    pub end: Seconds,
    /// The guard.
    pub reason: String,
}

/// Faults of a readable recording.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioReport {
    /// In order of time.
    #[serde(default)]
    pub issues: Vec<AudioIssue>,
}

impl AudioReport {
    /// Whether there are no faults.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.issues.is_empty()
    }
}

/// One fault of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioIssue {
    /// `damaged`, `missing_end`, `gap`, `channels_cancel`, `silent_track`, `format_change` or `other`; more may be added.
    pub kind: String,
    /// Start, from the start of the transcribed audio.
    pub start: Seconds,
    /// End; equal to `start` without a length. May exceed `duration`, for a missing end.
    pub end: Seconds,
    /// The event, as half a sentence for users.
    pub message: String,
}

/// The reason why a transcript is incomplete: an optional stage failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial {
    /// The stage, such as `diarize`: the transcript is without speakers.
    pub stage: String,
    /// The reason, by a stable name for programs, such as `model_not_found`.
    pub reason: String,
    /// The reason, in one sentence for users.
    pub message: String,
    /// The command that retries only that stage; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<String>,
}

/// Origin of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of Cesar.
    pub cesar: String,
    /// The recording that was transcribed.
    pub audio: AudioProvenance,
    /// The engine that wrote the text.
    pub asr: StageProvenance,
    /// The plugin that identified the speakers; absent without diarization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diarize: Option<StageProvenance>,
    /// The glossary that corrected the text; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub glossary: Option<GlossaryProvenance>,
    /// The given text whose words were aligned with the recording; absent from a text that was recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub align: Option<AlignProvenance>,
    /// Whether any text was sampled at a temperature above 0, so that another run may differ.
    pub sampled: bool,
    /// The user's corrections in this text; absent from a text as it was recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrections: Option<CorrectionsProvenance>,
}

/// A given text that was aligned with a recording, and how well it fits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlignProvenance {
    /// The name of its file without the folder; absent for standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// SHA-256 over its words, segments and speakers, hex.
    pub sha256: String,
    /// Number of its words.
    pub words: u64,
    /// Words that were recognised in the recording.
    pub matched: u64,
    /// Words with times by [`Timing::Aligned`].
    pub aligned: u64,
    /// Words with times by [`Timing::Interpolated`].
    pub interpolated: u64,
    /// Recognised words that the text lacks.
    pub unmatched: u64,
    /// Parts of the text without sound, and parts of the recording without text; absent when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mismatches: Vec<Mismatch>,
}

/// A long part of a text that the recording lacks, or the other way round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mismatch {
    /// Its kind.
    pub kind: MismatchKind,
    /// Start of the recognised words, or the place of the given ones.
    pub start: Seconds,
    /// End of the same.
    pub end: Seconds,
    /// Number of words.
    pub words: u64,
    /// The first of them.
    pub text: String,
}

/// Kinds of [`Mismatch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MismatchKind {
    /// The recording lacks words of the text.
    NotSpoken,
    /// The text lacks words of the recording.
    NotWritten,
}

/// The user's corrections in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrectionsProvenance {
    /// The last revision whose operations are in effect.
    pub revision: u64,
    /// The number of operations that were applied.
    pub operations: u64,
}

/// The recording that was transcribed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioProvenance {
    /// SHA-256 of the file's bytes, hex.
    pub media_sha256: String,
    /// SHA-256 of the decoded samples (16 kHz mono f32, little endian), hex.
    pub pcm_sha256: String,
    /// Codec of the track that was decoded.
    pub codec: String,
    /// First sample of the transcribed part, from the start of the file.
    pub offset: Seconds,
}

/// A stage that ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageProvenance {
    /// Plugin id.
    pub plugin: String,
    /// Plugin version.
    pub version: String,
    /// SHA-256 of the plugin's file, hex.
    pub plugin_sha256: String,
    /// Model as named by the user, `null` for stages without one.
    pub model: Option<String>,
    /// SHA-256 over the model's files, hex, or `null`.
    pub model_sha256: Option<String>,
    /// Further models, by option (a voice activity detector).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_models: Vec<ModelProvenance>,
    /// Every option that can change the result, defaults filled in.
    pub options: serde_json::Map<String, serde_json::Value>,
}

/// The glossary that corrected the text of a document, and its replacements.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GlossaryProvenance {
    /// Its name, or that of its file without the folder; absent where the request held the rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// SHA-256 over its rules without comments, hex.
    pub sha256: String,
    /// The replacements, by rule and text.
    pub replacements: Vec<GlossaryReplacement>,
    /// Number of replacements beyond those listed; absent when all are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub omitted: u64,
}

/// Replacements of one text by another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GlossaryReplacement {
    /// The number of the rule, from 1; blank lines and comments do not count.
    pub rule: u64,
    /// The text as it was recognised.
    pub from: String,
    /// The text that replaced it.
    pub to: String,
    /// Number of replacements.
    pub count: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A model besides the main one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelProvenance {
    /// The option that names it.
    pub option: String,
    /// Model as named by the user.
    pub model: String,
    /// SHA-256 over the model's files, hex.
    pub sha256: String,
}

pub use crate::rendering::{BinaryRendering, Rendering, rendered_bytes};
