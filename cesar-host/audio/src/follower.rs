//! Another recording behind the one that is read: files that were joined by their bytes. Players, too, show only the first.

use std::fs;
use std::path::Path;

use crate::issue::{Issue, IssueKind};
use crate::kind::Kind;
use crate::take::Take;
use crate::{AudioError, SAMPLES_PER_MS, demux};

/// Fewer bytes are no recording worth a note.
const LEAST: u64 = 1024;

/// Minimum length of the loss, in milliseconds, so that it makes the result partial: the estimate is far too small where the recording is
/// compressed more than the first.
const LEAST_MS: u64 = 1_100;

/// Adds the loss of a recording that begins at `rest`, if the take reaches the end of its own. The length is estimated: as much a byte.
pub(crate) fn note(path: &Path, kind: Kind, rest: u64, take: &mut Take) -> Result<(), AudioError> {
    let unreadable = |source| AudioError::unreadable(path, source);
    let length = fs::metadata(path).map_err(unreadable)?.len();
    let is_noted = |issue: &Issue| issue.message == demux::ANOTHER_RECORDING;
    let behind = length.saturating_sub(rest);
    if behind < LEAST
        || !take.has_ended
        || take.decoded.issues.iter().any(is_noted)
        || !demux::another_begins_at(path, kind, rest)?
    {
        return Ok(());
    }
    let missing = u128::from(take.sound_ms) * u128::from(behind) / u128::from(rest.max(1));
    let missing_ms = u64::try_from(missing).unwrap_or(u64::MAX).max(LEAST_MS);
    let decoded = &mut take.decoded;
    let end_ms = decoded.samples / SAMPLES_PER_MS;
    decoded.missing_ms = decoded.missing_ms.saturating_add(missing_ms);
    decoded.issues.push(Issue {
        kind: IssueKind::Damaged,
        start_ms: end_ms,
        end_ms: end_ms.saturating_add(missing_ms),
        message: demux::ANOTHER_RECORDING.to_owned(),
    });
    Ok(())
}
