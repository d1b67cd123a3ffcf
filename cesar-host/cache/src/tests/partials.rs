//! Finished parts of results that are still being computed.

use proptest::prelude::*;

use super::*;

fn locked(cache: &Cache, number: u64) -> KeyGuard {
    cache.lock(&parts(number).key(), &mut never_wait).unwrap()
}

fn taken(cache: &Cache, number: u64) -> Option<Partial> {
    let guard = locked(cache, number);
    cache.partials(&guard).unwrap().take().unwrap()
}

fn alter(fixture: &Fixture, query: &str) {
    let changed = fixture
        .cache
        .parts
        .storage
        .index
        .alter(|transaction| transaction.execute(query, []));
    assert!(changed.unwrap() > 0, "`{query}` changed nothing");
}

#[test]
fn another_process_resumes_from_partials() {
    let fixture = Fixture::new();
    let guard = locked(&fixture.cache, 1);
    let mut partials = fixture.cache.partials(&guard).unwrap();
    assert_eq!(partials.take().unwrap(), None);
    partials.put(Some(b"one"), b"state 1", 10).unwrap();
    partials.put(None, b"state 2", 20).unwrap();
    drop(guard);

    let other = fixture.reopen();
    let guard = locked(&other, 1);
    let mut partials = other.partials(&guard).unwrap();
    let found = partials.take().unwrap().unwrap();
    assert_eq!(
        (found.pieces, found.state, found.cost_ms, found.saved_ms),
        (vec![b"one".to_vec()], b"state 2".to_vec(), 20, START_MS)
    );
    partials.put(Some(b"two"), b"state 3", 30).unwrap();
    let info = other.partial_info(&parts(1).key()).unwrap().unwrap();
    assert_eq!((info.bytes, info.cost_ms), (3 + 3 + 8 + 7, 30));
    drop(guard);

    let found = taken(&other, 1).unwrap();
    assert_eq!(found.pieces, [b"one".to_vec(), b"two".to_vec()]);
    assert_eq!(taken(&other, 2), None, "another key has nothing");
}

/// A computation that does not resume the existing parts replaces them.
#[test]
fn a_fresh_computation_replaces_old_partials() {
    let fixture = Fixture::new();
    for piece in [b"old", b"new"] {
        let guard = locked(&fixture.cache, 1);
        let mut partials = fixture.cache.partials(&guard).unwrap();
        partials.put(Some(piece), b"", 1).unwrap();
    }
    assert_eq!(taken(&fixture.cache, 1).unwrap().pieces, [b"new".to_vec()]);
}

#[test]
fn storing_a_result_drops_its_partials() {
    let fixture = Fixture::new();
    let outcome = fixture.cache.get_or_compute_locked(
        &parts(1),
        Mode::ReadWrite,
        &mut never_wait,
        |guard| -> std::result::Result<_, Infallible> {
            let mut partials = fixture.cache.partials(guard.unwrap()).unwrap();
            partials.put(Some(b"half"), b"state", 5).unwrap();
            assert_eq!(fixture.count("partials"), 2);
            fixture.clock.advance_ms(100);
            Ok(Computation {
                bytes: b"whole".to_vec(),
                idle_ms: 20,
                earlier_ms: 70,
                details: None,
            })
        },
    );
    let entry = outcome.unwrap().entry.unwrap();
    assert_eq!(
        entry.cost_ms,
        70 + 100 - 20,
        "a hit saves what earlier runs spent as well, and no waiting"
    );
    assert_eq!(fixture.count("partials"), 0);
}

#[test]
fn damaged_or_incomplete_partials_are_dropped() {
    for damage in [
        "UPDATE partials SET bytes = x'00' WHERE position = 1",
        "UPDATE partials SET bytes = zeroblob(3) WHERE position = 0",
        "UPDATE partials SET cost_ms = cost_ms + 1 WHERE position = 0",
        "UPDATE partials SET digest = zeroblob(32) WHERE position = 2",
        "UPDATE partials SET position = 7 WHERE position = 2",
        "DELETE FROM partials WHERE position = 0",
        "DELETE FROM partials WHERE position = 1",
        "DELETE FROM partials WHERE position = 2",
    ] {
        let fixture = Fixture::new();
        let guard = locked(&fixture.cache, 1);
        let mut partials = fixture.cache.partials(&guard).unwrap();
        partials.put(Some(b"one"), b"state", 1).unwrap();
        partials.put(Some(b"two"), b"state", 2).unwrap();
        drop(guard);
        alter(&fixture, damage);
        assert_eq!(taken(&fixture.cache, 1), None, "{damage}");
        assert_eq!(fixture.count("partials"), 0, "{damage}");
    }
}

#[test]
fn stale_partials_are_dropped() {
    let fixture = Fixture::new();
    let keep = |number: u64| {
        let guard = locked(&fixture.cache, number);
        let mut partials = fixture.cache.partials(&guard).unwrap();
        partials.put(Some(b"piece"), b"state", 1).unwrap();
    };
    keep(1);
    fixture.clock.advance_ms(PARTIAL_LIFETIME_MS);
    assert!(fixture.cache.partial_info(&parts(1).key()).unwrap().is_some());
    fixture.clock.advance_ms(1);
    assert_eq!(fixture.cache.partial_info(&parts(1).key()).unwrap(), None);
    assert_eq!(taken(&fixture.cache, 1), None);
    keep(1);
    fixture.clock.advance_ms(PARTIAL_LIFETIME_MS + 1);
    keep(2);
    assert_eq!(fixture.count("partials"), 2, "only what is new is left");
    fixture.clock.advance_ms(PARTIAL_LIFETIME_MS + 1);
    assert_eq!(fixture.cache.drop_stale_partials().unwrap(), 1);
    assert_eq!(fixture.count("partials"), 0);
}

#[test]
fn the_lock_of_another_cache_is_refused() {
    let (one, other) = (Fixture::new(), Fixture::new());
    let guard = locked(&one.cache, 1);
    assert!(matches!(
        other.cache.partials(&guard),
        Err(CacheError::WrongLock { .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// However the work is split into runs, the parts read are the parts written.
    #[test]
    fn pieces_are_returned_in_order(
        runs in prop::collection::vec(prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..40)), 0..5), 1..5)
    ) {
        let fixture = Fixture::new();
        let mut expected: Vec<Vec<u8>> = Vec::new();
        let mut cost_ms = 0;
        for run in runs {
            let cache = fixture.reopen();
            let guard = locked(&cache, 1);
            let mut partials = cache.partials(&guard).unwrap();
            let found = partials.take().unwrap();
            prop_assert_eq!(found.as_ref().map(|found| found.cost_ms), (cost_ms > 0).then_some(cost_ms));
            prop_assert_eq!(&found.map_or_else(Vec::new, |found| found.pieces), &expected);
            for piece in run {
                cost_ms += 1;
                partials.put(piece.as_deref(), &cost_ms.to_le_bytes(), cost_ms).unwrap();
                expected.extend(piece);
            }
        }
    }
}
