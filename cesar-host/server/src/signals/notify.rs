//! Wake-ups of sleeping threads.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Wakes threads that wait. A notification while no thread waits is lost, unless the thread has taken a [`Ticket`] before it.
///
/// Not `tokio::sync::Notify`: the waiting threads belong to no async runtime.
#[derive(Debug, Default)]
pub(crate) struct Notify {
    notifications: Mutex<u64>,
    condition: Condvar,
}

impl Notify {
    /// Wakes all waiting threads.
    pub(crate) fn notify_all(&self) {
        *self.notifications.lock() += 1;
        self.condition.notify_all();
    }

    /// Wakes one of the waiting threads, and those that will wait with a ticket from before.
    pub(crate) fn notify_one(&self) {
        *self.notifications.lock() += 1;
        self.condition.notify_one();
    }

    /// Sleeps until a notification, or for `timeout`.
    pub(crate) fn wait(&self, timeout: Duration) {
        self.wait_since(self.ticket(), timeout);
    }

    /// The notifications until now. A thread takes it before it looks for work.
    pub(crate) fn ticket(&self) -> Ticket {
        Ticket(*self.notifications.lock())
    }

    /// Sleeps until a notification after the ticket was taken, or for `timeout`.
    pub(crate) fn wait_since(&self, Ticket(before): Ticket, timeout: Duration) {
        let mut notifications = self.notifications.lock();
        self.condition
            .wait_while_for(&mut notifications, |now| *now == before, timeout);
    }
}

/// A number of notifications.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket(u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_between_a_ticket_and_the_wait_is_not_lost() {
        let notify = Notify::default();
        let ticket = notify.ticket();
        notify.notify_one();
        // Would wait for ever.
        notify.wait_since(ticket, Duration::MAX);
    }
}
