//! [`RemoteCache`]: the second level of a cache, in object storage.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use cesar_base::{SharedLease, SharedLeases};
use cesar_cache::{Claim, GiveUp, Key, KeyParts, SecondLevel, SharedResult, Sought, Wait, Waiting};

use super::counters::{Counts, add};
use super::lock::{self, Attempt};
use super::lookup::{self, Lookup};
use super::shared::Shared;
use super::store::Version;
use super::write::{self, Present, Reservation};

/// The interval in which a waiting caller is asked whether to go on.
const LOOK: Duration = Duration::from_millis(50);

/// An open shared cache. Clones share it; any number of threads can use it.
#[derive(Debug, Clone)]
pub struct RemoteCache {
    pub(crate) shared: Arc<Shared>,
}

/// The end of a wait.
enum Waited {
    Over,
    Interrupted,
    Alone,
}

impl RemoteCache {
    /// The place, without secrets.
    #[must_use]
    pub fn location(&self) -> String {
        self.shared.location.to_string()
    }

    /// The counters of this process.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.counters.counts()
    }

    /// Waits until all results are written and all locks released, at most `limit`, or until `stop`. Returns the number of
    /// results that are not written; they stay in the cache folder, and another machine computes them if it needs them.
    pub fn finish(&self, limit: Duration, stop: &dyn Fn() -> bool) -> u64 {
        self.shared.pending.wait(Instant::now() + limit, stop)
    }

    fn claim(&self, rejected: Option<Version>, reservation: Reservation) -> Sought {
        add(&self.shared.counters.misses, 1);
        Sought::Missing(Box::new(Claimed {
            shared: Arc::clone(&self.shared),
            rejected,
            reservation,
        }))
    }

    /// Takes the lease of a key, where servers share leases; `false` while another server has it.
    fn take_lease(&self, key: &Key, lease: &mut Option<Box<dyn SharedLease>>) -> bool {
        let Some(leases) = self.shared.leases.get() else {
            return true;
        };
        if lease.is_none() {
            match leases.take(&key.to_string()) {
                Ok(taken) => *lease = taken,
                Err(error) => {
                    tracing::debug!("no lease of a stage: {error}");
                    // The lock of the bucket does what it can.
                    return true;
                }
            }
        }
        lease.is_some()
    }

    /// The number of ends of leases until now.
    fn ends(&self) -> u64 {
        self.shared.leases.get().map_or(0, |leases| leases.ends())
    }

    fn found(&self, result: SharedResult) -> Sought {
        lookup::count_hit(&self.shared, &result);
        Sought::Found(result)
    }

    /// Takes the lock of a key that has no result, or waits for the machine that has it.
    fn lock_or_wait(&self, key: &Key, mut rejected: Option<Version>, wait: &mut Wait<'_>) -> Sought {
        let shared = &self.shared;
        let (started, mut watched, mut pause) = (Instant::now(), None, shared.times.looks.0);
        let (mut has_waited, mut lease) = (false, None);
        loop {
            let ends = self.ends();
            let attempt = match self.take_lease(key, &mut lease) {
                // Machines without leases see only the lock.
                true => lock::try_lock(shared, key, &mut watched),
                false => Attempt::Held,
            };
            // A holder may have stored the result just before it released the lock.
            match lookup::look(shared, key) {
                // Dropping the lock releases it.
                Lookup::Found(result) => return self.found(result),
                Lookup::Rejected(version) => rejected = Some(version),
                Lookup::Missing => (),
                Lookup::Failed => return self.claim(rejected, Reservation { lock: None, lease }),
            }
            match attempt {
                Attempt::Locked(lock) => {
                    let lock = Some(lock);
                    return self.claim(rejected, Reservation { lock, lease });
                }
                Attempt::Failed => return self.claim(rejected, Reservation { lock: None, lease }),
                Attempt::Held => (),
            }
            if !has_waited {
                has_waited = true;
                add(&shared.counters.waited, 1);
            }
            match self.pause(key, (started, ends), pause, wait) {
                Waited::Over => (),
                Waited::Interrupted => return Sought::Interrupted,
                Waited::Alone => return self.claim(rejected, Reservation::default()),
            }
            pause = (pause * 3 / 2).min(shared.times.looks.1);
        }
    }

    /// Waits for this time, or until another lease has ended since there were `ends`.
    fn pause(&self, key: &Key, (started, ends): (Instant, u64), pause: Duration, wait: &mut Wait<'_>) -> Waited {
        let end = Instant::now() + pause;
        loop {
            let waited = started.elapsed();
            let waiting = Waiting {
                key: *key,
                waited,
                owner: None,
            };
            match wait(&waiting) {
                ControlFlow::Break(GiveUp::Interrupted) => return Waited::Interrupted,
                ControlFlow::Break(GiveUp::ComputeAlone) => return Waited::Alone,
                ControlFlow::Continue(()) => (),
            }
            if self.shared.patience.is_some_and(|patience| waited >= patience) {
                self.shared.notices.lock().push(format!(
                    "timed out waiting for another machine that computes the same result ({} s); if it is slow, raise \
                     `cache.lock_timeout`",
                    waited.as_secs()
                ));
                return Waited::Alone;
            }
            let Some(left) = end
                .checked_duration_since(Instant::now())
                .filter(|left| !left.is_zero() && self.ends() == ends)
            else {
                return Waited::Over;
            };
            thread::sleep(left.min(LOOK));
        }
    }
}

impl SecondLevel for RemoteCache {
    fn find_or_claim(&self, parts: &KeyParts, wait: &mut Wait<'_>) -> Sought {
        let key = parts.key();
        let rejected = match lookup::look(&self.shared, &key) {
            Lookup::Found(result) => return self.found(result),
            Lookup::Failed => return self.claim(None, Reservation::default()),
            Lookup::Rejected(version) => Some(version),
            Lookup::Missing => None,
        };
        match self.shared.writable {
            true => self.lock_or_wait(&key, rejected, wait),
            false => self.claim(None, Reservation::default()),
        }
    }

    fn find(&self, parts: &KeyParts) -> Option<SharedResult> {
        match lookup::look(&self.shared, &parts.key()) {
            Lookup::Found(result) => {
                lookup::count_hit(&self.shared, &result);
                Some(result)
            }
            Lookup::Missing | Lookup::Rejected(_) | Lookup::Failed => None,
        }
    }

    fn offer(&self, computed: SharedResult, parts: &KeyParts) {
        write::begin(&self.shared, computed, parts, Present::Wins, Reservation::default());
    }

    fn replace(&self, computed: SharedResult, parts: &KeyParts) {
        let reservation = Reservation::default();
        write::begin(&self.shared, computed, parts, Present::IsReplaced, reservation);
    }

    fn use_leases(&self, leases: &Arc<dyn SharedLeases>) {
        // The first ones stay.
        let _ = self.shared.leases.set(Arc::clone(leases));
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        self.shared.counters.by_name()
    }

    fn take_notices(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.notices.lock())
    }
}

/// A computation of this process.
#[derive(Debug)]
struct Claimed {
    shared: Arc<Shared>,
    /// A result that is there and must not be used.
    rejected: Option<Version>,
    reservation: Reservation,
}

impl Claim for Claimed {
    fn fulfil(self: Box<Self>, computed: SharedResult, parts: &KeyParts) {
        let present = self.rejected.map_or(Present::Wins, Present::IsFaulty);
        write::begin(&self.shared, computed, parts, present, self.reservation);
    }
}
