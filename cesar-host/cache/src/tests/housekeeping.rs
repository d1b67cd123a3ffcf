//! Automatic housekeeping, and its times.

use std::fs;

use super::*;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

fn expiring(fixture: &Fixture, number: u64, lifetime_ms: i64) {
    let expires_ms = Some(fixture.clock.now_ms() + lifetime_ms);
    fixture.put_new(
        &parts(number),
        NewEntry {
            expires_ms,
            ..NewEntry::default()
        },
        &noise(number, 10),
    );
}

#[test]
fn the_first_store_of_a_day_runs_housekeeping() {
    let fixture = Fixture::new();
    expiring(&fixture, 1, HOUR_MS);
    fixture.clock.advance_ms(DAY_MS - 1);
    fixture.put_cost(2, 1, 10);
    assert_eq!(fixture.count("results"), 2, "the day is not over");
    fixture.clock.advance_ms(1);
    fixture.put_cost(3, 1, 10);
    assert_eq!(fixture.count("results"), 2);
    assert_eq!(fixture.cache.info().unwrap().maintained_ms, Some(START_MS + DAY_MS));
    // Another process, on the same day.
    expiring(&fixture, 4, HOUR_MS);
    fixture.clock.advance_ms(DAY_MS - 1);
    put(&fixture.reopen(), &parts(5), b"x").unwrap();
    assert_eq!(fixture.count("results"), 4);
    assert_eq!(fixture.cache.stats().unwrap().evicted, 1);
}

#[test]
fn housekeeping_by_another_process_counts() {
    let fixture = Fixture::new();
    fixture.put_cost(1, 1, 10);
    let other = fixture.reopen();
    let maintained_ms = || fixture.cache.info().unwrap().maintained_ms.unwrap() - START_MS;
    fixture.clock.advance_ms(DAY_MS);
    put(&other, &parts(2), b"x").unwrap();
    assert_eq!(maintained_ms(), DAY_MS);
    fixture.clock.advance_ms(HOUR_MS);
    fixture.put_cost(3, 1, 10);
    assert_eq!(maintained_ms(), DAY_MS, "an hour ago");
    fixture.clock.advance_ms(DAY_MS - HOUR_MS);
    fixture.put_cost(4, 1, 10);
    assert_eq!(maintained_ms(), 2 * DAY_MS);
}

#[test]
fn a_wrong_clock_does_not_disable_housekeeping() {
    let fixture = Fixture::new();
    fixture.clock.advance_ms(4_000 * DAY_MS);
    fixture.put_cost(1, 1, 10);
    fixture.clock.set_ms(START_MS);
    let cache = fixture.reopen();
    expiring(&fixture, 2, -1);
    put(&cache, &parts(3), b"x").unwrap();
    assert_eq!(fixture.kept([1, 2, 3]), [1, 3]);
    assert!(
        SystemClock.now_ms() > 1_500_000_000_000,
        "the machine's is of this century"
    );
    assert_eq!(cache.info().unwrap().maintained_ms, Some(START_MS));
}

#[test]
fn expired_results_are_misses_by_stage_ttl() {
    let ttl_ms = std::collections::BTreeMap::from([("asr".to_owned(), HOUR_MS)]);
    let fixture = Fixture::limited(Limits {
        ttl_ms,
        ..Limits::default()
    });
    fixture.put_cost(1, 1, 10);
    expiring(&fixture, 2, 2 * HOUR_MS);
    expiring(&fixture, 3, HOUR_MS / 2);
    let expiry = |number| {
        fixture
            .cache
            .lookup(&parts(number).key())
            .unwrap()
            .unwrap()
            .expires_ms
            .unwrap()
            - START_MS
    };
    assert_eq!(
        [1, 2, 3].map(expiry),
        [HOUR_MS, HOUR_MS, HOUR_MS / 2],
        "the earlier of the two"
    );
    let format = KeyParts {
        stage: "format".to_owned(),
        ..parts(4)
    };
    fixture.put_new(&format, NewEntry::default(), b"x");
    assert_eq!(fixture.cache.lookup(&format.key()).unwrap().unwrap().expires_ms, None);
}

