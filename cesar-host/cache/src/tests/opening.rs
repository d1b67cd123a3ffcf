//! Opening: the state of a new cache, and the treatment of a defective one.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::index::Journal;
use crate::layout::Layout;

fn pragma(cache: &Cache, name: &str) -> String {
    let query = format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}");
    cache
        .parts
        .storage
        .index
        .inspect(|connection| connection.query_row(&query, [], |row| row.get(0)))
        .unwrap()
}

/// Closes a cache with everything in the index file and nothing in the log, so that damage to the file has an effect.
fn close_without_log(cache: Cache) {
    cache.parts.storage.index.empty_log().unwrap();
    assert_eq!(log_length(cache.directory()), 0);
}

fn log_length(folder: &Path) -> u64 {
    fs::metadata(folder.join("v1/index.db-wal")).unwrap().len()
}

fn open_delete(folder: &Path) -> Cache {
    let layout = Layout::create(folder, &Io::real()).unwrap();
    Cache::open_journal(
        layout,
        Arc::new(ManualClock::new(START_MS)),
        Io::real(),
        Journal::Delete,
        Limits::default(),
    )
    .unwrap()
}

/// A copy whose header was lost has tables and no version, and another program's file has other tables.
#[test]
fn an_index_without_its_version_or_tables_is_replaced() {
    for sql in ["PRAGMA user_version = 0", "DROP TABLE results"] {
        let fixture = Fixture::new();
        fixture.put(&parts(1), b"result");
        let Fixture { folder, clock, cache } = fixture;
        drop(cache);
        let index = folder.path().join("v1/index.db");
        let connection = rusqlite::Connection::open(&index).unwrap();
        connection.execute_batch(sql).unwrap();
        drop(connection);
        let reads = |clock: Arc<ManualClock>| Cache::open(folder.path(), clock)?.get(&parts(1).key());
        let first = reads(clock.clone());
        let text = first.as_ref().err().map(ToString::to_string).unwrap_or_default();
        assert!(!text.contains("SELECT") && !text.contains("CREATE"), "{text}");
        // A missing table shows when it is read; the next opening examines the file.
        assert_eq!(reads(clock).unwrap(), None, "{sql}");
    }
}

