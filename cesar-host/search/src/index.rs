//! The file of the index: opening, and starting over when it is damaged.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use cesar_base::Digest;
use cesar_sqlite::empty_log;
use parking_lot::Mutex;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::entry::Source;
use crate::error::{Result, SearchError};
use crate::schema;

/// The index of one data folder. Any number of processes may use it at once.
#[derive(Debug)]
pub struct Index {
    path: PathBuf,
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
}

impl Index {
    /// Opens `search.db` in this folder. Missing files are made; a damaged file, and one of an earlier schema, is replaced by an empty one
    /// ([`Index::is_built`]).
    ///
    /// # Errors
    /// [`SearchError::Newer`]; when the disk refuses.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join("search.db");
        match Self::connect(&path) {
            Ok(Some(index)) => return Ok(index),
            Err(error) if !error.is_damage() => return Err(error),
            Ok(None) | Err(_) => {}
        }
        fs::create_dir_all(folder).map_err(|source| SearchError::io(folder, source))?;
        let _alone = lock(folder)?;
        // Another process may have been faster.
        let damaged = match Self::connect(&path) {
            Ok(Some(index)) => return Ok(index),
            Ok(None) => None,
            Err(error) if error.is_damage() => Some(error),
            Err(error) => return Err(error),
        };
        if let Some(error) = damaged {
            tracing::warn!("{error}; starting with an empty one");
        }
        make(&path)?;
        Self::connect(&path)?.ok_or(SearchError::Damaged { path })
    }

    /// The index when it is there and of this schema.
    fn connect(path: &Path) -> Result<Option<Self>> {
        if !path.exists() {
            return Ok(None);
        }
        let open = || {
            let writer = schema::connect(path)?;
            let version = cesar_sqlite::version(&writer)?;
            let reader = schema::connect(path)?;
            reader.pragma_update(None, "query_only", true)?;
            Ok((writer, reader, version))
        };
        let (writer, reader, version) = open().map_err(|error| SearchError::sqlite(path, error))?;
        if version > schema::VERSION {
            return Err(SearchError::Newer {
                path: path.to_owned(),
                found: version,
                supported: schema::VERSION,
            });
        }
        Ok((version == schema::VERSION).then(|| Self {
            path: path.to_owned(),
            writer: Mutex::new(writer),
            reader: Mutex::new(reader),
        }))
    }

    /// Replaces the file by an empty one. Other processes that have it open keep the old one until they end.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn recreate(&self) -> Result<()> {
        let (mut writer, mut reader) = (self.writer.lock(), self.reader.lock());
        Self::discard(self.folder())?;
        let Self {
            writer: new_writer,
            reader: new_reader,
            ..
        } = Self::open(self.folder())?;
        (*writer, *reader) = (new_writer.into_inner(), new_reader.into_inner());
        Ok(())
    }

    /// Removes the file of a folder, whatever is in it.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn discard(folder: &Path) -> Result<()> {
        if !folder.join("search.db").exists() {
            return Ok(());
        }
        let _alone = lock(folder)?;
        remove(&folder.join("search.db"))
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// Whether the index has been filled with the documents that were there before it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn is_built(&self) -> Result<bool> {
        Ok(self.state("built")? != 0)
    }

    /// Records that it has.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set_built(&self) -> Result<()> {
        self.set_state("built", 1)
    }

    /// Last comparison of sources with their holders, in ms since 1970; 0 when never.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn reconciled_ms(&self) -> Result<i64> {
        self.state("reconciled_ms")
    }

    /// Records when.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set_reconciled(&self, now_ms: i64) -> Result<()> {
        self.set_state("reconciled_ms", now_ms)
    }

    /// The revision of a recording's corrections that [`Self::set_revision`] recorded; 0 when none.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn revision(&self, media: &Digest) -> Result<u64> {
        Ok(self.state(&format!("corrections {media}"))?.unsigned_abs())
    }

    /// Records that the words are those of this revision.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set_revision(&self, media: &Digest, revision: u64) -> Result<()> {
        let value = i64::try_from(revision).unwrap_or(i64::MAX);
        self.set_state(&format!("corrections {media}"), value)
    }

    /// Whether a source holds a document.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn holds(&self, source: &Source) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM sources WHERE holder = ?1 AND id = ?2)";
        self.read(|connection| connection.query_row(sql, [&source.holder, &source.id], |row| row.get(0)))
    }

    /// The number of documents.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn count(&self) -> Result<u64> {
        self.read(|connection| connection.query_row("SELECT count(*) FROM entries", [], |row| row.get(0)))
    }

    pub(crate) fn state(&self, name: &str) -> Result<i64> {
        let sql = "SELECT coalesce((SELECT value FROM state WHERE name = ?1), 0)";
        self.read(|connection| connection.query_row(sql, [name], |row| row.get(0)))
    }

    pub(crate) fn set_state(&self, name: &str, value: i64) -> Result<()> {
        let sql = "INSERT INTO state VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value";
        self.write(|transaction| transaction.execute(sql, (name, value)).map(drop))
    }

    /// Reads, in one snapshot.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        let mut connection = self.reader.lock();
        let read = || {
            let transaction = connection.transaction()?;
            work(&transaction)
        };
        read().map_err(|error| SearchError::sqlite(&self.path, error))
    }

    /// Writes, all or nothing.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T> {
        let mut connection = self.writer.lock();
        let write = || {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        };
        write().map_err(|error| SearchError::sqlite(&self.path, error))
    }

    /// Empties the log, which has the pages of before. While another process reads, part of it stays until the next time.
    pub(crate) fn forget_log(&self) {
        let emptied = empty_log(&self.writer.lock());
        if !matches!(emptied, Ok(true)) {
            tracing::debug!("the log of the search index is still in use: {emptied:?}");
        }
    }
}

/// Makes an empty index in place of what is there.
fn make(path: &Path) -> Result<()> {
    remove(path)?;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.map_err(|source| SearchError::io(path, source))?;
    let create = || schema::create(&mut schema::connect(path)?);
    create().map_err(|error| SearchError::sqlite(path, error))
}

/// Removes the file and those beside it.
fn remove(path: &Path) -> Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match fs::remove_file(&name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(SearchError::io(Path::new(&name), error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The lock under which the file is made or removed.
fn lock(folder: &Path) -> Result<File> {
    let path = folder.join("search.lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path);
    let locked = file.and_then(|file| file.lock().map(|()| file));
    locked.map_err(|source| SearchError::io(&path, source))
}
