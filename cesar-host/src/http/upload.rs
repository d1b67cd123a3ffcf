//! Receiving a form with a recording: streamed to the disk, never held in memory.
//!
//! Bytes are collected to blocks of [`BLOCK`] and written by a thread that may block; between blocks no thread waits for a slow
//! client. What comes after the limit is read for a while and thrown away, so that the client sees the answer instead of a
//! connection that breaks while it still sends.

use std::time::Duration;

use axum::extract::multipart::{Field, Multipart, MultipartError, MultipartRejection};
use axum::extract::{FromRequest as _, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;

use super::App;
use super::form::{FIELD_LIMIT, Fields, MOST_FIELDS, label};
use super::refusal::Refusal;
use crate::jobs::{Source, StoredUpload, UploadWriter, Uploads};

/// How much is written at once.
const BLOCK: usize = 256 * 1024;

/// How long the rest of a refused body is read.
const DRAIN: Duration = Duration::from_secs(5);

/// A form, its file on the disk.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) fields: Fields,
    pub(crate) file: Option<Received>,
}

/// A file that was received; removed when this is dropped, unless a job has it.
#[derive(Debug)]
pub(crate) struct Received {
    stored: Option<StoredUpload>,
    source: Source,
    /// What the client calls it.
    pub(crate) label: String,
    app: App,
}

impl Received {
    /// What a request says of it.
    pub(crate) fn source(&self) -> Source {
        self.source.clone()
    }

    /// A job may name it from now on: it is removed with that job.
    pub(crate) fn keep(mut self) {
        self.stored = None;
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        let Some(stored) = self.stored.take() else { return };
        let remove = move |uploads: &Uploads| {
            if let Err(error) = uploads.remove(stored.id()) {
                tracing::warn!("an upload stays until the next start: {error}");
            }
        };
        let app = App::clone(&self.app);
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || remove(&app.uploads))),
            Err(_) => remove(&app.uploads),
        }
    }
}

/// Reads a multipart form; its field `file` becomes an upload.
pub(crate) async fn receive(app: &App, request: Request) -> Result<Form, Refusal> {
    let given = request
        .headers()
        .get(CONTENT_TYPE)
        .map(|value| value.as_bytes().to_vec());
    let multipart = Multipart::from_request(request, &()).await;
    let mut multipart = multipart.map_err(|rejection| wrong_type(&rejection, given.as_deref()))?;
    let read = read(app, &mut multipart).await;
    if read
        .as_ref()
        .is_err_and(|refusal| refusal.status != StatusCode::REQUEST_TIMEOUT)
    {
        let _ = tokio::time::timeout(DRAIN, drain(multipart)).await;
    }
    read
}

async fn read(app: &App, multipart: &mut Multipart) -> Result<Form, Refusal> {
    let mut form = Form {
        fields: Fields::default(),
        file: None,
    };
    while let Some(field) = multipart.next_field().await.map_err(|error| malformed(&error))? {
        let Some(name) = field.name().map(str::to_owned) else {
            return Err(Refusal::bad("malformed_multipart", "a part of the form has no name"));
        };
        if name == "file" && field.file_name().is_some() {
            if form.file.is_some() {
                return Err(
                    Refusal::bad("several_files", "the form has several files; send one request for each")
                        .param("file"),
                );
            }
            form.file = Some(store(app, field).await?);
            continue;
        }
        let value = text(field, &name).await?;
        if form.fields.len() >= MOST_FIELDS {
            return Err(Refusal::bad(
                "too_many_fields",
                format!("the form has more than {MOST_FIELDS} fields"),
            ));
        }
        form.fields.push(name, value);
    }
    Ok(form)
}

async fn text(mut field: Field<'_>, name: &str) -> Result<String, Refusal> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| malformed(&error))? {
        if bytes.len() + chunk.len() > FIELD_LIMIT {
            let text = format!("the field `{name}` is longer than {FIELD_LIMIT} bytes");
            return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", text));
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes)
        .map_err(|_| Refusal::bad("malformed_multipart", format!("the field `{name}` is not UTF-8")))
}

async fn store(app: &App, mut field: Field<'_>) -> Result<Received, Refusal> {
    let label = label(field.file_name());
    let limit = app.settings.max_upload;
    let mut writer = app.block(move |shared| shared.uploads.create(limit)).await??;
    let mut block = Vec::with_capacity(BLOCK);
    while let Some(chunk) = field.chunk().await.map_err(|error| malformed(&error))? {
        block.extend_from_slice(&chunk);
        if block.len() >= BLOCK {
            (writer, block) = write(app, writer, block).await?;
        }
    }
    let (writer, _) = write(app, writer, block).await?;
    let stored = app.block(move |_| writer.finish()).await??;
    Ok(Received {
        source: stored.source(),
        stored: Some(stored),
        label,
        app: App::clone(app),
    })
}

async fn write(app: &App, mut writer: UploadWriter, mut block: Vec<u8>) -> Result<(UploadWriter, Vec<u8>), Refusal> {
    let written = app.block(move |_| {
        let result = writer.write(&block);
        block.clear();
        result.map(|()| (writer, block))
    });
    Ok(written.await??)
}

async fn drain(mut multipart: Multipart) {
    while let Ok(Some(mut field)) = multipart.next_field().await {
        while let Ok(Some(_)) = field.chunk().await {}
    }
}

fn wrong_type(rejection: &MultipartRejection, given: Option<&[u8]>) -> Refusal {
    if given.is_some_and(|given| given.to_ascii_lowercase().starts_with(b"multipart/form-data")) {
        return Refusal::bad("malformed_multipart", rejection.body_text());
    }
    Refusal::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "wrong_content_type",
        "the body must be `multipart/form-data` with the recording as `file`",
    )
}

fn malformed(error: &MultipartError) -> Refusal {
    if timed_out(error) {
        return Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            "client_too_slow",
            "nothing came for too long while the body was read; send it again",
        );
    }
    Refusal::bad(
        "malformed_multipart",
        format!("the form cannot be read: {}", error.body_text()),
    )
}

/// Whether the client was silent for too long.
pub(crate) fn timed_out(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut source = Some(error);
    while let Some(error) = source {
        if error.is::<tower_http::timeout::TimeoutError>() {
            return true;
        }
        source = error.source();
    }
    false
}