/// One URL at a different time: the same inputs, another key.
fn step(input: u64, step: i64) -> KeyParts {
    let mut parts = parts(input);
    parts.options.insert("time_step".into(), OptionValue::Integer(step));
    parts
}

/// A URL that was fetched three times, two days ago and for an hour each, in a cache that keeps the latest.
fn fetched_two_days_ago(limits: Limits) -> Fixture {
    let fixture = Fixture::limited(Limits {
        stale: [parts(1).stage].into(),
        ..limits
    });
    for number in 0..3 {
        let new = NewEntry {
            cost_ms: 1_000_000_000,
            expires_ms: Some(fixture.clock.now_ms() + HOUR_MS),
            ..NewEntry::default()
        };
        fixture.put_new(&step(1, number), new, &noise(number.unsigned_abs(), 1_000));
        fixture.clock.advance_ms(HOUR_MS / 2);
    }
    fixture.clock.advance_ms(2 * DAY_MS);
    fixture
}

fn known(fixture: &Fixture) -> Vec<OptionValue> {
    let found = fixture
        .cache
        .results_for_inputs(&parts(1).stage, &parts(1).inputs_digest());
    let steps = found
        .unwrap()
        .into_iter()
        .map(|(_, parts)| parts.options["time_step"].clone());
    steps.collect()
}

/// `--offline` uses cached results of any age: of the expired ones, the latest stays.
#[test]
fn the_latest_result_outlives_its_expiry() {
    let fixture = fetched_two_days_ago(Limits::default());
    for _ in 0..2 {
        let round = fixture.cache.maintain().unwrap();
        assert!(round.complete, "{round:?}");
        assert_eq!(known(&fixture), [OptionValue::Integer(2)]);
        fixture.clock.advance_ms(400 * DAY_MS);
    }
    let key = step(1, 2).key();
    assert!(fixture.cache.get(&key).unwrap().is_none(), "its time is over");
    let kept = fixture.cache.get_file_ignoring_expiry(&key).unwrap();
    assert!(matches!(kept.unwrap().source, ArtifactSource::Bytes(bytes) if bytes == noise(2, 1_000)));
    // Other stages have no such grace.
    let format = KeyParts {
        stage: "format".to_owned(),
        ..parts(2)
    };
    let new = NewEntry {
        expires_ms: Some(fixture.clock.now_ms()),
        ..NewEntry::default()
    };
    fixture.put_new(&format, new, b"x");
    assert_eq!(fixture.cache.maintain().unwrap().expired, 1);
    // A request of the user removes it.
    let prune = Prune {
        expired: true,
        ..Prune::default()
    };
    assert_eq!(fixture.cache.prune(&prune).unwrap().entries, 1);
    assert!(known(&fixture).is_empty());
}

#[test]
fn expired_latest_results_are_evicted_first() {
    let fixture = fetched_two_days_ago(Limits {
        max_size: Some(20_000),
        ..Limits::default()
    });
    fixture.cache.maintain().unwrap();
    assert_eq!(known(&fixture).len(), 1);
    // Cheap to recompute, and not expired.
    for number in 2..10 {
        fixture.put_cost(number, 0, 1_000);
    }
    assert!(known(&fixture).is_empty());
    assert!(fixture.kept(2..10).len() > 4);
}

#[test]
fn a_stage_ttl_also_expires_the_latest_result() {
    let ttl_ms = std::collections::BTreeMap::from([(parts(1).stage, DAY_MS)]);
    let fixture = fetched_two_days_ago(Limits {
        ttl_ms,
        ..Limits::default()
    });
    fixture.cache.maintain().unwrap();
    assert!(known(&fixture).is_empty());
}

#[test]
fn a_shorter_ttl_applies_to_stored_results() {
    let fixture = Fixture::new();
    fixture.put_cost(1, 1, 10);
    let format = KeyParts {
        stage: "format".to_owned(),
        ..parts(3)
    };
    fixture.put_new(&format, NewEntry::default(), b"x");
    fixture.clock.advance_ms(2 * HOUR_MS);
    fixture.put_cost(2, 1, 10);
    let ttl_ms = std::collections::BTreeMap::from([("asr".to_owned(), HOUR_MS)]);
    let limits = Limits {
        ttl_ms,
        ..Limits::default()
    };
    let cache = Cache::open_limited(fixture.folder.path(), fixture.clock.clone(), limits).unwrap();
    assert_eq!(cache.maintain().unwrap().expired, 1);
    assert_eq!(fixture.kept([1, 2]), [2]);
    assert!(fixture.cache.lookup(&format.key()).unwrap().is_some(), "another stage");
}

