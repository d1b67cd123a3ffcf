//! `GET /jobs/{id}/events`: the events of a job as server-sent events.
//!
//! [`crate::state::events::JobEventKind`] lists the kinds. After `end`, which has the job, the stream closes. A client that reconnects with `Last-Event-ID` resumes
//! after that event.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::{Stream, StreamExt as _};

use crate::api::id::Id;
use crate::refusal::problem::{Problem, ProblemBody};
use crate::state::events::JobEvent;
use crate::state::{App, Client};
use crate::work::transcripts::Listener;
use crate::work::transcripts::stored;

/// Between two comments that keep the connection alive.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);

#[utoipa::path(get, path = "/jobs/{id}/events", tag = "jobs", summary = "Watch a job",
    params(("id" = String, Path, description = "The job's id"),
        ("Last-Event-ID" = Option<String>, Header, description = "Resume after this event")),
    responses((status = 200, description = "Events, until `end`", body = JobEvent, content_type = "text/event-stream"),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn events(
    State(app): State<App>,
    Extension(client): Extension<Client>,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let job = stored::job(&app, id).await?;
    let last = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let listener = Listener::new(&app, job.id, last.unwrap_or_default());
    let stream = futures_util::stream::unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        let sent = Event::default()
            .id(event.id.to_string())
            .event(event.kind.name())
            .data(event.data.to_string());
        Some((Ok::<_, Infallible>(sent), listener))
    });
    Ok(response(&app, client, KeepAlive::new().interval(HEARTBEAT), stream))
}

/// A stream as a response that proxies do not buffer, until its end or the revocation of the client's key.
pub(crate) fn response(
    app: &App,
    Client(client): Client,
    keep_alive: KeepAlive,
    stream: impl Stream<Item = Result<Event, Infallible>> + Send + 'static,
) -> Response {
    let app = App::clone(app);
    let stream = stream.take_until(async move { app.access.gate.revoked(&client).await });
    let mut response = Sse::new(stream).keep_alive(keep_alive).into_response();
    response
        .headers_mut()
        .insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
