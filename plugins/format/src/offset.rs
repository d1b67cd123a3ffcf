//! Times on the recording's clock: those of a document count from the start of the part that was transcribed.

use plugin_api::document::{Document, Seconds};

/// The document with all times moved by its offset, its end included.
pub(crate) fn on_the_recordings_clock(mut document: Document) -> Document {
    let offset = document.provenance.audio.offset.0;
    let moved = |time: &mut Seconds| time.0 = time.0.saturating_add(offset);
    for segment in &mut document.segments {
        moved(&mut segment.start);
        moved(&mut segment.end);
        for word in segment.words.iter_mut().flatten() {
            moved(&mut word.start);
            moved(&mut word.end);
        }
    }
    for turn in document.turns.iter_mut().flatten() {
        moved(&mut turn.start);
        moved(&mut turn.end);
    }
    // A document of length 0 does not know its length.
    if document.duration.0 > 0 {
        moved(&mut document.duration);
    }
    document
}
