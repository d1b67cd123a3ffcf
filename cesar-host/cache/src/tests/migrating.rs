//! Migration from every committed schema to the present one.
//!
//! `schema_1.db` was written by the program of that schema. Its results: number, stage, cost, size.

use super::*;

const RESULTS: [(u64, &str, i64, usize); 5] = [
    (1, "asr", 540_000, 40_000),
    (2, "acquire", 4_000, 150_000),
    (3, "format", 0, 0),
    (4, "decode", 1_200, 180),
    (5, "asr", 7_000, 40_000),
];

fn open_schema_1() -> Fixture {
    let folder = folder();
    std::fs::create_dir_all(folder.path().join("v1")).unwrap();
    std::fs::write(folder.path().join("v1/index.db"), include_bytes!("schema_1.db")).unwrap();
    // The only large result is a file.
    let object = object_path(folder.path(), &noise(2, 150_000));
    std::fs::create_dir_all(object.parent().unwrap()).unwrap();
    std::fs::write(object, noise(2, 150_000)).unwrap();
    let clock = Arc::new(ManualClock::new(START_MS + 6 * 3_600_000));
    let cache = Cache::open(folder.path(), clock.clone()).unwrap();
    Fixture { folder, clock, cache }
}

#[test]
fn migrating_schema_1_keeps_everything() {
    let fixture = open_schema_1();
    assert_eq!(fixture.cache.warnings(), [""; 0]);
    assert_eq!(fixture.cache.info().unwrap().schema, 2);
    for (number, stage, cost_ms, length) in RESULTS {
        let key = KeyParts {
            stage: stage.to_owned(),
            ..parts(number)
        }
        .key();
        let artifact = fixture.cache.get(&key).unwrap().unwrap();
        let seed = if number == 5 { 1 } else { number };
        assert!(artifact.bytes == noise(seed, length), "{number}");
        assert_eq!(
            (artifact.entry.stage.as_str(), artifact.entry.cost_ms),
            (stage, cost_ms)
        );
    }
    let download = fixture.cache.list(Some("acquire"), Sort::Used, None).unwrap().remove(0);
    assert_eq!(download.entry.label.as_deref(), Some("https://example.org/talk.mp3"));
    assert_eq!(download.entry.expires_ms, Some(START_MS + 86_400_000));
    let statistics = fixture.cache.stats().unwrap();
    assert_eq!((statistics.hits, statistics.misses, statistics.healed), (1 + 5, 1, 0));
    let tables = ["contents", "parts", "file_digests", "partials"].map(|table| fixture.count(table));
    assert_eq!(tables, [4, 5, 1, 1]);
}

#[test]
fn migrating_schema_1_fills_scores_and_totals() {
    let fixture = open_schema_1();
    let stages: Vec<String> = fixture
        .cache
        .list(None, Sort::EvictionScore, None)
        .unwrap()
        .into_iter()
        .map(|listed| format!("{} {}", listed.entry.stage, listed.entry.cost_ms))
        .collect();
    assert_eq!(
        stages,
        ["asr 540000", "decode 1200", "asr 7000", "acquire 4000", "format 0"]
    );
    // Two entries have the same content.
    assert_eq!(fixture.used(), 40_000 + 150_000 + 180 + 5 * 2_048);
    fixture.cache.clear(false).unwrap();
    assert_eq!(fixture.used(), 0);
}

/// A migrated file has the same tables, indexes and triggers as a new one.
#[test]
fn a_migrated_schema_equals_a_new_one() {
    let schema = |fixture: &Fixture| {
        let query = "SELECT type || ' ' || name || ' ' || COALESCE(sql, '') FROM sqlite_schema ORDER BY 1";
        let rows = |connection: &rusqlite::Connection| {
            let mut statement = connection.prepare(query)?;
            let rows = statement.query_map([], |row| row.get(0))?;
            rows.collect::<rusqlite::Result<Vec<String>>>()
        };
        fixture.cache.parts.storage.index.inspect(rows).unwrap()
    };
    assert_eq!(schema(&open_schema_1()), schema(&Fixture::new()));
}

/// Many processes that open the old schema at once migrate it once (see `processes.rs` for new folders).
#[test]
fn migration_runs_once() {
    let fixture = open_schema_1();
    assert_eq!(fixture.reopen().info().unwrap().entries, 5);
}

#[test]
fn a_failed_migration_keeps_the_earlier_schema() {
    for at in 1.. {
        let folder = folder();
        std::fs::create_dir_all(folder.path().join("v1")).unwrap();
        std::fs::write(folder.path().join("v1/index.db"), include_bytes!("schema_1.db")).unwrap();
        let clock = Arc::new(ManualClock::new(START_MS));
        let io = Io::failing(Fault {
            at,
            kind: FaultKind::DiskFull,
            lasting: false,
        });
        drop(Cache::open_with(folder.path(), clock.clone(), io.clone()));
        let cache = Cache::open(folder.path(), clock).unwrap();
        assert_eq!(
            (cache.info().unwrap().entries, cache.warnings()),
            (5, [].as_slice()),
            "{at}"
        );
        if io.operations() < at {
            break;
        }
    }
}
