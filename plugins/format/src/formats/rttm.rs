//! rttm: who spoke when, as NIST's Rich Transcription evaluations write it and as diarization is scored: one line a turn,
//! `SPEAKER audio 1 START LENGTH <NA> <NA> NAME <NA> <NA>`, in seconds with three decimals.
//!
//! Turns overlap where people do. Fields are separated by spaces, so that white space within a name becomes `_`. A document does not know
//! what its recording is called: the file field is `audio`. Without diarization there are no lines.

use plugin_api::document::Document;

use crate::clock;

/// The whole file.
pub(crate) fn render(document: &Document) -> String {
    let mut text = String::new();
    for turn in document.turns.iter().flatten() {
        let length = turn.end.0.saturating_sub(turn.start.0);
        let (start, length) = (clock::seconds(turn.start.0), clock::seconds(length));
        let name = name(&turn.speaker);
        text.push_str(&format!(
            "SPEAKER audio 1 {start} {length} <NA> <NA> {name} <NA> <NA>\n"
        ));
    }
    text
}

fn name(speaker: &str) -> String {
    let words: Vec<_> = speaker.split_whitespace().collect();
    match words.join("_") {
        name if name.is_empty() => "<NA>".to_owned(),
        name => name,
    }
}
