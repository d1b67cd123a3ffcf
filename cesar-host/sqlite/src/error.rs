//! Errors of SQLite and of the disk, and what they mean.

use std::io;

use rusqlite::ErrorCode;

/// An error of SQLite, or one of the disk beside it.
#[derive(Debug)]
pub enum SqlError {
    /// SQLite refused.
    Sqlite(rusqlite::Error),
    /// The disk refused, or a test did in its place.
    Io(io::Error),
    /// The file is sound and has tables, but no schema version of ours.
    Unversioned,
}

/// A result of SQLite.
pub type SqlResult<T> = Result<T, SqlError>;

impl From<rusqlite::Error> for SqlError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<io::Error> for SqlError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Meaning of an error for the owner of the file.
#[derive(Debug)]
pub enum Meaning {
    /// The disk refused.
    Io(io::Error),
    /// The file is not what this program wrote.
    Damaged,
    /// Anything else. Its text has no SQL.
    Other(rusqlite::Error),
}

impl SqlError {
    /// Its meaning.
    #[must_use]
    pub fn meaning(self) -> Meaning {
        match self {
            Self::Io(error) => Meaning::Io(error),
            Self::Unversioned => Meaning::Damaged,
            Self::Sqlite(error) if is_damage(&error) => Meaning::Damaged,
            Self::Sqlite(error) => Meaning::Other(error),
        }
    }
}

/// Whether the file is not what this program wrote.
#[must_use]
pub fn is_damage(error: &rusqlite::Error) -> bool {
    match (error, error.sqlite_error_code()) {
        (_, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)) => true,
        (rusqlite::Error::SqlInputError { .. }, _) => true,
        (rusqlite::Error::SqliteFailure(_, Some(message)), _) => is_of_the_schema(message),
        _ => false,
    }
}

/// The statements are constant: the file lacks a table that they name, or has one too many.
fn is_of_the_schema(message: &str) -> bool {
    message.starts_with("no such table") || message.starts_with("no such column") || message.ends_with("already exists")
}
