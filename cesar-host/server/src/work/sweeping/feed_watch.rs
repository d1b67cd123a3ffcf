//! Changes by other processes, for the feed: the command line and other servers use the same jobs and corrections.

use std::collections::HashMap;
use std::time::Duration;

use cesar_base::Digest;
use cesar_jobs::{Job, JobId, JobState, JobStore, JobsError, ListQuery};

use crate::state::Shared;
use crate::state::events::Feed;

/// The interval of both polls.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// Maximum number of jobs that have not ended of which changes are noticed.
const MOST_ACTIVE: u32 = 500;

/// The number of the newest jobs of which changes are noticed.
const NEWEST: u32 = 50;

/// Displayed state of a job, without its progress.
type Summary = (JobState, u32, bool, bool, Option<String>);

/// The last view.
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
    /// Publishes the jobs that have changed. Errors are logged; the next call retries.
    pub(crate) fn look_for_jobs(&mut self, shared: &Shared) {
        if let Err(error) = self.poll_jobs(&*shared.jobs.store, &shared.events.feed) {
            tracing::debug!("cannot look for changed jobs: {error}");
        }
    }

    /// Publishes new corrections. Errors are logged; the next call retries.
    pub(crate) fn look_for_corrections(&mut self, shared: &Shared) {
        if let Err(error) = self.poll_corrections(shared) {
            tracing::debug!("cannot look for new corrections: {error}");
        }
    }

    fn poll_jobs(&mut self, store: &dyn JobStore, feed: &Feed) -> Result<(), JobsError> {
        let list = |states: Vec<JobState>, limit| {
            store.list(&ListQuery {
                states,
                limit,
                ..ListQuery::default()
            })
        };
        let active = JobState::ALL.into_iter().filter(|state| !state.has_ended()).collect();
        let before = self.jobs.as_ref();
        let (mut seen, mut changed, mut removed) = (HashMap::new(), Vec::new(), Vec::new());
        for job in list(active, MOST_ACTIVE)?.into_iter().chain(list(Vec::new(), NEWEST)?) {
            let now = summary(&job);
            let is_changed = before.is_some_and(|before| before.get(&job.id) != Some(&now));
            if seen.insert(job.id, now).is_none() && is_changed {
                changed.push(job);
            }
        }
        let gone = before.into_iter().flatten().filter(|(id, _)| !seen.contains_key(id));
        for (id, before) in gone {
            match store.get(*id)? {
                Some(job) if summary(&job) != *before => changed.push(job),
                Some(_) => {}
                None => removed.push(*id),
            }
        }
        changed.iter().for_each(|job| feed.job(job));
        removed.into_iter().for_each(|id| feed.removed(id));
        self.jobs = Some(seen);
        Ok(())
    }

    fn poll_corrections(&mut self, shared: &Shared) -> Result<(), Box<dyn std::error::Error>> {
        let version = shared.transcripts.corrections.changes_of_others()?;
        if self.corrections.as_ref().is_some_and(|(known, _)| *known == version) {
            return Ok(());
        }
        let now: HashMap<Digest, u64> = shared.transcripts.corrections.revisions()?.into_iter().collect();
        if let Some((_, before)) = &self.corrections {
            for (media, revision) in &now {
                if before.get(media) != Some(revision) {
                    corrected(shared, media, *revision)?;
                }
            }
        }
        self.corrections = Some((version, now));
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
    for job in shared.jobs.store.list(&query)? {
        shared.events.feed.transcript(job.id, revision);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use cesar_jobs::{JobRequest, NewJob, Source, Submission};

    use super::*;
    use crate::testing::failing_store;

    /// The operation before the second poll, whether that poll succeeded, and the kinds of events after a third one.
    fn polled(at: u64) -> (u64, bool, Vec<&'static str>) {
        let folder = tempfile::tempdir().unwrap();
        let (store, disk) = failing_store(folder.path(), at);
        let (feed, mut watch) = (Feed::new().unwrap(), FeedWatch::default());
        let submit = |url: &str| {
            let request = JobRequest::new(Source::Url { url: url.to_owned() });
            match store.submit(&NewJob::new(request)).unwrap() {
                Submission::New(job) => job.id,
                other => panic!("{other:?}"),
            }
        };
        let removed = submit("https://example.org/a");
        store.cancel(removed).unwrap();
        watch.poll_jobs(&store, &feed).unwrap();
        store.remove(removed).unwrap();
        submit("https://example.org/b");
        let before = disk.operations();
        let is_polled = watch.poll_jobs(&store, &feed).is_ok();
        watch.poll_jobs(&store, &feed).unwrap();
        let events = feed.since(0).events;
        (
            before,
            is_polled,
            events.iter().map(|event| event.kind.name()).collect(),
        )
    }

    #[test]
    fn changes_by_others_are_published_once_also_after_an_error() {
        let (before, is_polled, events) = polled(u64::MAX);
        assert!(is_polled);
        assert_eq!(events, ["job", "removed"]);
        // The two lists, and the look-up of the removed job.
        for query in 1..=3 {
            let (_, is_polled, events) = polled(before + query);
            assert!(!is_polled, "query {query}");
            assert_eq!(events, ["job", "removed"], "query {query}");
        }
    }
}
