//! The feed: what happens to all jobs, as one stream for all views of a page.
//!
//! An event's id is `<epoch>-<number>`. The epoch is random at each start of the server, and the number rises by one. The feed keeps the last
//! event of each job and subject ([`Feed::publish`] replaces the one before), so a listener that reconnects gets one event for each job that
//! changed since. A listener from before a restart, or from before the oldest kept event, gets a `reset`: it reads the list of jobs again.

use std::collections::VecDeque;
use std::sync::Arc;

use cesar_jobs::{Job, JobId, JobView};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;
use utoipa::ToSchema;

use super::kinds::kinds;
use crate::random::random_hex;

/// Maximum number of kept events.
const KEPT: usize = 2_000;

kinds! {
    /// The kind of an event of the feed.
    FeedEventKind {
        Ready "ready" "The stream begins here; the list of jobs is read after it."
        Reset "reset" "Events were missed; the list of jobs is read again."
        Job "job" "A job is new or has changed: the job, without its transcript."
        Removed "removed" "A job was removed: its `id`."
        Transcript "transcript" "A transcript was corrected: the `id` of its job and the `revision`."
        Models "models" "The progress of a download of a model."
        Heartbeat "heartbeat" "Sent when nothing else was for two seconds; has no id."
    }
}

/// One event of the feed, as a message of the stream.
#[derive(Debug, Clone, PartialEq, ToSchema)]
pub(crate) struct FeedEvent {
    /// The position, for `Last-Event-ID`.
    #[schema(value_type = Option<String>)]
    pub(crate) number: u64,
    /// The kind.
    #[schema(rename = "event", value_type = Option<FeedEventKind>)]
    pub(crate) kind: FeedEventKind,
    /// JSON.
    #[schema(value_type = String)]
    pub(crate) data: Arc<Value>,
}

/// Events of all jobs.
#[derive(Debug)]
pub(crate) struct Feed {
    epoch: String,
    log: Mutex<Log>,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Log {
    /// With the subject of each event: the id of its job, or the name of its model.
    events: VecDeque<(String, FeedEvent)>,
    /// The number of the last event.
    last: u64,
    /// The number of the newest event that is no longer kept and was not replaced.
    lost: u64,
}

/// Events after a position.
#[derive(Debug, PartialEq)]
pub(crate) struct Missed {
    pub(crate) events: Vec<FeedEvent>,
    /// The position of the last event.
    pub(crate) last: u64,
    /// Whether some are no longer kept.
    pub(crate) is_gap: bool,
}

impl Feed {
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        Ok(Self {
            epoch: random_hex::<4>()?,
            log: Mutex::default(),
            changed: watch::Sender::new(0),
        })
    }

    /// A job is new or has changed.
    pub(crate) fn job(&self, job: &Job) {
        self.publish(FeedEventKind::Job, &job.id.to_string(), JobView::new(job).to_json());
    }

    /// A job was removed; published once.
    pub(crate) fn removed(&self, job: JobId) {
        let subject = job.to_string();
        self.publish(FeedEventKind::Removed, &subject, json!({ "id": subject }));
    }

    /// A transcript was corrected. A database reports a correction to the server that made it, too: it is published once.
    pub(crate) fn transcript(&self, job: JobId, revision: u64) {
        let subject = job.to_string();
        let data = json!({ "id": subject, "revision": revision });
        let is_published = |(known, event): &(String, FeedEvent)| {
            event.kind == FeedEventKind::Transcript && known == &subject && *event.data == data
        };
        if self.log.lock().events.iter().any(is_published) {
            return;
        }
        self.publish(FeedEventKind::Transcript, &subject, data);
    }

