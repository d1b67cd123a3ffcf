//! `GET /jobs/{id}/events`: a job as it happens, as server-sent events.
//!
//! [`EventKind`] lists what there is; after `end`, which has the job, the stream closes. A client that reconnects with `Last-Event-ID` goes on where it was. A job that ended long ago, or runs in another
//! process, is told from the store: the segments of its document, then `end`.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use cesar_jobs::{Job, JobId};
use futures_util::Stream;
use serde_json::{Value, json};

use super::App;
use super::events::{EventId, EventKind, JobEvent};
use super::jobs::{Id, document, get};
use super::problem::{Problem, ProblemBody};
use super::refusal::Refusal;
use super::view::JobView;

/// Between two comments that keep the connection alive.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long to wait for news before the store is asked.
const LOOK: Duration = Duration::from_secs(2);

/// The claim that events told from the store belong to: later than all others.
const STORED: u32 = u32::MAX;

#[utoipa::path(get, path = "/jobs/{id}/events", tag = "jobs", summary = "Watch a job",
    params(("id" = String, Path, description = "The job's id"),
        ("Last-Event-ID" = Option<String>, Header, description = "Go on after this event")),
    responses((status = 200, description = "Events, until `end`", body = super::openapi::JobEvent, content_type = "text/event-stream"),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn events(State(app): State<App>, Id(id): Id, headers: HeaderMap) -> Result<Response, Problem> {
    let job = get(&app, id).await?;
    let last = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let listener = Listener::new(&app, job.id, last.unwrap_or_default());
    let stream = futures_util::stream::unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        let told = Event::default()
            .id(event.id.to_string())
            .event(event.kind.name())
            .data(event.data.to_string());
        Some((Ok::<_, Infallible>(told), listener))
    });
    Ok(response(stream))
}

/// A stream as an answer that nobody in between holds back.
pub(crate) fn response(stream: impl Stream<Item = Result<Event, Infallible>> + Send + 'static) -> Response {
    let keep_alive = KeepAlive::new().interval(HEARTBEAT);
    let mut response = Sse::new(stream).keep_alive(keep_alive).into_response();
    response
        .headers_mut()
        .insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// Reads one job's events in order.
pub(crate) struct Listener {
    app: App,
    job: JobId,
    last: EventId,
    pending: VecDeque<JobEvent>,
    done: bool,
}

impl Listener {
    /// Begins after `last`.
    pub(crate) fn new(app: &App, job: JobId, last: EventId) -> Self {
        Self {
            app: Arc::clone(app),
            job,
            last,
            pending: VecDeque::new(),
            done: false,
        }
    }

    /// The next event; `None` after the last one, and when the server stops.
    pub(crate) async fn next(&mut self) -> Option<JobEvent> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                self.last = event.id;
                self.done = event.kind == EventKind::End;
                return Some(event);
            }
            if self.done || self.app.halting() {
                return None;
            }
            let mut changes = self.app.hub.watch(self.job);
            if let Some((events, _)) = self.app.hub.since(self.job, self.last)
                && !events.is_empty()
            {
                self.pending.extend(events);
                continue;
            }
            if let Some(events) = self.stored().await {
                self.pending.extend(events);
                continue;
            }
            let mut stop = self.app.stop.subscribe();
            tokio::select! {
                _ = changes.changed() => {}
                _ = stop.changed() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// The events of a job that has ended and is not told of by anything that runs here.
    async fn stored(&mut self) -> Option<Vec<JobEvent>> {
        let job = match get(&self.app, self.job).await {
            Ok(job) => job,
            // Removed by retention: nothing more will come.
            Err(Refusal { code: "not_found", .. }) => {
                self.done = true;
                return Some(Vec::new());
            }
            Err(_) => return None,
        };
        // A run that is still here tells the end itself.
        if !job.state.has_ended() || self.app.running.holds(self.job) {
            return None;
        }
        if let Some((events, _)) = self
            .app
            .hub
            .since(self.job, self.last)
            .filter(|(events, _)| !events.is_empty())
        {
            return Some(events);
        }
        Some(self.told_from_document(&job).await)
    }

    async fn told_from_document(&self, job: &Job) -> Vec<JobEvent> {
        let text = document(&self.app, job).await.ok().flatten().unwrap_or_default();
        let document: Value = serde_json::from_str(&text).unwrap_or_default();
        // Whoever heard the end of a run here has had its segments.
        let heard = self.last.claim != 0 && self.last.claim != STORED;
        let segments = document["segments"].as_array().filter(|_| !heard);
        let told = segments.into_iter().flatten().map(|segment| {
            let data = json!({ "start": segment["start"], "end": segment["end"], "text": segment["text"] });
            (EventKind::Segment, data)
        });
        let end = (EventKind::End, JobView::new(job).to_json());
        let events = told.chain([end]).zip(1..).map(|((kind, data), number)| JobEvent {
            id: EventId { claim: STORED, number },
            kind,
            data: Arc::new(data),
        });
        let events: Vec<_> = events.collect();
        let missed: Vec<_> = events.iter().filter(|event| event.id > self.last).cloned().collect();
        // Whoever had everything gets the end once more.
        if missed.is_empty() {
            events.into_iter().last().into_iter().collect()
        } else {
            missed
        }
    }
}
