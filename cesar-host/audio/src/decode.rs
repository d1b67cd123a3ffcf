//! The take of a recording that is kept, and its refusal where it must be complete.

use std::path::Path;

use crate::issue::{Issue, IssueKind, listed, with_place};
use crate::takes::Job;
use crate::{AudioError, DecodeOptions, Decoded, Sink, Slice, follower, open, silence};

/// Decodes, and chooses the take to keep.
pub(crate) fn decode(
    path: &Path,
    slice: Slice,
    options: &DecodeOptions,
    sink: &mut dyn Sink,
) -> Result<Decoded, AudioError> {
    let kind = open::recognise(path)?;
    let mut job = Job {
        path,
        kind,
        slice,
        options,
        sink,
        takes: 0,
        rest: None,
    };
    let take = job.best()?;
    let mut take = silence::with_sound(&mut job, take)?;
    if let Some(rest) = job.rest {
        follower::note(path, kind, rest, &mut take)?;
    }
    let mut decoded = take.decoded;
    decoded.issues = listed(decoded.issues);
    match decoded.is_incomplete() && options.strict {
        true => Err(incomplete(path, &decoded.issues, slice.start_ms)),
        false => Ok(decoded),
    }
}

/// A refusal with the places in the recording; the part begins at `start_ms`.
fn incomplete(path: &Path, issues: &[Issue], start_ms: u64) -> AudioError {
    let missing = issues
        .iter()
        .filter(|issue| matches!(issue.kind, IssueKind::Damaged | IssueKind::MissingEnd));
    let place = |issue: &Issue| (issue.start_ms + start_ms, issue.end_ms + start_ms);
    let faults: Vec<_> = missing.map(|issue| with_place(&issue.message, place(issue))).collect();
    AudioError::Incomplete {
        name: path.into(),
        faults: faults.join(", "),
    }
}
