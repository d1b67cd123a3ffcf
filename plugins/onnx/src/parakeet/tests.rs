//! The synthetic model of `tests/tools/parakeet_synthetic.py`, token by token and time by time as `onnx-asr` decodes it; the front end
//! against NeMo's as that package has it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::mel::LogMel;
use super::vocabulary::Vocabulary;
use crate::families;
use crate::family::{Heard, Token};
use crate::network::Stop;
use crate::testing::{meeting, with_runtime};

fn folder(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parakeet").join(kind)
}

fn answers() -> Value {
    let text = include_str!("../../tests/parakeet/answers.json");
    serde_json::from_str(text).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|number| number.as_f64().unwrap())
        .collect()
}

fn hear(kind: &str, samples: &[f32]) -> Heard {
    with_runtime();
    let model = families::open(&folder(kind)).unwrap();
    let mut lane = model.lane();
    lane.hear(samples, &Stop::new().unwrap()).unwrap()
}

/// Compares with the answer of `onnx-asr`; returns the tokens.
fn assert_equal(kind: &str) -> Vec<Token> {
    let wanted = &answers()[kind];
    let heard = hear(kind, &meeting());
    let vocabulary = Vocabulary::open(&folder(kind)).unwrap();
    let texts: Vec<String> = heard
        .tokens
        .iter()
        .map(|token| String::from_utf8(token.bytes.clone()).unwrap())
        .collect();
    let expected: Vec<&str> = wanted["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap())
        .collect();
    // A special token has no text here.
    let expected: Vec<&str> = expected
        .into_iter()
        .map(|text| if text == "<unk>" { "" } else { text })
        .collect();
    assert_eq!(texts, expected);
    assert!(texts.len() > 100 && vocabulary.len() == 40);
    for (token, time) in heard.tokens.iter().zip(numbers(&wanted["times"])) {
        assert!((token.span.unwrap().0 - time).abs() < 1e-6, "{token:?} at {time}");
    }
    heard.tokens
}

#[test]
fn a_transducer_with_durations_decodes_as_the_reference_does() {
    let tokens = assert_equal("tdt");
    for (token, logprob) in tokens.iter().zip(numbers(&answers()["tdt"]["logprobs"])) {
        assert!(
            (token.probability.ln() - logprob).abs() < 1e-3,
            "{token:?} has {logprob}"
        );
    }
    let starts: Vec<f64> = tokens.iter().map(|token| token.span.unwrap().0).collect();
    assert!(
        starts.windows(2).any(|pair| pair[0] == pair[1]),
        "no frame has two tokens"
    );
    let spans = || tokens.iter().map(|token| token.span.unwrap());
    assert!(spans().all(|(start, end)| end > start) && spans().any(|(start, end)| end - start > 0.3));
}

#[test]
fn ctc_decodes_as_the_reference_does() {
    assert_equal("ctc");
}

#[test]
fn the_front_end_is_that_of_nemo() {
    let answers = answers();
    for bands in [80, 128] {
        let wanted = &answers[format!("features{bands}")];
        let (features, frames, valid) = LogMel::new(bands).features(&meeting());
        assert_eq!(wanted["shape"], serde_json::json!([bands, frames]));
        assert_eq!(wanted["valid"], serde_json::json!(valid));
        let compared = features.iter().step_by(211).zip(numbers(&wanted["every211"]));
        let greatest = compared
            .map(|(found, wanted)| (f64::from(*found) - wanted).abs())
            .fold(0.0, f64::max);
        assert!(greatest < 1e-4, "{bands} bands differ by {greatest}");
    }
}

#[test]
fn audio_shorter_than_a_frame_has_no_tokens() {
    for length in [0, 1, 159, 160, 319] {
        assert_eq!(hear("tdt", &vec![0.1; length]), Heard::default(), "{length} samples");
    }
}
