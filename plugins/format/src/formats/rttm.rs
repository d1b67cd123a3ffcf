//! rttm: who spoke when, as NIST's Rich Transcription evaluations write it and as diarization is scored: one line a turn,
//! `SPEAKER RECORDING 1 START LENGTH <NA> <NA> NAME <NA> <NA>`, in seconds with three decimals.
//!
//! Turns overlap where people do. Fields are separated by spaces, so that white space within a name becomes `_`. The recording is called
//! `audio` where its name is not given. Without diarization there are no lines.

use plugin_api::document::Document;

use crate::clock;

/// The whole file.
pub(crate) fn render(document: &Document, recording: Option<&str>) -> String {
    let mut text = String::new();
    let recording = recording.and_then(field).unwrap_or_else(|| "audio".to_owned());
    for turn in document.turns.iter().flatten() {
        let length = turn.end.0.saturating_sub(turn.start.0);
        let (start, length) = (clock::seconds(turn.start.0), clock::seconds(length));
        let name = field(&turn.speaker).unwrap_or_else(|| "<NA>".to_owned());
        text.push_str(&format!(
            "SPEAKER {recording} 1 {start} {length} <NA> <NA> {name} <NA> <NA>\n"
        ));
    }
    text
}

/// A name as a field; `None` without letters.
fn field(name: &str) -> Option<String> {
    let words: Vec<_> = name.split_whitespace().collect();
    (!words.is_empty()).then(|| words.join("_"))
}
