//! Events of runs as the store keeps them, for listeners in other processes.

use std::sync::Arc;

use cesar_jobs::{EventPosition, RunEvent};

use super::hub::{EventId, JobEvent, JobEventKind};

impl From<EventPosition> for EventId {
    fn from(EventPosition { claim, number }: EventPosition) -> Self {
        Self { claim, number }
    }
}

impl From<EventId> for EventPosition {
    fn from(EventId { claim, number }: EventId) -> Self {
        Self { claim, number }
    }
}

impl From<&JobEvent> for RunEvent {
    fn from(event: &JobEvent) -> Self {
        Self {
            position: event.id.into(),
            kind: event.kind.name().to_owned(),
            data: event.data.to_string(),
            replaces: event.kind == JobEventKind::Progress,
        }
    }
}

impl JobEvent {
    /// An event of another process; `None` if a later Cesar has kept it, whose kind is unknown.
    pub(crate) fn kept(event: &RunEvent) -> Option<Self> {
        Some(Self {
            id: event.position.into(),
            kind: serde_json::from_value(event.kind.as_str().into()).ok()?,
            data: Arc::new(serde_json::from_str(&event.data).ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_the_same_after_it_was_kept() {
        for (kind, number) in JobEventKind::ALL.iter().zip(1..) {
            let event = JobEvent {
                id: EventId { claim: 2, number },
                kind: *kind,
                data: Arc::new(json!({ "text": "one" })),
            };
            assert_eq!(JobEvent::kept(&RunEvent::from(&event)), Some(event));
        }
        let later = RunEvent {
            position: EventPosition::default(),
            kind: "sighed".to_owned(),
            data: "{}".to_owned(),
            replaces: false,
        };
        assert_eq!(JobEvent::kept(&later), None);
    }
}
