//! The part of a recording that a job transcribes.

use cesar_audio::Slice;
use cesar_jobs::JobRequest;
use cesar_pipeline::Part;

use crate::refusal::Refusal;
use crate::state::Shared;

/// The request's track, part and strictness, over the settings.
pub(crate) fn part(shared: &Shared, request: &JobRequest) -> Part {
    let parameters = &request.parameters;
    let (track, strict) = match &request.resolved {
        Some(resolved) => (Some(&resolved.audio_track), Some(resolved.strict)),
        None => (parameters.audio_track.as_ref(), parameters.strict),
    };
    Part {
        track: match track.map(|text| text.parse()) {
            Some(Ok(track)) => track,
            None => shared.defaults.part.track.clone(),
        },
        strict: strict.unwrap_or(shared.defaults.part.strict),
        slice: Slice {
            start_ms: parameters.start_time.map_or(0, milliseconds),
            end_ms: parameters.end_time.map(milliseconds),
        },
    }
}

/// Refuses a part without any sound.
pub(crate) fn check(request: &JobRequest) -> Result<(), Refusal> {
    let start = request.parameters.start_time.unwrap_or_default();
    match request.parameters.end_time {
        Some(end) if end <= start => {
            let wanted = format!("later than `start_time`, {start} s");
            Err(Refusal::value("end_time", &wanted, &end.to_string()))
        }
        _ => Ok(()),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "times that were read are 0 to 36e12 ms"
)]
fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1000.0).round() as u64
}
