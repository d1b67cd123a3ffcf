//! Remarks on a document that has no text, or perhaps the wrong language.

use plugin_api::document::Document;

/// A detected language with a lower probability may be another one.
const DOUBTFUL: f64 = 0.5;

/// A sentence, if there is something to say.
pub(super) fn remark(document: &Document, label: &str) -> Option<String> {
    if document.segments.iter().all(|segment| segment.text.trim().is_empty()) {
        return Some(no_speech(label));
    }
    let probability = document.language_probability.filter(|value| *value < DOUBTFUL)?;
    let language = document.language.as_deref()?;
    Some(format!(
        "{label}: the language was detected as `{language}` with a probability of only {probability:.2}; name it with `--language`"
    ))
}

/// For a document without text.
pub(super) fn no_speech(label: &str) -> String {
    format!("{label}: no speech was found")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    fn remark(text: Option<&str>, probability: Value) -> Option<String> {
        let segment = |text| {
            json!({ "id": 0, "start": 0.0, "end": 1.0, "text": text, "words": null, "avg_logprob": null, "compression_ratio": null,
                "no_speech_prob": null, "temperature": null, "tokens": null, "seek": null })
        };
        let document = serde_json::from_value(json!({
            "schema": 1, "language": "cy", "language_probability": probability, "task": "transcribe", "duration": 2.0,
            "created": "2026-01-02T03:04:05Z", "segments": text.map(segment).as_slice(),
            "provenance": { "cesar": "1.0.0", "sampled": false,
                "audio": { "media_sha256": "", "pcm_sha256": "", "codec": "flac", "offset": 0.0 },
                "asr": { "plugin": "ct2", "version": "1.0.0", "plugin_sha256": "", "model": null, "model_sha256": null, "options": {} } },
        }));
        super::remark(&document.expect("a document"), "talk.wav")
    }

    #[test]
    fn a_document_without_text_says_so() {
        let none = Some("talk.wav: no speech was found".to_owned());
        assert_eq!(remark(None, json!(0.2)), none);
        assert_eq!(remark(Some(" "), Value::Null), none);
    }

    #[test]
    fn a_doubtful_language_is_named() {
        let doubt =
            "talk.wav: the language was detected as `cy` with a probability of only 0.43; name it with `--language`";
        assert_eq!(remark(Some("Croeso"), json!(0.43)).as_deref(), Some(doubt));
        assert_eq!(remark(Some("Croeso"), json!(0.5)), None);
        assert_eq!(remark(Some("Croeso"), Value::Null), None);
    }
}
