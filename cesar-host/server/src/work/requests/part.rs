//! The part of a recording that a job transcribes.

use cesar_jobs::JobRequest;
use cesar_pipeline::Part;

use crate::state::Shared;

/// The request's track and strictness, over the settings.
pub(crate) fn part(shared: &Shared, request: &JobRequest) -> Part {
    Part {
        track: match request.parameters.audio_track.as_ref().map(|text| text.parse()) {
            Some(Ok(track)) => track,
            None => shared.defaults.part.track.clone(),
        },
        strict: request.parameters.strict.unwrap_or(shared.defaults.part.strict),
        slice: shared.defaults.part.slice,
    }
}
