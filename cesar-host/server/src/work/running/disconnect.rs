//! Cancellation of jobs whose clients have disconnected.
//!
//! A client of the OpenAI-compatible API can cancel only by disconnecting. Its job then continues for a grace period, because most clients
//! retry and join it. If no request waits after that, the job is cancelled (`server.cancel_on_disconnect`).

use std::time::Duration;

use cesar_jobs::{Cancellation, JobId};

use crate::state::App;
use crate::state::jobs::StopReason;

/// A request that waits for a job until this is dropped.
pub(crate) struct Waiter {
    app: App,
    job: JobId,
    /// The answer is complete: a drop is no disconnection.
    answered: bool,
}

impl Waiter {
    pub(crate) fn new(app: &App, job: JobId) -> Self {
        app.jobs.waiters.enter(job);
        Self {
            app: app.clone(),
            job,
            answered: false,
        }
    }

    /// Records that the job has ended.
    pub(crate) fn answered(&mut self) {
        self.answered = true;
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let refused = self.app.jobs.waiters.unstored(self.job).is_some();
        let last = self.app.jobs.waiters.leave(self.job);
        let settings = &self.app.settings;
        if self.answered || refused || !last || !settings.cancel_on_disconnect || self.app.signals.stopping() {
            self.app.jobs.waiters.forget(self.job);
            return;
        }
        let (app, job, grace) = (self.app.clone(), self.job, settings.disconnect_grace);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { cancel_unless_joined(&app, job, grace).await });
        }
    }
}

async fn cancel_unless_joined(app: &App, job: JobId, grace: Duration) {
    tokio::time::sleep(grace).await;
    let Some(requests) = app.jobs.waiters.abandoned(job) else {
        return;
    };
    // Clients of another server may wait for it.
    let cancelled = app.block(move |shared| shared.jobs.store.abandon(job, requests)).await;
    let Ok(Ok(Some(cancellation))) = cancelled else {
        return;
    };
    tracing::info!(%job, "job cancelled: all clients that waited for it have disconnected");
    if let Cancellation::Requested(_) = cancellation {
        app.jobs.running.stop(job, StopReason::Cancelled);
    }
}