    /// Appends an event; an earlier one of its kind about the same subject is dropped, and all earlier ones about a removed job. News
    /// read before the removal that come after it are not published: ids are not used again.
    pub(crate) fn publish(&self, kind: FeedEventKind, subject: &str, data: Value) {
        let mut log = self.log.lock();
        let is_removal =
            |(known, event): &(String, FeedEvent)| event.kind == FeedEventKind::Removed && known == subject;
        if log.events.iter().any(is_removal) {
            return;
        }
        let is_replaced = |event: &FeedEvent| event.kind == kind || kind == FeedEventKind::Removed;
        log.events
            .retain(|(known, event)| !(known == subject && is_replaced(event)));
        log.last += 1;
        let event = FeedEvent {
            number: log.last,
            kind,
            data: Arc::new(data),
        };
        log.events.push_back((subject.to_owned(), event));
        if log.events.len() > KEPT
            && let Some((_, oldest)) = log.events.pop_front()
        {
            log.lost = oldest.number;
        }
        let last = log.last;
        drop(log);
        self.changed.send_replace(last);
    }

    /// The events after a position.
    pub(crate) fn since(&self, number: u64) -> Missed {
        let log = self.log.lock();
        let events = log.events.iter().map(|(_, event)| event);
        Missed {
            events: events.filter(|event| event.number > number).cloned().collect(),
            last: log.last,
            is_gap: number < log.lost,
        }
    }

    /// The position in `Last-Event-ID`; `None` from another start of the server.
    pub(crate) fn position(&self, id: &str) -> Option<u64> {
        let (epoch, number) = id.trim().split_once('-')?;
        let number = number.parse().ok().filter(|_| epoch == self.epoch)?;
        (number <= self.log.lock().last).then_some(number)
    }

    /// The id of a position.
    pub(crate) fn id(&self, number: u64) -> String {
        format!("{}-{number}", self.epoch)
    }

    /// A receiver that changes with each event.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// The number of listeners.
    pub(crate) fn listeners(&self) -> usize {
        self.changed.receiver_count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(number: u32) -> JobId {
        format!("019b77c5-3800-7001-8000-{number:012x}").parse().unwrap()
    }

    fn names(missed: &Missed) -> Vec<String> {
        let events = missed.events.iter();
        events
            .map(|event| format!("{} {}", event.number, event.kind.name()))
            .collect()
    }

    #[test]
    fn a_listener_gets_the_last_event_of_each_subject() {
        let feed = Feed::new().unwrap();
        let publish = |number, kind| feed.publish(kind, &job(number).to_string(), json!({}));
        publish(1, FeedEventKind::Job);
        publish(2, FeedEventKind::Job);
        publish(1, FeedEventKind::Job);
        feed.transcript(job(2), 7);
        assert_eq!(names(&feed.since(0)), ["2 job", "3 job", "4 transcript"]);
        assert_eq!(names(&feed.since(3)), ["4 transcript"]);
        assert!(!feed.since(0).is_gap, "a replaced event is not missed");
        feed.removed(job(2));
        feed.removed(job(2));
        feed.transcript(job(2), 8);
        publish(2, FeedEventKind::Job);
        assert_eq!(names(&feed.since(0)), ["3 job", "5 removed"]);
        assert_eq!(
            feed.since(9),
            Missed {
                events: Vec::new(),
                last: 5,
                is_gap: false
            }
        );
    }

    #[test]
    fn ids_of_another_start_are_unknown() {
        let (feed, other) = (Feed::new().unwrap(), Feed::new().unwrap());
        for feed in [&feed, &other] {
            feed.transcript(job(1), 1);
        }
        assert_eq!(feed.position(&feed.id(1)), Some(1));
        for unknown in [
            other.id(1),
            feed.id(2),
            "".into(),
            "1".into(),
            format!("{}-x", feed.epoch),
        ] {
            assert_eq!(feed.position(&unknown), None, "{unknown}");
        }
    }

    #[test]
    fn a_listener_from_before_the_oldest_event_has_a_gap() {
        let feed = Feed::new().unwrap();
        let many = u32::try_from(KEPT).unwrap();
        for number in 0..=many {
            feed.transcript(job(number), 1);
        }
        assert!(feed.since(0).is_gap);
        let missed = feed.since(1);
        assert!(!missed.is_gap);
        assert_eq!(missed.events.len(), KEPT);
    }
}
