//! Changes by other servers of jobs and of the state that servers share, where the store reports them: they wake the threads and clients that wait here.
//!
//! Each wake-up has a slow poll behind it, as notifications are lost while the connection to the store is broken. A change by this
//! process is reported, too, and then changes nothing more.

use std::collections::BTreeMap;
use std::time::Duration;

use cesar_jobs::{Change, JobId};

use crate::state::{App, Shared};

/// The longest wait, after which the end of the server is noticed.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Applies changes until the server has stopped.
pub(crate) fn run(shared: &App) {
    let Some(mut changes) = shared.jobs.store.changes() else {
        return;
    };
    while !shared.signals.stopped() {
        apply(shared, changes.wait(POLL_INTERVAL));
    }
}

fn apply(shared: &Shared, changes: Vec<Change>) {
    let mut latest = BTreeMap::new();
    for change in changes {
        wake(shared, change);
        // Of several changes of a job, only the last one is shown.
        latest.extend(job_of(change).map(|job| (job, change)));
    }
    // No client looks at a worker: with many of them, each change would be read by all.
    if shared.answers_requests() {
        for (job, change) in latest {
            publish(shared, job, change);
        }
    }
}

fn job_of(change: Change) -> Option<JobId> {
    match change {
        Change::Queued(job)
        | Change::CancelRequested(job)
        | Change::Changed(job)
        | Change::Ended(job)
        | Change::Removed(job) => Some(job),
        Change::Record | Change::LeaseEnded | Change::Missed => None,
    }
}

fn wake(shared: &Shared, change: Change) {
    match change {
        // One job needs one thread.
        Change::Queued(_) => shared.signals.jobs_ready.notify_one(),
        // Housekeeping reads the request, and stops the run.
        Change::CancelRequested(job) if shared.jobs.running.holds(job) => shared.signals.housekeeping_due.notify_all(),
        Change::Ended(job) | Change::Removed(job) => {
            shared.signals.webhooks_ready.notify_all();
            shared.events.hub.touch(job);
        }
        Change::Record if shared.answers_requests() => read_shared_state(shared),
        Change::LeaseEnded => {
            if let Some(leases) = &shared.jobs.leases {
                leases.note_end();
            }
        }
        Change::Missed => {
            if shared.answers_requests() {
                read_shared_state(shared);
            }
            shared.signals.jobs_ready.notify_all();
            shared.signals.housekeeping_due.notify_all();
            shared.signals.webhooks_ready.notify_all();
        }
        Change::CancelRequested(_) | Change::Changed(_) | Change::Record => {}
    }
}

/// Keys and corrections may be others. Links and glossaries are read at each use.
fn read_shared_state(shared: &Shared) {
    shared.access.gate.reload();
    shared.transcripts.corrections.note_change();
}

/// Shows the change in the feed, and leaves transcripts to the thread of the search index. The progress of a job that runs here is published by housekeeping.
fn publish(shared: &Shared, job: JobId, change: Change) {
    if matches!(change, Change::Changed(_)) && shared.jobs.running.holds(job) {
        return;
    }
    match shared.jobs.store.get(job) {
        Ok(Some(job)) => {
            shared.events.feed.job(&job);
            if matches!(change, Change::Ended(_)) {
                shared.transcripts.note_end(job.id);
            }
        }
        Ok(None) => {
            shared.events.feed.removed(job);
            shared.transcripts.note_removal(job);
        }
        Err(error) => tracing::debug!(%job, "cannot read a changed job: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use cesar_jobs::{JobRequest, NewJob, Source, Submission};

    use super::*;
    use crate::state::jobs::Run;
    use crate::testing::{app, process};
    use crate::traces::JobSpan;

    #[test]
    fn a_change_by_another_server_is_shown_and_wakes_listeners() {
        let folder = tempfile::tempdir().unwrap();
        let app = app(folder.path(), &[]);
        let store = &app.jobs.store;
        let request = JobRequest::new(Source::Url {
            url: "https://example.org/talk.mp3".to_owned(),
        });
        let Submission::New(job) = store.submit(&NewJob::new(request)).unwrap() else {
            panic!("it is new")
        };
        let kinds = |since| -> Vec<&str> {
            let events = app.events.feed.since(since).events;
            events.iter().map(|event| event.kind.name()).collect()
        };
        apply(
            &app,
            vec![Change::Missed, Change::Queued(job.id), Change::Changed(job.id)],
        );
        assert_eq!(kinds(0), ["job"], "once for both");

        let mut listener = app.events.hub.watch(job.id);
        listener.mark_unchanged();
        store.cancel(job.id).unwrap();
        store.remove(job.id).unwrap();
        apply(&app, vec![Change::Ended(job.id), Change::Removed(job.id)]);
        assert!(listener.has_changed().unwrap(), "its listener looks into the store");
        assert_eq!(kinds(0), ["removed"], "the last event of each job is kept");
    }

    #[test]
    fn a_worker_does_not_read_the_changed_jobs_of_others() {
        let folder = tempfile::tempdir().unwrap();
        let app = process(folder.path(), &[], Some(Vec::new()));
        let request = JobRequest::new(Source::Url {
            url: "https://example.org/talk.mp3".to_owned(),
        });
        let Submission::New(job) = app.jobs.store.submit(&NewJob::new(request)).unwrap() else {
            panic!("it is new")
        };
        let ticket = app.signals.jobs_ready.ticket();
        apply(&app, vec![Change::Changed(job.id), Change::Queued(job.id)]);
        assert!(app.events.feed.since(0).events.is_empty());
        // Would wait for ever if the new job had not woken it.
        app.signals.jobs_ready.wait_since(ticket, Duration::MAX);
    }

    #[test]
    fn progress_of_a_run_of_this_server_is_not_shown_twice() {
        let folder = tempfile::tempdir().unwrap();
        let app = app(folder.path(), &[]);
        let request = JobRequest::new(Source::Url {
            url: "https://example.org/talk.mp3".to_owned(),
        });
        app.jobs.store.submit(&NewJob::new(request)).unwrap();
        let worker = app.jobs.workers.register().unwrap();
        let claim = app.jobs.store.claim(worker.id()).unwrap().unwrap();
        app.jobs
            .running
            .insert(&std::sync::Arc::new(Run::new(claim.lease, JobSpan::begin(&claim.job))));
        apply(&app, vec![Change::Changed(claim.job.id)]);
        assert!(app.events.feed.since(0).events.is_empty());
    }
}
