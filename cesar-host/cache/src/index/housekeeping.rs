//! The queries of housekeeping: used space, and the times of the last rounds.

use rusqlite::{OptionalExtension, params};

use super::database::Index;
use crate::entry::ENTRY_BYTES;
use crate::error::Result;

/// The space that the cache uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Space {
    /// Results and their rows, to which limits apply. Not the pages of the index: a removal frees some at once and
    /// others only with their neighbours, so counting pages would remove too much.
    pub(crate) used: u64,
    /// The index file.
    pub(crate) index_bytes: u64,
    /// Bytes of empty pages in the index file.
    pub(crate) spare_bytes: u64,
}

impl Index {
    /// The space that results and index use. Cheap: the index keeps count.
    pub(crate) fn space(&self) -> Result<Space> {
        self.read("read", |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT bytes, results, page_count, freelist_count, page_size
                 FROM totals, pragma_page_count, pragma_freelist_count, pragma_page_size WHERE totals.id = 1",
            )?;
            statement.query_row([], |row| {
                let (bytes, results): (u64, u64) = (row.get(0)?, row.get(1)?);
                let (pages, spare, size): (u64, u64, u64) = (row.get(2)?, row.get(3)?, row.get(4)?);
                Ok(Space {
                    used: bytes + results * ENTRY_BYTES,
                    index_bytes: pages * size,
                    spare_bytes: spare * size,
                })
            })
        })
    }

    /// Returns up to `pages` empty pages to the file system.
    pub(crate) fn shrink(&self, pages: u32) -> Result<()> {
        self.write_directly("write", |connection| {
            // Each step of the pragma frees a page.
            let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
            let mut rows = statement.query([])?;
            while rows.next()?.is_some() {}
            Ok(())
        })
    }

    /// Last end of a task of housekeeping, in milliseconds since 1970.
    pub(crate) fn done_ms(&self, name: &str) -> Result<Option<i64>> {
        self.read("read", |connection| {
            let mut statement = connection.prepare_cached("SELECT done_ms FROM maintenance WHERE name = ?1")?;
            statement.query_row([name], |row| row.get(0)).optional()
        })
    }

    /// Records that a task of housekeeping is finished.
    pub(crate) fn set_done(&self, name: &str, now_ms: i64) -> Result<()> {
        self.write("write", |transaction| {
            transaction
                .execute(
                    "INSERT OR REPLACE INTO maintenance (name, done_ms) VALUES (?1, ?2)",
                    params![name, now_ms],
                )
                .map(|_| ())
        })
    }
}
