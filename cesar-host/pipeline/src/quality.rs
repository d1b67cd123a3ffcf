//! The engine's confidence in a segment.

use plugin_api::document::Segment;

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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn quality_is_the_geometric_mean_of_words_else_of_tokens() {
        let segment = |probabilities: &[Option<f64>], avg_logprob: Option<f64>| -> Segment {
            let word =
                |probability: &Option<f64>| json!({ "start": 0, "end": 0, "word": "", "probability": probability });
            let words: Vec<_> = probabilities.iter().map(word).collect();
            let segment = json!({ "id": 0, "start": 0, "end": 0, "text": "", "avg_logprob": avg_logprob, "compression_ratio": null,
                "no_speech_prob": null, "temperature": null, "tokens": null, "seek": null, "words": words });
            serde_json::from_value(segment).expect("a segment of a document")
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
