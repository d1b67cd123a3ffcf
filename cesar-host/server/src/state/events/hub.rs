//! Events of jobs, kept in a log per job while it runs and for a while after.
//!
//! An event's id is `<claim>-<number>`: the number rises by one with each event of a claim, and a job that is retried (or resumes after a
//! restart of the server) begins a new claim that publishes its segments from the first. So a listener that reconnects with
//! `Last-Event-ID` gets what it missed of the same claim, or all of a later one. The log keeps every segment, and only the last progress.
//!
//! Listeners read from the job's log at their own pace: a slow one delays no other and loses nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use cesar_jobs::JobId;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;
use utoipa::ToSchema;

use super::kinds::kinds;

/// Maximum number of ended jobs whose events are kept.
const ENDED: usize = 64;

kinds! {
    /// The kind of an event.
    #[derive(serde::Deserialize)]
    JobEventKind {
        Started "started" "A worker begins an attempt."
        Progress "progress" "The progress of the attempt."
        Segment "segment" "A piece of text."
        Stage "stage" "A stage has its result."
        Failed "failed" "A stage failed."
        Resumed "resumed" "A stage resumes from a checkpoint."
        Warning "warning" "A warning for the user."
        Waiting "waiting" "The job is queued again."
        End "end" "The job has ended; the last event."
    }
}

/// One event of a job, as a message of the stream.
#[derive(Debug, Clone, PartialEq, ToSchema)]
pub(crate) struct JobEvent {
    /// The position, for `Last-Event-ID`.
    #[schema(value_type = Option<String>)]
    pub(crate) id: EventId,
    /// The kind.
    #[schema(rename = "event", value_type = Option<JobEventKind>)]
    pub(crate) kind: JobEventKind,
    /// JSON.
    #[schema(value_type = String)]
    pub(crate) data: Arc<Value>,
}

/// The position of an event: the claim and the number in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EventId {
    pub(crate) claim: u32,
    pub(crate) number: u64,
}

impl std::fmt::Display for EventId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}-{}", self.claim, self.number)
    }
}

impl std::str::FromStr for EventId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (claim, number) = text.trim().split_once('-').ok_or(())?;
        Ok(Self {
            claim: claim.parse().map_err(drop)?,
            number: number.parse().map_err(drop)?,
        })
    }
}

#[derive(Debug)]
struct Log {
    claim: u32,
    next: u64,
    events: VecDeque<JobEvent>,
    ended: bool,
    changed: watch::Sender<u64>,
}

impl Log {
    fn new() -> Self {
        Self {
            claim: 0,
            next: 1,
            events: VecDeque::new(),
            ended: false,
            changed: watch::Sender::new(0),
        }
    }

    fn push(&mut self, kind: JobEventKind, data: Value) {
        if kind == JobEventKind::Progress {
            self.events.retain(|event| event.kind != JobEventKind::Progress);
        }
        let id = EventId {
            claim: self.claim,
            number: self.next,
        };
        self.next += 1;
        self.events.push_back(JobEvent {
            id,
            kind,
            data: Arc::new(data),
        });
        self.changed.send_modify(|count| *count += 1);
    }
}

/// The logs of all jobs that run in this process, or ran lately.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    logs: Mutex<Logs>,
}

#[derive(Debug, Default)]
struct Logs {
    by_job: HashMap<JobId, Log>,
    ended: VecDeque<JobId>,
}

impl Hub {
    /// Begins the log of a claim.
    pub(crate) fn begin(&self, job: JobId, claim: u32) {
        self.with(|logs| {
            let log = logs.by_job.entry(job).or_insert_with(Log::new);
            (log.claim, log.next, log.ended) = (claim, 1, false);
            log.events.clear();
            log.push(JobEventKind::Started, json!({ "attempt": claim }));
        });
    }

    /// Appends an event of a running job.
    pub(crate) fn publish(&self, job: JobId, kind: JobEventKind, data: Value) {
        self.with(|logs| {
            if let Some(log) = logs.by_job.get_mut(&job) {
                log.push(kind, data);
            }
        });
    }

