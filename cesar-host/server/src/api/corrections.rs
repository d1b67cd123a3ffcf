//! Corrections of a transcript: `PATCH /jobs/{id}/transcript` and their history.
//!
//! Corrections belong to the recording, by its SHA-256: they are those of every job with the same recording, and of the command line. A
//! batch names the revision that it is for in `If-Match`, and is accepted as a whole or not at all.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, State};
use axum::http::header::ETAG;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use cesar_base::Digest;
use cesar_corrections::{
    Conflict, CorrectionsError, History, Operation, RevisionView, check, check_size, media_of, operations_from_json,
    parse,
};
use cesar_jobs::JobId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::etag;
use crate::api::id::Id;
use crate::api::json_body::json_object;
use crate::api::transcript::no_transcript;
use crate::refusal::problem::{Problem, ProblemBody, headers, problem_response};
use crate::refusal::{Code, Refusal};
use crate::state::{App, Client, Shared};
use crate::work::indexing;
use crate::work::requests::is_given;
use crate::work::sweeping::feed_watch;
use crate::work::transcripts::stored;

/// A batch of corrections.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CorrectionBatch {
    /// In order; each refers to the transcript as those before it left it. At most 2,000.
    operations: Vec<Operation>,
}

/// An accepted batch.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AcceptedCorrections {
    /// The new revision.
    revision: u64,
    /// The operations of the batch, with their anchors.
    operations: Vec<Operation>,
    /// The number of operations of all revisions that are applied to this transcript.
    applied: u64,
    /// Those that do not fit this transcript.
    conflicts: Vec<Conflict>,
}

/// The corrections of a recording.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CorrectionHistory {
    /// The current revision; 0 for a recording that was never corrected.
    revision: u64,
    /// The number of operations that are applied to this transcript.
    applied: u64,
    /// Those that do not fit this transcript.
    conflicts: Vec<Conflict>,
    /// The revisions, in order.
    revisions: Vec<RevisionView>,
}

/// A batch for another revision than the current one: a problem with what changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RevisionProblem {
    #[serde(flatten)]
    problem: ProblemBody,
    /// The current revision.
    revision: u64,
    /// The revisions since the one that the batch is for.
    changes: Vec<RevisionView>,
}

/// Reasons to refuse a batch.
enum NotAccepted {
    Refused(Refusal),
    /// With the present history.
    Conflict(History, u64),
}