#[test]
fn unexpired_results_are_kept() {
    let fixture = Fixture::new();
    expiring(&fixture, 1, HOUR_MS);
    expiring(&fixture, 2, 2 * HOUR_MS);
    fixture.clock.advance_ms(HOUR_MS);
    assert_eq!(fixture.cache.maintain().unwrap().expired, 1);
    assert_eq!(fixture.kept([1, 2]), [2]);
}

/// Eviction to free space, or a round cut short by its time limit, is not the daily round.
#[test]
fn eviction_does_not_count_as_the_daily_round() {
    let fixture = Fixture::limited(Limits {
        max_size: Some(100_000),
        ..Limits::default()
    });
    fixture.put_cost(1, 1, 10);
    fixture.clock.advance_ms(HOUR_MS);
    for number in 2..20 {
        fixture.put_cost(number, 1, 10_000);
    }
    assert!(fixture.kept(1..20).len() < 19);
    assert_eq!(fixture.cache.info().unwrap().maintained_ms, Some(START_MS));
}

/// A clock that advances by a second at every reading.
struct Hurried(ManualClock);

impl Clock for Hurried {
    fn now_ms(&self) -> i64 {
        self.0.advance_ms(1000);
        self.0.now_ms()
    }
}

#[test]
fn a_store_does_not_wait_for_long_housekeeping() {
    let fixture = Fixture::new();
    for number in 0..600 {
        expiring(&fixture, number, HOUR_MS);
    }
    let clock = Arc::new(Hurried(ManualClock::new(START_MS + 2 * DAY_MS)));
    let cache = Cache::open_limited(fixture.folder.path(), clock, Limits::default()).unwrap();
    put(&cache, &parts(1000), b"x").unwrap();
    let left = fixture.count("results");
    assert!((2..=600).contains(&left), "{left}: it was stopped on its way");
    assert_eq!(
        fixture.cache.info().unwrap().maintained_ms,
        Some(START_MS),
        "it was not the whole round"
    );
}

#[test]
fn a_store_does_not_wait_for_free_space() {
    let fixture = Fixture::new();
    for number in 0..600 {
        fixture.put_cost(number, 1, 10);
    }
    let clock = Arc::new(Hurried(ManualClock::new(START_MS)));
    let limits = Limits {
        max_size: Some(1),
        ..Limits::default()
    };
    let cache = Cache::open_limited(fixture.folder.path(), clock, limits).unwrap();
    put(&cache, &parts(1000), b"x").unwrap();
    assert!(fixture.count("results") > 1, "it was stopped on its way");
}

/// A time to live does not lower the score before it expires.
#[test]
fn expiry_does_not_lower_the_eviction_score() {
    let fixture = Fixture::limited(Limits {
        max_size: Some(100_000),
        ..Limits::default()
    });
    let new = NewEntry {
        cost_ms: 1_000_000_000,
        expires_ms: Some(START_MS + DAY_MS),
        ..NewEntry::default()
    };
    fixture.put_new(&parts(1), new, &noise(1, 10_000));
    for number in 2..20 {
        fixture.put_cost(number, 1, 10_000);
    }
    let kept = fixture.kept(1..20);
    assert!(kept.contains(&1) && kept.len() < 19, "{kept:?}");
}

