//! Put and get in one process: stored bytes, their place, and the effects of damage.

use std::fs;
use std::io::{Read, Write};

use super::*;

/// The largest size of a BLOB and the smallest of a file.
const SIDES: [usize; 2] = [INLINE_LIMIT - 1, INLINE_LIMIT];

#[test]
fn stored_results_are_read_back() {
    let fixture = Fixture::new();
    for (number, length) in [0, 1, 40_000, SIDES[0], SIDES[1], 3_000_000].into_iter().enumerate() {
        let (parts, bytes) = (parts(number as u64), noise(7, length));
        assert_eq!(fixture.cache.get(&parts.key()).unwrap(), None);
        let entry = fixture.put(&parts, &bytes);
        let artifact = fixture.cache.get(&parts.key()).unwrap().unwrap();
        assert_eq!((&artifact.entry, &artifact.bytes), (&entry, &bytes));
        assert_eq!(fixture.reopen().lookup(&parts.key()).unwrap(), Some(entry));
    }
}

#[test]
fn results_below_the_inline_limit_are_blobs() {
    let fixture = Fixture::new();
    let [small, large] = SIDES.map(|length| noise(1, length));
    fixture.put(&parts(1), &small);
    assert_eq!((fixture.count("blobs"), fixture.object(&small).exists()), (1, false));
    fixture.put(&parts(2), &large);
    assert_eq!(
        (fixture.count("blobs"), fs::read(fixture.object(&large)).unwrap()),
        (1, large)
    );
    assert_eq!(fs::read_dir(fixture.path("tmp")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(fixture.path("locks")).unwrap().count(), 0);
}

#[test]
fn streamed_and_whole_results_are_equal() {
    let fixture = Fixture::new();
    for (number, length) in SIDES.into_iter().enumerate() {
        let (bytes, parts) = (noise(3, length), parts(number as u64));
        let mut writer = fixture.cache.writer();
        bytes.chunks(7_777).for_each(|chunk| writer.write_all(chunk).unwrap());
        let guard = fixture.cache.lock(&parts.key(), &mut never_wait).unwrap();
        let entry = writer.commit(&guard, &parts, NewEntry::default()).unwrap();
        assert_eq!((entry.digest, entry.size), (Digest::of(&bytes), length as u64));
        assert_eq!(fixture.cache.get(&parts.key()).unwrap().unwrap().bytes, bytes);
    }
}

#[test]
fn a_dropped_writer_leaves_nothing() {
    let fixture = Fixture::new();
    let mut writer = fixture.cache.writer();
    writer.append(&noise(1, 200_000)).unwrap();
    assert_eq!(fs::read_dir(fixture.path("tmp")).unwrap().count(), 1);
    drop(writer);
    assert_eq!(fs::read_dir(fixture.path("tmp")).unwrap().count(), 0);
}

#[test]
fn equal_results_are_stored_once() {
    let fixture = Fixture::new();
    for length in SIDES {
        let bytes = noise(5, length);
        fixture.put(&parts(length as u64), &bytes);
        fixture.put(&parts(length as u64 + 1_000_000), &bytes);
    }
    assert_eq!((fixture.count("contents"), fixture.count("results")), (2, 4));
    let info = fixture.cache.info().unwrap();
    assert_eq!((info.entries, info.bytes), (4, (SIDES[0] + SIDES[1]) as u64));
}

#[test]
fn storing_again_replaces_the_result() {
    let fixture = Fixture::new();
    fixture.put(&parts(1), b"first");
    fixture.put(&parts(1), b"second");
    assert_eq!(fixture.cache.get(&parts(1).key()).unwrap().unwrap().bytes, b"second");
    assert_eq!(
        (
            fixture.count("contents"),
            fixture.count("blobs"),
            fixture.count("parts")
        ),
        (1, 1, 1)
    );
    assert_eq!(fixture.cache.info().unwrap().bytes, 6);
}

#[test]
fn a_lock_of_another_key_or_another_cache_is_refused() {
    let (fixture, elsewhere) = (Fixture::new(), Fixture::new());
    let other_key = fixture.cache.lock(&parts(2).key(), &mut never_wait).unwrap();
    let other_cache = elsewhere.cache.lock(&parts(1).key(), &mut never_wait).unwrap();
    for guard in [other_key, other_cache] {
        let refused = fixture.cache.put(&guard, &parts(1), NewEntry::default(), b"x");
        assert!(matches!(refused, Err(CacheError::WrongLock { .. })), "{refused:?}");
    }
}

#[test]
fn an_expired_entry_is_a_miss_and_can_be_replaced() {
    let fixture = Fixture::new();
    let request = || Request {
        lifetime_ms: Some(1_000),
        ..Request::default()
    };
    let ask = |bytes: &[u8]| {
        fixture
            .cache
            .get_or_compute(&parts(1), request(), &mut never_wait, computed(bytes))
            .unwrap()
            .bytes
    };
    assert_eq!(ask(b"first"), b"first");
    fixture.clock.advance_ms(999);
    assert_eq!(ask(b"second"), b"first");
    fixture.clock.advance_ms(1);
    assert_eq!(fixture.cache.lookup(&parts(1).key()).unwrap(), None);
    assert_eq!(fixture.cache.get(&parts(1).key()).unwrap(), None);
    assert_eq!(ask(b"second"), b"second");
    assert_eq!(fixture.cache.stats().unwrap().healed, 0);
}

#[test]
fn label_and_details_are_stored_outside_the_key() {
    let fixture = Fixture::new();
    let guard = fixture.cache.lock(&parts(1).key(), &mut never_wait).unwrap();
    let new = NewEntry {
        label: Some("meeting.flac".to_owned()),
        details: Some(r#"{"etag":"x"}"#.to_owned()),
        expires_ms: Some(START_MS + 5),
        cost_ms: 3,
        created_ms: Some(START_MS - 5),
    };
    let entry = fixture.cache.put(&guard, &parts(1), new, b"x").unwrap();
    assert_eq!(fixture.cache.lookup(&parts(1).key()).unwrap().unwrap(), entry);
    assert_eq!(entry.label.as_deref(), Some("meeting.flac"));
    assert_eq!(entry.created_ms, START_MS - 5);
    assert_eq!(entry.details.as_deref(), Some(r#"{"etag":"x"}"#));
}

#[test]
fn large_results_can_be_read_as_files() {
    let fixture = Fixture::new();
    let [small, large] = SIDES.map(|length| noise(9, length));
    fixture.put(&parts(1), &small);
    fixture.put(&parts(2), &large);
    let found = fixture.cache.get_file(&parts(1).key()).unwrap().unwrap();
    assert!(matches!(found.source, ArtifactSource::Bytes(bytes) if bytes == small));
    let ArtifactSource::File { path, mut file } = fixture.cache.get_file(&parts(2).key()).unwrap().unwrap().source
    else {
        panic!("a large result is a file")
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    assert_eq!((bytes, path), (large.clone(), fixture.object(&large)));
}

type Damaging = (&'static str, fn(&Path));

/// Ways to damage an object file.
const DAMAGES: [Damaging; 5] = [
    ("missing", |path| fs::remove_file(path).unwrap()),
    ("truncated", |path| {
        fs::OpenOptions::new()
            .write(true)
            .open(path)
            .unwrap()
            .set_len(5)
            .unwrap()
    }),
    ("emptied", |path| fs::write(path, b"").unwrap()),
    ("longer", |path| {
        fs::OpenOptions::new()
            .append(true)
            .open(path)
            .unwrap()
            .write_all(b"x")
            .unwrap()
    }),
    ("other bytes of that length", |path| {
        fs::write(path, noise(99, INLINE_LIMIT)).unwrap()
    }),
];

#[test]
fn damaged_objects_are_quarantined_and_recomputed() {
    for (name, damage) in DAMAGES {
        let fixture = Fixture::new();
        let bytes = noise(1, INLINE_LIMIT);
        fixture.put(&parts(1), &bytes);
        fixture.put(&parts(2), &bytes);
        damage(&fixture.object(&bytes));
        let outcome = fixture
            .cache
            .get_or_compute(&parts(1), Mode::ReadWrite, &mut never_wait, computed(&bytes))
            .unwrap();
        assert!(matches!(outcome.hit, Hit::Miss { .. }), "{name}: {outcome:?}");
        assert_eq!((outcome.bytes == bytes, outcome.cache_warning), (true, None), "{name}");
        assert_eq!(
            fixture.cache.get(&parts(1).key()).unwrap().unwrap().bytes,
            bytes,
            "{name}"
        );
        // The other entry of the same content was a miss as well, because its bytes were the same.
        assert_eq!(fixture.count("results"), 1, "{name}");
        let quarantined = usize::from(name != "missing");
        assert_eq!(
            fs::read_dir(fixture.path("quarantine")).unwrap().count(),
            quarantined,
            "{name}"
        );
        assert_eq!(fixture.cache.stats().unwrap().healed, 1, "{name}");
        assert_eq!(fixture.cache.take_notices().len(), 1, "{name}");
    }
}

#[test]
fn get_file_repairs_damage() {
    let fixture = Fixture::new();
    let bytes = noise(1, 500_000);
    fixture.put(&parts(1), &bytes);
    fs::write(fixture.object(&bytes), noise(2, 500_000)).unwrap();
    assert!(fixture.cache.get_file(&parts(1).key()).unwrap().is_none());
    assert_eq!(fixture.cache.lookup(&parts(1).key()).unwrap(), None);
}

#[test]
fn every_flipped_bit_of_a_blob_is_detected() {
    let fixture = Fixture::new();
    let bytes = noise(4, 16);
    for bit in 0..bytes.len() * 8 {
        fixture.put(&parts(1), &bytes);
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fixture
            .cache
            .parts
            .storage
            .index
            .alter(|index| index.execute("UPDATE blobs SET bytes = ?1", [flipped]))
            .unwrap();
        assert_eq!(fixture.cache.get(&parts(1).key()).unwrap(), None, "bit {bit}");
    }
    assert_eq!(fixture.cache.stats().unwrap().healed, 16 * 8);
}

#[test]
fn flipped_bits_of_an_object_are_detected() {
    let fixture = Fixture::new();
    let bytes = noise(4, INLINE_LIMIT + 3);
    for bit in (0..bytes.len() * 8).step_by(8_191) {
        fixture.put(&parts(1), &bytes);
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(fixture.object(&bytes), flipped).unwrap();
        assert_eq!(fixture.cache.get(&parts(1).key()).unwrap(), None, "bit {bit}");
    }
}

#[test]
fn altered_rows_are_rejected() {
    let changes = [
        "stage = 'diarize'",
        "plugin = 'other'",
        "plugin_version = '2'",
        "inputs_digest = zeroblob(32)",
        "cost_ms = 1",
        "created_ms = 1",
        "expires_ms = 9999999999999",
        "label = 'x'",
        "details = 'x'",
        "seal = zeroblob(16)",
        "content_id = (SELECT MAX(id) FROM contents)",
        "plugin = CAST(x'ff' AS TEXT)",
    ];
    for change in changes {
        let fixture = Fixture::new();
        fixture.put(&parts(1), b"right");
        fixture.put(&parts(2), b"wrong");
        let statement = format!("UPDATE results SET {change} WHERE id = (SELECT MIN(id) FROM results)");
        fixture
            .cache
            .parts
            .storage
            .index
            .alter(|index| index.execute(&statement, []))
            .unwrap();
        assert_eq!(fixture.cache.lookup(&parts(1).key()).unwrap(), None, "{change}");
        assert_eq!(fixture.cache.get(&parts(1).key()).unwrap(), None, "{change}");
        assert_eq!(fixture.cache.stats().unwrap().healed, 1, "{change}");
        assert_eq!(fixture.count("results"), 1, "{change}");
        assert_eq!(
            fixture.cache.get(&parts(2).key()).unwrap().unwrap().bytes,
            b"wrong",
            "{change}"
        );
    }
}

#[test]
fn storing_twice_drops_partials() {
    let fixture = Fixture::new();
    let insert = "INSERT INTO partials (key, position, digest, bytes, cost_ms, created_ms) \
                  VALUES (?1, 0, zeroblob(32), x'00', 1, 1)";
    for number in [1, 2] {
        let key = *parts(number).key().as_bytes();
        fixture
            .cache
            .parts
            .storage
            .index
            .alter(|index| index.execute(insert, [key]))
            .unwrap();
    }
    fixture.put(&parts(1), b"whole");
    assert_eq!(fixture.count("partials"), 1);
}

/// Two transcripts of one minute: the last one that was shown is the one that a user means.
#[test]
fn the_last_use_of_a_shown_result_is_exact() {
    let fixture = Fixture::new();
    let keys = [1, 2].map(|number| fixture.put_cost(number, 1_000, 10));
    let last_used = |key: &Key| fixture.cache.lookup(key).unwrap().unwrap().last_used_ms - START_MS;
    fixture.clock.advance_ms(500);
    fixture.cache.get(&keys[0]).unwrap().unwrap();
    fixture.cache.flush().unwrap();
    assert_eq!(keys.each_ref().map(last_used), [0, 0]);
    fixture.cache.record_shown(keys[0]);
    fixture.cache.flush().unwrap();
    assert_eq!(keys.each_ref().map(last_used), [500, 0]);
}

#[test]
fn last_use_is_written_in_batches_once_a_minute() {
    let fixture = Fixture::new();
    let key = parts(1).key();
    fixture.put(&parts(1), b"x");
    let last_used = || fixture.cache.lookup(&key).unwrap().unwrap().last_used_ms - START_MS;
    fixture.clock.advance_ms(59_000);
    fixture.cache.get(&key).unwrap().unwrap();
    fixture.cache.flush().unwrap();
    assert_eq!(last_used(), 0, "used again within the minute");
    fixture.clock.advance_ms(2_000);
    fixture.cache.get(&key).unwrap().unwrap();
    assert_eq!(last_used(), 0, "not written at once");
    fixture.cache.flush().unwrap();
    assert_eq!(last_used(), 61_000);
    fixture.clock.advance_ms(70_000);
    fixture.cache.get(&key).unwrap().unwrap();
    assert_eq!(last_used(), 131_000, "written when the last writing is a minute ago");
}

#[test]
fn statistics_outlive_the_process() {
    let fixture = Fixture::new();
    let ask = |cache: &Cache| {
        let compute = || {
            fixture.clock.advance_ms(9_100);
            Ok::<_, Infallible>(noise(1, 1_000))
        };
        cache
            .get_or_compute(&parts(1), Mode::ReadWrite, &mut never_wait, compute)
            .unwrap()
            .hit
    };
    assert_eq!(ask(&fixture.cache), Hit::Miss { took_ms: 9_100 });
    let other = fixture.reopen();
    assert_eq!(ask(&other), Hit::Hit { saved_ms: 9_100 });
    assert_eq!(ask(&other), Hit::Hit { saved_ms: 9_100 });
    drop(other);
    let expected = Statistics {
        hits: 2,
        misses: 1,
        bytes_saved: 2_000,
        ms_saved: 18_200,
        ..Statistics::default()
    };
    assert_eq!(fixture.cache.stats().unwrap(), expected);
}

/// Misses alone are written as well, and unwritten counts wait for the next time.
#[test]
fn unwritten_counts_are_retried() {
    let fixture = Fixture::new();
    fixture.put(&parts(1), b"x");
    fixture.cache.flush().unwrap();
    let alter = |sql: &str| {
        fixture
            .cache
            .parts
            .storage
            .index
            .alter(|index| index.execute_batch(sql))
            .unwrap()
    };
    alter("CREATE TRIGGER full BEFORE INSERT ON statistics BEGIN SELECT RAISE(ABORT, 'full'); END");
    let other = fixture.reopen();
    let hit = |cache: &Cache| {
        let ask = cache.get_or_compute(&parts(1), Mode::ReadWrite, &mut never_wait, must_not_compute);
        assert!(matches!(ask.unwrap().hit, Hit::Hit { .. }));
    };
    (0..3).for_each(|_| hit(&other));
    assert!(other.flush().is_err());
    (0..2).for_each(|_| hit(&other));
    alter("DROP TRIGGER full");
    other.flush().unwrap();
    assert_eq!(fixture.reopen().stats().unwrap().hits, 5);
    let hits: i64 = fixture
        .cache
        .parts
        .storage
        .index
        .inspect(|index| index.query_row("SELECT hits FROM results", [], |row| row.get(0)))
        .unwrap();
    assert_eq!(hits, 5);
}

/// The content of a result that is stored again is removed with the old row.
#[test]
fn replacing_removes_the_old_content() {
    let fixture = Fixture::new();
    fixture.put(&parts(1), b"one");
    fixture.put(&parts(2), b"two");
    fixture.put(&parts(2), b"three");
    assert_eq!(fixture.count("contents"), 2);
}

#[test]
fn golden_info() {
    let fixture = Fixture::new();
    fixture.put(&parts(1), b"123456");
    fixture.put(&parts(2), b"1234");
    fixture.put(
        &KeyParts {
            stage: "format".to_owned(),
            ..parts(2)
        },
        b"1234",
    );
    let mut info = serde_json::to_value(fixture.cache.info().unwrap()).unwrap();
    assert_eq!(info["location"], fixture.folder.path().to_str().unwrap());
    info["location"] = "LOCATION".into();
    let index_bytes = info["index_bytes"].as_u64().unwrap();
    assert!(
        index_bytes >= 8192 && index_bytes.is_multiple_of(8192),
        "whole pages: {index_bytes}"
    );
    info["index_bytes"] = "INDEX".into();
    assert!(info["free_disk"].is_u64());
    info["free_disk"] = "FREE".into();
    let expected = serde_json::json!({
        "location": "LOCATION",
        "schema": 2,
        "journal": "wal",
        "entries": 3,
        "bytes": 10,
        "used_bytes": 10 + 3 * 2_048,
        "index_bytes": "INDEX",
        "max_size": null,
        "free_disk": "FREE",
        "min_free_disk": 0,
        "quarantined": 0,
        "maintained_ms": START_MS,
        "stages": [
            {"stage": "asr", "entries": 2, "bytes": 10, "cost_ms": 18_200},
            {"stage": "format", "entries": 1, "bytes": 4, "cost_ms": 9_100},
        ],
        "statistics": {
            "hits": 0, "misses": 0, "bytes_saved": 0, "ms_saved": 0, "healed": 0, "evicted": 0, "waited": 0, "shared": 0,
        },
        "warnings": [],
    });
    assert_eq!(info, expected);
}

#[test]
fn refresh_and_bypass_modes() {
    let fixture = Fixture::new();
    let ask = |mode, bytes: &[u8]| {
        fixture
            .cache
            .get_or_compute(&parts(1), mode, &mut never_wait, computed(bytes))
            .unwrap()
    };
    let bypassed = ask(Mode::Bypass, b"0");
    assert_eq!((bypassed.bytes.as_slice(), bypassed.entry), (b"0".as_slice(), None));
    assert_eq!(fixture.count("results"), 0);
    assert_eq!(ask(Mode::ReadWrite, b"1").bytes, b"1");
    assert_eq!(ask(Mode::ReadWrite, b"2").bytes, b"1");
    assert_eq!(ask(Mode::Bypass, b"3").bytes, b"3");
    assert_eq!(ask(Mode::Refresh, b"4").bytes, b"4");
    assert_eq!(ask(Mode::ReadWrite, b"5").bytes, b"4");
}

#[test]
fn a_failed_computation_stores_nothing() {
    let fixture = Fixture::new();
    let failed = fixture
        .cache
        .get_or_compute(&parts(1), Mode::ReadWrite, &mut never_wait, || Err("no speech"));
    assert!(matches!(failed, Err(Stopped::Failed("no speech"))));
    assert_eq!(fixture.count("results"), 0);
    fixture.put(&parts(1), b"x");
}
