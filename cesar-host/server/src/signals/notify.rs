//! Wake-ups of sleeping threads.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Wakes threads that wait. A notification while no thread waits is lost, so every wait has a time limit.
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

    /// Sleeps until a notification, or for `timeout`.
    pub(crate) fn wait(&self, timeout: Duration) {
        let mut notifications = self.notifications.lock();
        let before = *notifications;
        self.condition
            .wait_while_for(&mut notifications, |now| *now == before, timeout);
    }
}
