//! Resumable uploads: `/uploads`, as [tus](crate::api::tus) has them.
//!
//! `POST /transcribe` with `upload=ID` makes a job of a complete one, once.

use axum::body::{Body, BodyDataStream};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use cesar_jobs::{Description, Job, Opened, ResumableState, ResumableWriter, UploadId};
use futures_util::StreamExt as _;

use crate::admission::upload::{self, Received};
use crate::api::tus;
use crate::refusal::problem::{Problem, ProblemBody};
use crate::refusal::{Code, Refusal};
use crate::state::uploads::Turn;
use crate::state::{App, Shared};
use crate::work::upload_turn::take_turn;

/// Bytes written at once.
const BLOCK: usize = 256 * 1024;

/// Bytes after which a long piece is synced, so that the system has never more to write.
const SYNC_AFTER: u64 = 32 << 20;

type Answer = Result<Response, Problem>;

type UploadPath = Result<Path<String>, PathRejection>;

/// Adds the version to every answer, refusals included.
pub(crate) async fn name_version(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert("tus-resumable", HeaderValue::from_static(tus::VERSION));
    if response.status() == StatusCode::PRECONDITION_FAILED {
        let headers = response.headers_mut();
        headers.insert("tus-version", HeaderValue::from_static(tus::VERSION));
    }
    response
}

#[utoipa::path(options, path = "/uploads", tag = "page", operation_id = "upload_options", summary = "Limits of resumable uploads (tus 1.0)",
    responses((status = 204, description = "In the headers", headers(("Tus-Version" = String), ("Tus-Extension" = String), ("Tus-Max-Size" = u64)))))]
