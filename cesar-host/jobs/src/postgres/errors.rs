//! PostgreSQL's errors as errors of the jobs.

use std::error::Error;
use std::fmt::Write as _;

use tokio_postgres::error::SqlState;

use super::tls;
use crate::error::JobsError;

/// The remedy for most errors.
const REMEDY: &str = "check that it runs and accepts this user";

/// The failure of an operation on the database.
#[derive(Debug)]
pub(super) enum PgError {
    /// The server or the connection returned an error.
    Postgres(tokio_postgres::Error),
    /// All connections of this process were in use for too long.
    Busy,
    /// The server did not answer in time: it stands still, or the link swallows packets. It may do later what it was asked.
    Silent,
    /// The connection has ended.
    Ended,
    /// A value of a row is none that this program writes.
    Unreadable(String),
}

pub(super) type PgResult<T> = Result<T, PgError>;

impl From<tokio_postgres::Error> for PgError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl PgError {
    /// Whether the connection may be used after this. One to a server that has become a standby may not: another one has taken over.
    pub(super) fn is_of_statement(&self) -> bool {
        match self {
            Self::Postgres(error) => {
                let is_of_connection =
                    |code: &SqlState| is_ending(code) || *code == SqlState::READ_ONLY_SQL_TRANSACTION;
                !error.is_closed() && error.as_db_error().is_some_and(|error| !is_of_connection(error.code()))
            }
            Self::Silent | Self::Ended => false,
            Self::Busy | Self::Unreadable(_) => true,
        }
    }

    /// Whether connecting may succeed a little later: the server restarts, another one takes over, or its connections are all in use.
    pub(super) fn is_passing(&self) -> bool {
        let error = match self {
            Self::Postgres(error) => error,
            Self::Silent | Self::Ended => return true,
            Self::Busy | Self::Unreadable(_) => return false,
        };
        match error.as_db_error() {
            Some(error) => {
                is_ending(error.code())
                    || [SqlState::CANNOT_CONNECT_NOW, SqlState::TOO_MANY_CONNECTIONS].contains(error.code())
            }
            // Not a name that does not exist or a certificate that does not fit: these stay.
            None => {
                source_io(error).is_some_and(|error| {
                    use std::io::ErrorKind::{
                        ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable,
                        NotFound, PermissionDenied, TimedOut, UnexpectedEof,
                    };
                    matches!(
                        error.kind(),
                        ConnectionAborted
                            | ConnectionRefused
                            | ConnectionReset
                            | HostUnreachable
                            | NetworkUnreachable
                            | NotFound
                            // No host of several accepts changes.
                            | PermissionDenied
                            | TimedOut
                            | UnexpectedEof
                    )
                }) || error.is_closed()
            }
        }
    }

    /// The error without the action.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Postgres(error) => cause(error),
            Self::Busy => "all connections of this process are in use".to_owned(),
            Self::Silent => "it keeps the connection and does not answer".to_owned(),
            Self::Ended => "it has closed the connection".to_owned(),
            Self::Unreadable(cause) => cause.clone(),
        }
    }

    /// The error of the jobs.
    pub(super) fn explain(self, action: &'static str, database: &str) -> JobsError {
        let is_full = matches!(&self, Self::Postgres(error) if error.code() == Some(&SqlState::DISK_FULL));
        JobsError::Server {
            action,
            database: database.to_owned(),
            cause: self.reason(),
            remedy: match &self {
                Self::Postgres(error) => tls::remedy(error).unwrap_or(REMEDY),
                _ => REMEDY,
            },
            is_full,
            is_away: self.is_passing(),
        }
    }
}

/// Whether the server ends the connection with this error.
fn is_ending(code: &SqlState) -> bool {
    [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ]
    .contains(code)
}

fn source_io(error: &tokio_postgres::Error) -> Option<&std::io::Error> {
    error.source()?.downcast_ref()
}

/// The message of the server, or of the connection with all causes; `tokio-postgres` shows only the outermost.
fn cause(error: &tokio_postgres::Error) -> String {
    if let Some(error) = error.as_db_error() {
        return format!("{}, SQLSTATE {}", error.message(), error.code().code());
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}
