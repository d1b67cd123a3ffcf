//! The cues of a document, by the rules of a guide or as openai-whisper lays them out.

use std::num::NonZeroUsize;

use super::layout::{self, Cue};
use super::passages::{self, Naming};
use super::{ruled, schedule};
use crate::request::Request;

/// The cues with valid times.
pub(super) fn cues(request: &Request, naming: Naming) -> Vec<Cue<'_>> {
    let naming = if request.speakers { naming } else { Naming::Nothing };
    let limit = schedule::limit(&request.document);
    if let Some(rules) = request.rules() {
        let widest = NonZeroUsize::new(rules.max_chars_per_line);
        let passages = passages::of(&request.document, naming, widest, limit);
        let cues = ruled::cues(passages, &rules, request.language(), limit);
        return schedule::valid(cues, limit);
    }
    let passages = passages::of(&request.document, naming, request.max_line_width, limit);
    schedule::valid(
        layout::cues(passages, request.max_line_width, request.max_line_count),
        limit,
    )
}
