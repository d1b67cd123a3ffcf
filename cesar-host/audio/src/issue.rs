//! Faults of a readable recording.

use std::fmt;

use crate::clock::milliseconds;
use crate::demux::Nanoseconds;

/// Maximum number of listed issues; later ones are only counted.
const MOST_LISTED: usize = 100;

/// Maximum number of noted issues, all of which count as missing where sound is.
const MOST_NOTED: usize = 10_000;

/// The kind of a fault: the stable name for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IssueKind {
    /// Sound is lost or cannot be decoded; it is silence here.
    Damaged,
    /// The file ends before its declared end.
    MissingEnd,
    /// The time stamps jump: the recording itself has no sound there.
    Gap,
    /// The channels cancel each other out, so one of them is used.
    ChannelsCancel,
    /// The sample rate or the channels change on the way.
    FormatChange,
    /// The default track is silent throughout, so another is read.
    SilentTrack,
    /// The track changes to a codec that cannot be decoded, or more issues were found than are listed.
    Other,
}

impl IssueKind {
    /// The name in documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::MissingEnd => "missing_end",
            Self::Gap => "gap",
            Self::ChannelsCancel => "channels_cancel",
            Self::FormatChange => "format_change",
            Self::SilentTrack => "silent_track",
            Self::Other => "other",
        }
    }
}

/// One fault, with its place in the decoded recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Its kind.
    pub kind: IssueKind,
    /// Its start, in milliseconds of the recording.
    pub start_ms: u64,
    /// Its end; equal to the start if it has no length.
    pub end_ms: u64,
    /// The event, as half a sentence.
    pub message: String,
}

impl fmt::Display for Issue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&with_place(&self.message, (self.start_ms, self.end_ms)))
    }
}

/// A fault with its place, in milliseconds, for users.
#[must_use]
pub fn with_place(message: &str, (start_ms, end_ms): (u64, u64)) -> String {
    let (start, end) = (tenths(start_ms), tenths(end_ms));
    match end_ms > start_ms && start != end {
        true => format!("{message} from {start} to {end}"),
        false => format!("{message} at {start}"),
    }
}

/// A time or a length for users, in seconds with one decimal.
#[must_use]
pub fn tenths(ms: u64) -> String {
    let tenths = ms.saturating_add(50) / 100;
    format!("{}.{} s", tenths / 10, tenths % 10)
}

/// The faults of one recording, in the order of detection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Issues {
    list: Vec<Issue>,
    unlisted: u64,
}

/// Faults of one kind that are closer than this are merged.
const ONE_FAULT_MS: u64 = 60;

impl Issues {
    /// Adds a fault between two positions.
    pub(crate) fn add(&mut self, kind: IssueKind, (start, end): (Nanoseconds, Nanoseconds), message: &str) {
        let (start_ms, end_ms) = (milliseconds(start), milliseconds(end));
        let has_room = self.list.len() < MOST_NOTED;
        match self.list.last_mut() {
            Some(last) if last.kind == kind && last.message == message && start_ms <= last.end_ms + ONE_FAULT_MS => {
                last.end_ms = last.end_ms.max(end_ms);
            }
            _ if has_room => self.list.push(Issue {
                kind,
                start_ms,
                end_ms,
                message: message.to_owned(),
            }),
            _ => self.unlisted += 1,
        }
    }

    /// Marks a gap, listed or not, as lost sound.
    pub(crate) fn explain(&mut self, (start, end): (Nanoseconds, Nanoseconds), message: &str) {
        let start_ms = milliseconds(start);
        let is_it = |issue: &Issue| issue.kind == IssueKind::Gap && issue.start_ms == start_ms;
        self.list.retain(|issue| !is_it(issue));
        let behind = self.list.partition_point(|issue| issue.start_ms <= start_ms);
        let later = self.list.split_off(behind);
        self.add(IssueKind::Damaged, (start, end), message);
        self.list.extend(later);
    }

    pub(crate) fn has(&self, kind: IssueKind, message: &str) -> bool {
        self.list
            .iter()
            .any(|issue| issue.kind == kind && issue.message == message)
    }

    /// All of them, in order.
    pub(crate) fn into_list(mut self) -> Vec<Issue> {
        push_more(&mut self.list, self.unlisted);
        self.list
    }
}

/// The issues for the document: the first ones, and the number of the others.
pub(crate) fn listed(mut issues: Vec<Issue>) -> Vec<Issue> {
    let more = issues.len().saturating_sub(MOST_LISTED);
    issues.truncate(MOST_LISTED);
    push_more(&mut issues, more as u64);
    issues
}

fn push_more(issues: &mut Vec<Issue>, more: u64) {
    if more > 0 {
        let end_ms = issues.last().map_or(0, |last| last.end_ms);
        issues.push(Issue {
            kind: IssueKind::Other,
            start_ms: end_ms,
            end_ms,
            message: format!("{more} more faults"),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Slice;
    use crate::take::in_slice;

    const MS: Nanoseconds = 1_000_000;

    #[test]
    fn faults_beside_each_other_are_one() {
        let mut issues = Issues::default();
        for start in [0, 20, 40, 1_000] {
            issues.add(
                IssueKind::Damaged,
                (start * MS, (start + 20) * MS),
                "a packet cannot be decoded",
            );
        }
        issues.add(IssueKind::Gap, (1_100 * MS, 9_000 * MS), "no sound");
        let shown: Vec<_> = issues.into_list().iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "a packet cannot be decoded from 0.0 s to 0.1 s",
                "a packet cannot be decoded at 1.0 s",
                "no sound from 1.1 s to 9.0 s"
            ]
        );
    }

    #[test]
    fn a_long_list_is_cut_after_all_of_it_was_counted() {
        let mut issues = Issues::default();
        for start in 0..500 {
            issues.add(IssueKind::Damaged, (start * 1_000 * MS, start * 1_000 * MS + MS), "x");
        }
        let (all, missing_ms) = in_slice(issues.into_list(), Slice::default());
        assert_eq!(missing_ms, 500);
        let list = listed(all);
        assert_eq!(list.len(), MOST_LISTED + 1);
        assert_eq!(list[MOST_LISTED].message, "400 more faults");
    }
}
