use plugin_api::manifest::Scope;
use serde_json::json;

use super::*;
use crate::testing::options;

#[test]
fn compression_ratios_are_those_of_zlib() {
    // `len(text) / len(zlib.compress(text))` in Python.
    let close = |text: &str, compressed: f64| (compression_ratio(text) - text.len() as f64 / compressed).abs() < 1e-12;
    assert!(close("", 8.0));
    assert!(close("Welcome to the museum.", 30.0));
    assert!(close(&"thank you ".repeat(30), 23.0));
    assert!(close(
        "Ask not what your country can do for you, ask what you can do for your country.",
        58.0
    ));
}

#[test]
fn the_mean_counts_the_end_of_the_text() {
    assert!((average(-0.5, 9, 1.0) - -0.45).abs() < 1e-12);
    assert!((average(-4.5, 9, 0.0) - -0.45).abs() < 1e-12);
}

fn decoded(avg_logprob: f64, compression_ratio: f64, no_speech_prob: f64) -> Decoded {
    Decoded {
        tokens: vec![],
        avg_logprob,
        compression_ratio,
        no_speech_prob,
        temperature: 0.0,
        cut: false,
    }
}

/// Runs `test` with the default thresholds.
fn with_rules(test: impl Fn(Rules<'_>)) {
    test(Rules(&options(Scope::Request, &json!({}))));
}

#[test]
fn repetitive_or_improbable_text_is_not_taken_unless_there_is_no_speech() {
    with_rules(|rules| {
        assert!(rules.is_acceptable(&decoded(-0.5, 1.5, 0.0)));
        assert!(!rules.is_acceptable(&decoded(-0.5, 2.5, 0.0)));
        assert!(!rules.is_acceptable(&decoded(-1.5, 1.5, 0.0)));
        assert!(rules.is_acceptable(&decoded(-1.5, 2.5, 0.7)));
        assert!(!rules.is_acceptable(&decoded(-0.5, 2.5, 0.7)));
    });
}

#[test]
fn of_failed_decodes_the_most_probable_plain_one_is_taken() {
    with_rules(|rules| {
        let at = |temperature: f64, decoded: Decoded| Decoded { temperature, ..decoded };
        let tried = vec![
            at(0.0, decoded(-0.1, 9.0, 0.0)),
            at(0.2, decoded(-1.4, 1.0, 0.0)),
            at(0.4, decoded(-1.2, 1.0, 0.0)),
        ];
        let best = rules.best_of_failed(tried);
        assert_eq!((best.avg_logprob, best.temperature), (-1.2, 0.4));
        let repetitive = vec![at(0.0, decoded(-0.2, 9.0, 0.0)), at(0.2, decoded(-0.3, 8.0, 0.0))];
        let best = rules.best_of_failed(repetitive);
        assert_eq!((best.avg_logprob, best.temperature), (-0.2, 0.2));
    });
}
