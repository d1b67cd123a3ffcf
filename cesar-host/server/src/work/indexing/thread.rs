//! The thread of a server that keeps its search index.

use std::time::{Duration, Instant};

use cesar_jobs::{Job, JobId};
use cesar_search::{Index, SearchError};

use super::{Holders, add_job, job_source, logged, remove_jobs};
use crate::state::{App, Shared};

/// Interval of comparisons of sources with holders.
const RECONCILE_INTERVAL: Duration = Duration::from_secs(600);

/// Interval of checks for a stop.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Adds the transcript of a job of this server's store that has ended.
pub(crate) fn add_ended_job(shared: &Shared, job: &Job) {
    let Some(index) = shared.transcripts.search.as_ref().filter(|_| job.has_document) else {
        return;
    };
    match shared.jobs.store.document(job.id) {
        Ok(Some(document)) => add_job(index, job, &document, Some(&shared.transcripts.corrections)),
        Ok(None) => {}
        Err(error) => {
            tracing::debug!(job = %job.id, trace = %job.trace_id(), "cannot read the transcript for the search index: {error}")
        }
    }
}

/// Fills a new index, then compares it with cache and jobs from time to time, until the server has stopped.
pub(crate) fn run(shared: &App) {
    let Some(index) = &shared.transcripts.search else {
        return;
    };
    let (mut last, mut changes): (Option<Instant>, _) = (None, 0);
    while !shared.signals.stopping() {
        apply_changes(shared, index);
        let corrections = &shared.transcripts.corrections;
        if corrections.are_shared()
            && let Some(now) = logged(corrections.changes_of_others()).filter(|now| *now != changes)
        {
            changes = now;
            logged(holders(shared).apply_corrections(index));
        }
        if last.is_none_or(|last| last.elapsed() >= RECONCILE_INTERVAL) {
            if let Err(error) = update(shared, index) {
                tracing::warn!("cannot update the search index: {error}");
            }
            last = Some(Instant::now());
        }
        shared.signals.housekeeping_due.wait(POLL_INTERVAL);
    }
}

/// Adds jobs that other processes have ended, and removes those that they have removed.
fn apply_changes(shared: &Shared, index: &Index) {
    let (ended, mut removed) = shared.transcripts.take_changes();
    let is_held = |job: &JobId| index.holds(&job_source(*job)).unwrap_or(true);
    for job in ended.into_iter().filter(|job| !is_held(job)) {
        match shared.jobs.store.get(job) {
            Ok(job) => job.iter().for_each(|job| add_ended_job(shared, job)),
            Err(error) => tracing::debug!(%job, "cannot read an ended job: {error}"),
        }
    }
    removed.retain(is_held);
    if !removed.is_empty() {
        remove_jobs(index, &removed);
    }
}

/// The stores of a server.
pub(crate) fn holders(shared: &Shared) -> Holders<'_> {
    Holders {
        cache: shared.pipeline.cache(),
        jobs: Some(&*shared.jobs.store),
        corrections: Some(&shared.transcripts.corrections),
    }
}

fn update(shared: &Shared, index: &Index) -> Result<(), SearchError> {
    let update = || {
        let holders = holders(shared);
        if !index.is_built()? {
            holders.fill(index, &|| shared.signals.stopping())?;
        }
        holders.reconcile(index)
    };
    match update() {
        Err(error) if error.is_damage() => {
            tracing::warn!("{error}; rebuilding it");
            index.recreate()?;
            update()
        }
        result => result,
    }
}
