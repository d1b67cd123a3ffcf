//! One connection to the server, every answer of which has a limit.
//!
//! Not the crate `postgres`, whose calls wait without one: a server that is stopped, or a link that swallows packets, keeps its connections and
//! says nothing. Like there, a call runs the connection until its answer has come, on the thread of the caller, so that a connection in no use
//! costs neither a thread nor a task.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Config, Error, Row, Statement};

use super::errors::{PgError, PgResult};
use super::tls::Tls;

/// Time limit of an orderly end, which the server does not need.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// What the server says beside answers; `None` is the end of the connection.
type Messages = Box<dyn FnMut(&mut Context<'_>) -> Poll<Option<Result<AsyncMessage, Error>>> + Send>;

/// A connection. It must not be used or dropped on a thread of an async runtime.
pub(super) struct Client {
    /// Dropped before the wire, which ends then.
    client: tokio_postgres::Client,
    wire: Wire,
    limit: Duration,
}

/// The transport of a connection.
struct Wire {
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    messages: Messages,
    /// Payloads that have not been asked for.
    notifications: VecDeque<String>,
    has_ended: bool,
    /// An answer did not come in time: what comes next would be that one.
    is_silent: bool,
}

impl Client {
    /// Connects, with this limit for everything from the name to the end of the authentication, and for each answer.
    pub(super) fn connect(config: &Config, tls: Tls, limit: Duration) -> PgResult<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| PgError::Unreadable(format!("the client cannot be started: {error}")))?;
        let connected = runtime.block_on(async { tokio::time::timeout(limit, config.connect(tls)).await });
        let (client, mut connection) = match connected {
            Ok(Ok(connected)) => connected,
            failed => {
                // A name may still be looked up.
                runtime.shutdown_background();
                return Err(failed.map_or(PgError::Silent, |error| {
                    error.err().map_or(PgError::Silent, PgError::from)
                }));
            }
        };
        Ok(Self {
            client,
            wire: Wire {
                runtime: Some(runtime),
                messages: Box::new(move |context| connection.poll_message(context)),
                notifications: VecDeque::new(),
                has_ended: false,
                is_silent: false,
            },
            limit,
        })
    }

    /// Sets the limit of each further answer.
    pub(super) fn limit(&mut self, limit: Duration) {
        self.limit = limit;
    }

    /// Whether the server answers in this time.
    pub(super) fn is_valid(&mut self, limit: Duration) -> bool {
        self.wire.wait(limit, self.client.simple_query("")).is_ok()
    }

    pub(super) fn prepare(&mut self, sql: &str) -> PgResult<Statement> {
        self.wire.wait(self.limit, self.client.prepare(sql))
    }

    pub(super) fn query_prepared(&mut self, statement: &Statement, parameters: Parameters<'_>) -> PgResult<Vec<Row>> {
        self.wire.wait(self.limit, self.client.query(statement, parameters))
    }

    pub(super) fn query(&mut self, sql: &str, parameters: Parameters<'_>) -> PgResult<Vec<Row>> {
        self.wire.wait(self.limit, self.client.query(sql, parameters))
    }

    pub(super) fn query_one(&mut self, sql: &str, parameters: Parameters<'_>) -> PgResult<Row> {
        self.wire.wait(self.limit, self.client.query_one(sql, parameters))
    }

    pub(super) fn query_opt(&mut self, sql: &str, parameters: Parameters<'_>) -> PgResult<Option<Row>> {
        self.wire.wait(self.limit, self.client.query_opt(sql, parameters))
    }

    pub(super) fn execute(&mut self, sql: &str, parameters: Parameters<'_>) -> PgResult<u64> {
        self.wire.wait(self.limit, self.client.execute(sql, parameters))
    }

    pub(super) fn batch_execute(&mut self, sql: &str) -> PgResult<()> {
        self.wire.wait(self.limit, self.client.batch_execute(sql))
    }

    /// The payloads of notifications; waits for the first one in this time.
    pub(super) fn notifications(&mut self, limit: Duration) -> PgResult<Vec<String>> {
        self.wire.receive(limit)
    }
}

/// Parameters of a statement.
pub(super) type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

impl Wire {
    /// Takes what has come.
    fn drive(
        messages: &mut Messages,
        notifications: &mut VecDeque<String>,
        has_ended: &mut bool,
        context: &mut Context<'_>,
    ) -> Result<(), Error> {
        while !*has_ended {
            match messages(context) {
                Poll::Pending => break,
                Poll::Ready(Some(Ok(AsyncMessage::Notification(one)))) => {
                    notifications.push_back(one.payload().to_owned());
                }
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(None) => *has_ended = true,
                Poll::Ready(Some(Err(error))) => {
                    *has_ended = true;
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// The answer, or [`PgError::Silent`].
    fn wait<T>(&mut self, limit: Duration, answer: impl Future<Output = Result<T, Error>>) -> PgResult<T> {
        let Some(runtime) = self.runtime.as_ref().filter(|_| !self.is_silent) else {
            return Err(PgError::Silent);
        };
        let mut answer = pin!(answer);
        let (messages, notifications, has_ended) = (&mut self.messages, &mut self.notifications, &mut self.has_ended);
        let answered = poll_fn(
            |context| match Self::drive(messages, notifications, has_ended, context) {
                Ok(()) => answer.as_mut().poll(context),
                Err(error) => Poll::Ready(Err(error)),
            },
        );
        match runtime.block_on(async { tokio::time::timeout(limit, answered).await }) {
            Ok(answer) => Ok(answer?),
            Err(_) => {
                self.is_silent = true;
                Err(PgError::Silent)
            }
        }
    }

    fn receive(&mut self, limit: Duration) -> PgResult<Vec<String>> {
        let Some(runtime) = &self.runtime else {
            return Err(PgError::Silent);
        };
        let (messages, notifications, has_ended) = (&mut self.messages, &mut self.notifications, &mut self.has_ended);
        let received = poll_fn(|context| {
            let driven = Self::drive(messages, notifications, has_ended, context);
            match driven {
                Err(error) => Poll::Ready(Err(PgError::from(error))),
                Ok(()) if !notifications.is_empty() => Poll::Ready(Ok(())),
                Ok(()) if *has_ended => Poll::Ready(Err(PgError::Ended)),
                Ok(()) => Poll::Pending,
            }
        });
        // Without one in time there is none.
        if let Ok(received) = runtime.block_on(async { tokio::time::timeout(limit, received).await }) {
            received?;
        }
        Ok(self.notifications.drain(..).collect())
    }
}

impl Drop for Wire {
    /// The client is gone, so that the connection says goodbye.
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        if !self.is_silent && !self.has_ended {
            let (messages, notifications, has_ended) =
                (&mut self.messages, &mut self.notifications, &mut self.has_ended);
            let ended = poll_fn(
                |context| match Self::drive(messages, notifications, has_ended, context) {
                    Ok(()) if !*has_ended => Poll::Pending,
                    _ => Poll::Ready(()),
                },
            );
            // The server finds the connection closed in any case.
            let _ = runtime.block_on(async { tokio::time::timeout(CLOSE_TIMEOUT, ended).await });
        }
        runtime.shutdown_background();
    }
}
