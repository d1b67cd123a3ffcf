//! Renaming and removing jobs.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use cesar_base::{Clock as _, SystemClock};
use cesar_jobs::values::flag;
use cesar_jobs::{Cancellation, Job, JobId, JobView};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::admission::form::Fields;
use crate::api::id::Id;
use crate::api::json_body::json_object;
use crate::refusal::problem::{Problem, ProblemBody};
use crate::refusal::{Code, Refusal};
use crate::state::jobs::StopReason;
use crate::state::{App, Shared};
use crate::work::indexing;
use crate::work::sweeping::feed_watch;
use crate::work::transcripts::{recording, stored};

/// The longest title, in characters.
const LONGEST_TITLE: usize = 200;

/// Time for the worker of a removed job to stop.
const WORKER_STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Seconds after which a client may ask again.
const RETRY_AFTER_S: u64 = 2;

/// Between two looks at a job that stops.
const RETRY: Duration = Duration::from_millis(50);

/// A new title.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Rename {
    /// The title, at most 200 characters; empty for the label.
    #[schema(max_length = 200)]
    title: String,
}

/// The query of a removal.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RemoveParams {
    /// Remove the job with its transcript and recording, instead of only cancelling it
    #[serde(deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    pub(crate) remove: bool,
    /// Remove the corrections of its recording as well, which other jobs with the recording then lose, too
    #[serde(deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    pub(crate) corrections: bool,
}

/// Effects of a removal.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Removed {
    removed: Vec<RemovedPart>,
}

/// The answer to the cancellation or removal of a job.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes both answers")]
pub(crate) enum JobOrRemoved {
    /// Without `remove`.
    Job(Box<JobView>),
    /// With `remove=true`.
    Removed(Removed),
}

/// One removed thing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RemovedPart {
    /// `job` (with its transcript), `upload`, `search` (the entry in the index) or `corrections`.
    kind: &'static str,
    /// Its size, where it is known.
    bytes: Option<u64>,
}

