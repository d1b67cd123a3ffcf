//! Opening the index: creating it, migrating it, and replacing it when it is damaged.
//!
//! An existing index that is up to date is opened with only a shared lock. It is created and migrated under
//! `setup.lock`, so that of many processes that open a new folder at once, one creates it and the others find it; in
//! particular, no process changes the journal mode of a file in use.
//!
//! A damaged index is renamed only while `use.lock` is held exclusively, that is, while no other process has the cache
//! open: renaming a database in use would let two files share one log. The damage is checked again under the lock,
//! because another process may have replaced the index in the meantime.

use std::path::Path;
use std::time::Duration;

use cesar_base::Io;
use cesar_sqlite::{SqlError, SqlResult, has_tables, is_safe, version};
use rusqlite::Connection;

use super::connection::{BUSY_TIMEOUT, Journal, connect, explain, journal_of, with_suffix};
use super::database::Index;
use super::schema;
use crate::error::{CacheError, IoContext, Result};
use crate::file_lock::{CacheLock, Sharing};
use crate::layout::Layout;

/// Maximum wait for the others to close a damaged index.
const REPLACE_TIMEOUT: Duration = Duration::from_millis(200);

/// An open index, with the shared lock that marks it as in use, and a warning about its opening.
pub(crate) struct Opened {
    pub(crate) index: Index,
    pub(crate) in_use: CacheLock,
    pub(crate) warning: Option<String>,
}

/// Opens the index; a damaged one is quarantined first.
pub(crate) fn open_or_replace(layout: &Layout, io: &Io, journal: Journal, now_ms: i64) -> Result<Opened> {
    if !is_safe(rusqlite::version_number()) {
        return Err(CacheError::OldSqlite {
            found: rusqlite::version(),
        });
    }
    let in_use = CacheLock::acquire(&layout.use_lock(), Sharing::Shared, io)?;
    let suspected = layout.damage_marker().exists();
    let first = open(layout, io, journal);
    match first {
        Ok(index) if !suspected => {
            return Ok(Opened {
                index,
                in_use,
                warning: None,
            });
        }
        Err(error) if !matches!(error, CacheError::Damaged { .. }) => return Err(error),
        _ => {}
    }
    // This process's own connection and shared lock would block the replacement.
    let usable = first.is_ok();
    drop((first, in_use));
    let warning = match replace(layout, io, now_ms) {
        Err(CacheError::Busy { .. }) if usable => Some(format!(
            "the cache index `{}` may be damaged; it will be checked once no other Cesar process uses it",
            layout.index().display()
        )),
        Err(CacheError::Busy { .. }) => return Err(CacheError::Damaged { path: layout.index() }),
        result => result?,
    };
    let in_use = CacheLock::acquire(&layout.use_lock(), Sharing::Shared, io)?;
    Ok(Opened {
        index: open(layout, io, journal)?,
        in_use,
        warning,
    })
}

fn open(layout: &Layout, io: &Io, journal: Journal) -> Result<Index> {
    let (path, damage_marker) = (layout.index(), layout.damage_marker());
    let mut ready = open_existing(&path, io, journal).map_err(|error| explain("open", &path, error))?;
    if ready.as_ref().is_none_or(|ready| ready.needs_set_up(journal)) {
        drop(ready);
        let _setup = CacheLock::acquire(&layout.setup_lock(), Sharing::Exclusive, io)?;
        set_up(&path, io, journal).map_err(|error| explain("create", &path, error))?;
        ready = open_existing(&path, io, journal).map_err(|error| explain("open", &path, error))?;
    }
    match ready {
        Some(ready) if ready.version > schema::VERSION => Err(CacheError::NewerIndex {
            path,
            found: ready.version,
            supported: schema::VERSION,
        }),
        Some(Existing {
            reader,
            version: schema::VERSION,
            journal,
        }) => Ok(Index {
            path,
            damage_marker,
            io: io.clone(),
            journal,
            reader: reader.into(),
            writer: None.into(),
        }),
        _ => Err(CacheError::Damaged { path }),
    }
}

/// The reading connection to an existing index, and the properties of its file.
struct Existing {
    reader: Connection,
    version: i64,
    journal: Journal,
}

impl Existing {
    /// Whether it must be migrated, or lose a log that does not work on its present file system.
    fn needs_set_up(&self, wanted: Journal) -> bool {
        self.version < schema::VERSION || (wanted == Journal::Delete && self.journal == Journal::Wal)
    }
}

fn open_existing(path: &Path, io: &Io, journal: Journal) -> SqlResult<Option<Existing>> {
    io.step()?;
    if !path.exists() {
        return Ok(None);
    }
    let reader = connect(path, journal)?;
    reader.pragma_update(None, "query_only", true)?;
    let (version, journal) = (version(&reader)?, journal_of(&reader)?);
    Ok(Some(Existing {
        reader,
        version,
        journal,
    }))
}

/// Creates or migrates the index, under `setup.lock`.
fn set_up(path: &Path, io: &Io, journal: Journal) -> SqlResult<()> {
    io.step()?;
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    match version(&connection)? {
        0 if has_tables(&connection)? => return Err(SqlError::Unversioned),
        version if version > schema::VERSION => return Ok(()),
        _ => {}
    }
    schema::prepare_file(&connection)?;
    let mode = match journal {
        Journal::Wal => "WAL",
        Journal::Delete => "DELETE",
    };
    // SQLite returns and uses the mode that it could set.
    connection.pragma_update_and_check(None, "journal_mode", mode, |_| Ok(()))?;
    schema::migrate(&mut connection, io)
}

/// Quarantines a damaged index while no other process uses the cache. Returns a warning; `None` when it was sound.
fn replace(layout: &Layout, io: &Io, now_ms: i64) -> Result<Option<String>> {
    let _alone = CacheLock::acquire_within(&layout.use_lock(), Sharing::Exclusive, io, REPLACE_TIMEOUT)?;
    let (path, marker) = (layout.index(), layout.damage_marker());
    let sound = !path.exists() || is_sound(&path);
    let aside = layout.quarantine().join(format!("index-{now_ms}.db"));
    if !sound {
        for suffix in ["-wal", "-shm", ""] {
            let (from, to) = (with_suffix(&path, suffix), with_suffix(&aside, suffix));
            if from.exists() {
                io.rename(&from, &to).context("set aside", &from)?;
            }
        }
        io.sync_folder(layout.versioned()).context("sync", layout.versioned())?;
    }
    if marker.exists() {
        io.remove(&marker).context("remove", &marker)?;
    }
    Ok((!sound).then(|| {
        format!(
            "the cache index was damaged, so the cache starts empty; the damaged file is kept as `{}`, delete it if you do not need it",
            aside.display()
        )
    }))
}

fn is_sound(path: &Path) -> bool {
    let check = || -> SqlResult<bool> {
        let connection = connect(path, Journal::Wal)?;
        let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        let has_schema = match version(&connection)? {
            0 => !has_tables(&connection)?,
            _ => connection.prepare("SELECT 1 FROM results, contents").is_ok(),
        };
        Ok(verdict == "ok" && has_schema)
    };
    check().unwrap_or(false)
}
