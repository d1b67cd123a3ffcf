//! Record of the recordings that have their transcripts.
//!
//! A small database in the user's state folder. With it, a start with 100,000 recordings that were processed reads none of them; a
//! recording that was renamed or has grown takes its transcript along. Without it, the cache and the existing files decide.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cesar_base::{Digest, FileStamp};
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::settle::is_same;
use crate::cli::outputs::Replaced;

/// Number of remembered recordings: the most recent ones.
const MOST: u32 = 1_000_000;
const TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum length of the part of a recording that is compared when it has grown.
const SAMPLE: u64 = 1 << 20;

/// A transcribed recording.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    recording: PathBuf,
    stamp: FileStamp,
    /// Digest of its middle.
    sample: Digest,
    /// Its transcripts.
    files: Vec<PathBuf>,
}

/// The record.
pub(super) struct Ledger {
    database: Option<Mutex<Connection>>,
}

impl Ledger {
    /// Opens the record in a folder, if it can be written.
    pub(super) fn open(folder: Option<&Path>) -> Self {
        let opened = folder.and_then(|folder| match open(folder) {
            Ok(database) => Some(Mutex::new(database)),
            Err(error) => {
                tracing::debug!("cannot open the record of watched recordings: {error}");
                None
            }
        });
        Self { database: opened }
    }

    /// The transcripts of a recording that has not changed since they were written, if all formats are still there.
    pub(super) fn transcripts(
        &self,
        recording: &Path,
        stamp: &FileStamp,
        extensions: &[String],
    ) -> Option<Vec<PathBuf>> {
        let entry = self.entry(recording).filter(|entry| is_same(&entry.stamp, stamp))?;
        // `talk.txt` or `talk.mp3.txt`, not `talk.labels.txt`, which is of another format.
        let bases = [recording.file_stem(), recording.file_name()].map(Option::unwrap_or_default);
        let has = |extension: &String| {
            let names = bases.map(|base| [base.as_bytes(), b".", extension.as_bytes()].concat());
            let name_of = |file: &PathBuf| file.file_name().map(|name| name.as_bytes().to_vec());
            let is_it = |file: &&PathBuf| name_of(file).is_some_and(|name| names.contains(&name));
            entry.files.iter().find(is_it).is_some_and(|file| file.is_file())
        };
        extensions.iter().all(has).then_some(entry.files)
    }

    /// Transcripts that a new one of this recording replaces: of the same file under another name, which is gone, or before it grew.
    pub(super) fn replaced(&self, recording: &Path, stamp: &FileStamp) -> Replaced {
        let grown = self.entry(recording).filter(|entry| {
            let same_file = (entry.stamp.device, entry.stamp.inode) == (stamp.device, stamp.inode);
            same_file && entry.stamp.size < stamp.size && sample(recording, entry.stamp.size) == Some(entry.sample)
        });
        let of_file = |table| {
            self.with(|database| entries(database, table, stamp))
                .unwrap_or_default()
        };
        let renamed = [WATCHED, BEGUN].into_iter().flat_map(of_file).filter(|entry| {
            let is_gone = entry.recording.symlink_metadata().is_err();
            is_gone && is_same(&entry.stamp, stamp)
        });
        Replaced {
            same: renamed.flat_map(|entry| entry.files).collect(),
            earlier: grown.map(|entry| entry.files).unwrap_or_default(),
        }
    }

    /// Records the probable transcripts of a recording before they are written: after a crash and a rename, they are found by this.
    pub(super) fn begin(&self, recording: &Recorded, likely: &[PathBuf]) {
        self.with(|database| insert(database, BEGUN, recording, likely));
    }

    /// Records the transcripts of a recording.
    pub(super) fn remember(&self, recording: &Recorded, files: &[PathBuf]) {
        self.with(|database| {
            for table in [WATCHED, BEGUN] {
                for entry in entries(database, table, &recording.stamp)? {
                    let is_another = entry.recording != recording.path;
                    if is_another && entry.recording.symlink_metadata().is_err() {
                        remove(database, &entry.recording)?;
                    }
                }
            }
            insert(database, WATCHED, recording, files)?;
            remove_from(database, BEGUN, &recording.path)
        });
    }

    /// Removes a recording that is somewhere else now.
    pub(super) fn forget(&self, recording: &Path) {
        if let Some(recording) = absolute(recording) {
            self.with(|database| remove(database, &recording));
        }
    }

    fn entry(&self, recording: &Path) -> Option<Entry> {
        let recording = key(recording)?;
        let found = self.with(|database| {
            database
                .prepare_cached(&format!("{COLUMNS} FROM {WATCHED} WHERE recording = ?1"))?
                .query_row(params![recording.as_os_str().as_bytes()], entry)
                .optional()
        });
        found.flatten()
    }

    fn with<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Option<T> {
        let database = self.database.as_ref()?.lock();
        work(&database)
            .inspect_err(|error| tracing::debug!("cannot use the record of watched recordings: {error}"))
            .ok()
    }
}

