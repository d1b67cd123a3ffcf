//! `stream=true`: the text while it is decoded, as OpenAI's events.
//!
//! `transcript.text.delta` for each piece (`transcript.text.segment` for `diarized_json`), `transcript.text.done` with the full text, `[DONE]`. The
//! deltas joined are the full text. The response begins with the first piece, so that an earlier failure has its own status.

use std::collections::VecDeque;
use std::convert::Infallible;

use axum::http::HeaderValue;
use axum::response::Response;
use axum::response::sse::{Event, KeepAlive};
use cesar_jobs::JobId;
use plugin_api::document::{Document, Seconds};
use serde_json::{Value, json};

use super::request::{ResponseFormat, SpeechRequest};
use super::response;
use super::wait::{cache_use, check_speakers, ended, original, parse, transcript, unstored};
use crate::api::events;
use crate::refusal::Refusal;
use crate::refusal::envelope;
use crate::state::events::{EventId, JobEvent, JobEventKind};
use crate::state::{App, Client};
use crate::work::running::Waiter;
use crate::work::transcripts::{Listener, is_stored};

/// Follows one job.
struct Follower {
    app: App,
    job: JobId,
    listener: Listener,
    waiter: Waiter,
    diarized: bool,
    /// The end of the text sent so far, in ms.
    sent_ms: u64,
    begun: bool,
    /// Whether text was sent as it was decoded, before any correction.
    live: bool,
    pending: VecDeque<String>,
    done: bool,
}

/// The response, once its first piece is ready.
pub(super) async fn answer(
    app: &App,
    client: Client,
    speech: &SpeechRequest,
    job: JobId,
    waiter: Waiter,
) -> Result<Response, Refusal> {
    let mut follower = Follower {
        app: App::clone(app),
        job,
        listener: Listener::new(app, job, EventId::default()),
        waiter,
        diarized: speech.format == ResponseFormat::DiarizedJson,
        sent_ms: 0,
        begun: false,
        live: false,
        pending: VecDeque::new(),
        done: false,
    };
    follower.fill().await?;
    let used = if follower.done {
        cache_use(&ended(app, job).await?)
    } else {
        "miss"
    };
    let stream = futures_util::stream::unfold(follower, |mut follower| async move {
        let text = follower.next().await?;
        Some((Ok::<_, Infallible>(Event::default().data(text)), follower))
    });
    let mut response = events::response(app, client, KeepAlive::new().interval(events::HEARTBEAT), stream);
    response
        .headers_mut()
        .insert("x-cesar-cache", HeaderValue::from_static(used));
    Ok(response)
}

impl Follower {
    async fn next(&mut self) -> Option<String> {
        if self.pending.is_empty() && !self.done {
            // The status was sent already: a failure becomes an event.
            if let Err(refusal) = self.fill().await {
                self.done = true;
                self.pending.push_back(envelope::text(&refusal));
            }
        }
        self.pending.pop_front()
    }

    /// Waits for the next event to send.
    async fn fill(&mut self) -> Result<(), Refusal> {
        while self.pending.is_empty() {
            let event = tokio::select! {
                event = self.listener.next() => event.ok_or_else(Refusal::stopping)?,
                refusal = unstored(&self.app, self.job) => return Err(refusal),
            };
            self.handle(&event).await?;
        }
        Ok(())
    }

    async fn handle(&mut self, event: &JobEvent) -> Result<(), Refusal> {
        match event.kind {
            // Speakers are known at the end only.
            JobEventKind::Segment if !self.diarized => {
                self.live |= !is_stored(event);
                let number = |name: &str| event.data[name].as_f64().unwrap_or_default() * 1000.0;
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "milliseconds of audio"
                )]
                let (start, end) = (number("start").round() as u64, number("end").round() as u64);
                let text = event.data["text"].as_str().unwrap_or_default();
                // Engines write the space before a piece; languages without spaces have none.
                let spaced = text.starts_with(char::is_whitespace);
                self.delta(start, end, text, if spaced { " " } else { "" });
                Ok(())
            }
            JobEventKind::End => self.end().await,
            _ => Ok(()),
        }
    }

    /// Sends a piece of text, unless an earlier attempt has sent it.
    fn delta(&mut self, start_ms: u64, end_ms: u64, text: &str, separator: &str) {
        let text = text.trim();
        if text.is_empty() || (self.begun && start_ms < self.sent_ms) {
            return;
        }
        let separator = if self.begun { separator } else { "" };
        self.push(&json!({ "type": "transcript.text.delta", "delta": format!("{separator}{text}") }));
        (self.begun, self.sent_ms) = (true, end_ms);
    }

    async fn end(&mut self) -> Result<(), Refusal> {
        let job = ended(&self.app, self.job).await?;
        self.waiter.answered();
        // The pieces joined are the whole text: pieces as they were recognised are followed by the rest of that text.
        let document = match self.live {
            true => original(&self.app, &job).await?,
            false => transcript(&self.app, &job).await?,
        };
        let document = parse(&document)?;
        check_speakers(self.diarized, &job)?;
        self.rest(&document);
        let (text, usage) = (response::whole_text(&document), response::usage(&document));
        let mut last = json!({ "type": "transcript.text.done", "text": text, "usage": usage });
        response::add_issues(&mut last, &document);
        self.push(&last);
        self.pending.push_back("[DONE]".to_owned());
        self.done = true;
        Ok(())
    }

    /// Sends the text that was not sent while it was decoded: all of it after a cache hit.
    fn rest(&mut self, document: &Document) {
        for segment in &document.segments {
            let Seconds(start) = segment.start;
            let Seconds(end) = segment.end;
            if self.diarized {
                self.push(&response::diarized_segment(document, segment));
            } else {
                self.delta(start, end, &segment.text, response::separator(document));
            }
        }
    }

    fn push(&mut self, event: &Value) {
        self.pending.push_back(event.to_string());
    }
}
