//! The store: revisions, conflicts, bounds and files that are not to be trusted.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use cesar_base::{Digest, ManualClock, MemoryRecords};
use serde_json::json;

use super::documents::operations;
use crate::store::VERSION;
use crate::{Corrections, CorrectionsError, Operation, StoreOptions};

pub(super) const START_MS: i64 = 1_767_225_600_000;

/// An empty folder, in memory where the system has such a file system: thousands of syncs take minutes on a disk.
pub(super) fn folder() -> tempfile::TempDir {
    tempfile::TempDir::new_in("/dev/shm")
        .or_else(|_| tempfile::TempDir::new())
        .unwrap()
}

pub(super) fn options() -> StoreOptions {
    StoreOptions {
        clock: Arc::new(ManualClock::new(START_MS)),
        ..StoreOptions::default()
    }
}

pub(super) fn open(folder: &Path) -> Corrections {
    Corrections::open(folder, options()).unwrap()
}

pub(super) fn media() -> Digest {
    Digest::of(b"recording")
}

pub(super) fn rename(name: &str) -> Vec<Operation> {
    operations(json!([{ "op": "rename_speaker", "speaker": "Speaker 1", "name": name }]))
}

#[test]
fn a_new_database_has_its_pragmas() {
    let folder = folder();
    let store = open(folder.path());
    let pragma = |name: &str| {
        let value = store.inspect(|connection| {
            connection.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
        });
        format!("{:?}", value.unwrap())
    };
    for (name, value) in [
        ("journal_mode", "Text(\"wal\")"),
        ("synchronous", "Integer(2)"),
        ("user_version", "Integer(1)"),
        ("application_id", "Integer(1128616771)"),
    ] {
        assert_eq!(pragma(name), value, "{name}");
    }
    let mode = std::fs::metadata(folder.path().join("corrections.db"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// A schema that was published is never edited: files with it exist.
#[test]
fn golden_schema() {
    assert_eq!(VERSION, 1);
    let schema = Digest::of(include_bytes!("../store/schema_1.sql"));
    assert_eq!(
        schema.to_string(),
        "4da290fe1d925a01c4150fc00cead4e12101dbe0b36cc2dc30c9522c58566c43"
    );
}

/// The stores.
enum Place {
    File(tempfile::TempDir),
    Shared(Arc<MemoryRecords>),
}

impl Place {
    fn open(&self, options: StoreOptions) -> Corrections {
        match self {
            Self::File(folder) => Corrections::open(folder.path(), options).unwrap(),
            Self::Shared(records) => Corrections::shared(records.clone(), options),
        }
    }
}

/// The tests that run on each store.
macro_rules! each {
    ($($test:ident),* $(,)?) => {
        mod file {
            $(#[test] fn $test() { super::$test(&super::Place::File(super::folder())); })*
        }
        mod shared {
            $(#[test] fn $test() { super::$test(&super::Place::Shared(std::sync::Arc::default())); })*
        }
    };
}

each!(
    revisions_survive_closing,
    a_batch_for_another_revision_is_refused,
    cleared_revisions_are_never_numbered_again,
    the_corrections_of_a_recording_are_bounded,
    a_batch_that_is_too_long_is_refused_by_itself,
    the_revision_of_each_recording_is_listed,
);

fn the_revision_of_each_recording_is_listed(place: &Place) {
    let store = place.open(options());
    assert_eq!(store.revisions().unwrap(), []);
    store.append(&media(), 0, "ann", &rename("Ann")).unwrap();
    store.append(&media(), 1, "ann", &rename("Bo")).unwrap();
    let other = Digest::of(b"other");
    store.append(&other, 0, "ann", &rename("Ann")).unwrap();
    store.clear(&media()).unwrap();
    let mut revisions = place.open(options()).revisions().unwrap();
    revisions.sort();
    let mut expected = [(media(), 3), (other, 1)];
    expected.sort();
    assert_eq!(revisions, expected);
}

fn revisions_survive_closing(place: &Place) {
    let two = {
        let store = place.open(options());
        assert_eq!(store.append(&media(), 0, "ann", &rename("Ann")).unwrap(), 1);
        assert_eq!(store.append(&media(), 1, "bo", &rename("Bo")).unwrap(), 2);
        store.history(&media()).unwrap()
    };
    assert_eq!(place.open(options()).history(&media()).unwrap(), two);
    let authors: Vec<&str> = two.revisions.iter().map(|kept| kept.author.as_str()).collect();
    assert_eq!((two.current, authors), (2, vec!["ann", "bo"]));
    assert_eq!(two.views()[1].created_at, "2026-01-01T00:00:00Z");
    let other = place.open(options()).history(&Digest::of(b"other")).unwrap();
    assert_eq!(other.current, 0);
}

fn a_batch_for_another_revision_is_refused(place: &Place) {
    let (store, other) = (place.open(options()), place.open(options()));
    store.append(&media(), 0, "ann", &rename("Ann")).unwrap();
    let error = other.append(&media(), 0, "bo", &rename("Bo")).unwrap_err();
    assert!(
        matches!(
            error,
            CorrectionsError::Conflict {
                expected: 0,
                current: 1
            }
        ),
        "{error}"
    );
    assert!(store.append(&media(), 7, "ann", &rename("Ann")).is_err());
    assert_eq!(store.history(&media()).unwrap().revisions.len(), 1);
}

fn cleared_revisions_are_never_numbered_again(place: &Place) {
    let store = place.open(options());
    assert_eq!(store.clear(&media()).unwrap(), 0);
    store.append(&media(), 0, "ann", &rename("Ann")).unwrap();
    store.append(&media(), 1, "ann", &rename("Bo")).unwrap();
    assert_eq!(store.clear(&media()).unwrap(), 2);
    let history = store.history(&media()).unwrap();
    assert_eq!((history.current, history.cleared, history.is_empty()), (3, 3, true));
    assert_eq!(store.clear(&media()).unwrap(), 0, "there is nothing to remove");
    assert!(
        store.append(&media(), 2, "bo", &rename("Bo")).is_err(),
        "the revision before is another one"
    );
    assert_eq!(store.append(&media(), 3, "bo", &rename("Bo")).unwrap(), 4);
}

fn the_corrections_of_a_recording_are_bounded(place: &Place) {
    let options = StoreOptions {
        max_bytes: 300,
        ..options()
    };
    let store = place.open(options);
    store.append(&media(), 0, "ann", &rename("Ann")).unwrap();
    store.append(&media(), 1, "ann", &rename("Bo")).unwrap();
    let error = store.append(&media(), 2, "ann", &rename("Cy")).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("and 300 are kept; `cesar edit --clear` removes all of them"),
        "{error}"
    );
    assert_eq!(store.history(&media()).unwrap().current, 2);
    store.clear(&media()).unwrap();
    store.append(&media(), 3, "ann", &rename("Cy")).unwrap();
}

fn a_batch_that_is_too_long_is_refused_by_itself(place: &Place) {
    let options = StoreOptions {
        max_bytes: 300,
        ..options()
    };
    let store = place.open(options);
    let error = store.append(&media(), 0, "ann", &rename(&"A".repeat(300))).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("at most 300 are accepted at a time; apply it in parts"),
        "{text}"
    );
    assert!(!text.contains("--clear"), "there is no history to remove");
}

#[test]
fn reading_makes_no_database() {
    let folder = folder();
    assert!(Corrections::open_existing(folder.path(), options()).unwrap().is_none());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_damaged_database_is_refused_and_left_alone() {
    let folder = folder();
    let path = folder.path().join("corrections.db");
    drop(open(folder.path()));
    for name in ["corrections.db-wal", "corrections.db-shm"] {
        let _ = std::fs::remove_file(folder.path().join(name));
    }
    std::fs::write(&path, b"no database at all, but bytes of another program").unwrap();
    let error = Corrections::open(folder.path(), options()).unwrap_err();
    assert!(matches!(error, CorrectionsError::Damaged { .. }), "{error}");
    assert!(
        error
            .to_string()
            .ends_with("restore it from a backup, or move it away to continue without corrections")
    );
    assert_eq!(
        std::fs::read(&path).unwrap(),
        b"no database at all, but bytes of another program"
    );
}

#[test]
fn a_newer_schema_is_refused() {
    let folder = folder();
    drop(open(folder.path()));
    let connection = rusqlite::Connection::open(folder.path().join("corrections.db")).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let error = Corrections::open(folder.path(), options()).unwrap_err();
    assert!(
        matches!(
            error,
            CorrectionsError::Newer {
                found: 99,
                supported: 1,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_database_that_lost_its_version_or_a_table_is_damaged() {
    let spoil = |sql: &str| {
        let folder = folder();
        open(folder.path()).append(&media(), 0, "ann", &rename("Ann")).unwrap();
        let connection = rusqlite::Connection::open(folder.path().join("corrections.db")).unwrap();
        connection.execute_batch(sql).unwrap();
        drop(connection);
        let opened = Corrections::open(folder.path(), options());
        opened.and_then(|store| store.history(&media())).unwrap_err()
    };
    for sql in [
        "PRAGMA user_version = 0",
        "PRAGMA user_version = -3",
        "DROP TABLE revisions",
    ] {
        let error = spoil(sql);
        assert!(matches!(error, CorrectionsError::Damaged { .. }), "{sql}: {error}");
    }
}

#[test]
fn cleared_corrections_leave_no_words_in_the_files() {
    let folder = folder();
    let corrections = open(folder.path());
    corrections.append(&media(), 0, "Ann", &rename("gnusecret")).unwrap();
    let occurs = || {
        let files = ["corrections.db", "corrections.db-wal"];
        files.iter().any(|name| {
            let bytes = std::fs::read(folder.path().join(name)).unwrap_or_default();
            bytes.windows(9).any(|window| window == b"gnusecret")
        })
    };
    assert!(occurs());
    assert_eq!(corrections.clear(&media()).unwrap(), 1);
    assert!(!occurs());
}
