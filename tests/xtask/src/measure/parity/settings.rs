//! Compared settings: options by the names of the option table, which are faster-whisper's.

use super::setting::{Setting, setting};
use super::whisper_cpp;
use crate::failure::{Failure, Outcome};
use serde_json::{Value, json};

/// Every setting of `ct2`; temperature 0 by default.
fn all() -> Vec<Setting> {
    let setting = |name, mut options: Value, multilingual| {
        if options["temperature"].is_null() {
            options["temperature"] = json!([0.0]);
        }
        setting(name, options, multilingual)
    };
    let plain = |name, options| setting(name, options, false);
    let prompt = "A meeting about the harbour, with Dr. Müller and Ms. O'Neill.";
    vec![
        plain("beam 1", json!({ "beam_size": 1 })),
        plain("beam 5", json!({})),
        plain("fallback", json!({ "temperature": [0.0, 0.2, 0.4, 0.6, 0.8, 1.0] })),
        plain("words", json!({ "word_timestamps": true })),
        plain("VAD", json!({ "vad_filter": true })),
        plain(
            "VAD, words",
            json!({ "vad_filter": true, "word_timestamps": true, "vad_min_silence_duration_ms": 500, "vad_threshold": 0.4 }),
        ),
        plain(
            "hallucinations",
            json!({ "word_timestamps": true, "hallucination_silence_threshold": 0.5 }),
        ),
        plain("batched", json!({ "batch_size": 8, "vad_filter": true })),
        plain(
            "batched, words",
            json!({ "batch_size": 8, "vad_filter": true, "word_timestamps": true, "without_timestamps": false }),
        ),
        plain("prompt", json!({ "initial_prompt": prompt })),
        plain("hotwords", json!({ "hotwords": "Cesar, harbour, ComfyUI" })),
        plain(
            "chunks of 12 s",
            json!({ "chunk_length": 12, "condition_on_previous_text": false }),
        ),
        plain(
            "clips",
            json!({ "clip_timestamps": [0.5, 1.5, 2.0], "prefix": "Well", "without_timestamps": true }),
        ),
        setting(
            "multilingual",
            json!({ "multilingual": true, "language_detection_segments": 3, "language_detection_threshold": 0.9 }),
            true,
        ),
        setting("translate", json!({ "task": "translate" }), true),
        setting(
            "batched, multilingual",
            json!({ "batch_size": 4, "vad_filter": true, "multilingual": true }),
            true,
        ),
    ]
}

/// The settings for a model, or the named ones of these.
pub(crate) fn of(engine: &str, model: &str, wanted: &[String]) -> Outcome<Vec<Setting>> {
    let known = if engine == "whisper-cpp" {
        whisper_cpp::settings()
    } else {
        all()
    };
    if let Some(unknown) = wanted
        .iter()
        .find(|name| !known.iter().any(|setting| setting.name == **name))
    {
        let names: Vec<&str> = known.iter().map(|setting| setting.name).collect();
        return Err(Failure::usage(format!(
            "no setting `{unknown}`; there are: {}",
            names.join("; ")
        )));
    }
    let chosen = |setting: &Setting| wanted.is_empty() || wanted.iter().any(|name| name == setting.name);
    let fits = |setting: &Setting| !setting.multilingual || !model.ends_with(".en");
    Ok(known
        .into_iter()
        .filter(|setting| chosen(setting) && fits(setting))
        .collect())
}

/// A value in the form after `NAME=`.
pub(crate) fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(written).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_english_model_has_no_translation_setting() {
        let names = |model: &str| {
            of("ct2", model, &[])
                .expect("all")
                .iter()
                .map(|setting| setting.name)
                .collect::<Vec<_>>()
        };
        assert!(names("base").contains(&"translate"));
        assert!(!names("tiny.en").contains(&"translate"));
        assert!(of("ct2", "base", &["beams".into()]).is_err());
    }

    #[test]
    fn values_are_written_as_the_command_line_takes_them() {
        assert_eq!(written(&json!([0.0, 0.2])), "0.0,0.2");
        assert_eq!(written(&json!("a, b")), "a, b");
        assert_eq!(written(&json!(true)), "true");
    }
}
