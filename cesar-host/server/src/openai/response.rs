//! OpenAI's JSON of a document: pure functions of a [`Document`].
//!
//! Checked against OpenAI's OpenAPI file and its Python client. Numbers that an engine does not report are 0, because the
//! clients' types have no room for `null` there. A segment's text keeps its leading space, the whole text and words have none; `text` is
//! the segments' texts joined, so that it equals the deltas of a stream.

use plugin_api::document::{Document, Segment};
use serde_json::{Value, json};

use super::languages;
use super::request::ResponseFormat;

/// The whole text: the segments with separators.
pub(crate) fn whole_text(document: &Document) -> String {
    let separator = separator(document);
    let texts: Vec<_> = document.segments.iter().map(|segment| segment.text.as_str()).collect();
    texts.join(separator)
}

/// The separator between two segments. The text of a translation is English in every language spoken.
pub(crate) fn separator(document: &Document) -> &'static str {
    match document.task.as_str() {
        "translate" => " ",
        _ => languages::separator(document.language.as_deref()),
    }
}

/// The usage: whole seconds of audio, as OpenAI counts them.
pub(crate) fn usage(document: &Document) -> Value {
    json!({ "type": "duration", "seconds": document.duration.milliseconds().div_ceil(1000) })
}

/// The JSON of a format that is JSON; `None` for the others.
pub(crate) fn json_body(document: &Document, format: ResponseFormat, words: bool) -> Option<Value> {
    let mut body = match format {
        ResponseFormat::Json => json!({ "text": whole_text(document), "usage": usage(document) }),
        ResponseFormat::VerboseJson => verbose(document, words),
        ResponseFormat::DiarizedJson => diarized(document),
        ResponseFormat::WhisperJson => whisper(document, words),
        ResponseFormat::Text | ResponseFormat::Srt | ResponseFormat::Vtt | ResponseFormat::Tsv => return None,
    };
    add_issues(&mut body, document);
    Some(body)
}

/// Adds the faults of the recording, if it has any. The field is not OpenAI's, whose clients keep unknown fields.
pub(crate) fn add_issues(body: &mut Value, document: &Document) {
    if !document.audio.is_empty() {
        body["audio_issues"] = json!(document.audio.issues);
    }
}

fn verbose(document: &Document, words: bool) -> Value {
    let translated = document.task == "translate";
    let language = match &document.language {
        _ if translated => "english",
        Some(code) => languages::name(code),
        None => "english",
    };
    let separator = separator(document);
    let segments: Vec<_> = document
        .segments
        .iter()
        .map(|segment| verbose_segment(segment, separator))
        .collect();
    let mut body = json!({
        "task": document.task,
        "language": language,
        "duration": document.duration,
        "text": whole_text(document),
        "segments": segments,
        "usage": usage(document),
    });
    if words {
        let words = document
            .segments
            .iter()
            .flat_map(|segment| segment.words.iter().flatten());
        body["words"] = words
            .map(|word| json!({ "word": word.word.trim(), "start": word.start, "end": word.end }))
            .collect();
    }
    body
}

/// The JSON of `whisper`: as OpenAI's, but for the language, which is a code, and the words, which are in their segments.
fn whisper(document: &Document, words: bool) -> Value {
    let mut body = verbose(document, false);
    body["language"] = json!(document.language);
    for (segment, json) in document
        .segments
        .iter()
        .zip(body["segments"].as_array_mut().into_iter().flatten())
    {
        if let Some(words) = segment.words.as_ref().filter(|_| words) {
            json["words"] = words
                .iter()
                .map(|word| json!({ "word": word.word, "start": word.start, "end": word.end, "probability": word.probability }))
                .collect();
        }
    }
    body
}

fn verbose_segment(segment: &Segment, separator: &str) -> Value {
    json!({
        "id": segment.id,
        "seek": segment.seek.unwrap_or(segment.start.milliseconds() / 10),
        "start": segment.start,
        "end": segment.end,
        "text": format!("{separator}{}", segment.text),
        "tokens": segment.tokens.as_deref().unwrap_or_default(),
        "temperature": segment.temperature.unwrap_or_default(),
        "avg_logprob": segment.avg_logprob.unwrap_or_default(),
        "compression_ratio": segment.compression_ratio.unwrap_or_default(),
        "no_speech_prob": segment.no_speech_prob.unwrap_or_default(),
    })
}

fn diarized(document: &Document) -> Value {
    let segments: Vec<_> = document
        .segments
        .iter()
        .map(|segment| diarized_segment(document, segment))
        .collect();
    json!({
        "task": document.task,
        "duration": document.duration,
        "text": whole_text(document),
        "segments": segments,
        "usage": usage(document),
    })
}

