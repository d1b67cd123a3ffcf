//! One decoding of a recording, and its comparison with another.

use crate::clock::milliseconds;
use crate::continuous::{GAP, NOTED_GAP, Span};
use crate::intact::ZEROS;
use crate::issue::{Issue, IssueKind};
use crate::player::cannot_be_decoded;
use crate::{Decoded, Slice, demux};

/// Additional sound that makes a take more complete, in milliseconds: decoders differ at the edges.
const MORE_SOUND_MS: u64 = 60;

/// Sound beyond what is missing, in milliseconds, where its length may be estimated.
const TOO_MUCH_SOUND_MS: u64 = 1_000;

/// Maximum level of a silent track (-70 dB): dither is quieter, and microphones are not.
const FAINTEST: f32 = 3.162e-4;

/// One decoding of the slice.
pub(crate) struct Take {
    pub(crate) decoded: Decoded,
    /// Sound, without inserted silence.
    pub(crate) sound_ms: u64,
    /// The part of its damage in which no reader finds the recording's sound, though ffmpeg may decode something.
    pub(crate) void_ms: u64,
    /// Silence in unexplained gaps of the time stamps, as [`IssueKind::Gap`].
    pub(crate) gaps: Vec<Issue>,
    pub(crate) is_substitute: bool,
    /// ffmpeg's name of the format, if it is uncertain.
    pub(crate) guess: Option<&'static str>,
    /// The number of the track that was read, and the number of tracks.
    pub(crate) track: usize,
    pub(crate) tracks: usize,
    /// Whether the take is silent up to the slice's end.
    pub(crate) is_silent: bool,
    /// Whether the recording ends in the slice.
    pub(crate) has_ended: bool,
}

impl Take {
    /// Whether another reader may return more sound.
    pub(crate) fn is_in_doubt(&self) -> bool {
        let doubtful = |issue: &Issue| {
            !matches!(
                issue.kind,
                IssueKind::Gap | IssueKind::ChannelsCancel | IssueKind::FormatChange
            )
        };
        self.is_substitute || self.decoded.issues.iter().any(doubtful)
    }

    pub(crate) fn is_damaged_mpeg_audio(&self) -> bool {
        let is_damaged = self.decoded.issues.iter().any(|issue| issue.kind == IssueKind::Damaged);
        is_damaged && matches!(self.decoded.codec.as_str(), "mp1" | "mp2" | "mp3")
    }

    /// Whether it is more complete than the built-in reader's.
    pub(crate) fn is_better_than(&self, native: &Self) -> bool {
        match (self.is_substitute, native.is_substitute) {
            (false, true) => true,
            (true, false) => false,
            _ => self.sound_ms > native.sound_ms + native.void_ms + MORE_SOUND_MS && !self.has_too_much(native),
        }
    }

    /// Whether it has more sound than is missing from a take that knows how much that is: the other reader took sound of a second format
    /// for that of the first, or foreign bytes for packets of another length.
    fn has_too_much(&self, native: &Self) -> bool {
        let has = |is_it: fn(&Issue) -> bool| native.decoded.issues.iter().any(is_it);
        let tolerance_ms = if has(|issue| issue.kind == IssueKind::FormatChange) {
            TOO_MUCH_SOUND_MS
        } else if has(|issue| issue.message == demux::PACKETS_OF_OTHER_LENGTH) {
            MORE_SOUND_MS
        } else {
            return false;
        };
        self.sound_ms > native.sound_ms + native.decoded.missing_ms + tolerance_ms
    }

    /// Classifies its gaps by another take of the same track: where that one found damage, sound was lost.
    pub(crate) fn learn_from(&mut self, other: &Self) {
        if self.is_substitute != other.is_substitute {
            return;
        }
        let damage = |issue: &&Issue| issue.kind == IssueKind::Damaged;
        for gap in &self.gaps {
            let inside = other.decoded.issues.iter().filter(damage).map(|damage| Issue {
                start_ms: gap.start_ms.max(damage.start_ms),
                end_ms: gap.end_ms.min(damage.end_ms),
                ..damage.clone()
            });
            let losses: Vec<_> = inside.filter(|loss| loss.start_ms < loss.end_ms).collect();
            let lost_ms: u64 = losses.iter().map(|loss| loss.end_ms - loss.start_ms).sum();
            let rest_ms = (gap.end_ms - gap.start_ms).saturating_sub(lost_ms);
            let is_listed = lost_ms == 0 || rest_ms >= milliseconds(NOTED_GAP);
            let issues = &mut self.decoded.issues;
            issues.retain(|issue| issue != gap || is_listed);
            issues.extend(losses);
            self.decoded.missing_ms += lost_ms;
        }
        self.decoded.issues.sort_by_key(|issue| issue.start_ms);
    }
}

/// The length of damaged packets that some decoders take for sound.
pub(crate) fn void_ms(issues: &[Issue]) -> u64 {
    let zeros = cannot_be_decoded(ZEROS);
    let is_void = |issue: &&Issue| {
        issue.kind == IssueKind::Damaged && (issue.message == zeros || issue.message == demux::PACKETS_OF_OTHER_LENGTH)
    };
    let of = |issue: &Issue| issue.end_ms - issue.start_ms;
    issues.iter().filter(is_void).map(of).sum()
}

