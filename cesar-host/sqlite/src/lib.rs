//! SQLite files of the host: their errors, connections and migrations.
//!
//! | module | content |
//! |---|---|
//! | `error` | errors of SQLite and of the disk, and what they mean |
//! | `connection` | connections with the settings that all files share |
//! | `schema` | files that are created and migrated by one process of many |

mod connection;
mod error;
mod schema;

#[cfg(test)]
mod tests;

pub use connection::{Settings, connect, empty_log, has_tables, is_safe, version};
pub use error::{Meaning, SqlError, SqlResult, is_damage};
pub use schema::{OpenError, Schema};
