use std::path::Path;
use std::time::Duration;

use cesar_base::Io;
use rusqlite::Connection;

use super::*;

const SCHEMA: Schema = Schema {
    migrations: &["CREATE TABLE one (text TEXT)", "CREATE TABLE two (text TEXT)"],
    application_id: 7,
};

const SETTINGS: Settings = Settings {
    busy: Duration::from_secs(1),
    synchronous: "FULL",
    log_bytes: 1 << 20,
};

fn prepare(path: &Path) -> Result<(), OpenError> {
    SCHEMA.prepare(path, &SETTINGS, &Io::real())
}

fn set_version(path: &Path, version: i64) {
    let connection = Connection::open(path).unwrap();
    connection.pragma_update(None, "user_version", version).unwrap();
}

#[test]
fn a_file_is_made_and_migrated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("below").join("a.db");
    prepare(&path).unwrap();
    let connection = connect(&path, &SETTINGS).unwrap();
    assert_eq!(version(&connection).unwrap(), 2);
    connection.execute("INSERT INTO two VALUES ('kept')", []).unwrap();
    assert!(empty_log(&connection).unwrap());
    prepare(&path).unwrap();
    let count: i64 = connection
        .query_row("SELECT count(*) FROM two", [], |row| row.get(0))
        .unwrap();
    assert_eq!(count, 1);
}

#[test]
fn files_of_others_are_damaged_and_stay() {
    for version in [0, -1] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        prepare(&path).unwrap();
        set_version(&path, version);
        let Err(OpenError::Sql { source, .. }) = prepare(&path) else {
            panic!("version {version} is accepted")
        };
        assert!(matches!(source.meaning(), Meaning::Damaged));
        let connection = connect(&path, &SETTINGS).unwrap();
        assert_eq!(self::version(&connection).unwrap(), version);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    prepare(&path).unwrap();
    set_version(&path, 9);
    assert!(matches!(prepare(&path), Err(OpenError::Newer { found: 9 })));
}

#[test]
fn missing_tables_are_damage_without_sql() {
    let connection = Connection::open_in_memory().unwrap();
    let error = connection.prepare("SELECT secret FROM missing").unwrap_err();
    assert!(matches!(SqlError::from(error).meaning(), Meaning::Damaged));
}

#[test]
fn removed_text_leaves_file_and_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    prepare(&path).unwrap();
    let connection = connect(&path, &SETTINGS).unwrap();
    connection.execute("INSERT INTO one VALUES ('gnusecret')", []).unwrap();
    connection.execute("DELETE FROM one", []).unwrap();
    assert!(empty_log(&connection).unwrap());
    for name in ["a.db", "a.db-wal"] {
        let bytes = std::fs::read(folder.path().join(name)).unwrap_or_default();
        assert!(!bytes.windows(9).any(|window| window == b"gnusecret"), "{name}");
    }
}

#[test]
fn old_versions_of_sqlite_are_not_safe() {
    assert!(is_safe(3_051_003) && !is_safe(3_051_002) && is_safe(rusqlite::version_number()));
}