#[utoipa::path(patch, path = "/jobs/{id}", tag = "page", operation_id = "rename", summary = "Rename a job",
    params(("id" = String, Path, description = "The job's id")),
    request_body(content = Rename, content_type = "application/json"),
    responses((status = 200, description = "Renamed", body = JobView),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn rename(
    State(app): State<App>,
    Id(id): Id,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let Rename { title } = Fields::from_json(json_object(&headers, body)?).parse()?;
    let title = clean(&title)?;
    let renamed = app.block(move |shared| shared.jobs.store.rename(id, title.as_deref()));
    let job = renamed.await??;
    app.events.feed.job(&job);
    Ok(Json(JobView::new(&job)).into_response())
}

/// A title without control characters, those that reorder text included; `None` for an empty one.
fn clean(title: &str) -> Result<Option<String>, Refusal> {
    let reorders = |letter: char| matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let shown = |letter: &char| !letter.is_control() && !reorders(*letter);
    let title: String = title.chars().filter(shown).collect();
    let title = title.trim();
    if title.chars().count() > LONGEST_TITLE {
        let text = format!("`title` is longer than {LONGEST_TITLE} characters");
        return Err(Refusal::bad(Code::UnsupportedValue, text).param("title"));
    }
    Ok((!title.is_empty()).then(|| title.to_owned()))
}

/// Cancels a job, waits for its worker, and removes what the job has.
pub(crate) async fn remove(app: &App, id: JobId, corrections: bool) -> Result<Response, Problem> {
    let job = end(app, id).await?;
    let removed = app.block(move |shared| remove_now(shared, &job, corrections)).await??;
    Ok(Json(Removed { removed }).into_response())
}

/// The job, once it has ended.
async fn end(app: &App, id: JobId) -> Result<Job, Refusal> {
    let until = tokio::time::Instant::now() + WORKER_STOP_TIMEOUT;
    match app.block(move |shared| shared.jobs.store.cancel(id)).await?? {
        Cancellation::Ended(job) if !app.jobs.running.holds(id) => return Ok(job),
        // Its worker still indexes the transcript.
        Cancellation::Ended(_) => {}
        Cancellation::Done(job) => {
            app.events.hub.end(job.id, JobView::new(&job).to_json());
            return Ok(job);
        }
        Cancellation::Requested(_) => app.jobs.running.stop(id, StopReason::Cancelled),
    }
    loop {
        let job = stored::job(app, id).await?;
        if job.state.has_ended() && !app.jobs.running.holds(id) {
            return Ok(job);
        }
        if tokio::time::Instant::now() >= until {
            let text = format!("job `{id}` is being cancelled; remove it when it has ended");
            return Err(Refusal::new(StatusCode::CONFLICT, Code::NotReady, text).retry_after(RETRY_AFTER_S));
        }
        tokio::time::sleep(RETRY).await;
    }
}

fn remove_now(shared: &Shared, job: &Job, corrections: bool) -> Result<Vec<RemovedPart>, Refusal> {
    let document = shared.jobs.store.document(job.id)?;
    // First: when they cannot be removed, the job stays, and the request can be sent again.
    let media = recording::media(job).filter(|_| corrections);
    let had_corrections = media.map_or(Ok(0), |media| shared.transcripts.corrections.clear(&media))? > 0;
    if let Some(media) = media.filter(|_| had_corrections) {
        cleared(shared, &media);
    }
    let removed = shared.jobs.store.remove(job.id)?;
    shared.events.feed.removed(job.id);
    shared.recordings.downloads.close(job.id);
    if let Err(error) = shared.transcripts.shares.remove_jobs(&[job.id], SystemClock.now_ms()) {
        tracing::warn!(job = %job.id, trace = %job.trace_id(), "{error}");
    }
    let mut parts = vec![RemovedPart {
        kind: "job",
        bytes: document.as_ref().map(|document| document.len() as u64),
    }];
    if let Some(upload) = removed.request.upload() {
        let bytes = std::fs::metadata(shared.uploads.files.path(upload)).map(|metadata| metadata.len());
        // An upload that cannot be removed now is swept later.
        if let Err(error) = shared.uploads.files.remove(upload) {
            tracing::warn!(job = %job.id, trace = %job.trace_id(), "cannot remove an upload before the next sweep: {error}");
        }
        parts.extend(bytes.ok().map(|bytes| RemovedPart {
            kind: "upload",
            bytes: Some(bytes),
        }));
    }
    if let Some(index) = shared.transcripts.search.as_ref().filter(|_| document.is_some()) {
        indexing::remove_jobs(index, &[job.id]);
        parts.push(RemovedPart {
            kind: "search",
            bytes: None,
        });
    }
    if had_corrections {
        parts.push(RemovedPart {
            kind: "corrections",
            bytes: None,
        });
    }
    tracing::info!(job = %job.id, trace = %job.trace_id(), "job removed");
    Ok(parts)
}

/// Shows other jobs with the recording as they are without corrections. A failure here is corrected by the next use of the index.
fn cleared(shared: &Shared, media: &cesar_base::Digest) {
    let revision = shared
        .transcripts
        .corrections
        .history(media)
        .map(|history| history.current);
    if let Ok(revision) = revision
        && let Err(error) = feed_watch::corrected(shared, media, revision)
    {
        tracing::warn!("cannot notify pages of removed corrections: {error}");
    }
    if let Some(index) = &shared.transcripts.search
        && let Err(error) = indexing::holders(shared).refresh(index, media, None)
    {
        tracing::warn!("the search index has the words of removed corrections: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_short_text() {
        assert_eq!(
            clean(" Board\n meeting\u{1b}\u{202e}\u{2066} ").unwrap().as_deref(),
            Some("Board meeting")
        );
        assert_eq!(clean(" \t ").unwrap(), None);
        assert_eq!(
            clean(&"ü".repeat(LONGEST_TITLE)).unwrap().map(|title| title.len()),
            Some(2 * LONGEST_TITLE)
        );
        assert!(clean(&"ü".repeat(LONGEST_TITLE + 1)).is_err());
    }
}
