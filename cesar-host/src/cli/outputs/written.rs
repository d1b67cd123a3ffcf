//! Record of written files and their recordings. A new transcript only replaces one of the same recording.
//!
//! A small database in the user's state folder, shared by processes. Without it, no file is replaced: a transcript gets another
//! name if a different file exists.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cesar_base::Digest;
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension as _, params};

/// Number of remembered files: the most recent ones.
const MOST: u32 = 100_000;
const TIMEOUT: Duration = Duration::from_secs(5);

/// The written files.
pub(super) struct Written {
    database: Option<Mutex<Connection>>,
}

impl Written {
    /// Opens the record in a folder, if it can be written.
    pub(super) fn open(folder: Option<&Path>) -> Self {
        let opened = folder.and_then(|folder| match open(folder) {
            Ok(database) => Some(Mutex::new(database)),
            Err(error) => {
                tracing::debug!("cannot open the record of written files: {error}");
                None
            }
        });
        Self { database: opened }
    }

    /// The recording for which a file with these bytes was written.
    pub(super) fn media_of(&self, file: &Path, content: &Digest) -> Option<Digest> {
        let (written, media) = self.find(file)?;
        (written == *content).then_some(media)
    }

    fn find(&self, file: &Path) -> Option<(Digest, Digest)> {
        let name = key(file)?;
        let found = self.with(|database| {
            database
                .prepare_cached("SELECT content, media FROM written WHERE path = ?1")?
                .query_row(params![name.as_os_str().as_bytes()], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()
        });
        let (content, media) = found??;
        Some((Digest::from_bytes(content), Digest::from_bytes(media)))
    }

    /// Records a file written for the recording.
    pub(super) fn remember(&self, file: &Path, content: &Digest, media: &Digest) {
        let Some(name) = key(file) else { return };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        self.with(|database| {
            database
                .prepare_cached("INSERT OR REPLACE INTO written (path, content, media, at_ms) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![
                    name.as_os_str().as_bytes(),
                    content.as_bytes(),
                    media.as_bytes(),
                    now
                ])
        });
    }

    fn with<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Option<T> {
        let database = self.database.as_ref()?;
        let database = database.lock();
        work(&database)
            .inspect_err(|error| tracing::debug!("cannot use the record of written files: {error}"))
            .ok()
    }
}

/// The file's canonical path.
fn key(file: &Path) -> Option<PathBuf> {
    std::fs::canonicalize(file).ok()
}

fn open(folder: &Path) -> anyhow::Result<Connection> {
    std::fs::create_dir_all(folder)?;
    let database = Connection::open(folder.join("written.db"))?;
    database.busy_timeout(TIMEOUT)?;
    database.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = NORMAL;
         CREATE TABLE IF NOT EXISTS written (
             path BLOB PRIMARY KEY, content BLOB NOT NULL, media BLOB NOT NULL, at_ms INTEGER NOT NULL
         ) WITHOUT ROWID;
         CREATE INDEX IF NOT EXISTS written_at ON written (at_ms);",
    )?;
    database.execute(
        "DELETE FROM written WHERE at_ms <= (SELECT at_ms FROM written ORDER BY at_ms DESC LIMIT 1 OFFSET ?1)",
        params![MOST],
    )?;
    Ok(database)
}
