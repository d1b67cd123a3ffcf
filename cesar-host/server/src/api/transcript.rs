//! Transcripts in any format.

use axum::extract::State;
use axum::http::header::ETAG;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use cesar_base::GivenValue;
use cesar_jobs::Job;
use cesar_pipeline::{Event, FormatRequest, Observer, Rendering};
use cesar_runner::CancelToken;
use plugin_api::manifest::{OptionKind, StageKind};

use crate::admission::query::{QueryFields, pairs};
use crate::api::etag;
use crate::api::id::Id;
use crate::api::jobs::POLL_AFTER_S;
use crate::api::rendered;
use crate::refusal::problem::{Problem, ProblemBody};
use crate::refusal::{Code, Refusal};
use crate::state::App;
use crate::work::transcripts::stored::{self, Version};

#[utoipa::path(get, path = "/jobs/{id}/transcript", tag = "jobs", summary = "A job's transcript in any format",
    params(("id" = String, Path, description = "The job's id"),
        ("format" = Option<String>, Query, description = "`txt` when absent; `/plugins` lists the formats"),
        ("revision" = Option<u64>, Query, description = "The corrections as of this revision; the current one when absent"),
        ("original" = Option<bool>, Query, description = "The text as it was recognised, without corrections"),
        ("If-None-Match" = Option<String>, Header, description = "Answer 304 when the transcript still has this `ETag`"),
        ("max_line_width" = Option<u32>, Query, description = "One of the format plugin's options, which are all fields here")),
    responses((status = 200, description = "The transcript, in the media type of its format (docs/reference/formats.md)",
            content((Object = "application/json"), (String = "text/*"), (Vec<u8> = "application/*")),
            headers(("ETag" = String, description = "The revision of the corrections, for `If-Match`, and the digest of this file"))),
        (status = 304, description = "Unchanged"),
        (status = "4XX", description = "Refused; 409 while it is not ready", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn transcript(
    State(app): State<App>,
    Id(id): Id,
    headers: HeaderMap,
    query: QueryFields,
) -> Result<Response, Problem> {
    let mut pairs = pairs(query)?;
    let version = version(&mut pairs)?;
    let job = stored::job(&app, id).await?;
    let Some(corrected) = stored::version(&app, &job, version).await? else {
        return Err(no_transcript(&job).into());
    };
    let mut stage = app.defaults.format.clone();
    let mut format = "txt".to_owned();
    for (name, value) in pairs {
        if name == "format" {
            format = value;
        } else {
            stage.options.insert(name, GivenValue::Text(value));
        }
    }
    let request = FormatRequest { format, stage };
    let label = job.request.label;
    let rendering = render(&app, request, corrected.json, label.clone()).await?;
    let tag = etag::tag(corrected.current, Some(&rendering.bytes));
    if etag::is_known(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response());
    }
    Ok(([(ETAG, tag)], rendered::response(rendering, &label)).into_response())
}

/// Takes `revision` and `original` from the query.
fn version(pairs: &mut Vec<(String, String)>) -> Result<Version, Refusal> {
    let mut take = |name: &str| {
        let index = pairs.iter().position(|(known, _)| known == name)?;
        Some(pairs.remove(index).1)
    };
    let (revision, original) = (take("revision"), take("original"));
    let original = match original.as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => return Err(Refusal::value("original", "`true` or `false`", other)),
    };
    let Some(revision) = revision else {
        return Ok(if original { Version::Original } else { Version::Current });
    };
    if original {
        return Err(Refusal::bad(
            Code::SaidTwice,
            "`original` and `revision` exclude each other; give one of them",
        ));
    }
    let number = revision.parse().map_err(|_| {
        let text = format!("`revision` must be the number of a revision, not `{revision}`");
        Refusal::bad(Code::InvalidRevision, text).param("revision")
    })?;
    Ok(Version::Revision(number))
}

pub(crate) fn no_transcript(job: &Job) -> Refusal {
    if job.state.has_ended() {
        return Refusal::new(
            StatusCode::NOT_FOUND,
            Code::NoTranscript,
            format!("job `{}` is {} and has no transcript", job.id, job.state),
        );
    }
    let text = format!("job `{}` is {}; its transcript is not there yet", job.id, job.state);
    Refusal::new(StatusCode::CONFLICT, Code::NotReady, text).retry_after(POLL_AFTER_S)
}

/// Renders a document, or reads the rendering from the cache.
pub(crate) async fn render(
    app: &App,
    request: FormatRequest,
    document: Vec<u8>,
    label: String,
) -> Result<Rendering, Refusal> {
    app.block(move |shared| {
        let pipeline = &shared.pipeline;
        let is_model = |name: &str| {
            let plugins = pipeline.registry().of_stage(StageKind::Format);
            plugins.iter().any(|plugin| {
                plugin
                    .manifest
                    .options
                    .get(name)
                    .is_some_and(|option| option.kind == OptionKind::Model)
            })
        };
        if let Some(name) = request.stage.options.keys().find(|name| is_model(name)) {
            return Err(
                Refusal::bad(Code::InvalidOption, format!("`{name}` cannot be set by a request")).param(name.clone()),
            );
        }
        let rendered = pipeline.render_document(&request, &document, &label, &Silent, &CancelToken::default());
        rendered.map_err(Refusal::from)
    })
    .await?
}

struct Silent;

impl Observer for Silent {
    fn event(&self, event: &Event<'_>) {
        if let Event::Warning(text) = event {
            tracing::warn!("{text}");
        }
    }
}
