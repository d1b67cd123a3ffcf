//! Work on another thread, watched from the one that the host called: progress goes out, a cancel and the time limit come in.
//!
//! A thread that waits for a server or a child process cannot poll the host. So the work runs on another thread and stores its
//! progress in [`Watch`]; the watching thread reports it to the host. To stop the work, it sets a flag there and shuts down the
//! HTTP client, which ends blocked reads.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use plugin_api::Ctx;
use ureq::Agent;

use crate::refusal::{self, Refused};

/// Interval of polls and notifications.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

const ON: u8 = 0;
const CANCELLED: u8 = 1;
const LATE: u8 = 2;

/// The state shared by the work and its watcher.
#[derive(Debug, Default)]
pub struct Watch {
    state: AtomicU8,
    done: AtomicU64,
    total: AtomicU64,
    agent: Mutex<Option<Agent>>,
}

impl Watch {
    /// Returns an error once the work must stop.
    ///
    /// # Errors
    /// If the host cancelled or the time limit was exceeded.
    pub fn check(&self) -> Result<(), Refused> {
        match self.state.load(Ordering::Acquire) {
            ON => Ok(()),
            CANCELLED => Err(Refused::Cancelled),
            _ => Err(refusal::late()),
        }
    }

    /// `done` of `total` bytes are received; `total` is 0 if unknown.
    pub fn progress(&self, done: u64, total: u64) {
        self.total.store(total, Ordering::Relaxed);
        self.done.store(done, Ordering::Relaxed);
    }

    /// Registers the client to shut down at a stop.
    pub fn lend(&self, agent: &Agent) {
        *self.agent.lock().unwrap_or_else(PoisonError::into_inner) = Some(agent.clone());
        // The stop may have come while there was nothing to shut down.
        if self.check().is_err() {
            self.shut_down();
        }
    }

    fn stop(&self, state: u8) {
        self.state.store(state, Ordering::Release);
        self.shut_down();
    }

    fn shut_down(&self) {
        if let Some(agent) = self.agent.lock().unwrap_or_else(PoisonError::into_inner).take() {
            agent.shutdown();
        }
    }

    /// Waits, unless the work must stop.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn pause(&self, length: Duration) -> Result<(), Refused> {
        let end = Instant::now() + length;
        while Instant::now() < end {
            self.check()?;
            thread::sleep(POLL_INTERVAL.min(end.saturating_duration_since(Instant::now())));
        }
        self.check()
    }
}

/// Runs the work on its own thread. If it fails after a stop, the error is the reason for the stop.
///
/// # Errors
/// The error of the work.
pub fn watched<T: Send>(
    total_ms: Option<u64>,
    ctx: &mut Ctx<'_>,
    work: impl FnOnce(&Watch) -> Result<T, Refused> + Send,
) -> Result<T, Refused> {
    let watch = Watch::default();
    let deadline = total_ms.map(|ms| Instant::now() + Duration::from_millis(ms));
    thread::scope(|scope| {
        let (ended, end) = mpsc::channel::<()>();
        let worker = scope.spawn(|| {
            // Dropped at the end, also by a panic.
            let _ended = ended;
            work(&watch)
        });
        let mut reported = (0, 0);
        while end.recv_timeout(POLL_INTERVAL) == Err(mpsc::RecvTimeoutError::Timeout) {
            let now = (watch.done.load(Ordering::Relaxed), watch.total.load(Ordering::Relaxed));
            // A restarted transfer counts from zero; progress never falls.
            if now.0 > reported.0 {
                reported = now;
                ctx.progress(now.0, now.1);
            }
            if watch.check().is_ok() {
                if ctx.cancelled() {
                    watch.stop(CANCELLED);
                } else if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                    watch.stop(LATE);
                }
            }
        }
        let last = watch.done.load(Ordering::Relaxed);
        if last > reported.0 {
            ctx.progress(last, watch.total.load(Ordering::Relaxed).max(last));
        }
        let result = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        result.map_err(|refused| watch.check().err().unwrap_or(refused))
    })
}
