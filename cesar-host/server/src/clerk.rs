//! The thread that carries news between runs and the store, and does what is due: recovery, retention, idle models, figures.
//!
//! Several times a second it writes each run's progress and learns whether the run is to go on; so a job can be cancelled from another
//! process, and a run that lost its job stops. Everything else has its own, longer pause.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cesar_jobs::{JobsError, Retention, Signal};

use super::Shared;
use super::running::{Run, Why};
use super::snapshot;

/// Between two looks at the runs.
const PROGRESS: Duration = Duration::from_millis(400);

/// Between two recoveries of dead workers' jobs.
const RECOVERY: Duration = Duration::from_secs(5);

/// Between two looks for jobs to remove.
const UPKEEP: Duration = Duration::from_secs(60);

/// Most jobs removed at once.
const PRUNED: u32 = 500;

/// A thing to do again and again.
struct Chore {
    every: Duration,
    last: Option<Instant>,
}

impl Chore {
    fn new(every: Duration) -> Self {
        Self { every, last: None }
    }

    fn is_due(&mut self) -> bool {
        let due = self.last.is_none_or(|last| last.elapsed() >= self.every);
        if due {
            self.last = Some(Instant::now());
        }
        due
    }
}

/// Works until the server has stopped.
pub(crate) fn run(shared: &Arc<Shared>) {
    let (mut recovery, mut upkeep) = (Chore::new(RECOVERY), Chore::new(UPKEEP));
    let (mut figures, mut engines) = (Chore::new(snapshot::FIGURES), Chore::new(snapshot::ENGINES));
    while !shared.stopped() {
        for run in shared.running.all() {
            report(shared, &run);
        }
        if recovery.is_due() {
            recover(shared);
            shared.hub.forget_unused();
        }
        if upkeep.is_due() {
            prune(shared);
        }
        if engines.is_due() {
            shared.snapshot.look_at_engines(shared);
        }
        if figures.is_due() {
            shared.snapshot.count(shared);
            shared
                .pipeline
                .runners()
                .end_idle(Instant::now(), shared.settings.model_idle);
        }
        shared.clerk_bell.wait(PROGRESS);
    }
}

fn report(shared: &Shared, run: &Run) {
    let report = run.report();
    match shared.store.progress(&run.lease, &run.progress(), Some(&report)) {
        Ok(Signal::Continue) => {}
        Ok(Signal::Cancel) => run.stop(Why::Cancelled),
        Err(JobsError::LeaseLost { .. }) => {
            // It may just have ended here.
            if shared.running.all().iter().any(|other| other.lease == run.lease) {
                run.stop(Why::Lost);
            }
        }
        Err(error) => tracing::warn!(job = %run.job, "its progress cannot be stored: {error}"),
    }
}

fn recover(shared: &Shared) {
    match shared.workers.recover(&*shared.store) {
        Ok(recovery) if recovery.jobs.is_empty() => {}
        Ok(recovery) => {
            tracing::info!("{} jobs of dead workers wait again", recovery.jobs.len());
            shared.bell.ring();
            shared.webhook_bell.ring();
        }
        Err(error) => tracing::error!("jobs of dead workers cannot be recovered: {error}"),
    }
}

/// Removes what retention says, and its uploads.
pub(crate) fn prune(shared: &Shared) {
    let retention = Retention {
        completed: shared.settings.keep_completed,
        failed: shared.settings.keep_failed,
    };
    loop {
        let pruned = match shared.store.prune(&retention, PRUNED) {
            Ok(pruned) => pruned,
            Err(error) => return tracing::error!("old jobs cannot be removed: {error}"),
        };
        for upload in &pruned.uploads {
            if let Err(error) = shared.uploads.remove(*upload) {
                tracing::warn!("an upload stays until the next start: {error}");
            }
        }
        if pruned.jobs.len() < PRUNED as usize {
            return;
        }
    }
}
