//! Work behind the answer: how much of it there is, and its end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// The bytes that may wait to be written; more results are not shared.
const LARGEST: usize = 256 * 1024 * 1024;
/// The interval in which a waiting program notices its interruption.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug, Default)]
struct State {
    writes: u64,
    bytes: usize,
    releases: u64,
}

/// The work that has been begun and not ended.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    state: Mutex<State>,
    ended: Condvar,
}

/// One piece of work, until it is dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    pending: Arc<Pending>,
    /// Of a result; `None` for a lock.
    bytes: Option<usize>,
}

impl Pending {
    /// Begins to write a result, if there is room for it.
    pub(crate) fn write(self: &Arc<Self>, bytes: usize) -> Option<Ticket> {
        let mut state = self.state.lock();
        if state.writes > 0 && state.bytes + bytes > LARGEST {
            return None;
        }
        state.writes += 1;
        state.bytes += bytes;
        Some(Ticket {
            pending: Arc::clone(self),
            bytes: Some(bytes),
        })
    }

    /// Begins to release a lock.
    pub(crate) fn release(self: &Arc<Self>) -> Ticket {
        self.state.lock().releases += 1;
        Ticket {
            pending: Arc::clone(self),
            bytes: None,
        }
    }

    /// Waits for all work, at most until `deadline` or `stop`. Returns the number of results that are not written.
    pub(crate) fn wait(&self, deadline: Instant, stop: &dyn Fn() -> bool) -> u64 {
        let mut state = self.state.lock();
        while state.writes + state.releases > 0 && Instant::now() < deadline && !stop() {
            let look = (Instant::now() + LOOK).min(deadline);
            self.ended.wait_until(&mut state, look);
        }
        state.writes
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.pending.state.lock();
        match self.bytes {
            Some(bytes) => {
                state.writes -= 1;
                state.bytes -= bytes;
            }
            None => state.releases -= 1,
        }
        self.pending.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_is_bounded_and_waited_for() {
        let pending = Arc::new(Pending::default());
        let soon = || Instant::now() + Duration::from_millis(1);
        assert_eq!(pending.wait(soon(), &|| false), 0);
        // One result is taken, whatever its size.
        let large = pending.write(LARGEST + 1).unwrap();
        assert!(pending.write(1).is_none());
        let lock = pending.release();
        assert_eq!(pending.wait(soon(), &|| false), 1);
        assert_eq!(pending.wait(Instant::now() + Duration::from_secs(600), &|| true), 1);
        drop(large);
        let waits = std::thread::scope(|scope| {
            let waits = scope.spawn(|| pending.wait(Instant::now() + Duration::from_secs(600), &|| false));
            drop(lock);
            waits.join().unwrap()
        });
        assert_eq!(waits, 0);
        assert!(pending.write(LARGEST).is_some());
    }
}