impl<E: Into<Refusal>> From<E> for NotAccepted {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

impl IntoResponse for NotAccepted {
    fn into_response(self) -> Response {
        let (history, expected) = match self {
            Self::Refused(refusal) => return Problem(refusal).into_response(),
            Self::Conflict(history, expected) => (history, expected),
        };
        let current = history.current;
        let refusal = Refusal::from(CorrectionsError::Conflict { expected, current });
        let (status, mut headers) = (refusal.status, headers(&refusal));
        if let Ok(tag) = etag::tag(current, None).parse() {
            headers.insert(ETAG, tag);
        }
        let mut changes = history.views();
        changes.retain(|change| change.revision > expected);
        let body = RevisionProblem {
            problem: refusal.into(),
            revision: current,
            changes,
        };
        problem_response(status, headers, &body)
    }
}

#[utoipa::path(patch, path = "/jobs/{id}/transcript", tag = "jobs", summary = "Correct a transcript",
    params(("id" = String, Path, description = "The job's id"),
        ("If-Match" = String, Header, description = "The revision that the corrections are for: the transcript's `ETag`, or `\"0\"` for one without corrections")),
    request_body(content = CorrectionBatch, content_type = "application/json"),
    responses((status = 200, description = "Accepted, for every transcript of the recording", body = AcceptedCorrections, headers(("ETag" = String, description = "The new revision"))),
        (status = 409, description = "Corrected since, with what changed; or not ready", body = RevisionProblem, content_type = "application/problem+json"),
        (status = "4XX", description = "Refused; 422 when an operation does not fit, 428 without `If-Match`", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn correct(
    State(app): State<App>,
    Extension(client): Extension<Client>,
    Id(id): Id,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let corrected = accept(app, client, id, &headers, body).await;
    corrected.unwrap_or_else(IntoResponse::into_response)
}

async fn accept(
    app: App,
    Client(client): Client,
    id: JobId,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, NotAccepted> {
    let expected = etag::expected_revision(headers)?;
    let batch = operations_from_json(json_object(headers, body)?).map_err(malformed)?;
    check_size(&batch)?;
    let job = stored::job(&app, id).await?;
    if !job.has_document {
        return Err(no_transcript(&job).into());
    }
    if is_given(&job.request) {
        let text = "the words of this transcript were given; correct the text, and align it again";
        return Err(Refusal::impossible(Code::InvalidOperation, text).into());
    }
    let author = app.access.gate.author(&client);
    let accepted = app
        .block(move |shared| append(shared, id, expected, &author, &batch))
        .await??;
    let tag = [(ETAG, etag::tag(accepted.revision, None))];
    Ok((tag, Json(accepted)).into_response())
}

fn append(
    shared: &Shared,
    id: JobId,
    expected: u64,
    author: &str,
    batch: &[Operation],
) -> Result<AcceptedCorrections, NotAccepted> {
    let (document, media) = recording(shared, id)?;
    let history = shared.transcripts.corrections.history(&media)?;
    if history.current != expected {
        return Err(NotAccepted::Conflict(history, expected));
    }
    let (operations, applied) = check(Some(&document), &history, batch).map_err(|refused| {
        let field = format!("operations[{}]", refused.index);
        Refusal::impossible(Code::InvalidOperation, refused.to_string()).param(field)
    })?;
    let revision = match shared
        .transcripts
        .corrections
        .append(&media, expected, author, &operations)
    {
        // Another client was faster.
        Err(CorrectionsError::Conflict { .. }) => {
            return Err(NotAccepted::Conflict(
                shared.transcripts.corrections.history(&media)?,
                expected,
            ));
        }
        appended => appended?,
    };
    if let Err(error) = feed_watch::corrected(shared, &media, revision) {
        tracing::warn!(job = %id, "cannot notify pages of the correction: {error}");
    }
    tracing::info!(job = %id, revision, operations = operations.len(), "transcript corrected");
    if let Some(index) = &shared.transcripts.search
        && let Err(error) = indexing::holders(shared).refresh(index, &media, Some(id))
    {
        tracing::warn!(job = %id, "the search index has the words before the correction: {error}");
    }
    let (applied, conflicts) = applied.map_or_else(Default::default, |applied| (applied.applied, applied.conflicts));
    Ok(AcceptedCorrections {
        revision,
        operations,
        applied,
        conflicts,
    })
}

/// The stored document of a job and the digest of its recording.
fn recording(shared: &Shared, id: JobId) -> Result<(plugin_api::document::Document, Digest), Refusal> {
    let json = shared.jobs.store.document(id)?;
    let json = json.ok_or_else(|| Refusal::internal(&"a job with a document has none"))?;
    let document = parse(json.as_bytes())?;
    let media = media_of(&document).ok_or_else(|| {
        Refusal::new(
            StatusCode::NOT_FOUND,
            Code::NoTranscript,
            "the transcript does not name its recording, so it cannot be corrected",
        )
    })?;
    Ok((document, media))
}

fn malformed((index, reason): (Option<usize>, String)) -> Refusal {
    let (field, text) = match index {
        Some(index) => (
            format!("operations[{index}]"),
            format!("operation {}: {reason}", index + 1),
        ),
        None => ("operations".to_owned(), reason),
    };
    Refusal::bad(Code::UnsupportedValue, text).param(field)
}

#[utoipa::path(get, path = "/jobs/{id}/transcript/history", tag = "jobs", summary = "The corrections of a transcript, with authors and times",
    params(("id" = String, Path, description = "The job's id")),
    responses((status = 200, description = "The corrections of the recording", body = CorrectionHistory, headers(("ETag" = String, description = "The current revision"))),
        (status = "4XX", description = "Refused; 409 while it is not ready", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn history(State(app): State<App>, Id(id): Id) -> Result<Response, Problem> {
    let job = stored::job(&app, id).await?;
    if !job.has_document {
        return Err(no_transcript(&job).into());
    }
    let view = app
        .block(move |shared| -> Result<_, Refusal> {
            let (document, media) = recording(shared, id)?;
            let history = shared.transcripts.corrections.history(&media)?;
            let applied = history.apply(document);
            Ok(CorrectionHistory {
                revision: history.current,
                applied: applied.applied,
                conflicts: applied.conflicts,
                revisions: history.views(),
            })
        })
        .await??;
    Ok(([(ETAG, etag::tag(view.revision, None))], Json(view)).into_response())
}
