//! The texts that all servers share, in the database of the jobs.

use std::sync::Arc;

use cesar_base::{Record, Records, RecordsError};
use tokio_postgres::Row;

use super::errors::{PgError, PgResult};
use super::pool::{Connection, Pool};

/// The records of a schema.
pub(super) struct PostgresRecords(pub(super) Arc<Pool>);

impl std::fmt::Debug for PostgresRecords {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("PostgresRecords")
            .field(&self.0.address().shown())
            .finish()
    }
}

impl PostgresRecords {
    fn run<T>(
        &self,
        action: &'static str,
        operation: impl FnOnce(&mut Connection) -> PgResult<T>,
    ) -> Result<T, RecordsError> {
        self.0.run(action, operation).map_err(RecordsError::new)
    }
}

impl Records for PostgresRecords {
    fn read(&self, name: &str) -> Result<Option<Record>, RecordsError> {
        self.run("read shared state", |connection| {
            let row = connection.query_opt("SELECT version, content FROM records WHERE name = $1", &[&name])?;
            let record = |row: Row| {
                Ok(Record {
                    version: version(&row, 0)?,
                    text: row.try_get(1)?,
                })
            };
            row.map(record).transpose()
        })
    }

    fn version(&self, name: &str) -> Result<u64, RecordsError> {
        self.run("read shared state", |connection| {
            let row = connection.query_opt("SELECT version FROM records WHERE name = $1", &[&name])?;
            row.map_or(Ok(0), |row| version(&row, 0))
        })
    }

    fn replace(&self, name: &str, expected: u64, text: &str) -> Result<bool, RecordsError> {
        self.run("store shared state", |connection| {
            let row = if expected == 0 {
                let sql = "INSERT INTO records (name, version, content) VALUES ($1, 1, $2)
                           ON CONFLICT DO NOTHING RETURNING version";
                connection.query_opt(sql, &[&name, &text])?
            } else {
                let sql = "UPDATE records SET version = version + 1, content = $2
                           WHERE name = $1 AND version = $3 RETURNING version";
                let expected = i64::try_from(expected).unwrap_or(i64::MAX);
                connection.query_opt(sql, &[&name, &text, &expected])?
            };
            Ok(row.is_some())
        })
    }

    fn versions(&self, prefix: &str) -> Result<Vec<(String, u64)>, RecordsError> {
        self.run("read shared state", |connection| {
            let sql = "SELECT name, version FROM records WHERE name >= $1 AND name < $2 ORDER BY name";
            let rows = connection.query(sql, &[&prefix, &format!("{prefix}{}", char::MAX)])?;
            rows.iter().map(|row| Ok((row.try_get(0)?, version(row, 1)?))).collect()
        })
    }
}

fn version(row: &Row, column: usize) -> PgResult<u64> {
    let version: i64 = row.try_get(column)?;
    u64::try_from(version).map_err(|_| PgError::Unreadable(format!("a record has version {version}")))
}
