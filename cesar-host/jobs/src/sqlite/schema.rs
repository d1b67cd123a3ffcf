//! The schema of the jobs database.

use cesar_sqlite::Schema;

/// Its files are "CESJ".
pub(super) const SCHEMA: Schema = Schema {
    migrations: &[include_str!("schema_1.sql"), include_str!("schema_2.sql")],
    application_id: 0x4345_534A,
};

/// The schema version that this program writes.
#[cfg(test)]
pub(crate) const VERSION: i64 = SCHEMA.version();
