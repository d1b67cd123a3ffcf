//! Check of an engine's result, and the document made of it, with speakers where they were identified.

use cesar_base::{Digest, rfc3339_seconds};
use cesar_cache::{Key, KeyParts, OptionValue};
use plugin_api::asr::{self, Transcription};
use plugin_api::document::{
    AudioIssue, AudioProvenance, AudioReport, Document, ModelProvenance, Partial, Provenance, SCHEMA, Seconds, Segment,
    StageProvenance, Truncation, Word,
};
use serde_json::{Map, Value};

use super::decode::Sound;
use super::decoded::{DecodedAudio, StoredIssue};
use super::prepared::main_model;
use super::prepared::{Prepared, UsedModel};
use super::speakers::{Spoken, attribute};
use super::stage::Stage;

/// Named in the key of the merge stage: changes whenever the same inputs may give another document. Since 4 words decide turns;
/// documents of before are merged again from the stored results of the engines.
const MERGE_VERSION: &str = "4";

/// Facts beside the transcription.
pub(super) struct Facts<'a> {
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
pub(super) type Options = Vec<(String, OptionValue)>;

/// The key of a document; `turns` come with everything else that the document takes from their stage.
pub(super) fn key_parts(
    asr: &Prepared,
    sound: &Sound<'_>,
    (asr_key, transcription): Made,
    turns: Option<(Made, Options)>,
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

/// Refuses segments that are out of order, overlap, or lie outside the audio.
pub(super) fn check(transcription: &Transcription, duration_ms: u64) -> Result<(), String> {
    let mut before = 0;
    for (index, segment) in transcription.segments.iter().enumerate() {
        let (start, end) = (segment.start_ms, segment.end_ms);
        if end < start {
            return Err(format!(
                "segment {index} ends at {end} ms, before its start at {start} ms"
            ));
        }
        if start < before {
            return Err(format!(
                "segment {index} starts at {start} ms, before the one before it ends at {before} ms"
            ));
        }
        if end > duration_ms {
            return Err(format!(
                "segment {index} ends at {end} ms, after the audio's end at {duration_ms} ms"
            ));
        }
        check_words(segment, duration_ms).map_err(|detail| format!("in segment {index}, {detail}"))?;
        before = end;
    }
    let outside = |cut: &&asr::Truncation| cut.end_ms < cut.start_ms || cut.end_ms > duration_ms;
    match transcription.truncated.iter().find(outside) {
        Some(cut) => Err(format!(
            "text is said to be missing from {} to {} ms",
            cut.start_ms, cut.end_ms
        )),
        None => Ok(()),
    }
}

/// Words may touch and overlap a little, as aligners make them; they begin in order, lie inside the audio, and joined are the text. A
/// text whose words have no known times has none.
fn check_words(segment: &asr::Segment, duration_ms: u64) -> Result<(), String> {
    let mut before = 0;
    for (index, word) in segment.words.iter().flatten().enumerate() {
        let (start, end) = (word.start_ms, word.end_ms);
        if start < before || end < start || end > duration_ms {
            return Err(format!("word {index} lies at {start} to {end} ms"));
        }
        before = start;
    }
    let words = segment.words.as_deref().unwrap_or_default();
    let joined: String = words.iter().map(|word| word.word.as_str()).collect();
    if !words.is_empty() && joined.trim() != segment.text.trim() {
        return Err("the words joined are not the text".to_owned());
    }
    Ok(())
}

/// The document of a transcription.
pub(super) fn document(transcription: Transcription, facts: Facts<'_>) -> Document {
    let mut document = without_speakers(transcription, &facts);
    match facts.speakers {
        Speakers::Unasked => {}
        Speakers::Identified { spoken, names, by } => {
            let attributed = attribute::attribute(document.segments, &spoken, &names);
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

/// The least probability that counts in a mean of logarithms, so that one word does not decide for all.
const LEAST_PROBABILITY: f64 = 0.001;

/// The engine's confidence in a segment, to three decimals: the geometric mean of its words' probabilities; where no word has one, the
/// exponential of the mean log-probability of its tokens. `docs/reference/document.md` defines it.
pub(super) fn quality(segment: &Segment) -> Option<f64> {
    let words = segment.words.iter().flatten();
    let known: Vec<f64> = words.filter_map(|word| word.probability).collect();
    let mean = match known.as_slice() {
        [] => segment.avg_logprob?,
        known => {
            let logarithms = known
                .iter()
                .map(|probability| probability.clamp(LEAST_PROBABILITY, 1.0).ln());
            #[expect(clippy::cast_precision_loss, reason = "numbers of words are small")]
            let count = known.len() as f64;
            logarithms.sum::<f64>() / count
        }
    };
    // Decimals hide that logarithms may differ in the last bit from machine to machine.
    Some((mean.exp().clamp(0.0, 1.0) * 1000.0).round() / 1000.0)
}

fn without_speakers(transcription: Transcription, facts: &Facts<'_>) -> Document {
    let audio = &facts.sound.audio;
    let segments = transcription
        .segments
        .into_iter()
        .filter(|segment| !segment.text.trim().is_empty());
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
            asr: stage_provenance(facts.asr),
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

pub(super) fn stage_provenance(stage: &Prepared) -> StageProvenance {
    let manifest = stage.manifest();
    let options = stage
        .open
        .iter()
        .chain(&stage.request)
        .filter(|(name, _)| stage.keyed.contains_key(*name));
    let main = stage.main_model();
    let main_option = main_model(manifest).map(|(option, _)| option);
    let more = stage
        .models
        .iter()
        .filter(|(option, _)| main_option != Some(option.as_str()));
    StageProvenance {
        plugin: manifest.id.clone(),
        version: manifest.version.clone(),
        plugin_sha256: stage.digest.to_string(),
        model: main.map(|used| used.model.name.clone()),
        model_sha256: main.map(|used| used.digest.to_string()),
        more_models: more.map(model_provenance).collect(),
        options: options
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect::<Map<_, _>>(),
    }
}

fn model_provenance((option, used): (&String, &UsedModel)) -> ModelProvenance {
    ModelProvenance {
        option: option.clone(),
        model: used.model.name.clone(),
        sha256: used.digest.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transcription(times: &[(u64, u64)]) -> Transcription {
        let segments = times
            .iter()
            .map(|(start, end)| asr::Segment::new(*start, *end, " word"))
            .collect();
        Transcription {
            segments,
            ..Transcription::default()
        }
    }

    #[test]
    fn refuses_what_cannot_be_right() {
        assert_eq!(check(&transcription(&[(0, 10), (10, 20)]), 20), Ok(()));
        let refused = |times| check(&transcription(times), 20).unwrap_err();
        assert_eq!(refused(&[(5, 4)]), "segment 0 ends at 4 ms, before its start at 5 ms");
        assert_eq!(
            refused(&[(0, 10), (9, 20)]),
            "segment 1 starts at 9 ms, before the one before it ends at 10 ms"
        );
        let mut words = transcription(&[(0, 10)]);
        words.segments[0].words = Some(vec![asr::Word {
            start_ms: 5,
            end_ms: 1 << 60,
            ..asr::Word::default()
        }]);
        assert_eq!(
            check(&words, 20).unwrap_err(),
            format!("in segment 0, word 0 lies at 5 to {} ms", 1_u64 << 60)
        );
        let spoken = |words: &[&str]| {
            let mut spoken = transcription(&[(0, 10)]);
            let word = |word: &&str| asr::Word {
                word: (*word).to_owned(),
                ..asr::Word::default()
            };
            spoken.segments[0].text = " one, two. ".to_owned();
            spoken.segments[0].words = Some(words.iter().map(word).collect());
            check(&spoken, 20)
        };
        assert_eq!(spoken(&[" one,", " two."]), Ok(()));
        assert_eq!(spoken(&[]), Ok(()), "no times are known");
        let wrong = Err("in segment 0, the words joined are not the text".to_owned());
        assert_eq!(spoken(&[" one,"]), wrong);
        assert_eq!(spoken(&["one,", "two."]), wrong);
        assert_eq!(spoken(&[" one,", " two.", " three"]), wrong);
        let mut cut = transcription(&[]);
        cut.truncated.push(asr::Truncation {
            start_ms: 30,
            end_ms: 40,
            reason: String::new(),
        });
        assert_eq!(
            check(&cut, 20).unwrap_err(),
            "text is said to be missing from 30 to 40 ms"
        );
        assert_eq!(
            refused(&[(0, 21)]),
            "segment 0 ends at 21 ms, after the audio's end at 20 ms"
        );
    }

    #[test]
    fn quality_is_the_geometric_mean_of_words_else_of_tokens() {
        let segment = |probabilities: &[Option<f64>], avg_logprob| {
            let word = |probability: &Option<f64>| asr::Word {
                probability: *probability,
                ..asr::Word::default()
            };
            let words = probabilities.iter().map(word).collect();
            numbered(
                asr::Segment {
                    words: Some(words),
                    avg_logprob,
                    ..asr::Segment::default()
                },
                0,
            )
        };
        let quality = |probabilities: &[Option<f64>], avg_logprob| quality(&segment(probabilities, avg_logprob));
        assert_eq!(quality(&[Some(0.9), Some(0.4)], Some(-3.0)), Some(0.6));
        assert_eq!(quality(&[Some(0.25), None], None), Some(0.25));
        assert_eq!(
            quality(&[Some(0.0), Some(1.0)], None),
            Some(0.032),
            "a word of 0 counts as 0.001"
        );
        assert_eq!(quality(&[None], Some(-0.5)), Some(0.607));
        assert_eq!(quality(&[], Some(0.1)), Some(1.0));
        assert_eq!(quality(&[], Some(-1000.0)), Some(0.0));
        assert_eq!(quality(&[None], None), None);
    }
}