    /// Appends the last event.
    pub(crate) fn end(&self, job: JobId, data: Value) {
        self.with(|logs| {
            let log = logs.by_job.entry(job).or_insert_with(Log::new);
            log.ended = true;
            log.push(JobEventKind::End, data);
            logs.ended.push_back(job);
            while logs.ended.len() > ENDED {
                let oldest = logs.ended.pop_front();
                // A job may have been retried since.
                if let Some(oldest) = oldest.filter(|oldest| logs.by_job.get(oldest).is_some_and(|log| log.ended)) {
                    logs.by_job.remove(&oldest);
                }
            }
        });
    }

    /// Clears the log of an ended job that was requeued.
    pub(crate) fn reopen(&self, job: JobId) {
        self.with(|logs| {
            if let Some(log) = logs.by_job.get_mut(&job) {
                log.events.clear();
                log.ended = false;
            }
        });
    }

    /// The events after `last` (a later claim from its beginning), and a receiver to wait for more; `None` for a job without a log.
    pub(crate) fn since(&self, job: JobId, last: EventId) -> Option<(Vec<JobEvent>, watch::Receiver<u64>)> {
        self.with(|logs| {
            let log = logs.by_job.get(&job)?;
            let receiver = log.changed.subscribe();
            Some((
                log.events.iter().filter(|event| event.id > last).cloned().collect(),
                receiver,
            ))
        })
    }

    /// A receiver that changes with each event; creates the log of a job that does not run yet.
    pub(crate) fn watch(&self, job: JobId) -> watch::Receiver<u64> {
        self.with(|logs| logs.by_job.entry(job).or_insert_with(Log::new).changed.subscribe())
    }

    /// Wakes the listeners of a job that another process has changed; they look into the store.
    pub(crate) fn touch(&self, job: JobId) {
        self.with(|logs| {
            if let Some(log) = logs.by_job.get(&job) {
                log.changed.send_modify(|count| *count += 1);
            }
        });
    }

    /// Removes logs without events and receivers.
    pub(crate) fn forget_unused(&self) {
        self.with(|logs| {
            logs.by_job
                .retain(|_, log| !(log.events.is_empty() && log.changed.receiver_count() == 0));
        });
    }

    fn with<T>(&self, work: impl FnOnce(&mut Logs) -> T) -> T {
        work(&mut self.logs.lock())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(number: u8) -> JobId {
        format!("019b77c5-3800-7001-8000-0000000000{number:02x}")
            .parse()
            .unwrap()
    }

    fn kinds(hub: &Hub, last: EventId) -> Vec<String> {
        let (events, _) = hub.since(job(0), last).unwrap();
        events
            .iter()
            .map(|event| format!("{} {}", event.id, event.kind.name()))
            .collect()
    }

    #[test]
    fn a_listener_gets_the_events_after_its_last_id() {
        let hub = Hub::default();
        assert!(hub.since(job(0), EventId::default()).is_none());
        hub.begin(job(0), 1);
        hub.publish(job(0), JobEventKind::Progress, json!({}));
        hub.publish(job(0), JobEventKind::Segment, json!({}));
        hub.publish(job(0), JobEventKind::Progress, json!({}));
        assert_eq!(
            kinds(&hub, EventId::default()),
            ["1-1 started", "1-3 segment", "1-4 progress"]
        );
        assert_eq!(kinds(&hub, "1-3".parse().unwrap()), ["1-4 progress"]);
        hub.begin(job(0), 2);
        assert_eq!(
            kinds(&hub, "1-4".parse().unwrap()),
            ["2-1 started"],
            "a later claim begins with its first event"
        );
    }

    #[test]
    fn the_oldest_logs_of_ended_jobs_are_removed() {
        let hub = Hub::default();
        for number in 0..=u8::try_from(ENDED).unwrap() {
            hub.begin(job(number), 1);
            hub.end(job(number), json!({}));
        }
        assert!(hub.since(job(0), EventId::default()).is_none());
        assert!(hub.since(job(1), EventId::default()).is_some());
    }

    #[test]
    fn a_log_without_events_and_receivers_is_removed() {
        let hub = Hub::default();
        let receiver = hub.watch(job(0));
        hub.forget_unused();
        assert!(hub.since(job(0), EventId::default()).is_some());
        drop(receiver);
        hub.forget_unused();
        assert!(hub.since(job(0), EventId::default()).is_none());
    }
}
