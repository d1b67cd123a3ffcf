//! Locks: one machine computes, the others wait for it, and a machine that died holds none of them up for long.

use cesar_base::{SharedLease, SharedLeases};

use super::*;

#[test]
fn machines_that_start_together_compute_once() {
    for place in Place::each() {
        let machines: Vec<_> = (0..8).map(|_| Machine::new(place.open())).collect();
        let computations = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for machine in &machines {
                scope.spawn(|| {
                    let compute = || {
                        computations.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        Ok::<_, Infallible>(b"x".to_vec())
                    };
                    let wait = &mut |_: &Waiting| ControlFlow::Continue(());
                    machine
                        .cache
                        .get_or_compute(&parts(1), Mode::ReadWrite, wait, compute)
                        .unwrap();
                    machine.settle();
                });
            }
        });
        assert_eq!(computations.into_inner(), 1, "{}", place.location);
        let duplicates: u64 = machines.iter().map(|machine| machine.remote.counts().duplicates).sum();
        assert_eq!(duplicates, 0);
    }
}

/// SharedLeases of the servers of one database, as far as the shared cache sees them.
#[derive(Debug, Default)]
struct OneDatabase {
    held: Arc<parking_lot::Mutex<std::collections::BTreeSet<String>>>,
    ends: std::sync::atomic::AtomicU64,
    is_away: bool,
}

#[derive(Debug)]
struct HeldLease(Arc<parking_lot::Mutex<std::collections::BTreeSet<String>>>, String);

impl SharedLeases for OneDatabase {
    fn take(
        &self,
        name: &str,
    ) -> std::result::Result<Option<Box<dyn SharedLease>>, Box<dyn std::error::Error + Send + Sync>> {
        if self.is_away {
            return Err("it is away".into());
        }
        let is_new = self.held.lock().insert(name.to_owned());
        Ok(is_new.then(|| Box::new(HeldLease(Arc::clone(&self.held), name.to_owned())) as Box<dyn SharedLease>))
    }

    fn ends(&self) -> u64 {
        self.ends.load(std::sync::atomic::Ordering::SeqCst)
    }

