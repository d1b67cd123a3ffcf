//! Leases on stages: one process has each, and none outlives its registration.

use cesar_base::{SharedLease, SharedLeases as _};

use super::*;
use crate::postgres::PostgresLeases;

/// A process: its store, its registrations, its leases.
struct Process {
    store: PostgresJobs,
    workers: Arc<PostgresWorkers>,
    leases: PostgresLeases,
}

impl Process {
    fn new(url: &str, clock: &Arc<ManualClock>) -> Self {
        let store = with_clock(url, clock);
        let workers = Arc::new(PostgresWorkers::without_heartbeat(&store, LEASE).unwrap());
        Self {
            leases: PostgresLeases::new(&store, workers.clone()),
            store,
            workers,
        }
    }

    fn take(&self, name: &str) -> Option<Box<dyn SharedLease>> {
        self.leases.take(name).unwrap()
    }

    fn held(&self) -> Vec<String> {
        self.store.inspect("SELECT name FROM leases ORDER BY name").unwrap()
    }
}

#[test]
fn one_process_has_a_lease_until_it_ends() {
    let (url, clock) = (cluster().fresh(), Arc::new(ManualClock::new(START_MS)));
    let (here, there) = (Process::new(&url, &clock), Process::new(&url, &clock));
    let lease = here.take("a").unwrap();
    assert!(there.take("a").is_none() && here.take("a").is_none());
    let other = there.take("b").unwrap();
    let mut changes = there.store.changes().unwrap();
    changes.wait(Duration::ZERO);
    drop(lease);
    until("its end is reported", || {
        changes.wait(Duration::from_millis(100)).contains(&Change::LeaseEnded)
    });
    assert!(there.take("a").is_some());
    drop(other);
}

#[test]
fn the_leases_of_a_process_that_stood_still_are_free() {
    let (url, clock) = (cluster().fresh(), Arc::new(ManualClock::new(START_MS)));
    let (sleeper, other) = (Process::new(&url, &clock), Process::new(&url, &clock));
    let old = sleeper.take("a").unwrap();
    clock.advance_ms(i64::try_from(LEASE.as_millis()).unwrap() - 1);
    assert!(other.take("a").is_none());
    clock.advance_ms(1);
    assert!(sleeper.take("b").is_none(), "it has no registration");
    let new = other.take("a").unwrap();
    // It wakes up: its end of the lease is that of an earlier one.
    drop(old);
    sleeper.workers.renew().unwrap();
    other.workers.recover(&other.store).unwrap();
    sleeper.workers.renew().unwrap();
    assert_eq!(other.held(), ["a"]);
    let again = sleeper.take("b").expect("it registers again");
    assert!(sleeper.take("a").is_none());
    drop((new, again));
}

#[test]
fn a_recovery_ends_the_leases_of_the_dead_and_reports_it() {
    let (url, clock) = (cluster().fresh(), Arc::new(ManualClock::new(START_MS)));
    let (dead, other) = (Process::new(&url, &clock), Process::new(&url, &clock));
    std::mem::forget(dead.take("a").unwrap());
    clock.advance_ms(i64::try_from(LEASE.as_millis()).unwrap());
    let mut changes = other.store.changes().unwrap();
    changes.wait(Duration::ZERO);
    other.workers.recover(&other.store).unwrap();
    assert_eq!(other.held(), Vec::<String>::new());
    until("its end is reported", || {
        changes.wait(Duration::from_millis(100)).contains(&Change::LeaseEnded)
    });
}

/// The answer to a request may be lost: the row of such a lease is in no one's way.
#[test]
fn a_row_that_its_process_does_not_know_is_taken_again() {
    let (url, clock) = (cluster().fresh(), Arc::new(ManualClock::new(START_MS)));
    let (here, there) = (Process::new(&url, &clock), Process::new(&url, &clock));
    drop(here.take("other").unwrap());
    until("the registration is alone", || here.held().is_empty());
    here.store
        .inspect("INSERT INTO leases SELECT 'a', id, nextval('fences') FROM workers RETURNING name")
        .unwrap();
    assert!(there.take("a").is_none(), "its owner lives");
    let lease = here.take("a").expect("it is its own");
    assert!(there.take("a").is_none());
    drop(lease);
    until("it is free", || there.take("a").is_some());
}
