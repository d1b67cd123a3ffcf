//! The queries on leases.

use rusqlite::params;

use super::database::Index;
use crate::error::Result;
use crate::key::Key;

impl Index {
    /// Leases entries for `owner`.
    pub(crate) fn add_leases(&self, keys: &[Key], owner: &str, expires_ms: i64) -> Result<()> {
        self.write("write", |transaction| {
            let mut statement = transaction
                .prepare_cached("INSERT OR REPLACE INTO leases (key, owner, expires_ms) VALUES (?1, ?2, ?3)")?;
            for key in keys {
                statement.execute(params![key.as_bytes(), owner, expires_ms])?;
            }
            Ok(())
        })
    }

    /// Drops all leases of `owner`.
    pub(crate) fn drop_leases(&self, owner: &str) -> Result<()> {
        self.write("write", |transaction| {
            let mut statement = transaction.prepare_cached("DELETE FROM leases WHERE owner = ?1")?;
            statement.execute([owner]).map(|_| ())
        })
    }

    /// The owners of leases, with the time at which each expires if its owner cannot be checked.
    pub(crate) fn lease_owners(&self) -> Result<Vec<(String, i64)>> {
        self.read("read", |connection| {
            let mut statement = connection.prepare("SELECT owner, MAX(expires_ms) FROM leases GROUP BY owner")?;
            let owners = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            owners.collect()
        })
    }
}