/// A segment with its speaker, as `diarized_json` and its stream have them.
pub(crate) fn diarized_segment(document: &Document, segment: &Segment) -> Value {
    json!({
        "type": "transcript.text.segment",
        "id": format!("seg_{:03}", segment.id + 1),
        "start": segment.start,
        "end": segment.end,
        "text": segment.text,
        "speaker": speaker(document, segment),
    })
}

/// OpenAI calls speakers `A`, `B`, … in order of appearance.
fn speaker(document: &Document, segment: &Segment) -> String {
    let speakers = document.speakers.as_deref().unwrap_or_default();
    let label = segment.speaker.as_ref();
    let index = label.and_then(|label| speakers.iter().position(|speaker| speaker == label));
    let mut number = index.unwrap_or_default();
    let mut letters = Vec::new();
    loop {
        letters.push(char::from(b'A' + u8::try_from(number % 26).unwrap_or_default()));
        match number / 26 {
            0 => break,
            rest => number = rest - 1,
        }
    }
    letters.into_iter().rev().collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use plugin_api::document::{AudioIssue, Seconds};

    use super::*;

    /// A document with two segments, words and one speaker each.
    pub(crate) fn document() -> Document {
        serde_json::from_value(json!({
            "schema": 1, "language": "en", "language_probability": 0.99, "task": "transcribe", "duration": 8.47,
            "created": "2026-01-02T03:04:05Z",
            "segments": [
                { "id": 0, "start": 0.0, "end": 3.32, "text": "The beach was", "speaker": "SPEAKER_00",
                  "words": [ { "start": 0.0, "end": 0.3, "word": " The", "probability": 0.9 }, { "start": 0.3, "end": 0.9, "word": " beach", "probability": null } ],
                  "avg_logprob": -0.28, "compression_ratio": 1.23, "no_speech_prob": 0.009, "temperature": 0.0, "tokens": [50364, 1], "seek": 0 },
                { "id": 1, "start": 3.32, "end": 8.4, "text": "empty.", "speaker": "SPEAKER_01",
                  "avg_logprob": null, "compression_ratio": null, "no_speech_prob": null, "temperature": null, "tokens": null, "seek": null }
            ],
            "speakers": ["SPEAKER_00", "SPEAKER_01"],
            "provenance": { "cesar": "1.0.0",
                "audio": { "media_sha256": "", "pcm_sha256": "", "codec": "flac", "offset": 0.0 },
                "asr": { "plugin": "echo", "version": "0.1.0", "plugin_sha256": "", "model": null, "model_sha256": null, "options": {} },
                "sampled": false }
        }))
        .unwrap()
    }

    fn pretty(value: &Value) -> String {
        serde_json::to_string_pretty(value).unwrap()
    }

    #[test]
    fn json_has_openais_shape() {
        let body = json_body(&document(), ResponseFormat::Json, false).unwrap();
        insta::assert_snapshot!(body, @r#"{"text":"The beach was empty.","usage":{"seconds":9,"type":"duration"}}"#);
    }

    #[test]
    fn faults_of_the_recording_are_in_every_json() {
        let mut document = document();
        document.audio.issues.push(AudioIssue {
            kind: "missing_end".to_owned(),
            start: Seconds(1000),
            end: Seconds(4500),
            message: "the end of the file is missing".to_owned(),
        });
        for format in [
            ResponseFormat::Json,
            ResponseFormat::VerboseJson,
            ResponseFormat::DiarizedJson,
        ] {
            let body = json_body(&document, format, false).unwrap();
            assert_eq!(body["audio_issues"][0]["end"], json!(4.5), "{format:?}");
        }
    }

    #[test]
    fn verbose_json_has_openais_shape() {
        let body = json_body(&document(), ResponseFormat::VerboseJson, true).unwrap();
        insta::assert_snapshot!("verbose_json", pretty(&body));
        let without = json_body(&document(), ResponseFormat::VerboseJson, false).unwrap();
        assert!(without.get("words").is_none());
    }

    #[test]
    fn diarized_json_has_openais_shape() {
        let body = json_body(&document(), ResponseFormat::DiarizedJson, false).unwrap();
        insta::assert_snapshot!("diarized_json", pretty(&body));
    }

    #[test]
    fn a_translation_is_english() {
        let mut document = document();
        document.task = "translate".into();
        document.language = Some("ja".into());
        let body = json_body(&document, ResponseFormat::VerboseJson, false).unwrap();
        assert_eq!(
            (&body["task"], &body["language"]),
            (&json!("translate"), &json!("english"))
        );
    }

    #[test]
    fn segments_joined_are_the_whole_text() {
        let document = document();
        let body = verbose(&document, false);
        let joined: String = body["segments"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|segment| segment["text"].as_str())
            .collect();
        assert_eq!(joined.trim(), whole_text(&document));
    }
}
