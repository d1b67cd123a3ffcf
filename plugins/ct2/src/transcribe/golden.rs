//! The bundled meeting, as faster-whisper itself transcribes it: `tests/faster_whisper_golden.py` made the results.

use std::collections::BTreeMap;

use plugin_api::{Audio, asr};
use serde_json::Value;

use super::transcribe;
use crate::testing::{Notes, open, reference_request, vad_model};
use crate::vad;

/// Maximum difference of times, in ms, from an engine's rounding.
const TOLERANCE_MS: u64 = 20;

#[derive(serde::Deserialize)]
struct Golden {
    speech: Speech,
    transcripts: Vec<Transcript>,
}

#[derive(serde::Deserialize)]
struct Speech {
    parts: Vec<[usize; 2]>,
    /// Every sixteenth.
    probabilities: Vec<f32>,
}

#[derive(serde::Deserialize)]
struct Transcript {
    model: String,
    name: String,
    options: Value,
    language: String,
    language_probability: f64,
    segments: Vec<Segment>,
}

#[derive(serde::Deserialize)]
struct Segment {
    start: f64,
    end: f64,
    text: String,
    tokens: Vec<u32>,
    seek: u64,
    avg_logprob: f64,
    compression_ratio: f64,
    no_speech_prob: f64,
    words: Option<Vec<Word>>,
}

#[derive(serde::Deserialize)]
struct Word {
    start: f64,
    end: f64,
    word: String,
    probability: f64,
}

/// The results, their times cut to the audio, which faster-whisper's may exceed.
fn golden(duration: f64) -> Golden {
    let text = include_str!("../../tests/faster_whisper_golden.json");
    let mut golden: Golden = serde_json::from_str(text).expect("the file is JSON");
    for segment in golden
        .transcripts
        .iter_mut()
        .flat_map(|transcript| &mut transcript.segments)
    {
        segment.end = segment.end.min(duration);
        for word in segment.words.iter_mut().flatten() {
            (word.start, word.end) = (word.start.min(duration), word.end.min(duration));
        }
    }
    golden
}

#[expect(clippy::cast_precision_loss, reason = "37 s")]
fn seconds(samples: &[f32]) -> f64 {
    samples.len() as f64 / 16_000.0
}

/// `meeting.flac`: 16 kHz, mono, 16 bits.
fn meeting() -> Vec<f32> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/meeting.flac");
    let mut reader = claxon::FlacReader::open(path).expect("the recording is bundled");
    let samples = reader.samples().map(|sample| sample.expect("the recording is whole"));
    #[expect(clippy::cast_precision_loss, reason = "16 bits")]
    let samples = samples.map(|sample| sample as f32 / 32768.0);
    samples.collect()
}

fn assert_near(what: &str, ours: u64, theirs: f64) {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "within the recording"
    )]
    let theirs = (theirs * 1000.0).round() as u64;
    assert!(
        ours.abs_diff(theirs) <= TOLERANCE_MS,
        "{what}: {ours} ms, not {theirs} ms"
    );
}

fn assert_close(what: &str, ours: Option<f64>, theirs: f64) {
    let ours = ours.expect("it is reported");
    assert!((ours - theirs).abs() < 1e-2, "{what}: {ours}, not {theirs}");
}

fn assert_words(place: &str, ours: &asr::Segment, theirs: &Segment) {
    assert_eq!(ours.words.is_some(), theirs.words.is_some(), "{place}");
    let (Some(our_words), Some(their_words)) = (&ours.words, &theirs.words) else {
        return;
    };
    let joined: String = our_words.iter().map(|word| word.word.as_str()).collect();
    assert_eq!(joined.trim(), ours.text.trim(), "{place}: the words are the text");
    assert_eq!(our_words.len(), their_words.len(), "{place}");
    for (our, their) in our_words.iter().zip(their_words) {
        assert_eq!(our.word, their.word, "{place}");
        assert_near(&format!("{place}, {}", our.word), our.start_ms, their.start);
        assert_near(&format!("{place}, {}", our.word), our.end_ms, their.end);
        assert_close(place, our.probability, their.probability);
    }
}

#[test]
fn the_same_words_at_the_same_times() {
    let samples = meeting();
    let mut stages = BTreeMap::new();
    for golden in golden(seconds(&samples)).transcripts {
        let stage = stages
            .entry(golden.model.clone())
            .or_insert_with_key(|model| open(model, &serde_json::json!({ "compute_type": "float32" })));
        let audio = Audio {
            samples: &samples,
            sample_rate: 16_000,
        };
        let request = reference_request(&golden.options);
        let ours = transcribe(stage, &request, audio, &mut Notes::new()).expect("it is transcribed");
        let place = format!("{}, {}", golden.model, golden.name);
        assert_eq!(ours.language.as_ref(), Some(&golden.language), "{place}");
        assert_close(&place, ours.language_probability, golden.language_probability);
        let theirs: Vec<&Segment> = golden
            .segments
            .iter()
            .filter(|segment| !segment.text.trim().is_empty())
            .collect();
        let texts: Vec<&str> = theirs.iter().map(|segment| segment.text.as_str()).collect();
        let our_texts: Vec<&str> = ours.segments.iter().map(|segment| segment.text.as_str()).collect();
        assert_eq!(our_texts, texts, "{place}");
        for (our, their) in ours.segments.iter().zip(theirs) {
            let place = format!("{place}, {}", our.text);
            assert_near(&place, our.start_ms, their.start);
            assert_near(&place, our.end_ms, their.end);
            assert_eq!(our.tokens.as_ref(), Some(&their.tokens), "{place}");
            assert_eq!(our.seek, Some(their.seek), "{place}");
            assert_close(&place, our.avg_logprob, their.avg_logprob);
            assert_close(&place, our.compression_ratio, their.compression_ratio);
            assert_close(&place, our.no_speech_prob, their.no_speech_prob);
            assert_words(&place, our, their);
        }
    }
}

#[test]
fn speech_is_found_where_faster_whisper_finds_it() {
    let samples = meeting();
    let golden = golden(seconds(&samples)).speech;
    let network = vad::open(&vad_model()).expect("the model opens");
    let probabilities = network.probabilities(&samples, &|| false).expect("the network works");
    assert_eq!(probabilities.len().div_ceil(16), golden.probabilities.len());
    for (our, their) in probabilities.iter().step_by(16).zip(&golden.probabilities) {
        // The golden values have four decimals.
        assert!((our - their).abs() < 2e-4, "{our}, not {their}");
    }
    let given = serde_json::json!({ "vad_filter": true, "vad_min_silence_duration_ms": 300 });
    let request = reference_request(&given);
    let activity = vad::listen(&samples, &request, 1, &Notes::new()).expect("the network works");
    let parts = vad::find_speech(&activity, samples.len(), &request);
    let parts: Vec<[usize; 2]> = parts.into_iter().map(|part| [part.start, part.end]).collect();
    assert_eq!(parts, golden.parts);
}
