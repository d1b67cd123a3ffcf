//! The index: an SQLite database of keys and their results.
//!
//! One connection reads (`query_only`), one writes, each behind a mutex; the writer is opened when it is first needed,
//! so a pure hit does not pay for it. Every write is one `BEGIN IMMEDIATE` transaction: a transaction that begins with
//! a read and then writes fails at once when another process writes, whereas an immediate one waits (`busy_timeout`).
//! With the write-ahead log and `synchronous = NORMAL` a crash may lose only the last commits; on network file
//! systems, where that log does not work, it is `DELETE` and `FULL`.
//!
//! Rows are verified: each carries a seal over its fields, and a wrong seal is damage like a wrong byte. A damaged
//! page that SQLite reports is recorded in a marker file for the next opening.
//!
//! `database` has the two connections and their transactions, and no knowledge of tables; each of the other modules has the queries on some
//! tables, as methods of [`Index`], which has no state beside the connections.
//!
//! No other file handle of this process may be opened and closed on the index file: closing one drops SQLite's POSIX locks.

mod connection;
mod database;
mod evict;
mod file_digests;
mod housekeeping;
mod leases;
mod listing;
mod neighbours;
mod open;
mod partials;
mod results;
mod schema;
mod usage;

pub(super) use connection::Journal;
pub(super) use database::Index;
pub(super) use evict::{Candidate, Counting, Filter, Order, Position, Removed};
pub(super) use open::open_or_replace;
pub(super) use partials::PartialRow;
pub(super) use results::{Found, NewRow, Stored};
pub(super) use schema::VERSION;
pub(super) use usage::Usage;
