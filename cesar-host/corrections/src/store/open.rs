//! Opening the corrections database. A damaged file is never set aside, because its content cannot be recomputed.

use std::path::Path;
use std::time::Duration;

use cesar_base::Io;
use cesar_sqlite::{Meaning, OpenError, Schema, Settings, SqlError, connect};
use rusqlite::Connection;

use crate::error::{CorrectionsError, Result};

/// An acknowledged batch survives a power failure; transactions take milliseconds.
const SETTINGS: Settings = Settings {
    busy: Duration::from_secs(10),
    synchronous: "FULL",
    log_bytes: 16 << 20,
};

/// Its files are "CESC".
pub(super) const SCHEMA: Schema = Schema {
    migrations: &[include_str!("schema_1.sql")],
    application_id: 0x4345_5343,
};

/// Turns an error of SQLite into one of the store.
pub(super) fn explain(action: &'static str, path: &Path, error: SqlError) -> CorrectionsError {
    let path = path.to_owned();
    match error.meaning() {
        Meaning::Io(source) => CorrectionsError::Io { action, path, source },
        Meaning::Damaged => CorrectionsError::Damaged { path },
        Meaning::Other(source) => CorrectionsError::Database { action, path, source },
    }
}

/// Opens the database, making what is missing.
pub(super) fn open(path: &Path, io: &Io) -> Result<Connection> {
    SCHEMA.prepare(path, &SETTINGS, io).map_err(|error| match error {
        OpenError::Io { action, path, source } => CorrectionsError::Io { action, path, source },
        OpenError::Sql { action, source } => explain(action, path, source),
        OpenError::Newer { found } => CorrectionsError::Newer {
            path: path.to_owned(),
            found,
            supported: SCHEMA.version(),
        },
    })?;
    let failed = |error| explain("open", path, error);
    io.step().map_err(|error| failed(error.into()))?;
    connect(path, &SETTINGS).map_err(|error| failed(error.into()))
}