/// A recording as it is before the work on it: afterwards it may be somewhere else.
pub(super) struct Recorded {
    path: PathBuf,
    stamp: FileStamp,
    sample: Digest,
}

impl Recorded {
    /// Reads a part of it; `None` if it cannot be read.
    pub(super) fn new(recording: &Path, stamp: FileStamp) -> Option<Self> {
        Some(Self {
            path: key(recording)?,
            stamp,
            sample: sample(recording, stamp.size)?,
        })
    }
}

const COLUMNS: &str = "SELECT recording, device, inode, size, mtime_ns, sample, files";
/// The table of recordings with their transcripts.
const WATCHED: &str = "watched";
/// The table of recordings that were being worked on, with probable names of their transcripts.
const BEGUN: &str = "begun";

fn insert(database: &Connection, table: &str, recording: &Recorded, files: &[PathBuf]) -> rusqlite::Result<usize> {
    let Recorded { path, stamp, sample } = recording;
    let files: Vec<Vec<u8>> = (files.iter())
        .filter_map(|file| absolute(file))
        .map(|file| file.as_os_str().as_bytes().to_vec())
        .collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    database
        .prepare_cached(&format!(
            "INSERT OR REPLACE INTO {table} (recording, device, inode, size, mtime_ns, sample, files, at_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
        ))?
        .execute(params![
            path.as_os_str().as_bytes(),
            stamp.device.cast_signed(),
            stamp.inode.cast_signed(),
            stamp.size.cast_signed(),
            stamp.mtime_ns,
            sample.as_bytes(),
            files.join(&0),
            i64::try_from(now.as_millis()).unwrap_or(i64::MAX),
        ])
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
    let number = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
    let files: Vec<u8> = row.get(6)?;
    Ok(Entry {
        recording: path(&row.get::<_, Vec<u8>>(0)?),
        stamp: FileStamp {
            device: number(1)?,
            inode: number(2)?,
            size: number(3)?,
            mtime_ns: row.get(4)?,
            ctime_ns: 0,
        },
        sample: Digest::from_bytes(row.get(5)?),
        files: files
            .split(|byte| *byte == 0)
            .filter(|file| !file.is_empty())
            .map(path)
            .collect(),
    })
}

/// The entries of a file under all of its names.
fn entries(database: &Connection, table: &str, stamp: &FileStamp) -> rusqlite::Result<Vec<Entry>> {
    database
        .prepare_cached(&format!("{COLUMNS} FROM {table} WHERE inode = ?1 AND device = ?2"))?
        .query_map(params![stamp.inode.cast_signed(), stamp.device.cast_signed()], entry)?
        .collect()
}

fn remove(database: &Connection, recording: &Path) -> rusqlite::Result<()> {
    [WATCHED, BEGUN]
        .into_iter()
        .try_for_each(|table| remove_from(database, table, recording))
}

fn remove_from(database: &Connection, table: &str, recording: &Path) -> rusqlite::Result<()> {
    database
        .prepare_cached(&format!("DELETE FROM {table} WHERE recording = ?1"))?
        .execute(params![recording.as_os_str().as_bytes()])
        .map(drop)
}

/// The path in its canonical folder. A link keeps its own name: the recording behind it may have several.
fn key(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?))
}

/// The same for a path in a folder that may be gone.
fn absolute(path: &Path) -> Option<PathBuf> {
    key(path).or_else(|| std::path::absolute(path).ok())
}

/// Digest of the middle of the first `size` bytes: the beginning has headers, which are written at the end.
fn sample(recording: &Path, size: u64) -> Option<Digest> {
    let length = (size / 2).min(SAMPLE);
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    let file = File::open(recording).ok()?;
    file.read_exact_at(&mut bytes, (size - length) / 2).ok()?;
    Some(Digest::of(&bytes))
}

fn open(folder: &Path) -> anyhow::Result<Connection> {
    std::fs::create_dir_all(folder)?;
    let database = Connection::open(folder.join("watched.db"))?;
    database.busy_timeout(TIMEOUT)?;
    database.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")?;
    for table in [WATCHED, BEGUN] {
        database.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS {table} (
                 recording BLOB PRIMARY KEY, device INTEGER NOT NULL, inode INTEGER NOT NULL, size INTEGER NOT NULL,
                 mtime_ns INTEGER NOT NULL, sample BLOB NOT NULL, files BLOB NOT NULL, at_ms INTEGER NOT NULL
             ) WITHOUT ROWID;
             CREATE INDEX IF NOT EXISTS {table}_inode ON {table} (inode, device);
             CREATE INDEX IF NOT EXISTS {table}_at ON {table} (at_ms);"
        ))?;
        database.execute(
            &format!(
                "DELETE FROM {table} WHERE at_ms <= (SELECT at_ms FROM {table} ORDER BY at_ms DESC LIMIT 1 OFFSET ?1)"
            ),
            params![MOST],
        )?;
    }
    Ok(database)
}

#[cfg(test)]
mod tests;