    fn note_end(&self) {
        self.ends.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
}

impl SharedLease for HeldLease {}

impl Drop for HeldLease {
    fn drop(&mut self) {
        self.0.lock().remove(&self.1);
    }
}

#[test]
fn servers_wait_for_the_lease_of_another_and_are_woken() {
    let place = Place::memory();
    let database: Arc<dyn SharedLeases> = Arc::new(OneDatabase::default());
    let times = Times {
        // Nothing but the report of the end wakes the other.
        looks: (Duration::from_secs(3_600), Duration::from_secs(3_600)),
        ..times()
    };
    let [first, second] = [(); 2].map(|()| place.open_with(options(), times));
    for remote in [&first, &second] {
        remote.use_leases(&database);
    }
    let mut held = Some(claim(&first, 1));
    let sought = second.find_or_claim(&parts(1), &mut |_| {
        if let Some(held) = held.take() {
            held.fulfil(result(7, SMALL), &parts(1));
            assert_eq!(first.finish(Duration::from_secs(3_600), &|| false), 0);
            database.note_end();
        }
        ControlFlow::Continue(())
    });
    assert!(matches!(sought, Sought::Found(found) if found == result(7, SMALL)));
    // The lock in the bucket is for machines without leases.
    let held = claim(&first, 2);
    let without = place.open();
    let alone = without.find_or_claim(&parts(2), &mut |_| ControlFlow::Break(GiveUp::ComputeAlone));
    assert!(matches!(alone, Sought::Missing(_)));
    assert_eq!(without.counts().waited, 1);
    drop(held);
}

#[test]
fn without_an_answer_about_leases_the_lock_is_used() {
    let place = Place::memory();
    let away: Arc<dyn SharedLeases> = Arc::new(OneDatabase {
        is_away: true,
        ..OneDatabase::default()
    });
    let [first, second] = [(); 2].map(|()| place.open());
    for remote in [&first, &second] {
        remote.use_leases(&away);
    }
    let held = claim(&first, 1);
    let alone = second.find_or_claim(&parts(1), &mut |_| ControlFlow::Break(GiveUp::ComputeAlone));
    assert!(matches!(alone, Sought::Missing(_)));
    assert_eq!((second.counts().waited, second.counts().misses), (1, 1));
    drop(held);
}

#[test]
fn a_waiting_machine_gets_the_result() {
    for place in Place::each() {
        let holder = place.open();
        let held = claim(&holder, 1);
        let other = place.open();
        let mut held = Some(held);
        let mut calls = 0;
        let sought = other.find_or_claim(&parts(1), &mut |waiting| {
            assert_eq!((waiting.key, waiting.owner), (parts(1).key(), None));
            calls += 1;
            if let Some(held) = held.take() {
                held.fulfil(result(7, SMALL), &parts(1));
            }
            ControlFlow::Continue(())
        });
        let Sought::Found(found) = sought else {
            panic!("{sought:?}")
        };
        assert_eq!(found, result(7, SMALL));
        assert!(calls > 0);
        assert_eq!(
            (other.counts().waited, other.counts().hits, other.counts().misses),
            (1, 1, 0)
        );
    }
}

#[test]
fn a_failed_computation_lets_the_next_machine_compute() {
    for place in Place::each() {
        let (holder, other) = (place.open(), place.open());
        let mut held = Some(claim(&holder, 1));
        let sought = other.find_or_claim(&parts(1), &mut |_| {
            held = None;
            ControlFlow::Continue(())
        });
        assert!(matches!(sought, Sought::Missing(_)), "{sought:?}");
        assert_eq!(other.counts().taken_over, 0, "it was released");
    }
}

#[test]
fn the_lock_of_a_dead_machine_is_taken_over() {
    for place in Place::each() {
        // Never renewed, as by a machine that has died.
        let dead = place.open_with(
            options(),
            Times {
                lock: Duration::from_millis(300),
                ..times()
            },
        );
        std::mem::forget(claim(&dead, 1));
        let began = Instant::now();
        let other = place.open();
        let sought = other.find_or_claim(&parts(1), &mut |_| ControlFlow::Continue(()));
        assert!(matches!(sought, Sought::Missing(_)), "{sought:?}");
        assert_eq!(other.counts().taken_over, 1);
        assert!(began.elapsed() >= Duration::from_millis(300));
    }
}

#[test]
fn a_lock_that_states_a_longer_time_than_writers_use_is_taken_over_within_theirs() {
    for place in Place::each() {
        let planted = place.open_with(
            options(),
            Times {
                lock: Duration::from_secs(86_400),
                ..times()
            },
        );
        std::mem::forget(claim(&planted, 1));
        let brief = Times {
            lock: Duration::from_millis(300),
            ..times()
        };
        let other = place.open_with(options(), brief);
        let began = Instant::now();
        let sought = other.find_or_claim(&parts(1), &mut |_| ControlFlow::Continue(()));
        assert!(matches!(sought, Sought::Missing(_)), "{sought:?}");
        assert_eq!(other.counts().taken_over, 1);
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    }
}

#[test]
fn a_lock_is_renewed_while_its_holder_computes() {
    for place in Place::each() {
        let brief = Times {
            renewal: Duration::from_millis(5),
            ..times()
        };
        let (holder, other) = (place.open_with(options(), brief), place.open());
        let held = claim(&holder, 1);
        let renewals = || {
            let sought = other.find_or_claim(&parts(1), &mut |_| ControlFlow::Break(GiveUp::Interrupted));
            assert!(
                matches!(sought, Sought::Interrupted),
                "the lock is there at every moment: {sought:?}"
            );
            let (_, content) = objects(&other)
                .into_iter()
                .find(|(name, _)| name.contains("/locks/"))
                .unwrap();
            let content: serde_json::Value = serde_json::from_slice(&content).unwrap();
            content["renewals"].as_u64().unwrap()
        };
        while renewals() < 20 {}
        drop(held);
        assert_eq!(other.counts().taken_over, 0);
    }
}

#[test]
fn a_wait_ends_by_interruption_and_by_its_limit() {
    let place = Place::memory();
    let holder = place.open();
    let _held = claim(&holder, 1);
    let other = place.open_with(
        Options {
            patience: Some(Duration::ZERO),
            ..options()
        },
        times(),
    );
    let interrupted = other.find_or_claim(&parts(1), &mut |_| ControlFlow::Break(GiveUp::Interrupted));
    assert!(matches!(interrupted, Sought::Interrupted));
    let alone = other.find_or_claim(&parts(1), &mut |_| ControlFlow::Break(GiveUp::ComputeAlone));
    assert!(matches!(alone, Sought::Missing(_)));
    let impatient = other.find_or_claim(&parts(1), &mut |_| ControlFlow::Continue(()));
    assert!(matches!(impatient, Sought::Missing(_)));
    assert!(other.take_notices()[0].contains("`cache.lock_timeout`"));
}
