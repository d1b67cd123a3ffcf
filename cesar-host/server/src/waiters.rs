//! Requests that wait for a job, and what happens when the last of them goes away.
//!
//! A client of the OpenAI-compatible API that gives up has no other way to say so than to disconnect. Its job then goes on for a grace,
//! because most clients try again and join it; if nobody waits after that, it is cancelled (`server.cancel_on_disconnect`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cesar_jobs::{Cancellation, JobId};

use super::App;
use super::running::Why;

/// How many wait, by job.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    count: Mutex<HashMap<JobId, usize>>,
}

impl Waiters {
    fn with<T>(&self, work: impl FnOnce(&mut HashMap<JobId, usize>) -> T) -> T {
        work(&mut self.count.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn enter(&self, job: JobId) {
        self.with(|count| *count.entry(job).or_default() += 1);
    }

    /// Whether it was the last one.
    fn leave(&self, job: JobId) -> bool {
        self.with(|count| {
            let left = count.get_mut(&job).map_or(0, |waiting| {
                *waiting -= 1;
                *waiting
            });
            if left == 0 {
                count.remove(&job);
            }
            left == 0
        })
    }

    fn waits_anybody(&self, job: JobId) -> bool {
        self.with(|count| count.contains_key(&job))
    }
}

/// Somebody who waits for a job until this is dropped.
pub(crate) struct Waiter {
    app: App,
    job: JobId,
    /// The answer is there: leaving is no disconnection.
    answered: bool,
}

impl Waiter {
    pub(crate) fn new(app: &App, job: JobId) -> Self {
        app.waiters.enter(job);
        Self {
            app: Arc::clone(app),
            job,
            answered: false,
        }
    }

    /// The job has ended.
    pub(crate) fn answered(&mut self) {
        self.answered = true;
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let last = self.app.waiters.leave(self.job);
        let settings = &self.app.settings;
        if self.answered || !last || !settings.cancel_on_disconnect || self.app.stopping() {
            return;
        }
        let (app, job, grace) = (Arc::clone(&self.app), self.job, settings.disconnect_grace);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { give_up(&app, job, grace).await });
        }
    }
}

async fn give_up(app: &App, job: JobId, grace: Duration) {
    tokio::time::sleep(grace).await;
    if app.waiters.waits_anybody(job) {
        return;
    }
    tracing::info!(%job, "nobody waits for the job any more; it is cancelled");
    let cancelled = app.block(move |shared| shared.store.cancel(job)).await;
    if let Ok(Ok(Cancellation::Requested(_))) = cancelled {
        app.running.stop(job, Why::Cancelled);
    }
}
