//! The housekeeping thread: progress, cancellation, recovery, retention, uploads, API keys, idle models and figures.
//!
//! Several times a second it writes each run's progress to the store and reads whether the run may continue. So another process can cancel
//! a job, and a run that lost its job stops. Every other chore has a longer interval.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use cesar_base::{Clock, SystemClock};
use cesar_jobs::{JobId, JobStore, JobsError, Progress, Retention, Signal, Swept, Uploads};

use crate::figures::snapshot;
use crate::keys;
use crate::state::jobs::{Run, StopReason};
use crate::state::{App, Shared};
use crate::work::indexing;
use crate::work::running::kept_events;
use crate::work::sweeping::feed_watch::{self, FeedWatch};

const PROGRESS_INTERVAL: Duration = Duration::from_millis(400);
const RECOVERY_INTERVAL: Duration = Duration::from_secs(5);
/// Servers look more often, unless none is left.
const WORKER_RECOVERY_INTERVAL: Duration = Duration::from_secs(20);
/// Between looks for changes that the store reports, too.
const SHARED_POLL_INTERVAL: Duration = Duration::from_secs(10);
const PRUNE_INTERVAL: Duration = Duration::from_secs(60);
const SWEEP_INTERVAL: Duration = Duration::from_secs(600);

/// Counting a million jobs takes long; it takes at most one part in this of the time.
const COUNT_SHARE: u32 = 50;

/// Counts are never older, as far as the jobs can be read.
const LONGEST_COUNT_INTERVAL: Duration = Duration::from_secs(60);

/// Maximum number of jobs removed in one transaction.
const PRUNE_BATCH: u32 = 500;

/// A periodic task.
struct Chore {
    /// The least interval.
    least: Duration,
    interval: Duration,
    last: Option<Instant>,
}

impl Chore {
    fn new(interval: Duration) -> Self {
        Self {
            least: interval,
            interval,
            last: None,
        }
    }

    fn is_due(&mut self, now: Instant) -> bool {
        let due = self.last.is_none_or(|last| now.duration_since(last) >= self.interval);
        if due {
            self.last = Some(now);
        }
        due
    }

    /// Makes the interval so long that the task, which took this time, takes at most one part in [`COUNT_SHARE`] of it.
    fn spare(&mut self, took: Duration) {
        self.interval = (took * COUNT_SHARE).clamp(self.least, LONGEST_COUNT_INTERVAL);
    }
}

/// Runs the chores until the server has stopped.
pub(crate) fn run(shared: &App) {
    // Clients see nothing of a worker, and many workers share a database.
    let serves = shared.answers_requests();
    let are_shared = shared.are_jobs_shared();
    let recovery_interval = match are_shared && !serves {
        true => WORKER_RECOVERY_INTERVAL,
        false => RECOVERY_INTERVAL,
    };
    let poll = |interval| if are_shared { SHARED_POLL_INTERVAL } else { interval };
    let (mut recovery, mut pruning) = (Chore::new(recovery_interval), Chore::new(PRUNE_INTERVAL));
    let (mut sweeping, mut keys) = (Chore::new(SWEEP_INTERVAL), Chore::new(poll(keys::POLL_INTERVAL)));
    let (mut counts, mut engines) = (
        Chore::new(snapshot::COUNT_INTERVAL),
        Chore::new(snapshot::ENGINES_INTERVAL),
    );
    let mut measuring = Chore::new(snapshot::COUNT_INTERVAL);
    let (mut jobs, mut corrections) = (
        Chore::new(poll(feed_watch::POLL_INTERVAL)),
        Chore::new(feed_watch::POLL_INTERVAL),
    );
    let mut feed = FeedWatch::default();
    let mut published = HashMap::new();
    while !shared.signals.stopped() {
        let now = Instant::now();
        let runs = shared.jobs.running.all();
        published.retain(|job, _| runs.iter().any(|run| run.job == *job));
        for run in runs {
            report(shared, &run, &mut published);
        }
        if serves && jobs.is_due(now) {
            feed.look_for_jobs(shared);
        }
        if serves && corrections.is_due(now) {
            feed.look_for_corrections(shared);
        }
        if serves && keys.is_due(now) {
            shared.access.gate.reload();
        }
        if recovery.is_due(now) {
            recover(shared);
            shared.events.hub.forget_unused();
            shared.recordings.downloads.close_idle();
        }
        if pruning.is_due(now) {
            prune_as_server(shared);
        }
        if sweeping.is_due(now) {
            sweep(&shared.uploads.files, &*shared.jobs.store, &SystemClock);
            sweep_shared(shared);
        }
        if engines.is_due(now) {
            shared.figures.snapshot.inspect_engines(&shared.pipeline);
            if serves {
                shared.figures.snapshot.count_needs(&*shared.jobs.store);
            }
        }
        if serves && counts.is_due(now) {
            let began = Instant::now();
            let is_counted = shared.figures.snapshot.count_jobs(&*shared.jobs.store);
            counts.spare(if is_counted { began.elapsed() } else { Duration::ZERO });
        }
        if measuring.is_due(now) {
            if !serves {
                // It counts no jobs.
                shared.figures.snapshot.note_jobs(shared.jobs.workers.are_away());
            }
            shared.figures.snapshot.measure_disk(&shared.uploads.files);
            shared.pipeline.runners().end_idle(now, shared.settings.model_idle);
        }
        shared.signals.housekeeping_due.wait(PROGRESS_INTERVAL);
    }
}

