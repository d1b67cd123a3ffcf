//! Options of formats that have no effect without words: the rendering is right, and not what the user asked for.

use plugin_api::document::{Document, Word};
use serde_json::{Map, Value};

/// An option that needs words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum WordOption {
    /// `highlight_words`, which needs their times.
    Highlight,
    /// `mark_uncertain`, which needs their probabilities.
    MarkUncertain,
}

use WordOption::{Highlight, MarkUncertain};

/// The options that a rendering was asked for.
pub(super) fn given(format: &str, options: &Map<String, Value>) -> impl Iterator<Item = WordOption> {
    let is_given = |option: &WordOption| {
        let value = options.get(option.name());
        let is_set = match option {
            Highlight => value == Some(&Value::Bool(true)),
            MarkUncertain => value.is_some_and(Value::is_number),
        };
        is_set && option.formats().contains(&format)
    };
    [Highlight, MarkUncertain]
        .into_iter()
        .filter(is_given)
        .collect::<Vec<_>>()
        .into_iter()
}

impl WordOption {
    fn name(self) -> &'static str {
        match self {
            Highlight => "highlight_words",
            MarkUncertain => "mark_uncertain",
        }
    }

    /// The formats on which it has an effect.
    fn formats(self) -> &'static [&'static str] {
        match self {
            Highlight => &["srt", "vtt", "ass", "lrc", "ttml"],
            MarkUncertain => &["md", "html", "docx"],
        }
    }

    /// Whether a document has what it needs. One without text needs nothing.
    pub(super) fn has_effect(self, document: &Document) -> bool {
        let mut words = document
            .segments
            .iter()
            .flat_map(|segment| segment.words.iter().flatten());
        let is_useful = |word: &Word| match self {
            Highlight => true,
            MarkUncertain => word.probability.is_some(),
        };
        document.segments.is_empty() || words.any(is_useful)
    }

    pub(super) fn warning(self, label: &str) -> String {
        let lack = match self {
            Highlight => "word times",
            MarkUncertain => "probabilities of words",
        };
        format!(
            "{label}: `{}` has no effect, because the transcript has no {lack}; add `--asr-option word_timestamps=true`",
            self.name()
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn options(format: &str, options: Value) -> Vec<WordOption> {
        given(format, options.as_object().expect("an object")).collect()
    }

    fn document(words: Value) -> Document {
        serde_json::from_value(json!({
            "schema": 1, "language": null, "language_probability": null, "task": "transcribe", "duration": 2.0,
            "created": "2026-01-02T03:04:05Z",
            "segments": [{ "id": 0, "start": 0.0, "end": 1.0, "text": "One", "words": words, "avg_logprob": null,
                "compression_ratio": null, "no_speech_prob": null, "temperature": null, "tokens": null, "seek": null }],
            "provenance": { "cesar": "1.0.0", "sampled": false,
                "audio": { "media_sha256": "", "pcm_sha256": "", "codec": "flac", "offset": 0.0 },
                "asr": { "plugin": "ct2", "version": "1.0.0", "plugin_sha256": "", "model": null, "model_sha256": null, "options": {} } },
        }))
        .expect("a document")
    }

    #[test]
    fn only_options_that_the_format_knows_count() {
        let both = json!({ "highlight_words": true, "mark_uncertain": 0.5 });
        assert_eq!(options("lrc", both.clone()), [Highlight]);
        assert_eq!(options("docx", both.clone()), [MarkUncertain]);
        assert_eq!(options("txt", both), []);
        assert_eq!(
            options("srt", json!({ "highlight_words": false, "mark_uncertain": null })),
            []
        );
    }

    #[test]
    fn words_decide_about_the_effect() {
        let word =
            |probability: Value| json!([{ "start": 0.0, "end": 1.0, "word": "One", "probability": probability }]);
        let effects =
            |words: Value| [Highlight, MarkUncertain].map(|option| option.has_effect(&document(words.clone())));
        assert_eq!(effects(Value::Null), [false, false]);
        assert_eq!(effects(json!([])), [false, false]);
        assert_eq!(effects(word(Value::Null)), [true, false]);
        assert_eq!(effects(word(json!(0.5))), [true, true]);
    }
}
