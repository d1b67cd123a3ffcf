//! The bundled meeting as transcribed by whisper.cpp itself: `tests/whisper_cpp_golden.py` made the results.

use serde::Deserialize;
use serde_json::Value;

use super::tests::{PLAIN, load, meeting, run, tiny_english};
use super::*;
use crate::options::Options;

/// Maximum difference of times, in ms, from another CPU's rounding.
const TOLERANCE_MS: f64 = 20.5;

#[derive(Deserialize)]
struct Golden {
    name: String,
    options: Value,
    segments: Vec<GoldenSegment>,
}

/// Times in seconds.
#[derive(Deserialize)]
struct GoldenSegment {
    start: f64,
    end: f64,
    text: String,
    tokens: Vec<u32>,
    words: Option<Vec<GoldenWord>>,
}

#[derive(Deserialize)]
struct GoldenWord {
    start: f64,
    end: f64,
    word: String,
}

fn golden() -> Vec<Golden> {
    serde_json::from_str(include_str!("../../tests/whisper_cpp_golden.json")).unwrap()
}

#[expect(clippy::cast_precision_loss, reason = "ms of a minute")]
fn near(ms: u64, seconds: f64) -> bool {
    (ms as f64 - seconds * 1000.0).abs() <= TOLERANCE_MS
}

/// Runs the cases with this choice of words and alignment on `loaded`; returns their number.
fn check(loaded: &Loaded, aligned: Option<bool>) -> usize {
    let words = |case: &Golden| {
        let wanted = case.options["word_timestamps"] == true;
        wanted.then(|| case.options["dtw"] != false)
    };
    let cases: Vec<_> = golden().into_iter().filter(|case| words(case) == aligned).collect();
    for case in &cases {
        let mut options = case.options.clone();
        for name in ["word_timestamps", "dtw"] {
            options.as_object_mut().unwrap().remove(name);
        }
        let samples = meeting(60);
        let end = samples.len() as f64 / 16_000.0;
        let transcription = run(loaded, &samples, &options).unwrap();
        let (name, ours) = (&case.name, &transcription.segments);
        let texts: Vec<_> = case.segments.iter().map(|segment| &segment.text).collect();
        assert_eq!(
            ours.iter().map(|segment| &segment.text).collect::<Vec<_>>(),
            texts,
            "{name}"
        );
        // Without timestamps whisper.cpp 1.8 reports segments that begin after the recording's end.
        let timed = case.options["without_timestamps"] != true;
        assert_eq!(ours.len(), case.segments.len(), "{name}");
        for (our, their) in ours.iter().zip(&case.segments) {
            assert_eq!(our.tokens.as_ref(), Some(&their.tokens), "{name}");
            let times = !timed || near(our.start_ms, their.start) && near(our.end_ms, their.end.min(end));
            assert!(times, "{name}: {our:?}");
            assert_eq!(our.words.is_some(), their.words.is_some());
            if let (Some(ours), Some(theirs)) = (&our.words, &their.words) {
                let joined: String = ours.iter().map(|word| word.word.as_str()).collect();
                assert_eq!(joined.trim(), our.text.trim(), "{name}: the words are the text");
                assert_eq!(ours.len(), theirs.len(), "{name}: {:?}", our.text);
                for (our, their) in ours.iter().zip(theirs) {
                    let times = near(our.start_ms, their.start) && near(our.end_ms, their.end);
                    assert!(our.word == their.word && times, "{name}: {our:?}");
                }
            }
        }
    }
    cases.len()
}

#[test]
fn segments_are_whisper_cpps() {
    assert_eq!(check(&tiny_english(), None), 5);
}

#[test]
fn words_are_whisper_cpps() {
    for aligned in [false, true] {
        let options = Options {
            word_timestamps: true,
            dtw: Some(aligned),
            ..PLAIN
        };
        let loaded = load("ggml-tiny.en.bin", &options);
        assert_eq!(check(&loaded, Some(aligned)), 1);
    }
}