#[test]
fn a_new_cache_has_its_pragmas_and_tag() {
    let fixture = Fixture::new();
    let expected = [
        ("page_size", "8192"),
        ("auto_vacuum", "2"),
        ("journal_mode", "wal"),
        ("user_version", "2"),
    ];
    for (name, value) in expected {
        assert_eq!(pragma(&fixture.cache, name), value, "{name}");
    }
    let tag = fs::read_to_string(fixture.folder.path().join("CACHEDIR.TAG")).unwrap();
    assert!(tag.starts_with("Signature: 8a477f597d28d172789f06886806bc55\n"));
    let mode = fs::metadata(fixture.path("objects")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert_eq!(fixture.cache.warnings(), [""; 0]);
}

/// A published schema is never edited: files with it exist.
#[test]
fn golden_schema() {
    let schema = Digest::of(include_bytes!("../index/schema_1.sql"));
    assert_eq!(
        schema.to_string(),
        "4995c43e790afbf01bd211c620ec4a5f80844d4f8fbb24c55f1c2011bf12ab4c"
    );
}

#[test]
fn every_table_is_strict() {
    let fixture = Fixture::new();
    let query = "SELECT group_concat(name) FROM pragma_table_list WHERE strict = 0 AND name NOT LIKE 'sqlite_%'";
    let loose: Option<String> = fixture
        .cache
        .parts
        .storage
        .index
        .inspect(|connection| connection.query_row(query, [], |row| row.get(0)))
        .unwrap();
    assert_eq!(loose, None);
}

#[test]
fn hit_queries_use_an_index() {
    let fixture = Fixture::new();
    let query = "EXPLAIN QUERY PLAN SELECT 1 FROM results r JOIN contents c ON c.id = r.content_id
                 LEFT JOIN blobs b ON b.content_id = c.id WHERE r.key = x'00'";
    let plan: Vec<String> = fixture
        .cache
        .parts
        .storage
        .index
        .inspect(|connection| connection.prepare(query)?.query_map([], |row| row.get(3))?.collect())
        .unwrap();
    assert!(plan.iter().all(|step| step.starts_with("SEARCH")), "{plan:?}");
}

#[test]
fn network_file_systems_use_a_rollback_journal_and_warn() {
    let folder = folder();
    let cache = open_delete(folder.path());
    assert_eq!(pragma(&cache, "journal_mode"), "delete");
    assert_eq!(pragma(&cache, "page_size"), "8192");
    assert_eq!(cache.warnings().len(), 1);
    put(&cache, &parts(1), b"x").unwrap();
    assert_eq!(cache.get(&parts(1).key()).unwrap().unwrap().bytes, b"x");
    assert_eq!(cache.info().unwrap().journal, "delete");
}

#[test]
fn moving_to_a_network_file_system_drops_the_wal() {
    let fixture = Fixture::new();
    fixture.put(&parts(1), b"x");
    let Fixture { folder, cache, .. } = fixture;
    drop(cache);
    let cache = open_delete(folder.path());
    assert_eq!(pragma(&cache, "journal_mode"), "delete");
    assert_eq!(cache.get(&parts(1).key()).unwrap().unwrap().bytes, b"x");
}

#[test]
fn short_runs_do_not_grow_the_log() {
    let fixture = Fixture::new();
    let Fixture { folder, clock, cache } = fixture;
    drop(cache);
    for number in 0..60 {
        let cache = Cache::open(folder.path(), clock.clone()).unwrap();
        put(&cache, &parts(number), &noise(number, 90_000)).unwrap();
        drop(cache);
        assert!(log_length(folder.path()) < 2_000_000, "run {number}");
    }
}

#[test]
fn a_file_that_is_not_a_database_is_quarantined() {
    for garbage in [
        noise(1, 50_000),
        b"not a database, only a text that someone put here".to_vec(),
    ] {
        let fixture = Fixture::new();
        fixture.put(&parts(1), b"x");
        let Fixture { folder, clock, cache } = fixture;
        close_without_log(cache);
        let index = folder.path().join("v1/index.db");
        fs::write(&index, &garbage).unwrap();
        let cache = Cache::open(folder.path(), clock).unwrap();
        let aside = folder.path().join(format!("v1/quarantine/index-{START_MS}.db"));
        assert_eq!(fs::read(&aside).unwrap(), garbage);
        assert!(
            cache.warnings()[0].contains(aside.to_str().unwrap()),
            "{:?}",
            cache.warnings()
        );
        assert_eq!(cache.get(&parts(1).key()).unwrap(), None);
        put(&cache, &parts(1), b"y").unwrap();
    }
}

#[test]
fn an_empty_index_file_is_initialised() {
    let folder = folder();
    fs::create_dir_all(folder.path().join("v1")).unwrap();
    fs::write(folder.path().join("v1/index.db"), b"").unwrap();
    let cache = Cache::open(folder.path(), Arc::new(ManualClock::new(START_MS))).unwrap();
    assert_eq!(pragma(&cache, "page_size"), "8192");
    assert_eq!(cache.warnings(), [""; 0]);
}

/// Overwrites every page but the first, which holds the header.
fn damage_pages(index: &Path) {
    let mut file = File::options().write(true).open(index).unwrap();
    let length = file.metadata().unwrap().len();
    file.seek(SeekFrom::Start(8_192)).unwrap();
    file.write_all(&noise(1, usize::try_from(length).unwrap() - 8_192))
        .unwrap();
}

#[test]
fn a_damaged_index_is_replaced_once_unused() {
    let fixture = Fixture::new();
    fixture.put(&parts(1), b"x");
    let Fixture { folder, clock, cache } = fixture;
    close_without_log(cache);
    damage_pages(&folder.path().join("v1/index.db"));
    let open = || Cache::open(folder.path(), clock.clone()).unwrap();

    let cache = open();
    assert!(matches!(cache.get(&parts(1).key()), Err(CacheError::Damaged { .. })));
    let outcome = cache
        .get_or_compute(&parts(1), Mode::ReadWrite, &mut never_wait, computed(b"x"))
        .unwrap();
    assert_eq!(outcome.bytes, b"x");
    assert!(outcome.cache_warning.unwrap().contains("damaged"));

    let second = open();
    assert!(
        second.warnings()[0].contains("may be damaged"),
        "{:?}",
        second.warnings()
    );
    drop((cache, second));

    let cache = open();
    assert!(cache.warnings()[0].contains("starts empty"), "{:?}", cache.warnings());
    put(&cache, &parts(1), b"x").unwrap();
    drop(cache);
    assert_eq!(open().warnings(), [""; 0]);
}

#[test]
fn a_sound_index_is_not_replaced() {
    let fixture = Fixture::new();
    fixture.put(&parts(1), b"x");
    let Fixture { folder, clock, cache } = fixture;
    drop(cache);
    let marker = folder.path().join("v1/index.damaged");
    fs::write(&marker, b"").unwrap();
    let cache = Cache::open(folder.path(), clock).unwrap();
    assert_eq!(
        (cache.warnings(), marker.exists()),
        ([""; 0].map(String::from).as_slice(), false)
    );
    assert_eq!(cache.get(&parts(1).key()).unwrap().unwrap().bytes, b"x");
}

#[test]
fn a_newer_index_is_refused_and_kept() {
    let fixture = Fixture::new();
    fixture.put(&parts(1), b"x");
    fixture
        .cache
        .parts
        .storage
        .index
        .alter(|index| index.pragma_update(None, "user_version", 1_000))
        .unwrap();
    let refused = Cache::open(fixture.folder.path(), fixture.clock.clone()).unwrap_err();
    assert!(
        matches!(
            refused,
            CacheError::NewerIndex {
                found: 1_000,
                supported: 2,
                ..
            }
        ),
        "{refused}"
    );
    assert_eq!(fixture.cache.get(&parts(1).key()).unwrap().unwrap().bytes, b"x");
}

#[test]
fn an_uncreatable_folder_is_reported_with_a_remedy() {
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    let refused = Cache::open(&file.join("cache"), Arc::new(SystemClock))
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("file/cache/v1/objects") && refused.contains("--cache-dir"),
        "{refused}"
    );
}

