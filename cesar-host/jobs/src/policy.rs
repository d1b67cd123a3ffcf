//! Policies: retries and their pauses, queue limits, retention.

use std::time::Duration;

use super::job::JobState;

/// The first pause, in ms; it doubles with each attempt.
pub(super) const FIRST_PAUSE_MS: i64 = 5_000;

/// The longest pause, in ms.
pub(super) const LONGEST_PAUSE_MS: i64 = 600_000;

/// No pause is longer, in ms: a time that is farther ahead was set by a clock that has been set back since, and does
/// not count.
pub(super) const FARTHEST_MS: i64 = LONGEST_PAUSE_MS * 11 / 10;

/// How often one plugin may crash on one job; the last of these ends the job.
pub(super) const CRASHES: u32 = 2;

/// The numbers that a store follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How often a job is tried. A job keeps the number it was submitted under.
    pub max_attempts: u32,
    /// How many jobs may wait; more are refused. Jobs that wait again after an attempt are never refused.
    pub max_queued: u64,
    /// When a refused client may retry.
    pub retry_after: Duration,
    /// How often a webhook is tried.
    pub webhook_attempts: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            max_queued: 1_000,
            retry_after: Duration::from_secs(30),
            webhook_attempts: 8,
        }
    }
}

/// How long ended jobs are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Completed and cancelled jobs.
    pub completed: Duration,
    /// Jobs that ended in `error` or `partial`: a user may want to inspect or retry them.
    pub failed: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            completed: Duration::from_secs(24 * 3600),
            failed: Duration::from_secs(7 * 24 * 3600),
        }
    }
}

impl Retention {
    /// Jobs that ended in this state at this time or before are removed at `now_ms`.
    pub(super) fn threshold_ms(&self, state: JobState, now_ms: i64) -> i64 {
        let kept = match state {
            JobState::Error | JobState::Partial => self.failed,
            _ => self.completed,
        };
        now_ms.saturating_sub(i64::try_from(kept.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The factor of a pause in thousandths, 900 to 1100, so that what failed together is not tried again together.
pub(super) fn jitter(random: u64) -> i64 {
    900 + (random % 201).cast_signed()
}

/// How long a webhook is held by its taker, in ms: at most the longest pause.
pub(super) fn hold_ms(hold: Duration) -> i64 {
    i64::try_from(hold.as_millis())
        .unwrap_or(i64::MAX)
        .min(LONGEST_PAUSE_MS)
}