pub(crate) async fn options(State(app): State<App>) -> Response {
    let headers = [
        ("tus-version", tus::VERSION.to_owned()),
        ("tus-extension", tus::EXTENSIONS.to_owned()),
        ("tus-max-size", app.settings.max_upload.to_string()),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

#[utoipa::path(post, path = "/uploads", tag = "page", operation_id = "create_upload", summary = "Begin a resumable upload (tus 1.0)",
    params(("Tus-Resumable" = String, Header, description = "`1.0.0`"),
        ("Upload-Length" = Option<u64>, Header, description = "The size in bytes"),
        ("Upload-Defer-Length" = Option<String>, Header, description = "`1` when the size comes later"),
        ("Upload-Metadata" = Option<String>, Header, description = "`filename BASE64`; at most 4,096 bytes")),
    responses((status = 201, description = "Begun", headers(("Location" = String), ("Upload-Expires" = String))),
        (status = "4XX", description = "Refused; 413 when it is too large, 429 when there are too many or no space is left", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn create(State(app): State<App>, headers: HeaderMap) -> Answer {
    tus::check_version(&headers)?;
    if app.signals.stopping() {
        return Err(Refusal::stopping().into());
    }
    let length = tus::length(&headers, app.settings.max_upload)?;
    let (metadata, label) = tus::metadata(&headers)?;
    let description = Description {
        length,
        label,
        metadata,
    };
    let created = app.block(move |shared| {
        let id = shared.uploads.space.create(&shared.uploads.files, &description)?;
        Ok::<_, Refusal>((id, shared.uploads.files.resumable(id)?))
    });
    let (id, state) = created.await??;
    let location = [(LOCATION, format!("/uploads/{id}"))];
    let state = state.ok_or_else(missing)?;
    Ok((StatusCode::CREATED, location, expires(&state)).into_response())
}

#[utoipa::path(head, path = "/uploads/{id}", tag = "page", operation_id = "upload_offset", summary = "Received bytes of an upload (tus 1.0)",
    params(("id" = String, Path, description = "The upload's id"), ("Tus-Resumable" = String, Header, description = "`1.0.0`")),
    responses((status = 200, description = "In the headers", headers(("Upload-Offset" = u64), ("Upload-Length" = u64), ("Upload-Defer-Length" = String), ("Upload-Metadata" = String))),
        (status = "4XX", description = "Refused; 404 when there is none"),
        (status = "5XX", description = "Failed")))]
pub(crate) async fn head(State(app): State<App>, path: UploadPath, headers: HeaderMap) -> Answer {
    tus::check_version(&headers)?;
    let (writer, _turn) = open(&app, id(path)?).await?;
    let state = writer.state();
    let mut headers = offset(state);
    let mut insert = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    match state.description.length {
        Some(length) => insert("upload-length", &length.to_string()),
        None => insert("upload-defer-length", "1"),
    }
    if !state.description.metadata.is_empty() {
        insert("upload-metadata", &state.description.metadata);
    }
    Ok((headers, [(CACHE_CONTROL, "no-store")], Body::empty()).into_response())
}

#[utoipa::path(patch, path = "/uploads/{id}", tag = "page", operation_id = "continue_upload", summary = "Send the next piece of an upload (tus 1.0)",
    params(("id" = String, Path, description = "The upload's id"), ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
        ("Upload-Offset" = u64, Header, description = "The number of bytes that the server has"),
        ("Upload-Length" = Option<u64>, Header, description = "The size, when it was not known before")),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"),
    responses((status = 204, description = "On the disk", headers(("Upload-Offset" = u64), ("Upload-Expires" = String))),
        (status = "4XX", description = "Refused; 409 for another offset, 423 while another request sends, 429 when no space is left", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn patch(State(app): State<App>, path: UploadPath, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let mut body = body.into_data_stream();
    let answer = append(&app, path, &parts.headers, &mut body).await;
    let is_refused = answer.as_ref().map_or(true, |answer| !answer.status().is_success());
    if is_refused {
        // So that the client receives the answer instead of a reset connection.
        upload::drain(body).await;
    }
    answer
}

async fn append(app: &App, path: UploadPath, headers: &HeaderMap, body: &mut BodyDataStream) -> Answer {
    tus::check_version(headers)?;
    if headers.get(CONTENT_TYPE).is_none_or(|kind| kind != tus::PIECE) {
        let text = format!("the body must be `{}`", tus::PIECE);
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::WrongContentType, text).into());
    }
    let given = tus::number(headers, "upload-offset")?.ok_or_else(|| {
        Refusal::bad(Code::InvalidUpload, "the request has no `Upload-Offset`").param("Upload-Offset")
    })?;
    let length = tus::number(headers, "upload-length")?;
    let id = id(path)?;
    let (writer, turn) = open(app, id).await?;
    let _growth = Growth {
        app: App::clone(app),
        id,
    };
    let here = writer.state().offset;
    if given != here {
        let text = format!("the server has {here} bytes of the upload, not {given}; continue from there");
        let refusal = Refusal::new(StatusCode::CONFLICT, Code::UploadOffset, text);
        return Ok((offset(writer.state()), Problem(refusal).into_response()).into_response());
    }
    let writer = match length {
        Some(length) => set_length(app, writer, length).await?,
        None => writer,
    };
    let state = receive(app, writer, turn, body).await?;
    Ok((StatusCode::NO_CONTENT, offset(&state)).into_response())
}

async fn set_length(app: &App, mut writer: ResumableWriter, length: u64) -> Result<ResumableWriter, Refusal> {
    let state = writer.state();
    match state.description.length {
        Some(known) if known == length => return Ok(writer),
        Some(known) => {
            let text = format!("the length of the upload is {known} bytes and cannot change");
            return Err(Refusal::bad(Code::InvalidUpload, text).param("Upload-Length"));
        }
        None if length > app.settings.max_upload => return Err(Refusal::too_large(app.settings.max_upload)),
        None if length < state.offset => {
            let text = format!("the server has {} bytes of the upload already", state.offset);
            return Err(Refusal::bad(Code::InvalidUpload, text).param("Upload-Length"));
        }
        None => {}
    }
    let set = app.block(move |shared| {
        shared.uploads.space.grow(&shared.uploads.files, writer.id(), length)?;
        writer.set_length(length)?;
        Ok::<_, Refusal>(writer)
    });
    set.await?
}

/// The growth of an upload of unknown length, for one request.
struct Growth {
    app: App,
    id: UploadId,
}

impl Drop for Growth {
    fn drop(&mut self) {
        self.app.uploads.space.release(self.id);
    }
}

/// Writes a piece. Keeps the bytes before an error, or before another request for the same upload.
async fn receive(
    app: &App,
    mut writer: ResumableWriter,
    mut turn: Turn,
    body: &mut BodyDataStream,
) -> Result<ResumableState, Refusal> {
    let mut block = Vec::with_capacity(BLOCK);
    let mut synced = writer.state().offset;
    let ended = loop {
        let next = tokio::select! {
            next = body.next() => next,
            () = turn.over() => break Err(locked()),
        };
        match next {
            Some(Ok(bytes)) => block.extend_from_slice(&bytes),
            Some(Err(error)) if upload::timed_out(&error) => break Err(Refusal::too_slow()),
            Some(Err(error)) => {
                break Err(Refusal::bad(
                    Code::MalformedBody,
                    format!("the body cannot be read: {error}"),
                ));
            }
            None => break Ok(()),
        }
        if block.len() >= BLOCK {
            let is_sync_due = writer.state().offset >= synced + SYNC_AFTER;
            if is_sync_due {
                synced = writer.state().offset;
            }
            (writer, block) = write(app, writer, block, is_sync_due).await?;
        }
    };
    let (writer, _) = write(app, writer, block, true).await?;
    ended.map(|()| writer.state().clone())
}

async fn write(
    app: &App,
    mut writer: ResumableWriter,
    mut block: Vec<u8>,
    sync: bool,
) -> Result<(ResumableWriter, Vec<u8>), Refusal> {
    let written = app.block(move |shared| {
        let state = writer.state();
        if state.description.length.is_none() {
            let size = state.offset.saturating_add(block.len() as u64);
            shared.uploads.space.grow(&shared.uploads.files, writer.id(), size)?;
        }
        writer.write(&block, shared.settings.max_upload)?;
        block.clear();
        if sync {
            writer.sync()?;
        }
        Ok::<_, Refusal>((writer, block))
    });
    written.await?
}

#[utoipa::path(delete, path = "/uploads/{id}", tag = "page", operation_id = "remove_upload", summary = "Remove an upload (tus 1.0)",
    params(("id" = String, Path, description = "The upload's id"), ("Tus-Resumable" = String, Header, description = "`1.0.0`")),
    responses((status = 204, description = "Removed"),
        (status = "4XX", description = "Refused; 404 when there is none", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn remove(State(app): State<App>, path: UploadPath, headers: HeaderMap) -> Answer {
    tus::check_version(&headers)?;
    let id = id(path)?;
    let (removed, _turn) = take_turn(&app, id, move |shared| shared.uploads.files.remove_resumable(id)).await?;
    ready(removed)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// An upload for a submission.
pub(crate) enum Taken {
    Upload(Received),
    /// It was submitted before: a client that did not get the answer asks again.
    Submitted(Box<Job>),
}

/// Takes a complete upload.
pub(crate) async fn take(app: &App, id: &str) -> Result<Taken, Refusal> {
    let id = parse(id).map_err(|refusal| refusal.param("upload"))?;
    // A client may disconnect while the upload is hashed: what is dropped then, gives the upload back.
    let owner = App::clone(app);
    let take = move |shared: &Shared| {
        let taken = shared.uploads.files.take_resumable(id)?;
        Ok(taken.map(|(stored, label)| Received::resumable(&owner, stored, label)))
    };
    let (taken, _turn) = take_turn(app, id, take).await?;
    if matches!(taken, Opened::Missing)
        && let Some(job) = app.block(move |shared| shared.jobs.store.job_of_upload(id)).await??
    {
        return Ok(Taken::Submitted(Box::new(job)));
    }
    Ok(Taken::Upload(ready(taken)?))
}

/// Opens an upload, and ends an older request that receives it.
async fn open(app: &App, id: UploadId) -> Result<(ResumableWriter, Turn), Refusal> {
    let (opened, turn) = take_turn(app, id, move |shared| shared.uploads.files.open_resumable(id)).await?;
    Ok((ready(opened)?, turn))
}

/// The id of an upload in a path; a text that is no id gives 404.
fn id(path: UploadPath) -> Result<UploadId, Refusal> {
    parse(&path.map(|Path(id)| id).unwrap_or_default())
}

fn parse(id: &str) -> Result<UploadId, Refusal> {
    id.parse().map_err(|_| missing())
}

/// The opened upload, or the refusal.
fn ready<T>(opened: Opened<T>) -> Result<T, Refusal> {
    match opened {
        Opened::Ready(opened) => Ok(opened),
        Opened::Missing => Err(missing()),
        Opened::Locked => Err(locked()),
        Opened::Incomplete => Err(Refusal::new(
            StatusCode::CONFLICT,
            Code::UploadIncomplete,
            "some bytes of the upload are missing; send them first",
        )
        .param("upload")),
    }
}

fn missing() -> Refusal {
    Refusal::not_found("there is no such upload, or no longer: unfinished ones are removed after a day; begin again")
}

fn locked() -> Refusal {
    Refusal::new(
        StatusCode::LOCKED,
        Code::UploadLocked,
        "another request sends this upload",
    )
    .retry_after(1)
}

fn expires(state: &ResumableState) -> [(HeaderName, String); 1] {
    let since = std::time::Duration::from_millis(u64::try_from(state.expires_ms).unwrap_or_default());
    let date = httpdate::fmt_http_date(std::time::UNIX_EPOCH + since);
    [(HeaderName::from_static("upload-expires"), date)]
}

fn offset(state: &ResumableState) -> HeaderMap {
    let offset = (HeaderName::from_static("upload-offset"), state.offset.to_string());
    let pairs = expires(state).into_iter().chain([offset]);
    pairs
        .filter_map(|(name, value)| Some((name, HeaderValue::from_str(&value).ok()?)))
        .collect()
}