fn report(shared: &Shared, run: &Run, published: &mut HashMap<JobId, Progress>) {
    kept_events::keep(shared, run);
    let report = run.report();
    let progress = run.progress();
    match shared.jobs.store.progress(&run.lease, &progress, Some(&report)) {
        Ok(Signal::Continue) => publish(shared, run, progress, published),
        Ok(Signal::Cancel) => run.stop(StopReason::Cancelled),
        Err(JobsError::LeaseLost { .. }) => {
            // A run that has just ended here has not lost its lease.
            if shared.jobs.running.all().iter().any(|other| other.lease == run.lease) {
                run.stop(StopReason::Lost);
            }
        }
        Err(error) => tracing::warn!(job = %run.job, trace = %run.span.trace(), "cannot store the progress: {error}"),
    }
}

/// Publishes a job whose progress has changed.
fn publish(shared: &Shared, run: &Run, progress: Progress, published: &mut HashMap<JobId, Progress>) {
    if published.get(&run.job) == Some(&progress) {
        return;
    }
    if let Ok(Some(job)) = shared.jobs.store.get(run.job) {
        shared.events.feed.job(&job);
    }
    published.insert(run.job, progress);
}

fn recover(shared: &Shared) {
    match shared.jobs.workers.recover(&*shared.jobs.store) {
        Ok(recovery) if recovery.jobs.is_empty() => {}
        Ok(recovery) => {
            for job in &recovery.jobs {
                tracing::info!(job = %job.id, trace = %job.trace_id(), state = %job.state, "job of a dead worker recovered");
                shared.events.feed.job(job);
            }
            shared.signals.jobs_ready.notify_all();
            shared.signals.webhooks_ready.notify_all();
        }
        Err(error) => tracing::error!("cannot recover the jobs of dead workers: {error}"),
    }
}

/// Removes uploads that no job needs and no client sends, and gives those of failed submissions back.
fn sweep(uploads: &Uploads, store: &dyn JobStore, clock: &dyn Clock) {
    match uploads.sweep(store) {
        Ok(swept) if swept == Swept::default() => {}
        Ok(Swept { unfinished, orphans }) => tracing::info!(unfinished, orphans, "leftovers of uploads removed"),
        Err(error) => tracing::warn!("cannot remove leftovers of uploads: {error}"),
    }
    match uploads.sweep_resumable(store, clock.now_ms()) {
        Ok(0) => {}
        Ok(removed) => tracing::info!("{removed} unfinished uploads removed"),
        Err(error) => tracing::warn!("cannot remove old unfinished uploads: {error}"),
    }
    match uploads.trim() {
        Ok(0) => {}
        Ok(removed) => tracing::info!("{removed} copies of uploads removed"),
        Err(error) => tracing::warn!("cannot remove copies of uploads: {error}"),
    }
}

