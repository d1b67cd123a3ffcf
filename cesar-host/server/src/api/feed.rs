//! `GET /events`: what happens to all jobs, as server-sent events; see [`crate::state::events`].

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::response::sse::{Event, KeepAlive};
use serde_json::json;
use tokio::sync::watch;

use crate::api::events;
use crate::refusal::problem::{Problem, ProblemBody};
use crate::refusal::{Code, Refusal};
use crate::state::events::{FeedEvent, FeedEventKind};
use crate::state::{App, Client};

/// A page notices a lost server after one and a half of them.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// Maximum number of listeners of one server.
const MOST_LISTENERS: usize = 200;

/// Reads the feed in order.
struct Listener {
    app: App,
    last: u64,
    pending: VecDeque<FeedEvent>,
    changed: watch::Receiver<u64>,
}

impl Listener {
    /// Begins after the event of `Last-Event-ID`, else with `ready` or `reset`.
    fn new(app: &App, id: Option<&str>) -> Self {
        let changed = app.events.feed.watch();
        let known = id.and_then(|id| app.events.feed.position(id));
        let known = known.filter(|number| !app.events.feed.since(*number).is_gap);
        let mut listener = Self {
            app: App::clone(app),
            last: known.unwrap_or_default(),
            pending: VecDeque::new(),
            changed,
        };
        match (known, id) {
            (Some(_), _) => {}
            (None, Some(_)) => listener.skip_to_now(FeedEventKind::Reset),
            (None, None) => listener.skip_to_now(FeedEventKind::Ready),
        }
        listener
    }

    /// Announces the present position instead of what came before it.
    fn skip_to_now(&mut self, kind: FeedEventKind) {
        self.last = self.app.events.feed.since(u64::MAX).last;
        self.pending.push_back(FeedEvent {
            number: self.last,
            kind,
            data: json!({}).into(),
        });
    }

    async fn next(&mut self) -> Option<FeedEvent> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                self.last = event.number;
                return Some(event);
            }
            if self.app.signals.halting() {
                return None;
            }
            self.changed.borrow_and_update();
            let missed = self.app.events.feed.since(self.last);
            if missed.is_gap {
                self.skip_to_now(FeedEventKind::Reset);
                continue;
            }
            if !missed.events.is_empty() {
                self.pending.extend(missed.events);
                continue;
            }
            let mut stop = self.app.signals.phases();
            if self.app.signals.halting() {
                return None;
            }
            tokio::select! {
                _ = self.changed.changed() => {}
                _ = stop.changed() => {}
            }
        }
    }
}

#[utoipa::path(get, path = "/events", tag = "page", operation_id = "feed", summary = "Watch all jobs, transcripts and downloads of models",
    params(("Last-Event-ID" = Option<String>, Header, description = "Resume after this event; `reset` where that is not possible")),
    responses((status = 200, description = "Events, without an end", body = FeedEvent, content_type = "text/event-stream"),
        (status = "4XX", description = "Refused; 429 when there are too many listeners", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn feed(
    State(app): State<App>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if is_foreign(&headers) {
        let text = "pages of other origins may not watch this server";
        return Err(Refusal::new(StatusCode::FORBIDDEN, Code::ForeignOrigin, text).into());
    }
    if app.events.feed.listeners() >= MOST_LISTENERS {
        let text = format!("{MOST_LISTENERS} clients watch this server already; close other pages");
        return Err(
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, Code::TooManyListeners, text)
                .retry_after(10)
                .into(),
        );
    }
    let id = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let listener = Listener::new(&app, id.filter(|id| !id.is_empty()));
    let stream = futures_util::stream::unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        let sent = Event::default()
            .id(listener.app.events.feed.id(event.number))
            .event(event.kind.name())
            .data(event.data.to_string());
        Some((Ok::<_, Infallible>(sent), listener))
    });
    // An event, because scripts do not see comments.
    let heartbeat = Event::default().event(FeedEventKind::Heartbeat.name()).data("{}");
    let keep_alive = KeepAlive::new().interval(HEARTBEAT).event(heartbeat);
    Ok(events::response(&app, client, keep_alive, stream))
}

/// Whether a page of another origin sent the request without saying so, as for an image: such pages could hold all places. The origins of
/// other requests are checked with every endpoint.
fn is_foreign(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    let is_own = site.is_none_or(|site| site == "same-origin" || site == "none");
    !is_own && !headers.contains_key(ORIGIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::headers;

    #[test]
    fn images_of_foreign_pages_watch_nothing() {
        for (pairs, wanted) in [
            (&[][..], false),
            (&[("sec-fetch-site", "same-origin")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("sec-fetch-site", "cross-site")], true),
            (&[("sec-fetch-site", "same-site")], true),
            // One of `server.cors_origins`.
            (
                &[("sec-fetch-site", "cross-site"), ("origin", "https://app.example")],
                false,
            ),
        ] {
            assert_eq!(is_foreign(&headers(pairs)), wanted, "{pairs:?}");
        }
    }
}
