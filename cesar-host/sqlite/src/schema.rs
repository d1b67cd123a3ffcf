//! Files that are created and migrated by one process of many.
//!
//! An up-to-date file is opened without a lock. It is created and migrated under a lock beside it, so that of many processes that start at
//! once, one creates it and the others find it. Migrations only go forward, each in one transaction with the increment of `user_version`:
//! a killed process leaves the version before. A damaged file stays as it is; its owner decides.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use cesar_base::Io;
use rusqlite::TransactionBehavior;

use crate::connection::{Settings, connect, has_tables, version};
use crate::error::{SqlError, SqlResult};

/// The schema of a file.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// The SQL that leads from each version to the next.
    pub migrations: &'static [&'static str],
    /// Marks the file as Cesar's for `file(1)` and for users.
    pub application_id: i32,
}

/// Errors of opening a file.
#[derive(Debug)]
pub enum OpenError {
    /// The disk refused.
    Io {
        /// The action, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// SQLite refused.
    Sql {
        /// The action, as a verb.
        action: &'static str,
        /// SQLite's answer.
        source: SqlError,
    },
    /// A later program wrote it.
    Newer {
        /// Its schema version.
        found: i64,
    },
}

impl Schema {
    /// The version that this program writes.
    #[must_use]
    pub const fn version(&self) -> i64 {
        self.migrations.len() as i64
    }

    /// Makes the folder and the file as far as they are missing, migrates the file, and refuses one that cannot be trusted.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn prepare(&self, path: &Path, settings: &Settings, io: &Io) -> Result<(), OpenError> {
        let read = |found: SqlResult<i64>| found.map_err(|source| OpenError::Sql { action: "open", source });
        let mut found = read(version_of(path, settings, io))?;
        if found < self.version() {
            self.set_up(path, settings, io)?;
            found = read(version_of(path, settings, io))?;
        }
        match found > self.version() {
            true => Err(OpenError::Newer { found }),
            false => Ok(()),
        }
    }

    /// Creates or migrates the file, alone.
    fn set_up(&self, path: &Path, settings: &Settings, io: &Io) -> Result<(), OpenError> {
        let failed = |action, path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::Io { action, path, source }
        };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        io.create_folder(folder).map_err(failed("create", folder))?;
        let lock_path = path.with_extension("setup.lock");
        let lock = io.run(|| private().create(true).truncate(false).open(&lock_path));
        let lock = lock.map_err(failed("open", &lock_path))?;
        io.run(|| lock.lock()).map_err(failed("lock", &lock_path))?;
        // The log and the shared memory get the permissions of this file.
        match io.run(|| private().create_new(true).open(path)) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed("create", path)(error)),
        }
        let migrated = self.migrate(path, settings, io);
        migrated.map_err(|source| OpenError::Sql {
            action: "create",
            source,
        })?;
        io.sync_folder(folder).map_err(failed("sync", folder))
    }

    fn migrate(&self, path: &Path, settings: &Settings, io: &Io) -> SqlResult<()> {
        io.step()?;
        let mut connection = connect(path, settings)?;
        if version(&connection)? == 0 {
            if has_tables(&connection)? {
                return Err(SqlError::Unversioned);
            }
            // These belong to the file and must be set before its first table.
            connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        }
        loop {
            let version = version(&connection)?;
            let seen = usize::try_from(version).map_err(|_| SqlError::Unversioned)?;
            let Some(migration) = self.migrations.get(seen) else {
                return Ok(());
            };
            io.step()?;
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute_batch(migration)?;
            transaction.pragma_update(None, "application_id", self.application_id)?;
            transaction.pragma_update(None, "user_version", version + 1)?;
            io.step()?;
            transaction.commit()?;
        }
    }
}

/// The schema version of the file; 0 when it is not there.
fn version_of(path: &Path, settings: &Settings, io: &Io) -> SqlResult<i64> {
    io.step()?;
    if !path.exists() {
        return Ok(0);
    }
    Ok(version(&connect(path, settings)?)?)
}

/// Files that only their owner can read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}
