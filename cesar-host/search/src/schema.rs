//! Tables of the index, and connections to it.
//!
//! The file is derived from documents that are kept elsewhere. A file of an earlier schema is replaced by an empty one, which its user
//! fills again; nothing is migrated in place.

use std::path::Path;
use std::time::Duration;

use cesar_sqlite::Settings;
use rusqlite::Connection;

use crate::tokens;

/// The schema, with the version of the tokens that it holds.
pub(crate) const VERSION: i64 = 300 + tokens::VERSION;

/// The last transactions may be lost in a power cut, and are found by the next rebuild.
const SETTINGS: Settings = Settings {
    busy: Duration::from_secs(2),
    synchronous: "NORMAL",
    log_bytes: 16 << 20,
};

/// - `entries`: one per document. Of the documents of one recording and task, the one last given to a user is `current` (1), as is the last one
///   of each other holder (2); only these are in `words`.
/// - `texts`: the segments, as JSON.
/// - `sources`: who holds the document. An entry without a source is removed.
/// - `words`: the inverted index over the tokens of `texts`, without a copy of them.
const SQL: &str = "
    CREATE TABLE entries (
        id          INTEGER PRIMARY KEY,
        key         BLOB    NOT NULL UNIQUE CHECK (length(key) = 32),
        content     BLOB    NOT NULL CHECK (length(content) = 32),
        media       TEXT    NOT NULL,
        pcm         TEXT    NOT NULL,
        task        TEXT    NOT NULL,
        language    TEXT,
        created     TEXT    NOT NULL,
        day         INTEGER NOT NULL,
        duration_ms INTEGER NOT NULL,
        offset_ms   INTEGER NOT NULL,
        given_ms    INTEGER NOT NULL,
        current     INTEGER NOT NULL CHECK (current IN (0, 1, 2))
    ) STRICT;
    CREATE INDEX entries_recording ON entries (media, pcm, task, id);
    CREATE INDEX entries_day ON entries (day, id);
    CREATE TABLE texts (entry INTEGER PRIMARY KEY, segments TEXT NOT NULL) STRICT;
    CREATE TABLE speakers (entry INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (entry, name)) STRICT, WITHOUT ROWID;
    CREATE TABLE sources (
        holder TEXT NOT NULL, id TEXT NOT NULL, entry INTEGER NOT NULL, title TEXT NOT NULL,
        PRIMARY KEY (holder, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sources_entry ON sources (entry, holder);
    CREATE TABLE state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE VIRTUAL TABLE words USING fts5(text, content='', tokenize='ascii', prefix='2 3');
    INSERT INTO words (words, rank) VALUES ('secure-delete', 1);
";

/// Opens a file that exists.
pub(crate) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = cesar_sqlite::connect(path, &SETTINGS)?;
    connection.pragma_update(None, "cache_size", -16_000)?;
    Ok(connection)
}

/// Makes the tables in an empty file.
pub(crate) fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(SQL)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}
