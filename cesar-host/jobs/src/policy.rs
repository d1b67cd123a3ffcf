//! Policies: retries and their pauses, queue limits, retention.

use std::time::Duration;

use super::job::JobState;

/// The first pause, in ms; it doubles with each attempt.
pub(super) const FIRST_PAUSE_MS: i64 = 5_000;

/// The longest pause, in ms.
pub(super) const LONGEST_PAUSE_MS: i64 = 600_000;

/// Maximum pause, in ms, with jitter: a later time was set by a clock that has been set back since, and is ignored.
pub(super) const FARTHEST_MS: i64 = LONGEST_PAUSE_MS * 11 / 10;

/// How long the events of an ended job are kept for listeners in other processes, in ms.
pub(super) const EVENTS_LIFETIME_MS: i64 = 600_000;

/// Maximum number of crashes of one plugin on one job; the last ends the job.
pub(super) const CRASHES: u32 = 2;

/// The limits of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Maximum number of attempts of a job. A job keeps the limit of its submission.
    pub max_attempts: u32,
    /// Maximum number of queued jobs; more are refused. Requeued jobs are never refused.
    pub max_queued: u64,
    /// When a refused client may retry.
    pub retry_after: Duration,
    /// Maximum number of attempts of a webhook.
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
    /// Jobs that ended in `error` or `partial`, which a user may want to inspect or retry.
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
    /// At `now_ms`, jobs that ended in this state at the returned time or earlier are removed.
    pub(super) fn threshold_ms(&self, state: JobState, now_ms: i64) -> i64 {
        let kept = match state {
            JobState::Error | JobState::Partial => self.failed,
            _ => self.completed,
        };
        now_ms.saturating_sub(i64::try_from(kept.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The factor of a pause in thousandths, 900 to 1100, so that simultaneous failures are not retried simultaneously.
pub(super) fn jitter(random: u64) -> i64 {
    900 + (random % 201).cast_signed()
}

/// How long a claimed webhook is held, in ms: at most the longest pause.
pub(super) fn hold_ms(hold: Duration) -> i64 {
    i64::try_from(hold.as_millis())
        .unwrap_or(i64::MAX)
        .min(LONGEST_PAUSE_MS)
}