/// A round reports the sum of all its parts.
#[test]
fn a_round_reports_what_it_removed() {
    let fixture = Fixture::new();
    expiring(&fixture, 1, HOUR_MS);
    fixture.put_cost(2, 1, 20);
    expiring(&fixture, 3, HOUR_MS);
    fixture.put_cost(4, 1, 20);
    for number in 5..40 {
        let format = KeyParts {
            stage: "format".to_owned(),
            ..parts(number)
        };
        fixture.put_new(&format, NewEntry::default(), &noise(number, 10_000));
    }
    let _leases = fixture.cache.lease(&[parts(3).key(), parts(4).key()]).unwrap();
    fixture.clock.advance_ms(2 * HOUR_MS);
    let limits = Limits {
        ttl_ms: std::collections::BTreeMap::from([("asr".to_owned(), HOUR_MS)]),
        max_size: Some(200_000),
        ..Limits::default()
    };
    let cache = Cache::open_limited(fixture.folder.path(), fixture.clock.clone(), limits).unwrap();
    let round = cache.maintain().unwrap();
    let bytes_of = |entries: u64| entries * 10_000 + 10 + 20;
    assert_eq!((round.expired, round.bytes), (2, bytes_of(round.evicted)), "{round:?}");
    assert!(round.evicted > 10 && round.complete, "{round:?}");
    // Expired entries, entries older than their stage's lifetime, and both again while space is freed.
    assert_eq!(round.leased, 3 + 3, "{round:?}");
}

#[test]
fn concurrent_housekeeping_is_skipped() {
    let fixture = Fixture::limited(Limits {
        max_size: Some(1),
        ..Limits::default()
    });
    let lock = fs::File::create(fixture.path("maintenance.lock")).unwrap();
    lock.lock().unwrap();
    fixture.put_cost(1, 1, 10);
    fixture.put_cost(2, 1, 10);
    let skipped = fixture.cache.maintain().unwrap();
    assert!(skipped.skipped && skipped.complete, "nothing is left to do here");
    // A dry run does not wait for the lock.
    let look = Prune {
        max_size: Some(0),
        dry_run: true,
        ..Prune::default()
    };
    assert_eq!(fixture.cache.prune(&look).unwrap().entries, 2);
    assert_eq!(fixture.cache.clear(true).unwrap().entries, 2);
    assert_eq!(fixture.count("results"), 2);
    lock.unlock().unwrap();
    assert!(!fixture.cache.maintain().unwrap().skipped);
    assert_eq!(fixture.count("results"), 0);
}

/// A limit that cannot be met is not retried at every store.
#[test]
fn futile_housekeeping_is_not_repeated_immediately() {
    let fixture = Fixture::limited(Limits {
        max_size: Some(1),
        ..Limits::default()
    });
    for number in 1..=5 {
        fixture.put_cost(number, 1, 10);
    }
    assert_eq!(
        fixture.count("results"),
        5,
        "the first store had nothing to remove but itself"
    );
    fixture.clock.advance_ms(60_000);
    fixture.put_cost(6, 1, 10);
    assert_eq!(fixture.kept(1..=6), [6]);
}

#[test]
fn low_free_disk_triggers_eviction() {
    let fixture = Fixture::limited(Limits {
        min_free_disk: u64::MAX / 2,
        ..Limits::default()
    });
    for number in 1..=3 {
        fixture.put_cost(number, 1, 10);
    }
    let notices = fixture.cache.take_notices();
    assert_eq!(notices.len(), 1, "once a process: {notices:?}");
    assert!(notices[0].contains("`cache.min_free_disk` reserves"), "{notices:?}");
    assert!(!fixture.cache.maintain().unwrap().complete, "no disk has that much");
    assert_eq!(fixture.count("results"), 0);
}

#[test]
fn high_and_low_marks_of_the_limits() {
    let limits = Limits {
        max_size: Some(1_000),
        min_free_disk: 100,
        ..Limits::default()
    };
    assert_eq!(limits.excess(1_000, Some(100)), 0);
    assert_eq!(limits.excess(1_001, None), 101);
    assert_eq!(limits.excess(0, Some(99)), 11);
    assert_eq!(limits.excess(1_500, Some(0)), 600);
    assert_eq!(limits.excess(1_010, Some(0)), 110);
    assert_eq!(Limits::default().excess(u64::MAX, Some(0)), 0);
}

