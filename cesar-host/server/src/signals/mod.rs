//! The phases of the shutdown, and the wake-ups of sleeping threads.

mod notify;

use tokio::sync::watch;

pub(crate) use notify::Notify;

/// Progress of the shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Normal operation.
    Running,
    /// No new work begins.
    Stopping,
    /// No request waits any longer.
    Halting,
    /// All work has ended.
    Stopped,
}

/// What the parts of a server wait for.
#[derive(Debug)]
pub(crate) struct Signals {
    /// Notified when a job may be ready to claim.
    pub(crate) jobs_ready: Notify,
    /// Notified at shutdown.
    pub(crate) housekeeping_due: Notify,
    /// Notified at shutdown alone, for pauses.
    pub(crate) pauses: Notify,
    /// Notified when a webhook may be ready to claim.
    pub(crate) webhooks_ready: Notify,
    phase: watch::Sender<Phase>,
}

impl Default for Signals {
    fn default() -> Self {
        Self {
            jobs_ready: Notify::default(),
            housekeeping_due: Notify::default(),
            pauses: Notify::default(),
            webhooks_ready: Notify::default(),
            phase: watch::Sender::new(Phase::Running),
        }
    }
}

impl Signals {
    /// The phases from now on.
    pub(crate) fn phases(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Whether no new work may begin.
    pub(crate) fn stopping(&self) -> bool {
        self.phase() >= Phase::Stopping
    }

    /// Whether no request may wait any longer.
    pub(crate) fn halting(&self) -> bool {
        self.phase() >= Phase::Halting
    }

    /// Whether all work has ended.
    pub(crate) fn stopped(&self) -> bool {
        self.phase() >= Phase::Stopped
    }

    /// Enters a phase of the shutdown and wakes all sleeping threads.
    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
        for notify in [
            &self.jobs_ready,
            &self.housekeeping_due,
            &self.pauses,
            &self.webhooks_ready,
        ] {
            notify.notify_all();
        }
    }
}
