//! Results: stored once, read by all, and only as they were written.

use cesar_cache::NewEntry;

use super::*;
use crate::seal;

fn bytes(seed: u8, length: usize) -> Vec<u8> {
    result(seed, length).bytes
}

#[test]
fn a_second_machine_computes_nothing() {
    for place in Place::each() {
        let (one, other) = (Machine::new(place.open()), Machine::new(place.open()));
        for (number, length) in [(1, SMALL), (2, LARGE), (3, 0)] {
            let first = one.get(number, &bytes(7, length));
            assert!(matches!(first.hit, Hit::Miss { .. }), "{:?}", first.hit);
            one.settle();
            let second = other.get(number, b"not computed");
            assert!(matches!(second.hit, Hit::Shared { .. }), "{:?}", second.hit);
            assert_eq!((second.bytes, second.cache_warning), (first.bytes, None));
            let (first, second) = (first.entry.unwrap(), second.entry.unwrap());
            assert_eq!(
                (first.digest, first.created_ms, first.cost_ms),
                (second.digest, second.created_ms, second.cost_ms)
            );
            // From now on it is in the folder of that machine.
            assert!(matches!(other.get(number, b"not computed").hit, Hit::Hit { .. }));
        }
        let (counts, statistics) = (other.remote.counts(), other.cache.stats().unwrap());
        assert_eq!((counts.hits, counts.misses, counts.errors), (3, 0, 0));
        assert_eq!((statistics.hits, statistics.shared, statistics.misses), (6, 3, 0));
        assert_eq!((one.remote.counts().stored, one.remote.counts().duplicates), (3, 0));
        assert!(objects(&one.remote).keys().all(|name| !name.contains("/locks/")));
    }
}

#[test]
fn the_first_of_many_results_wins() {
    for place in Place::each() {
        let claims: Vec<_> = (0..16)
            .map(|_| {
                place.open_with(
                    options(),
                    Times {
                        request: Duration::from_secs(60),
                        ..times()
                    },
                )
            })
            .collect();
        std::thread::scope(|scope| {
            for (seed, remote) in (0_u8..).zip(&claims) {
                scope.spawn(move || {
                    // As by a machine that found no lock: each has its own result.
                    let present = crate::write::Present::Wins;
                    crate::write::begin(
                        &remote.shared,
                        result(seed, SMALL),
                        &parts(1),
                        present,
                        crate::write::Reservation::default(),
                    );
                    assert_eq!(remote.finish(Duration::from_secs(60), &|| false), 0);
                });
            }
        });
        let sum = |count: fn(&Counts) -> u64| claims.iter().map(|remote| count(&remote.counts())).sum::<u64>();
        assert_eq!(
            (sum(|counts| counts.stored), sum(|counts| counts.duplicates)),
            (1, 15),
            "{}",
            place.location
        );
        let winner = Machine::new(place.open()).get(1, b"not computed").bytes;
        let seeds = (0..16).filter(|seed| bytes(*seed, SMALL) == winner);
        assert_eq!(seeds.count(), 1);
    }
}

#[test]
fn damaged_results_are_never_used_and_replaced() {
    for place in Place::each() {
        for length in [SMALL, LARGE] {
            let first = Machine::new(place.open());
            let number = i64::try_from(length).unwrap();
            first.get(number, &bytes(7, length));
            first.settle();
            let damaged = objects(&first.remote)
                .into_iter()
                .filter(|(name, _)| !name.ends_with("layout.json"));
            for (name, mut content) in damaged {
                *content.last_mut().unwrap() ^= 1;
                plant(&first.remote, &name, &content);
            }
            let second = Machine::new(place.open());
            let outcome = second.get(number, &bytes(8, length));
            assert!(matches!(outcome.hit, Hit::Miss { .. }), "{:?}", outcome.hit);
            assert_eq!(outcome.bytes, bytes(8, length));
            assert!(second.remote.counts().rejected > 0);
            assert_eq!(second.cache.take_notices().len(), 1);
            second.settle();
            let third = Machine::new(place.open()).get(number, b"not computed");
            assert_eq!(
                (third.bytes, matches!(third.hit, Hit::Shared { .. })),
                (bytes(8, length), true)
            );
        }
    }
}

#[test]
fn a_manifest_whose_bytes_are_gone_is_a_miss() {
    let place = Place::memory();
    let first = Machine::new(place.open());
    first.get(1, &bytes(7, LARGE));
    first.settle();
    let name = objects(&first.remote)
        .into_keys()
        .find(|name| name.contains("/objects/"))
        .unwrap();
    let (store, path) = (place.store.clone(), object_store::path::Path::from(name));
    first
        .remote
        .shared
        .runtime
        .wait(async move { store.remove(&path).await })
        .unwrap()
        .unwrap();
    let second = Machine::new(place.open());
    assert!(matches!(second.get(1, &bytes(7, LARGE)).hit, Hit::Miss { .. }));
    second.settle();
    assert!(matches!(Machine::new(place.open()).get(1, b"").hit, Hit::Shared { .. }));
}

