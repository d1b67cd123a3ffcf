//! Options of formats that have no effect without words: the rendering is right, and not what the user asked for.

use plugin_api::document::{Document, Word};
use plugin_api::manifest::{FormatSpec, WordField};
use serde_json::{Map, Value};

/// An option that needs words, by the manifest of the format's plugin.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WordOption {
    name: String,
    need: WordField,
}

/// Those that a rendering was asked for.
pub(super) fn given(format: Option<&FormatSpec>, options: &Map<String, Value>) -> Vec<WordOption> {
    let needs = format.into_iter().flat_map(|format| &format.needs);
    needs
        .filter(|(name, need)| **need != WordField::Other && options.get(*name).is_some_and(is_set))
        .map(|(name, &need)| WordOption {
            name: name.clone(),
            need,
        })
        .collect()
}

fn is_set(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

impl WordOption {
    /// Whether a document has what it needs. One without text needs nothing.
    pub(super) fn has_effect(&self, document: &Document) -> bool {
        let mut words = document
            .segments
            .iter()
            .flat_map(|segment| segment.words.iter().flatten());
        let is_useful = |word: &Word| self.need != WordField::WordProbabilities || word.probability.is_some();
        document.segments.is_empty() || words.any(is_useful)
    }

    pub(super) fn warning(&self, label: &str) -> String {
        let lack = match self.need {
            WordField::WordProbabilities => "probabilities of words",
            WordField::WordTimes | WordField::Other => "word times",
        };
        format!(
            "{label}: `{}` has no effect, because the transcript has no {lack}; add `--asr-option word_timestamps=true`",
            self.name
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn option(name: &str, need: WordField) -> WordOption {
        WordOption {
            name: name.to_owned(),
            need,
        }
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
    fn only_options_that_the_format_declares_and_the_user_sets_count() {
        let format: FormatSpec = serde_json::from_value(json!({ "needs": {
            "highlight_words": "word_times", "mark_uncertain": "word_probabilities", "later": "word_colours" } }))
        .expect("a format");
        let names = |options: Value| {
            let given = given(Some(&format), options.as_object().expect("an object"));
            given.into_iter().map(|option| option.name).collect::<Vec<_>>()
        };
        let all = json!({ "highlight_words": true, "mark_uncertain": 0.5, "later": true, "preset": "bbc" });
        assert_eq!(names(all.clone()), ["highlight_words", "mark_uncertain"]);
        assert_eq!(
            names(json!({ "highlight_words": false, "mark_uncertain": null })),
            [""; 0]
        );
        assert_eq!(given(None, all.as_object().expect("an object")), []);
    }

    #[test]
    fn words_decide_about_the_effect() {
        let word =
            |probability: Value| json!([{ "start": 0.0, "end": 1.0, "word": "One", "probability": probability }]);
        let both = [
            option("highlight_words", WordField::WordTimes),
            option("mark_uncertain", WordField::WordProbabilities),
        ];
        let effects = |words: Value| both.clone().map(|option| option.has_effect(&document(words.clone())));
        assert_eq!(effects(Value::Null), [false, false]);
        assert_eq!(effects(json!([])), [false, false]);
        assert_eq!(effects(word(Value::Null)), [true, false]);
        assert_eq!(effects(word(json!(0.5))), [true, true]);
    }
}
