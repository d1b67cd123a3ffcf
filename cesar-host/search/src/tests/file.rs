//! The file: damage, versions, permissions, several processes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use super::{Library, document, source};
use crate::{Entry, Filter, Index, Presence, Search, SearchError};

#[test]
fn an_index_is_kept_and_private() {
    let library = Library::new();
    library.say("talk", &["The ferry."]);
    library.index.set_built().unwrap();
    let again = Index::open(library.path()).unwrap();
    assert_eq!((again.count().unwrap(), again.is_built().unwrap()), (1, true));
    for name in ["search.db", "search.db-wal"] {
        let mode = fs::metadata(library.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_damaged_file_is_replaced_by_an_empty_one() {
    for damage in [&b"no database, but long enough to look like one"[..], b"", &[0; 8192]] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("search.db"), damage).unwrap();
        let index = Index::open(folder.path()).unwrap();
        assert_eq!((index.count().unwrap(), index.is_built().unwrap()), (0, false));
    }
}

#[test]
fn damage_inside_is_reported_and_can_be_replaced() {
    let library = Library::new();
    for number in 0..200 {
        library.say(&format!("{number}"), &[&format!("word{number} and the ferry")]);
    }
    let folder = tempfile::tempdir().unwrap();
    library.index.forget_log();
    let path = folder.path().join("search.db");
    let mut bytes = fs::read(library.path().join("search.db")).unwrap();
    let pages = bytes.len() / 4096;
    // All but the first pages, which are read when the file is opened.
    for byte in &mut bytes[4096 * (pages / 4)..] {
        *byte ^= 0x5a;
    }
    fs::write(&path, bytes).unwrap();
    let index = Index::open(folder.path()).unwrap();
    let query = "ferry".parse().unwrap();
    let search = Search {
        query: &query,
        filter: &Filter::default(),
        limit: 20,
        after: None,
    };
    let error = index.find(&search, &|_| Presence::Present).unwrap_err();
    assert!(error.is_damage(), "{error}");
    index.recreate().unwrap();
    assert!(index.find(&search, &|_| Presence::Present).unwrap().hits.is_empty());
    assert_eq!(index.count().unwrap(), 0);
}

#[test]
fn a_later_schema_is_refused_and_left_alone() {
    let library = Library::new();
    library.say("talk", &["The ferry."]);
    let path = library.path().join("search.db");
    let later = rusqlite::Connection::open(&path).unwrap();
    later.pragma_update(None, "user_version", 9_999).unwrap();
    drop(later);
    let error = Index::open(library.path()).unwrap_err();
    assert!(matches!(error, SearchError::Newer { found: 9_999, .. }), "{error}");
    assert!(error.to_string().contains("cesar search --reindex"));
    Index::discard(library.path()).unwrap();
    assert_eq!(Index::open(library.path()).unwrap().count().unwrap(), 0);
}

#[test]
fn an_earlier_schema_is_replaced() {
    let library = Library::new();
    library.say("talk", &["The ferry."]);
    let earlier = rusqlite::Connection::open(library.path().join("search.db")).unwrap();
    earlier.pragma_update(None, "user_version", 1).unwrap();
    drop(earlier);
    assert_eq!(Index::open(library.path()).unwrap().count().unwrap(), 0);
}

/// Stores documents with words of their own, and one that all processes store.
fn fill(folder: &Path, name: &str) {
    let index = Index::open(folder).unwrap();
    for number in 0..30 {
        let word = format!("{name}x{number}");
        let own = document(&word, "2026-01-01T00:00:00Z", &[("", &format!("{word} ferry"))]);
        let shared = document("shared", "2026-01-01T00:00:00Z", &[("", "shared ferry")]);
        for (document, id) in [(&own, word.as_str()), (&shared, "shared")] {
            let entry = Entry {
                key: cesar_base::Digest::of(id.as_bytes()),
                document,
                source: &source(id),
                title: id,
                given_ms: 0,
            };
            // The others may hold the lock for longer than a statement waits, on a busy machine.
            while let Err(error) = index.store(&entry) {
                assert!(!error.is_damage(), "{error}");
            }
        }
    }
}

/// The other process of [`processes_share_the_file`], and nothing by itself.
#[test]
fn fill_from_another_process() {
    if let Some(folder) = std::env::var_os("CESAR_SEARCH_TEST_FOLDER") {
        fill(Path::new(&folder), &format!("p{}", std::process::id()));
    }
}

#[test]
fn processes_share_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let program = std::env::current_exe().unwrap();
    let others: Vec<_> = (0..2)
        .map(|_| {
            Command::new(&program)
                .args(["--exact", "tests::file::fill_from_another_process"])
                .env("CESAR_SEARCH_TEST_FOLDER", folder.path())
                .spawn()
                .unwrap()
        })
        .collect();
    fill(folder.path(), "here");
    for mut other in others {
        assert!(other.wait().unwrap().success());
    }
    let index = Index::open(folder.path()).unwrap();
    assert_eq!(index.count().unwrap(), 3 * 30 + 1);
    let query = "here* ferry".parse().unwrap();
    let search = Search {
        query: &query,
        filter: &Filter::default(),
        limit: 100,
        after: None,
    };
    assert_eq!(index.find(&search, &|_| Presence::Present).unwrap().hits.len(), 30);
}

#[test]
fn threads_read_while_one_writes() {
    let library = Arc::new(Library::new());
    let writer = {
        let library = Arc::clone(&library);
        thread::spawn(move || (0..50).for_each(|number| library.say(&format!("{number}"), &["The ferry."])))
    };
    while !writer.is_finished() {
        library.find("ferry");
    }
    writer.join().unwrap();
    assert_eq!(library.page("ferry", &Filter::default(), 100, None).hits.len(), 50);
}
