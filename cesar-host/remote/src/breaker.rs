//! A circuit breaker: a store that fails is left alone for a while.
//!
//! Without it, every stage of every job would wait for the time limits of a store that is away.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Failures in succession after which the store is left alone.
pub(crate) const FAILURES: u32 = 3;
/// The first pause; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// The state of one store.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    pauses: u32,
    closed_until: Option<Instant>,
}

impl Breaker {
    /// Whether a request may be sent.
    pub(crate) fn allows(&self, now: Instant) -> bool {
        self.state.lock().closed_until.is_none_or(|until| now >= until)
    }

    /// The store has answered.
    pub(crate) fn succeeded(&self) {
        *self.state.lock() = State::default();
    }

    /// The store has failed. Returns the pause if one begins now.
    pub(crate) fn failed(&self, now: Instant) -> Option<Duration> {
        let mut state = self.state.lock();
        let pauses_now = state.closed_until.is_some_and(|until| now < until);
        state.failures += 1;
        // After a pause, one failure is enough.
        if pauses_now || (state.pauses == 0 && state.failures < FAILURES) {
            return None;
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << state.pauses.min(8)).min(LONGEST_PAUSE);
        state.pauses += 1;
        state.closed_until = Some(now + pause);
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_fails_is_left_alone_for_growing_pauses() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(breaker.failed(start), None);
        breaker.succeeded();
        assert_eq!((breaker.failed(start), breaker.failed(start)), (None, None));
        assert!(breaker.allows(start));
        assert_eq!(breaker.failed(start), Some(Duration::from_secs(30)));
        assert!(!breaker.allows(after(29)));
        // A request that was sent before the pause.
        assert_eq!(breaker.failed(after(1)), None);
        assert!(breaker.allows(after(30)));
        assert_eq!(breaker.failed(after(30)), Some(Duration::from_secs(60)));
        assert!(!breaker.allows(after(89)) && breaker.allows(after(90)));
        let pauses: Vec<_> = (1..6).map(|number| breaker.failed(after(1_000 * number))).collect();
        assert_eq!(pauses[4], Some(LONGEST_PAUSE), "{pauses:?}");
        breaker.succeeded();
        assert!(breaker.allows(start));
        assert_eq!(breaker.failed(start), None);
    }
}
