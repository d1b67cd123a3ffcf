//! A listener to the events of one job, wherever the job runs.
//!
//! Events come from the log of this process, or, while the job runs in another one, from the store, which may keep them. A job that ended long
//! ago is read from the store: the segments of its document, then `end`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use cesar_jobs::{Job, JobId};
use serde_json::{Value, json};

use crate::refusal::{Code, Refusal};
use crate::state::App;
use crate::state::events::{EventId, JobEvent, JobEventKind};
use crate::work::transcripts::stored;
use cesar_jobs::JobView;

/// Maximum wait for events before the store is read.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// The same after another process has kept an event.
const KEPT_POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The claim of events that come from the store: later than all others.
const STORED: u32 = u32::MAX;

/// Reads one job's events in order.
pub(crate) struct Listener {
    app: App,
    job: JobId,
    last: EventId,
    pending: VecDeque<JobEvent>,
    /// Whether another process keeps events.
    elsewhere: bool,
    done: bool,
}

/// Whether an event comes from the stored transcript, which has the corrections of its recording.
pub(crate) fn is_stored(event: &JobEvent) -> bool {
    event.id.claim == STORED
}

impl Listener {
    /// Begins after `last`.
    pub(crate) fn new(app: &App, job: JobId, last: EventId) -> Self {
        Self {
            app: app.clone(),
            job,
            last,
            pending: VecDeque::new(),
            elsewhere: false,
            done: false,
        }
    }

    /// The next event; `None` after the last one, and when the server stops.
    pub(crate) async fn next(&mut self) -> Option<JobEvent> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                self.last = event.id;
                self.done = event.kind == JobEventKind::End;
                return Some(event);
            }
            if self.done || self.app.signals.halting() {
                return None;
            }
            let mut changes = self.app.events.hub.watch(self.job);
            if let Some((events, _)) = self.app.events.hub.since(self.job, self.last)
                && !events.is_empty()
            {
                self.pending.extend(events);
                continue;
            }
            if let Some(events) = self.stored().await {
                self.pending.extend(events);
                continue;
            }
            let mut stop = self.app.signals.phases();
            let interval = if self.elsewhere {
                KEPT_POLL_INTERVAL
            } else {
                POLL_INTERVAL
            };
            tokio::select! {
                _ = changes.changed() => {}
                _ = stop.changed() => {}
                () = tokio::time::sleep(interval) => {}
            }
        }
    }

    /// The events that another process has kept since the last one.
    async fn kept(&mut self) -> Vec<JobEvent> {
        let (job, last) = (self.job, self.last);
        let read = self.app.block(move |shared| shared.jobs.store.events(job, last.into()));
        let events = match read.await {
            Ok(Ok(events)) => events,
            Ok(Err(error)) => {
                tracing::debug!(job = %self.job, "cannot read kept events: {error}");
                Vec::new()
            }
            Err(_) => Vec::new(),
        };
        let events: Vec<_> = events.iter().filter_map(JobEvent::kept).collect();
        self.elsewhere |= !events.is_empty();
        events
    }

    /// The events of a job that does not run in this process: those that another one keeps, and its end.
    async fn stored(&mut self) -> Option<Vec<JobEvent>> {
        let job = match stored::job(&self.app, self.job).await {
            Ok(job) => job,
            // Removed by retention: there are no more events.
            Err(Refusal {
                code: Code::NotFound, ..
            }) => {
                self.done = true;
                return Some(Vec::new());
            }
            Err(_) => return None,
        };
        // A run in this process publishes its own events and end.
        if self.app.jobs.running.holds(self.job) {
            return None;
        }
        // Read behind the job: those before its end are there.
        let was_never_claimed = job.started_ms.is_none();
        let kept = if was_never_claimed || self.last.claim == STORED {
            Vec::new()
        } else {
            self.kept().await
        };
        if !kept.is_empty() {
            return Some(kept);
        }
        if !job.state.has_ended() {
            return None;
        }
        if let Some((events, _)) = self
            .app
            .events
            .hub
            .since(self.job, self.last)
            .filter(|(events, _)| !events.is_empty())
        {
            return Some(events);
        }
        Some(self.events_of_document(&job).await)
    }

    async fn events_of_document(&self, job: &Job) -> Vec<JobEvent> {
        let text = match stored::document(&self.app, job).await {
            // Without its corrections, which cannot be read.
            Err(_) => stored::original(&self.app, job).await.unwrap_or_default(),
            Ok(text) => text,
        };
        let text = text.unwrap_or_default();
        let document: Value = serde_json::from_str(&text).unwrap_or_default();
        // A listener that has followed the run has its segments.
        let has_segments = self.last.claim != 0 && self.last.claim != STORED;
        let segments = document["segments"].as_array().filter(|_| !has_segments);
        let segments = segments.into_iter().flatten().map(|segment| {
            let data = json!({ "start": segment["start"], "end": segment["end"], "text": segment["text"] });
            (JobEventKind::Segment, data)
        });
        let end = (JobEventKind::End, JobView::new(job).to_json());
        let events = segments.chain([end]).zip(1..).map(|((kind, data), number)| JobEvent {
            id: EventId { claim: STORED, number },
            kind,
            data: Arc::new(data),
        });
        let events: Vec<_> = events.collect();
        let missed: Vec<_> = events.iter().filter(|event| event.id > self.last).cloned().collect();
        // A listener that has had everything gets the end once more.
        if missed.is_empty() {
            events.into_iter().last().into_iter().collect()
        } else {
            missed
        }
    }
}