/// A gap of the time stamps.
pub(crate) fn gap((start, end): &Span) -> Issue {
    Issue {
        kind: IssueKind::Gap,
        start_ms: milliseconds(*start),
        end_ms: milliseconds(*end),
        message: GAP.to_owned(),
    }
}

/// The issues in the slice, relative to its start, and the length of missing sound in it.
pub(crate) fn in_slice(issues: Vec<Issue>, slice: Slice) -> (Vec<Issue>, u64) {
    let end_ms = slice.end_ms.unwrap_or(u64::MAX);
    let mut missing_ms = 0;
    let mut kept = Vec::new();
    for mut issue in issues {
        if issue.end_ms < slice.start_ms || issue.start_ms >= end_ms {
            continue;
        }
        issue.start_ms = issue.start_ms.saturating_sub(slice.start_ms);
        issue.end_ms = issue.end_ms.min(end_ms).saturating_sub(slice.start_ms);
        if matches!(issue.kind, IssueKind::Damaged | IssueKind::MissingEnd) {
            missing_ms += issue.end_ms - issue.start_ms;
        }
        kept.push(issue);
    }
    (kept, missing_ms)
}

/// Whether these samples are silent.
pub(crate) fn is_silent(samples: &[f32]) -> bool {
    samples.iter().all(|sample| sample.abs() <= FAINTEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Decoder;

    fn issue(kind: IssueKind, start_ms: u64, end_ms: u64) -> Issue {
        Issue {
            kind,
            start_ms,
            end_ms,
            message: kind.name().to_owned(),
        }
    }

    fn take(issues: Vec<Issue>) -> Take {
        let gaps = issues.iter().filter(|issue| issue.kind == IssueKind::Gap);
        Take {
            sound_ms: 0,
            void_ms: 0,
            gaps: gaps.cloned().collect(),
            is_substitute: false,
            guess: None,
            track: 0,
            tracks: 1,
            is_silent: false,
            has_ended: true,
            decoded: Decoded {
                take: 0,
                samples: 0,
                source_duration_ms: None,
                codec: String::new(),
                source_rate: 16_000,
                channels: 1,
                decoder: Decoder::Ffmpeg,
                warnings: Vec::new(),
                missing_ms: 0,
                issues,
                track: None,
                track_titles: Vec::new(),
                details: Vec::new(),
            },
        }
    }

    #[test]
    fn samples_in_the_format_before_a_change_are_no_additional_sound() {
        let of = |sound_ms: u64, missing_ms: u64, issues: Vec<Issue>| {
            let mut take = take(issues);
            (take.sound_ms, take.decoded.missing_ms) = (sound_ms, missing_ms);
            take
        };
        let changed = || issue(IssueKind::FormatChange, 2_000, 2_000);
        let damaged = || issue(IssueKind::Damaged, 5_000, 9_000);
        let native = of(8_000, 4_000, vec![changed(), damaged()]);
        assert!(of(12_100, 0, vec![]).is_better_than(&native));
        assert!(!of(26_700, 0, vec![]).is_better_than(&native));
        assert!(of(26_700, 0, vec![]).is_better_than(&of(8_000, 4_000, vec![damaged()])));
        assert!(!of(12_000, 0, vec![changed()]).is_in_doubt());
    }

    #[test]
    fn foreign_bytes_taken_for_longer_packets_are_no_additional_sound() {
        let of = |sound_ms: u64, missing_ms: u64, message: &str| {
            let mut damaged = issue(IssueKind::Damaged, 5_000, 9_000);
            message.clone_into(&mut damaged.message);
            let mut take = take(vec![damaged]);
            (take.sound_ms, take.decoded.missing_ms) = (sound_ms, missing_ms);
            take
        };
        let native = of(19_000, 5_900, demux::PACKETS_OF_OTHER_LENGTH);
        assert!(!of(27_000, 100, "").is_better_than(&native));
        assert!(!of(25_700, 100, "").is_better_than(&native));
        assert!(of(24_800, 100, "").is_better_than(&native));
        assert!(of(27_000, 100, "").is_better_than(&of(19_000, 5_900, "")));
    }

    #[test]
    fn a_gap_in_which_the_other_reader_met_damage_is_a_loss() {
        let mut kept = take(vec![
            issue(IssueKind::Gap, 2_000, 5_300),
            issue(IssueKind::Gap, 10_000, 70_000),
            issue(IssueKind::Gap, 80_000, 90_000),
        ]);
        let damaged = vec![
            issue(IssueKind::Damaged, 2_050, 5_400),
            issue(IssueKind::Damaged, 69_900, 70_100),
            issue(IssueKind::Damaged, 80_000, 85_000),
            issue(IssueKind::Damaged, 85_000, 90_000),
        ];
        kept.learn_from(&take(damaged));
        let shown: Vec<_> = kept.decoded.issues.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "damaged from 2.1 s to 5.3 s",
                "gap from 10.0 s to 70.0 s",
                "damaged from 69.9 s to 70.0 s",
                "damaged from 80.0 s to 85.0 s",
                "damaged from 85.0 s to 90.0 s"
            ]
        );
        assert_eq!(kept.decoded.missing_ms, 3_250 + 100 + 10_000);
    }
}
