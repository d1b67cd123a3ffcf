//! Documents for tests.

use plugin_api::document::{Document, Seconds, Turn};
use serde_json::{Value, json};

use crate::{Change, History, Operation, Revision, apply, check};

/// A segment whose words last a second each from `start_s`; a text without times where `timed` is false.
pub(super) fn segment(start_s: u64, text: &str, speaker: Option<&str>, timed: bool) -> Value {
    let tokens: Vec<&str> = text.split_whitespace().collect();
    let words: Vec<Value> = (start_s..)
        .zip(&tokens)
        .map(|(second, word)| {
            let mut word =
                json!({ "start": second, "end": second + 1, "word": format!(" {word}"), "probability": 0.5 });
            if let Some(speaker) = speaker {
                word["speaker"] = json!(speaker);
            }
            word
        })
        .collect();
    let mut segment = json!({ "id": 0, "start": start_s, "end": start_s + tokens.len() as u64, "text": text,
        "avg_logprob": -0.25, "compression_ratio": null, "no_speech_prob": null, "temperature": 0.0, "tokens": [1, 2], "seek": 0 });
    if timed {
        segment["words"] = json!(words);
    }
    if let Some(speaker) = speaker {
        (segment["speaker"], segment["overlap"]) = (json!(speaker), json!(false));
    }
    segment
}

/// A document of these segments, whose turns are its segments.
pub(super) fn document(segments: Vec<Value>, duration_s: u64) -> Document {
    let mut document: Document = serde_json::from_value(json!({
        "schema": 1, "language": "en", "language_probability": 1.0, "task": "transcribe", "duration": duration_s,
        "created": "2026-01-02T03:04:05Z", "segments": segments,
        "provenance": { "cesar": "1.0.0",
            "audio": { "media_sha256": "a".repeat(64), "pcm_sha256": "b".repeat(64), "codec": "flac", "offset": 0.0 },
            "asr": { "plugin": "echo", "version": "0.1.0", "plugin_sha256": "", "model": null, "model_sha256": null, "options": {} },
            "sampled": false }
    }))
    .unwrap();
    let (mut speakers, mut turns) = (Vec::new(), Vec::new());
    for (segment, id) in document.segments.iter_mut().zip(0..) {
        segment.id = id;
        if let Some(speaker) = &segment.speaker {
            if !speakers.contains(speaker) {
                speakers.push(speaker.clone());
            }
            turns.push(Turn {
                start: segment.start,
                end: segment.end,
                speaker: speaker.clone(),
            });
        }
    }
    if !speakers.is_empty() {
        (document.speakers, document.turns) = (Some(speakers), Some(turns));
    }
    document
}

/// Two speakers, three segments, ten words.
pub(super) fn dialogue() -> Document {
    let segments = vec![
        segment(0, "The harbor was closed.", Some("Speaker 1"), true),
        segment(4, "Why is that?", Some("Speaker 2"), true),
        segment(7, "Storm at sea.", Some("Speaker 1"), true),
    ];
    document(segments, 20)
}

/// The same without word times and speakers.
pub(super) fn plain() -> Document {
    let segments = vec![
        segment(0, "The harbor was closed.", None, false),
        segment(4, "Why is that?", None, false),
    ];
    document(segments, 20)
}

/// Operations from JSON.
pub(super) fn operations(json: Value) -> Vec<Operation> {
    serde_json::from_value(json).unwrap()
}

/// A history of one batch, checked for the document.
pub(super) fn history(document: &Document, json: Value) -> History {
    extended(document, &History::default(), json)
}

/// The history with one more batch.
pub(super) fn extended(document: &Document, history: &History, json: Value) -> History {
    let (accepted, _) = check(Some(document), history, &operations(json)).unwrap();
    let mut history = history.clone();
    history.current += 1;
    history.revisions.push(Revision {
        revision: history.current,
        author: "ann".to_owned(),
        created_ms: 0,
        operations: accepted,
    });
    history
}

/// The document with the operations; none of them may be refused.
pub(super) fn corrected(document: &Document, json: Value) -> Document {
    let history = history(document, json);
    let applied = history.apply(document.clone());
    assert_eq!(applied.conflicts, []);
    applied.document
}

pub(super) fn refusal(document: &Document, json: Value) -> String {
    let batch = operations(json!([json]));
    check(Some(document), &History::default(), &batch).unwrap_err().reason
}

/// Times, text and speaker of the segments, one line each, with the words below.
pub(super) fn lines(document: &Document) -> Vec<String> {
    let seconds = |time: Seconds| time.0 as f64 / 1000.0;
    let segment = |segment: &plugin_api::document::Segment| {
        let words = segment.words.iter().flatten();
        let words: Vec<String> = words
            .map(|word| format!("{}@{}-{}", word.word.trim(), seconds(word.start), seconds(word.end)))
            .collect();
        format!(
            "{} {}-{} {}: {} [{}]",
            segment.id,
            seconds(segment.start),
            seconds(segment.end),
            segment.speaker.as_deref().unwrap_or("?"),
            segment.text,
            words.join(" ")
        )
    };
    document.segments.iter().map(segment).collect()
}

/// The turns, one text each.
pub(super) fn turns(document: &Document) -> Vec<String> {
    let turn = |turn: &Turn| format!("{} {}-{}", turn.speaker, turn.start.0, turn.end.0);
    document.turns.iter().flatten().map(turn).collect()
}

/// A document with operations that are not checked.
pub(super) fn forced(document: &Document, changes: &[Change]) -> crate::Applied {
    let operations: Vec<Operation> = changes.iter().cloned().map(Operation::from).collect();
    let edit = |operation| crate::Edit { revision: 1, operation };
    apply(document.clone(), operations.iter().map(edit))
}