/// Removes uploads without a job from the storage that machines share.
fn sweep_shared(shared: &Shared) {
    if !shared.answers_requests() {
        return;
    }
    match shared.uploads.files.sweep_shared(&*shared.jobs.store) {
        Ok(0) => {}
        Ok(removed) => tracing::info!("{removed} uploads without a job removed from the shared storage"),
        Err(error) => tracing::warn!("cannot remove uploads without a job from the shared storage: {error}"),
    }
}

/// [`prune`] by the settings of servers: a worker may have others, or none.
pub(crate) fn prune_as_server(shared: &Shared) {
    if shared.answers_requests() {
        prune(shared);
    }
}

/// Removes expired jobs and their uploads.
fn prune(shared: &Shared) {
    let retention = Retention {
        completed: shared.settings.keep_completed,
        failed: shared.settings.keep_failed,
    };
    loop {
        let pruned = match shared.jobs.store.prune(&retention, PRUNE_BATCH) {
            Ok(pruned) => pruned,
            Err(error) => return tracing::error!("cannot remove expired jobs: {error}"),
        };
        if let Some(index) = &shared.transcripts.search {
            indexing::remove_jobs(index, &pruned.jobs);
        }
        if let Err(error) = shared
            .transcripts
            .shares
            .remove_jobs(&pruned.jobs, SystemClock.now_ms())
        {
            tracing::warn!("{error}");
        }
        pruned.jobs.iter().for_each(|job| shared.events.feed.removed(*job));
        for upload in &pruned.uploads {
            match shared.uploads.files.remove(*upload) {
                Ok(()) => {}
                Err(error @ JobsError::Blobs { .. }) => {
                    // The others would wait for it as long.
                    tracing::warn!("uploads of removed jobs are left to the next sweep: {error}");
                    break;
                }
                Err(error) => tracing::warn!("cannot remove an upload before the next sweep: {error}"),
            }
        }
        if pruned.jobs.len() < PRUNE_BATCH as usize {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use cesar_base::ManualClock;
    use cesar_jobs::{Description, Disk, LIFETIME_MS, SqliteJobs, StoreOptions, SystemRandom};

    use super::*;

    #[test]
    fn a_chore_is_due_at_once_and_after_its_interval() {
        let (mut chore, start) = (Chore::new(SWEEP_INTERVAL), Instant::now());
        let mut due = |after: Duration| chore.is_due(start + after);
        assert!(due(Duration::ZERO));
        assert!(!due(SWEEP_INTERVAL - PROGRESS_INTERVAL));
        assert!(due(SWEEP_INTERVAL));
        assert!(!due(SWEEP_INTERVAL + PROGRESS_INTERVAL));
    }

    #[test]
    fn a_sweep_removes_orphans_and_expired_uploads() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteJobs::open(folder.path(), StoreOptions::default()).unwrap();
        let uploads = Uploads::open(folder.path(), Disk::real(), std::sync::Arc::new(SystemRandom)).unwrap();
        let clock = ManualClock::new(SystemClock.now_ms());
        let orphan = uploads.create(10).unwrap().finish().unwrap();
        let path = orphan.path().to_owned();
        drop(orphan);
        let receiving = uploads.create(10).unwrap();
        let expiring = uploads.create_resumable(&Description::default()).unwrap();
        sweep(&uploads, &store, &clock);
        assert!(!path.exists());
        assert!(uploads.resumable(expiring).unwrap().is_some());
        clock.advance_ms(LIFETIME_MS + 1_000);
        sweep(&uploads, &store, &clock);
        assert_eq!(uploads.resumable(expiring).unwrap(), None);
        assert!(receiving.finish().unwrap().path().exists(), "it was being received");
    }
}
