//! Changes by other processes, for the feed: the command line and other servers use the same jobs and corrections.

use std::collections::HashMap;
use std::time::Duration;

use cesar_base::Digest;
use cesar_jobs::{Job, JobId, JobState, JobsError, ListQuery};

use crate::state::Shared;

/// The interval of [`FeedWatch::poll`].
pub(crate) const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// Maximum number of jobs that have not ended of which changes are noticed.
const MOST_ACTIVE: u32 = 500;

/// The number of the newest jobs of which changes are noticed.
const NEWEST: u32 = 50;

/// What a page shows of a job beside its progress.
type Summary = (JobState, u32, bool, bool, Option<String>);

/// What was seen last.
#[derive(Debug, Default)]
pub(crate) struct FeedWatch {
    jobs: Option<HashMap<JobId, Summary>>,
    corrections: Option<(i64, HashMap<Digest, u64>)>,
}

fn summary(job: &Job) -> Summary {
    (
        job.state,
        job.attempts,
        job.cancel_requested,
        job.has_document,
        job.request.title.clone(),
    )
}

impl FeedWatch {
    /// Publishes what has changed. Errors are logged; the next call retries.
    pub(crate) fn poll(&mut self, shared: &Shared) {
        if let Err(error) = self.poll_jobs(shared) {
            tracing::debug!("cannot look for changed jobs: {error}");
        }
        if let Err(error) = self.poll_corrections(shared) {
            tracing::debug!("cannot look for new corrections: {error}");
        }
    }

    fn poll_jobs(&mut self, shared: &Shared) -> Result<(), JobsError> {
        let list = |states: Vec<JobState>, limit| {
            shared.store.list(&ListQuery {
                states,
                limit,
                ..ListQuery::default()
            })
        };
        let active = JobState::ALL.into_iter().filter(|state| !state.has_ended()).collect();
        let before = self.jobs.take();
        let mut seen = HashMap::new();
        for job in list(active, MOST_ACTIVE)?.into_iter().chain(list(Vec::new(), NEWEST)?) {
            let now = summary(&job);
            let is_changed = before.as_ref().is_some_and(|before| before.get(&job.id) != Some(&now));
            if is_changed && !seen.contains_key(&job.id) {
                shared.feed.job(&job);
            }
            seen.insert(job.id, now);
        }
        let gone = before.into_iter().flatten().filter(|(id, _)| !seen.contains_key(id));
        let gone: Vec<_> = gone.collect();
        self.jobs = Some(seen);
        for (id, before) in gone {
            match shared.store.get(id)? {
                Some(job) if summary(&job) != before => shared.feed.job(&job),
                Some(_) => {}
                None => shared.feed.removed(id),
            }
        }
        Ok(())
    }

    fn poll_corrections(&mut self, shared: &Shared) -> Result<(), Box<dyn std::error::Error>> {
        let version = shared.corrections.changes_of_others()?;
        if self.corrections.as_ref().is_some_and(|(known, _)| *known == version) {
            return Ok(());
        }
        let now: HashMap<Digest, u64> = shared.corrections.revisions()?.into_iter().collect();
        let before = self.corrections.replace((version, now.clone()));
        let Some((_, before)) = before else { return Ok(()) };
        for (media, revision) in now {
            if before.get(&media) != Some(&revision) {
                corrected(shared, &media, revision)?;
            }
        }
        Ok(())
    }
}

/// Publishes the new revision of every job with this recording.
pub(crate) fn corrected(shared: &Shared, media: &Digest, revision: u64) -> Result<(), JobsError> {
    let query = ListQuery {
        recording: Some(*media),
        limit: MOST_ACTIVE,
        ..ListQuery::default()
    };
    for job in shared.store.list(&query)? {
        shared.feed.transcript(job.id, revision);
    }
    Ok(())
}
