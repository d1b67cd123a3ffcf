//! The document of a transcription, with speakers where they were identified.

use cesar_base::{Digest, rfc3339_seconds};
use cesar_cache::{Key, KeyParts, OptionValue};
use plugin_api::asr::Transcription;
use plugin_api::document::{
    AudioIssue, AudioProvenance, AudioReport, Document, Partial, Provenance, SCHEMA, Seconds, Segment, StageProvenance,
    Truncation, Word,
};
use serde_json::Value;

use super::decode::Sound;
use super::decoded::{DecodedAudio, StoredIssue};
use super::prepared::Prepared;
use super::quality::quality;
use super::speakers::{Spoken, attribute};
use super::stage::Stage;

/// Named in the key of the merge stage: changes whenever the same inputs may give another document. Since 4 words decide turns;
/// documents of before are merged again from the stored results of the engines.
const MERGE_VERSION: &str = "4";

/// Facts beside the transcription.
pub(super) struct Facts<'a> {
    /// The channel of each segment of the transcription, if the channels were recognised apart.
    pub(super) channels: Option<Vec<usize>>,
    pub(super) sound: &'a Sound<'a>,
    pub(super) asr: &'a Prepared,
    /// Time of the transcription, in ms since 1970.
    pub(super) created_ms: i64,
    pub(super) speakers: Speakers,
}

/// The speakers, as far as they are known.
pub(super) enum Speakers {
    /// The request does not ask for them.
    Unasked,
    /// The turns, and the plugin that found them.
    Identified {
        spoken: Vec<Spoken>,
        names: Vec<String>,
        by: Option<StageProvenance>,
    },
    /// They could not be identified.
    Missing(Partial),
}

/// A result that the document is made of, by key and digest: the key names the plugin and options of the provenance.
pub(super) type Made = (Key, Digest);

/// Options of a key.
pub(super) type KeyOptions = Vec<(String, OptionValue)>;

/// The key of a document; `turns` come with everything else that the document takes from their stage.
pub(super) fn key_parts(
    asr: &Prepared,
    sound: &Sound<'_>,
    (asr_key, transcription): Made,
    turns: Option<(Made, KeyOptions)>,
) -> KeyParts {
    let model = asr
        .main_model()
        .map_or(OptionValue::Null, |used| OptionValue::Text(used.model.name.clone()));
    let start = OptionValue::Integer(i64::try_from(sound.part.slice.start_ms).unwrap_or(i64::MAX));
    let of_key = |key: Key| Digest::from_bytes(*key.as_bytes());
    let mut parts = KeyParts {
        stage: Stage::Merge.name().into(),
        plugin: "cesar".into(),
        plugin_version: MERGE_VERSION.into(),
        plugin_digest: Digest::from_bytes([0; 32]),
        abi: plugin_api::ABI_MAJOR,
        models: Vec::new(),
        options: [("model_name".to_owned(), model), ("start_ms".to_owned(), start)].into(),
        inputs: vec![
            ("media".into(), sound.media.digest),
            ("decoded".into(), sound.digest),
            ("asr-key".into(), of_key(asr_key)),
            ("transcription".into(), transcription),
        ],
    };
    if let Some(((key, turns), options)) = turns {
        parts.inputs.push(("diarize-key".into(), of_key(key)));
        parts.inputs.push(("turns".into(), turns));
        parts.options.extend(options);
    }
    parts
}

/// The document of a transcription.
pub(super) fn document(transcription: Transcription, facts: Facts<'_>) -> Document {
    let channels: Option<Vec<usize>> = facts.channels.as_ref().map(|channels| {
        let segments = transcription.segments.iter().zip(channels);
        segments
            .filter(|(segment, _)| has_text(segment))
            .map(|(_, channel)| *channel)
            .collect()
    });
    let mut document = without_speakers(transcription, &facts);
    match facts.speakers {
        Speakers::Unasked => {}
        Speakers::Identified { spoken, names, by } => {
            let attributed = match channels {
                Some(channels) => attribute::by_channel(document.segments, &channels, (&spoken, &names)),
                None => attribute::attribute(document.segments, &spoken, &names),
            };
            document.segments = attributed.segments;
            document.speakers = Some(attributed.speakers);
            document.turns = Some(attributed.turns);
            document.provenance.diarize = by;
        }
        Speakers::Missing(partial) => document.partial = Some(partial),
    }
    // After segments are cut at changes of speaker.
    for segment in &mut document.segments {
        segment.quality = quality(segment);
    }
    document
}

fn has_text(segment: &plugin_api::asr::Segment) -> bool {
    !segment.text.trim().is_empty()
}

fn without_speakers(transcription: Transcription, facts: &Facts<'_>) -> Document {
    let audio = &facts.sound.audio;
    let segments = transcription.segments.into_iter().filter(has_text);
    Document {
        schema: SCHEMA,
        language: transcription.language,
        language_probability: transcription.language_probability,
        task: facts
            .asr
            .request
            .get("task")
            .and_then(Value::as_str)
            .unwrap_or("transcribe")
            .to_owned(),
        duration: Seconds(audio.duration_ms()),
        created: rfc3339_seconds(facts.created_ms),
        segments: segments.zip(0..).map(|(segment, id)| numbered(segment, id)).collect(),
        speakers: None,
        turns: None,
        truncated: transcription
            .truncated
            .into_iter()
            .map(|cut| Truncation {
                start: Seconds(cut.start_ms),
                end: Seconds(cut.end_ms),
                reason: cut.reason,
            })
            .collect(),
        times: transcription.times,
        partial: audio.partial(facts.sound.part.slice),
        audio: report(audio),
        provenance: Provenance {
            cesar: env!("CARGO_PKG_VERSION").to_owned(),
            audio: AudioProvenance {
                media_sha256: facts.sound.media.digest.to_string(),
                pcm_sha256: audio.pcm.to_string(),
                codec: audio.codec.clone(),
                offset: Seconds(facts.sound.part.slice.start_ms),
            },
            asr: facts.asr.provenance(),
            diarize: None,
            glossary: None,
            align: None,
            sampled: transcription.sampled,
            corrections: None,
        },
    }
}

/// The faults of the recording.
fn report(audio: &DecodedAudio) -> AudioReport {
    let issue = |issue: &StoredIssue| AudioIssue {
        kind: issue.kind.clone(),
        start: Seconds(issue.start_ms),
        end: Seconds(issue.end_ms),
        message: issue.message.clone(),
    };
    AudioReport {
        issues: audio.issues.iter().map(issue).collect(),
    }
}

fn numbered(segment: plugin_api::asr::Segment, id: u64) -> Segment {
    let words = segment.words.map(|words| {
        let word = |word: plugin_api::asr::Word| Word {
            start: Seconds(word.start_ms),
            end: Seconds(word.end_ms),
            word: word.word,
            probability: word.probability,
            speaker: None,
            timing: None,
        };
        words.into_iter().map(word).collect()
    });
    Segment {
        id,
        start: Seconds(segment.start_ms),
        end: Seconds(segment.end_ms),
        text: segment.text.trim().to_owned(),
        speaker: None,
        overlap: None,
        words,
        avg_logprob: segment.avg_logprob,
        compression_ratio: segment.compression_ratio,
        no_speech_prob: segment.no_speech_prob,
        temperature: segment.temperature,
        tokens: segment.tokens,
        seek: segment.seek,
        speaker_turn_next: segment.speaker_turn_next,
        quality: None,
    }
}
