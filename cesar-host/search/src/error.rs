//! Errors of the index.

use std::path::{Path, PathBuf};

use cesar_sqlite::is_damage;

/// Errors of the index.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The file is damaged. It holds nothing that cannot be rebuilt.
    #[error("the search index `{}` is damaged; rebuild it with `cesar search --reindex`", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// A later version of Cesar made the file.
    #[error(
        "the search index `{}` is of a later version of Cesar (schema {found}, supported: {supported}); update Cesar, or \
         rebuild the index with `cesar search --reindex`", path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The latest schema that is supported.
        supported: i64,
    },
    /// The disk refuses.
    #[error("cannot open the search index `{}` ({source})", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// SQLite refuses.
    #[error("cannot use the search index `{}` ({detail})", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// The message of SQLite.
        detail: String,
    },
}

/// A result of the index.
pub type Result<T> = std::result::Result<T, SearchError>;

impl SearchError {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn sqlite(path: &Path, error: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match is_damage(&error) {
            true => Self::Damaged { path },
            false => Self::Sqlite {
                path,
                detail: error.to_string(),
            },
        }
    }

    /// Whether a new file would help.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. })
    }
}
