//! What happens to jobs, for everybody who watches: kept per job while it runs and for a while after.
//!
//! An event's id is `<claim>-<number>`: the number rises by one with each event of a claim, and a job that is tried again (or goes on
//! after a restart of the server) begins a new claim whose segments are told from the first. So a listener that comes back with
//! `Last-Event-ID` gets what it missed of the same claim, or all of a later one. Every segment is kept; of progress only the last.
//!
//! Listeners read from the job's log at their own pace: a slow one delays nobody and loses nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use cesar_jobs::JobId;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use utoipa::ToSchema;

/// Jobs whose events are kept after they ended.
const ENDED: usize = 64;

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EventKind {
    /// A worker begins an attempt.
    Started,
    /// How far the attempt is.
    Progress,
    /// A piece of text.
    Segment,
    /// A stage has its result.
    Stage,
    /// A stage failed.
    Failed,
    /// A stage resumes from a checkpoint.
    Resumed,
    /// Something that the user should know.
    Warning,
    /// The job is queued again.
    Waiting,
    /// The job has ended; nothing follows.
    End,
}

impl EventKind {
    /// The name on the wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Progress => "progress",
            Self::Segment => "segment",
            Self::Stage => "stage",
            Self::Failed => "failed",
            Self::Resumed => "resumed",
            Self::Warning => "warning",
            Self::Waiting => "waiting",
            Self::End => "end",
        }
    }
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct JobEvent {
    /// The claim it belongs to and its number in it.
    pub(crate) id: EventId,
    pub(crate) kind: EventKind,
    /// What is told.
    pub(crate) data: Arc<Value>,
}

/// Where in a job's life an event is.
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

    fn push(&mut self, kind: EventKind, data: Value) {
        if kind == EventKind::Progress {
            self.events.retain(|event| event.kind != EventKind::Progress);
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

/// The logs of all jobs that run here, or did lately.
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
    /// A claim of a job begins.
    pub(crate) fn begin(&self, job: JobId, claim: u32) {
        self.with(|logs| {
            let log = logs.by_job.entry(job).or_insert_with(Log::new);
            (log.claim, log.next, log.ended) = (claim, 1, false);
            log.events.clear();
            log.push(EventKind::Started, json!({ "attempt": claim }));
        });
    }

    /// Something happened to a job that runs.
    pub(crate) fn tell(&self, job: JobId, kind: EventKind, data: Value) {
        self.with(|logs| {
            if let Some(log) = logs.by_job.get_mut(&job) {
                log.push(kind, data);
            }
        });
    }

    /// The job has ended, and nothing follows.
    pub(crate) fn end(&self, job: JobId, data: Value) {
        self.with(|logs| {
            let log = logs.by_job.entry(job).or_insert_with(Log::new);
            log.ended = true;
            log.push(EventKind::End, data);
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

    /// An ended job waits again: what was told of it is over.
    pub(crate) fn reopen(&self, job: JobId) {
        self.with(|logs| {
            if let Some(log) = logs.by_job.get_mut(&job) {
                log.events.clear();
                log.ended = false;
            }
        });
    }

    /// What came after `last` (a later claim from its beginning), and how to wait for more. `None` for a job that this process knows nothing of.
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

    /// Waits for news of a job; made for a job that does not run yet, too.
    pub(crate) fn watch(&self, job: JobId) -> watch::Receiver<u64> {
        self.with(|logs| logs.by_job.entry(job).or_insert_with(Log::new).changed.subscribe())
    }

    /// Forgets jobs that were watched and are known to have ended without running here.
    pub(crate) fn forget_unused(&self) {
        self.with(|logs| {
            logs.by_job
                .retain(|_, log| !(log.events.is_empty() && log.changed.receiver_count() == 0));
        });
    }

    fn with<T>(&self, work: impl FnOnce(&mut Logs) -> T) -> T {
        work(&mut self.logs.lock().unwrap_or_else(PoisonError::into_inner))
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
    fn a_listener_gets_what_it_missed() {
        let hub = Hub::default();
        assert!(hub.since(job(0), EventId::default()).is_none());
        hub.begin(job(0), 1);
        hub.tell(job(0), EventKind::Progress, json!({}));
        hub.tell(job(0), EventKind::Segment, json!({}));
        hub.tell(job(0), EventKind::Progress, json!({}));
        assert_eq!(
            kinds(&hub, EventId::default()),
            ["1-1 started", "1-3 segment", "1-4 progress"]
        );
        assert_eq!(kinds(&hub, "1-3".parse().unwrap()), ["1-4 progress"]);
        hub.begin(job(0), 2);
        assert_eq!(
            kinds(&hub, "1-4".parse().unwrap()),
            ["2-1 started"],
            "a later claim is told from its beginning"
        );
    }

    #[test]
    fn every_kind_is_published_by_its_name() {
        let description: Value = serde_json::from_str(&crate::openapi_text()).unwrap();
        let published = description["components"]["schemas"]["EventKind"]["enum"]
            .as_array()
            .unwrap();
        let all = [
            EventKind::Started,
            EventKind::Progress,
            EventKind::Segment,
            EventKind::Stage,
            EventKind::Failed,
            EventKind::Resumed,
            EventKind::Warning,
            EventKind::Waiting,
            EventKind::End,
        ];
        assert_eq!(published[..], all.map(|kind| json!(kind)));
        assert_eq!(published[..], all.map(EventKind::name));
        let manual = include_str!("../../../docs/guide/server.md");
        let missing: Vec<_> = all
            .iter()
            .filter(|kind| !manual.contains(&format!("`{}`", kind.name())))
            .collect();
        assert!(missing.is_empty(), "docs/guide/server.md does not name {missing:?}");
    }

    #[test]
    fn old_jobs_are_forgotten() {
        let hub = Hub::default();
        for number in 0..=u8::try_from(ENDED).unwrap() {
            hub.begin(job(number), 1);
            hub.end(job(number), json!({}));
        }
        assert!(hub.since(job(0), EventId::default()).is_none());
        assert!(hub.since(job(1), EventId::default()).is_some());
    }

    #[test]
    fn a_watched_job_that_never_ran_is_forgotten() {
        let hub = Hub::default();
        let receiver = hub.watch(job(0));
        hub.forget_unused();
        assert!(hub.since(job(0), EventId::default()).is_some());
        drop(receiver);
        hub.forget_unused();
        assert!(hub.since(job(0), EventId::default()).is_none());
    }
}