#[test]
fn temporary_files_of_dead_writers_are_swept() {
    let fixture = Fixture::new();
    fs::write(fixture.path("tmp/1-0"), b"half").unwrap();
    let mut writer = fixture.cache.writer();
    writer.append(&noise(1, 200_000)).unwrap();
    let other = fixture.reopen();
    assert!(!fixture.path("tmp/1-0").exists());
    put(&other, &parts(2), b"y").unwrap();
    let guard = fixture.cache.lock(&parts(1).key(), &mut never_wait).unwrap();
    writer.commit(&guard, &parts(1), NewEntry::default()).unwrap();
    assert_eq!(other.get(&parts(1).key()).unwrap().unwrap().bytes, noise(1, 200_000));
}

#[test]
fn deleting_the_cache_in_use_loses_no_result() {
    let fixture = Fixture::new();
    fixture.put(&parts(1), &noise(1, 200_000));
    fs::remove_dir_all(fixture.folder.path().join("v1")).unwrap();
    for number in [1, 2] {
        let bytes = noise(number, 200_000);
        let ask = fixture
            .cache
            .get_or_compute(&parts(number), Mode::ReadWrite, &mut never_wait, computed(&bytes));
        let outcome = ask.unwrap();
        assert!(outcome.bytes == bytes && outcome.cache_warning.is_some());
    }
    put(&fixture.reopen(), &parts(1), b"x").unwrap();
}

#[test]
fn a_full_index_loses_no_result() {
    let fixture = Fixture::new();
    fixture
        .cache
        .parts
        .storage
        .index
        .alter(|index| index.query_row("PRAGMA max_page_count = 40", [], |_| Ok(())))
        .unwrap();
    let mut stored = 0;
    for number in 0..10 {
        let bytes = noise(number, 90_000);
        let ask = fixture
            .cache
            .get_or_compute(&parts(number), Mode::ReadWrite, &mut never_wait, computed(&bytes));
        let outcome = ask.unwrap();
        assert_eq!(
            (outcome.bytes == bytes, outcome.entry.is_none()),
            (true, outcome.cache_warning.is_some())
        );
        stored += i64::from(outcome.entry.is_some());
    }
    assert!((1..5).contains(&stored), "{stored}");
    assert_eq!((fixture.count("results"), fixture.count("blobs")), (stored, stored));
}

/// The magic numbers of statfs(2), including signed ones of some machines.
#[test]
fn network_file_systems_are_recognised_by_magic_number() {
    let (nfs, cifs, fuse): (u64, u64, u64) = (0x6969, 0xFF53_4D42, 0x6573_5546);
    for magic in [nfs, cifs, fuse, i64::from(cifs as i32) as u64] {
        assert!(layout::is_of_network(magic), "{magic:x}");
    }
    let (ext4, tmpfs, xfs, btrfs) = (0xEF53, 0x0102_1994, 0x5846_5342, 0x9123_683E);
    for magic in [ext4, tmpfs, xfs, btrfs] {
        assert!(!layout::is_of_network(magic), "{magic:x}");
    }
}

#[test]
fn local_file_systems_are_not_network_file_systems() {
    assert!(!layout::is_network_file_system(Path::new("/proc")));
    assert!(!layout::is_network_file_system(Path::new("/nowhere/at/all")));
}
