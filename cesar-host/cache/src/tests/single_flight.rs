//! One computation for any number of threads that request the same result.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use super::*;

#[test]
fn sixteen_threads_compute_once() {
    let fixture = Fixture::new();
    let (computations, barrier) = (AtomicUsize::new(0), Barrier::new(16));
    let bytes = noise(1, 300_000);
    let outcomes: Vec<Outcome> = thread::scope(|scope| {
        let ask = || {
            barrier.wait();
            fixture
                .cache
                .get_or_compute(&parts(1), Mode::ReadWrite, &mut wait_on, || {
                    computations.fetch_add(1, Ordering::SeqCst);
                    Ok::<_, Infallible>(bytes.clone())
                })
        };
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(ask)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap().unwrap())
            .collect()
    });
    assert_eq!(computations.load(Ordering::SeqCst), 1);
    assert!(
        outcomes
            .iter()
            .all(|outcome| outcome.bytes == bytes && outcome.cache_warning.is_none())
    );
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| matches!(outcome.hit, Hit::Miss { .. }))
            .count(),
        1
    );
    let statistics = fixture.cache.stats().unwrap();
    assert_eq!((statistics.hits, statistics.misses), (15, 1));
    assert_eq!(std::fs::read_dir(fixture.path("locks")).unwrap().count(), 0);
}

#[test]
fn waiters_see_the_owner_and_get_the_result() {
    let fixture = Fixture::new();
    let guard = fixture.cache.lock(&parts(1).key(), &mut never_wait).unwrap();
    let (told, waits) = mpsc::channel();
    let other = fixture.reopen();
    let outcome = thread::scope(|scope| {
        let waiter = scope.spawn(move || {
            let mut wait = |waiting: &Waiting| {
                let _ = told.send(waiting.clone());
                ControlFlow::Continue(())
            };
            other
                .get_or_compute(&parts(1), Mode::ReadWrite, &mut wait, must_not_compute)
                .unwrap()
        });
        let waiting = waits.recv().unwrap();
        assert_eq!((waiting.key, waiting.owner), (parts(1).key(), Some(std::process::id())));
        fixture
            .cache
            .put(
                &guard,
                &parts(1),
                NewEntry {
                    cost_ms: 77,
                    ..NewEntry::default()
                },
                b"x",
            )
            .unwrap();
        drop(guard);
        waiter.join().unwrap()
    });
    assert_eq!(
        (outcome.bytes, outcome.hit),
        (b"x".to_vec(), Hit::Waited { saved_ms: 77 })
    );
    assert_eq!(fixture.cache.stats().unwrap().waited, 1);
}

#[test]
fn a_waiter_can_be_interrupted() {
    let fixture = Fixture::new();
    let _guard = fixture.cache.lock(&parts(1).key(), &mut never_wait).unwrap();
    let mut wait = |_: &Waiting| ControlFlow::Break(GiveUp::Interrupted);
    let stopped = fixture
        .reopen()
        .get_or_compute(&parts(1), Mode::ReadWrite, &mut wait, must_not_compute);
    assert!(matches!(stopped, Err(Stopped::Interrupted)), "{stopped:?}");
}

#[test]
fn a_waiter_can_compute_alone() {
    let fixture = Fixture::new();
    let mut wait = |_: &Waiting| ControlFlow::Break(GiveUp::ComputeAlone);
    let guard = fixture.cache.lock(&parts(1).key(), &mut never_wait).unwrap();
    let other = fixture.reopen();
    let outcome = other
        .get_or_compute(&parts(1), Mode::ReadWrite, &mut wait, computed(b"x"))
        .unwrap();
    assert_eq!((outcome.bytes.as_slice(), outcome.entry), (b"x".as_slice(), None));
    let mut guard = Some(guard);
    let outcome = other.get_or_compute(&parts(1), Mode::ReadWrite, &mut wait, || {
        guard.take();
        Ok::<_, Infallible>(b"y".to_vec())
    });
    assert!(outcome.unwrap().entry.is_some());
}

#[test]
fn locking_a_key_leaves_other_keys_free() {
    let fixture = Fixture::new();
    let _guard = fixture.cache.lock(&parts(1).key(), &mut never_wait).unwrap();
    assert!(fixture.cache.try_lock(&parts(1).key()).unwrap().is_none());
    assert!(fixture.cache.try_lock(&parts(2).key()).unwrap().is_some());
}

/// Successive holders while the lock file is removed and created: never two at once.
#[test]
fn a_lock_has_one_holder_at_a_time() {
    let fixture = Fixture::new();
    let (holders, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..100 {
                    let guard = fixture.cache.lock(&parts(1).key(), &mut wait_on).unwrap();
                    assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                    taken.fetch_add(1, Ordering::SeqCst);
                    holders.fetch_sub(1, Ordering::SeqCst);
                    drop(guard);
                }
            });
        }
    });
    assert_eq!(taken.load(Ordering::SeqCst), 800);
}

#[test]
fn a_panic_while_computing_releases_the_lock() {
    let fixture = Fixture::new();
    let ask = std::panic::AssertUnwindSafe(|| {
        fixture
            .cache
            .get_or_compute(&parts(1), Mode::ReadWrite, &mut never_wait, must_not_compute)
    });
    assert!(std::panic::catch_unwind(ask).is_err());
    assert!(fixture.cache.try_lock(&parts(1).key()).unwrap().is_some());
}

/// A lock on an unlinked or renamed file protects nothing.
#[test]
fn a_lock_on_an_unlinked_file_is_rejected() {
    let fixture = Fixture::new();
    let path = fixture.path("locks/name");
    let open = || std::fs::File::create_new(&path).unwrap();
    let file = open();
    assert!(file_lock::is_named(&file, &path).unwrap());
    std::fs::remove_file(&path).unwrap();
    assert!(!file_lock::is_named(&file, &path).unwrap());
    let other = open();
    assert!(!file_lock::is_named(&file, &path).unwrap());
    assert!(file_lock::is_named(&other, &path).unwrap());
}