#[test]
fn leftovers_of_dead_processes_are_swept() {
    let fixture = Fixture::new();
    let bytes = noise(1, 200_000);
    fixture.put(&parts(1), &bytes);
    // A large result that was replaced: no row names its content.
    fixture.put(&parts(1), b"small");
    let in_use = noise(2, 300_000);
    fixture.put(&parts(2), &in_use);
    age(&fixture.object(&in_use), 2 * HOUR_MS);
    let orphan = fixture.object(b"orphan");
    fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    fs::write(&orphan, b"orphan").unwrap();
    let fresh = fixture.object(b"fresh");
    fs::create_dir_all(fresh.parent().unwrap()).unwrap();
    fs::write(&fresh, b"fresh").unwrap();
    fs::write(fixture.path(&format!("locks/{}", parts(7).key())), b"123").unwrap();
    fs::write(fixture.path("tmp/1-1"), b"half").unwrap();
    fs::write(fixture.path("owners/1-1"), b"").unwrap();
    for name in ["index-5.db", "index-5.db-wal", "0a-7"] {
        fs::write(fixture.path(&format!("quarantine/{name}")), b"").unwrap();
    }
    fs::write(fixture.path(&format!("quarantine/0b-{}", START_MS - 29 * DAY_MS)), b"").unwrap();
    // Names without a time, which Cesar never writes.
    for (name, age_ms) in [("old", 31 * DAY_MS), ("new", 29 * DAY_MS)] {
        let path = fixture.path(&format!("quarantine/{name}"));
        fs::write(&path, b"").unwrap();
        age(&path, age_ms);
    }
    age(&orphan, 2 * HOUR_MS);
    age(&fresh, HOUR_MS / 2);
    let held = fixture.cache.lock(&parts(8).key(), &mut never_wait).unwrap();

    let maintained = fixture.cache.maintain().unwrap();
    assert_eq!(maintained.swept, 8, "{maintained:?}");
    assert_eq!(maintained.bytes, 200_006, "{maintained:?}");
    assert!(maintained.complete && !maintained.skipped);
    assert!(!fixture.object(&bytes).exists() && !orphan.exists() && fresh.exists());
    assert!(fixture.object(&in_use).exists());
    let left = ["locks", "tmp", "owners", "quarantine"].map(|folder| fixture.files(folder));
    assert_eq!(left, [1, 0, 0, 2]);
    drop(held);
    assert_eq!(fixture.cache.get(&parts(1).key()).unwrap().unwrap().bytes, b"small");
}

#[test]
fn quarantine_older_than_a_day_is_removed_under_pressure() {
    let fixture = Fixture::limited(Limits {
        max_size: Some(1),
        ..Limits::default()
    });
    for aside_ms in [START_MS - DAY_MS, START_MS - DAY_MS + 1] {
        fs::write(fixture.path(&format!("quarantine/0b-{aside_ms}")), b"x").unwrap();
    }
    fixture.cache.maintain().unwrap();
    assert_eq!(fixture.files("quarantine"), 2, "nothing is in use");
    fixture.put_cost(1, 1, 10);
    fixture.cache.maintain().unwrap();
    assert_eq!(fixture.files("quarantine"), 1);
}

#[test]
fn abandoned_partials_are_removed_unless_locked() {
    let fixture = Fixture::new();
    let insert = "INSERT INTO partials (key, position, digest, bytes, cost_ms, created_ms)
                  VALUES (?1, 0, zeroblob(32), x'00', 1, ?2)";
    for (number, days) in [(1, 8), (2, 8), (3, 6)] {
        let row = (*parts(number).key().as_bytes(), START_MS - days * DAY_MS);
        fixture
            .cache
            .parts
            .storage
            .index
            .alter(|index| index.execute(insert, row))
            .unwrap();
    }
    let _computing = fixture.cache.lock(&parts(2).key(), &mut never_wait).unwrap();
    assert_eq!(fixture.cache.maintain().unwrap().swept, 1);
    assert_eq!(fixture.count("partials"), 2);
}

/// With a user's default limits, everything works normally.
#[test]
fn housekeeping_errors_do_not_fail_a_store() {
    let fixture = Fixture::limited(Limits {
        max_size: Some(1),
        ..Limits::default()
    });
    fs::remove_dir_all(fixture.path("quarantine")).unwrap();
    fs::remove_dir_all(fixture.path("owners")).unwrap();
    for number in 1..3 {
        let ask = fixture
            .cache
            .get_or_compute(&parts(number), Mode::ReadWrite, &mut never_wait, computed(b"x"));
        let outcome = ask.unwrap();
        assert_eq!((outcome.entry.is_some(), outcome.cache_warning), (true, None));
    }
}