#[test]
fn results_of_a_writer_without_the_key_are_not_used() {
    for place in Place::each() {
        let sealed = || Options {
            seal: Some(seal::of(b"0123456789abcdef")),
            ..options()
        };
        let stranger = Machine::new(place.open());
        stranger.get(1, b"planted");
        stranger.settle();
        let member = Machine::new(place.open_with(sealed(), times()));
        assert_eq!(member.get(1, b"computed").bytes, b"computed");
        assert_eq!(member.remote.counts().rejected, 2, "before and under the lock");
        member.settle();
        let other = Machine::new(place.open_with(sealed(), times()));
        let outcome = other.get(1, b"not computed");
        assert_eq!(
            (outcome.bytes.as_slice(), matches!(outcome.hit, Hit::Shared { .. })),
            (b"computed".as_slice(), true)
        );
    }
}

#[test]
fn a_refresh_replaces_the_shared_result() {
    let place = Place::memory();
    let machine = Machine::new(place.open());
    machine.get(1, b"old");
    machine.settle();
    let outcome = machine.get_as(1, b"new", Mode::Refresh);
    assert!(matches!(outcome.hit, Hit::Miss { .. }));
    machine.settle();
    assert_eq!(Machine::new(place.open()).get(1, b"not computed").bytes, b"new");
}

#[test]
fn results_with_a_lifetime_stay_on_their_machine() {
    let place = Place::memory();
    let machine = Machine::new(place.open());
    let request = cesar_cache::Request {
        lifetime_ms: Some(60_000),
        ..Default::default()
    };
    let compute = || Ok::<_, Infallible>(b"x".to_vec());
    machine
        .cache
        .get_or_compute(&parts(1), request, &mut |_| ControlFlow::Continue(()), compute)
        .unwrap();
    machine.settle();
    assert_eq!(objects(&machine.remote).len(), 1, "the marker alone");
}

#[test]
fn a_reader_writes_nothing() {
    for place in Place::each() {
        let writer = Machine::new(place.open());
        writer.get(1, b"x");
        writer.settle();
        let before = objects(&writer.remote);
        let reader = Machine::new(place.open_with(
            Options {
                read_only: true,
                ..options()
            },
            times(),
        ));
        assert_eq!(reader.get(1, b"not computed").bytes, b"x");
        assert_eq!(reader.get(2, b"y").bytes, b"y");
        assert_eq!(reader.get_as(1, b"z", Mode::Refresh).bytes, b"z");
        reader.settle();
        assert_eq!(objects(&writer.remote), before);
        assert_eq!(
            (reader.remote.counts().stored, reader.remote.counts().unwritten),
            (0, 0)
        );
    }
}

#[test]
fn a_large_result_is_sent_in_parts() {
    let place = Place::bucket();
    let (one, other) = (Machine::new(place.open()), Machine::new(place.open()));
    let bytes = bytes(1, 20 * 1024 * 1024 + 5);
    one.get(1, &bytes);
    one.settle();
    assert_eq!(one.remote.counts().errors, 0);
    assert!(other.get(1, b"not computed").bytes == bytes);
}

#[test]
fn the_name_of_the_input_is_not_shared() {
    let place = Place::memory();
    let machine = Machine::new(place.open());
    let request = cesar_cache::Request {
        label: Some("private.wav".to_owned()),
        ..Default::default()
    };
    let compute = || Ok::<_, Infallible>(b"x".to_vec());
    machine
        .cache
        .get_or_compute(&parts(1), request, &mut |_| ControlFlow::Continue(()), compute)
        .unwrap();
    machine.settle();
    let all: Vec<u8> = objects(&machine.remote).into_values().flatten().collect();
    assert!(!String::from_utf8_lossy(&all).contains("private"));
}

#[test]
fn what_is_offered_without_a_claim_is_found_by_other_machines() {
    for place in Place::each() {
        let [first, second] = [(); 2].map(|()| Machine::new(place.open()));
        assert_eq!(second.cache.get_offered(&parts(1)).unwrap(), None);
        let guard = guard_of(&first, 1);
        first
            .cache
            .put_and_offer(&guard, &parts(1), NewEntry::default(), b"outline")
            .unwrap();
        first.settle();
        for hits in [1, 1] {
            assert_eq!(second.cache.get_offered(&parts(1)).unwrap().unwrap(), b"outline");
            assert_eq!(second.remote.counts().hits, hits, "then it is in the folder");
        }
        let other = guard_of(&second, 1);
        second
            .cache
            .put_and_offer(&other, &parts(1), NewEntry::default(), b"another")
            .unwrap();
        second.settle();
        let third = Machine::new(place.open());
        assert_eq!(
            third.cache.get_offered(&parts(1)).unwrap().unwrap(),
            b"outline",
            "the first wins"
        );
    }
}

fn guard_of(machine: &Machine, number: i64) -> cesar_cache::KeyGuard {
    machine.cache.try_lock(&parts(number).key()).unwrap().unwrap()
}
