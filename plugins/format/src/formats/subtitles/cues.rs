//! The cues of a document, by the rules of a guide or as openai-whisper lays them out.

use std::num::NonZeroUsize;

use super::layout::{self, Cue};
use super::passages::{self, Naming};
use super::{ruled, schedule};
use crate::settings::Settings;

/// The cues with valid times.
pub(super) fn cues<'a>(settings: &Settings<'a>, naming: Naming) -> Vec<Cue<'a>> {
    let naming = if settings.speakers { naming } else { Naming::Nothing };
    let limit = schedule::limit(settings.document);
    if let Some(rules) = settings.rules {
        let widest = NonZeroUsize::new(rules.max_chars_per_line);
        let passages = passages::passages(settings.document, naming, widest, limit);
        let cues = ruled::cues(passages, &rules, settings.language(), limit);
        return schedule::valid(cues, limit);
    }
    let passages = passages::passages(settings.document, naming, settings.max_line_width, limit);
    schedule::valid(
        layout::cues(passages, settings.max_line_width, settings.max_line_count),
        limit,
    )
}
