//! Changes by any process, by the notifications of the database.
//!
//! A notification is sent with the commit of its change and lost while the connection is broken. So each new connection reports that
//! changes may have been missed, and its user polls slowly besides.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::errors::PgResult;
use super::pool::{Connection, Pool};
use crate::changes::{Change, Changes};

/// The pause before another attempt to connect.
const PAUSE: Duration = Duration::from_secs(1);

/// A connection that receives notifications.
pub(super) struct Listener {
    pool: Arc<Pool>,
    connection: Option<Connection>,
}

impl Listener {
    pub(super) fn new(pool: Arc<Pool>) -> Self {
        Self { pool, connection: None }
    }

    /// The notifications that arrive in this time; those that arrived together are returned together.
    fn receive(&mut self, timeout: Duration) -> PgResult<Vec<Change>> {
        let Some(connection) = &mut self.connection else {
            let mut connection = self.pool.connect()?;
            let channel = self.pool.address().channel();
            connection.client().batch_execute(&format!("LISTEN {channel}"))?;
            self.connection = Some(connection);
            return Ok(vec![Change::Missed]);
        };
        let payloads = connection.client().notifications(timeout)?;
        Ok(payloads.iter().filter_map(|payload| parse(payload)).collect())
    }
}

impl Changes for Listener {
    fn wait(&mut self, timeout: Duration) -> Vec<Change> {
        let began = Instant::now();
        match self.receive(timeout) {
            Ok(changes) => changes,
            Err(_) => {
                self.connection = None;
                std::thread::sleep(PAUSE.min(timeout.saturating_sub(began.elapsed())));
                Vec::new()
            }
        }
    }
}

/// Reads a notification. A later Cesar may send kinds that this one does not know.
fn parse(payload: &str) -> Option<Change> {
    let (kind, name) = payload.split_once(' ')?;
    match kind {
        "record" => return Some(Change::Record),
        "lease" => return Some(Change::LeaseEnded),
        _ => {}
    }
    let job = name.parse().ok()?;
    match kind {
        "queued" => Some(Change::Queued(job)),
        "cancel" => Some(Change::CancelRequested(job)),
        "changed" => Some(Change::Changed(job)),
        "ended" => Some(Change::Ended(job)),
        "removed" => Some(Change::Removed(job)),
        _ => None,
    }
}
