//! Uploads: a form with a recording, streamed to the disk.
//!
//! Bytes are collected into blocks of [`BLOCK`], which a blocking thread writes; between blocks no thread waits for a slow client. The rest
//! of a refused body is read for [`DRAIN_TIMEOUT`] and discarded, so that the client receives the response instead of a reset connection.

use std::borrow::Cow;
use std::time::Duration;

use axum::body::{BodyDataStream, Bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use cesar_base::names::visible;
use cesar_jobs::{Source, StoredUpload, UploadWriter, Uploads};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use utoipa::openapi::schema::{KnownFormat, SchemaFormat, Type};
use utoipa::openapi::{Object, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::admission::form::{FORM_LIMIT, Fields, MOST_FIELDS, field_limit, label};
use crate::admission::multipart::{self, Event, Head, Malformed, Parser};
use crate::admission::query;
use crate::refusal::{Code, Refusal};
use crate::state::App;

/// Bytes written at once.
const BLOCK: usize = 256 * 1024;

/// The longest text that is taken for the name of a file.
const LONGEST_NAME: usize = 300;

/// Time to read the rest of a refused body.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// A form whose file is on the disk; `T` are its other fields.
#[derive(Debug)]
pub(crate) struct Form<T> {
    pub(crate) fields: T,
    pub(crate) file: Option<Received>,
}

/// The fields of a form beside its file.
pub(crate) trait FormFields: DeserializeOwned + ToSchema {
    /// The name of the form in the description.
    const NAME: &'static str;

    /// The field of the file.
    const FILE: &'static str = "file";

    /// Whether the form needs a file.
    const NEEDS_FILE: bool;
}

/// The file of a form that is nothing without it.
pub(crate) fn needed<T: FormFields>(file: Option<Received>) -> Result<Received, Refusal> {
    file.ok_or_else(|| {
        let text = format!("`{}` is missing; send the recording", T::FILE);
        Refusal::bad(Code::MissingRequiredParameter, text).param(T::FILE)
    })
}

/// The schema of the fields, with the file.
impl<T: FormFields> PartialSchema for Form<T> {
    fn schema() -> RefOr<Schema> {
        let RefOr::T(Schema::Object(mut object)) = T::schema() else {
            return T::schema();
        };
        let mut file = Object::with_type(Type::String);
        file.format = Some(SchemaFormat::KnownFormat(KnownFormat::Binary));
        file.content_media_type = "application/octet-stream".to_owned();
        file.description = Some("The recording.".to_owned());
        object
            .properties
            .insert(T::FILE.to_owned(), Schema::Object(file).into());
        if T::NEEDS_FILE {
            object.required.push(T::FILE.to_owned());
        }
        RefOr::T(Schema::Object(object))
    }
}

impl<T: FormFields> ToSchema for Form<T> {
    fn name() -> Cow<'static, str> {
        T::NAME.into()
    }
}

/// A received file; removed when this is dropped, unless a job has it. A resumable upload can be submitted again then.
#[derive(Debug)]
pub(crate) struct Received {
    stored: Option<StoredUpload>,
    is_resumable: bool,
    source: Source,
    /// The client's name of it.
    pub(crate) label: String,
    app: App,
}

impl Received {
    /// The file as the source of a job.
    pub(crate) fn source(&self) -> Source {
        self.source.clone()
    }

    /// A complete resumable upload.
    pub(crate) fn resumable(app: &App, stored: StoredUpload, label: String) -> Self {
        Self {
            source: stored.source(),
            stored: Some(stored),
            is_resumable: true,
            label,
            app: App::clone(app),
        }
    }

    /// Stores the file where the other machines of a cluster find it. Blocks for the network.
    pub(crate) fn share(&self) -> Result<(), Refusal> {
        match &self.stored {
            Some(stored) => {
                let shared = self.app.uploads.files.share(stored);
                self.app.figures.snapshot.note_storage(&shared);
                Ok(shared?)
            }
            None => Ok(()),
        }
    }

    /// Leaves the file to a job, which removes it at its own removal.
    pub(crate) fn keep(mut self) {
        self.forget();
        self.stored = None;
    }

    /// Leaves the file for the next sweep, which removes it, or makes it resumable again, unless a job has it.
    pub(crate) fn leave(mut self) {
        self.stored = None;
    }

    /// Removes the file: a job has the same one.
    pub(crate) fn discard(mut self) {
        self.forget();
        self.is_resumable = false;
    }

    fn forget(&self) {
        if let Some(stored) = self.stored.as_ref().filter(|_| self.is_resumable)
            && let Err(error) = self.app.uploads.files.forget(stored.id())
        {
            tracing::warn!("the description of an upload is left: {error}");
        }
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        let Some(stored) = self.stored.take() else { return };
        let is_resumable = self.is_resumable;
        let remove = move |uploads: &Uploads| {
            let removed = match is_resumable {
                true => uploads.give_back(&stored),
                false => uploads.remove(stored.id()),
            };
            if let Err(error) = removed {
                tracing::warn!("cannot remove an upload before the next sweep: {error}");
            }
        };
        let app = App::clone(&self.app);
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || remove(&app.uploads.files))),
            Err(_) => remove(&app.uploads.files),
        }
    }
}

/// The parts of a body.
struct Parts {
    body: BodyDataStream,
    parser: Parser,
}

impl Parts {
    /// The next part; skips the rest of the previous one.
    async fn next(&mut self) -> Result<Option<Head>, Refusal> {
        loop {
            match self.event().await? {
                Some(Event::Part(head)) => return Ok(Some(head)),
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }

    /// The next bytes of this part; `None` at its end.
    async fn data(&mut self) -> Result<Option<Bytes>, Refusal> {
        match self.event().await? {
            Some(Event::Data(bytes)) => Ok(Some(bytes)),
            _ => Ok(None),
        }
    }

    async fn event(&mut self) -> Result<Option<Event>, Refusal> {
        loop {
            if let Some(event) = self.parser.next().map_err(malformed)? {
                return Ok(Some(event));
            }
            if self.parser.is_done() {
                return Ok(None);
            }
            match self.body.next().await {
                Some(bytes) => self.parser.feed(&bytes.map_err(|error| unreadable(&error))?),
                None => self.parser.end(),
            }
        }
    }
}

/// Reads the rest of a refused body for a while.
pub(crate) async fn drain(mut body: BodyDataStream) {
    let rest = async { while let Some(Ok(_)) = body.next().await {} };
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, rest).await;
}

/// Reads a multipart form; its field [`FormFields::FILE`] becomes an upload. Its other fields may be in the query.
pub(crate) async fn receive<T: FormFields>(app: &App, request: Request) -> Result<Form<T>, Refusal> {
    let uri = request.uri().clone();
    // What is wrong there is said before the recording has crossed the network.
    if let Err(refusal) = query::joined(Fields::default(), &uri).and_then(|fields| fields.parse::<T>()) {
        drain(request.into_body().into_data_stream()).await;
        return Err(refusal);
    }
    let Form { fields, file } = received(app, request, (T::FILE, &[])).await?;
    Ok(Form {
        fields: query::joined(fields, &uri)?.parse()?,
        file,
    })
}

/// Reads a multipart form whose file lacks its `head`, and whose query is of another kind.
pub(crate) async fn receive_behind<T: FormFields>(
    app: &App,
    request: Request,
    head: &'static [u8],
) -> Result<Form<T>, Refusal> {
    let Form { fields, file } = received(app, request, (T::FILE, head)).await?;
    Ok(Form {
        fields: fields.parse()?,
        file,
    })
}

async fn received(app: &App, request: Request, file: (&str, &[u8])) -> Result<Form<Fields>, Refusal> {
    let given = request.headers().get(CONTENT_TYPE);
    let boundary = boundary(&String::from_utf8_lossy(given.map_or(b"", |value| value.as_bytes())))?;
    let mut parts = Parts {
        body: request.into_body().into_data_stream(),
        parser: Parser::new(&boundary),
    };
    let read = read(app, &mut parts, file).await;
    if read
        .as_ref()
        .is_err_and(|refusal| refusal.status != StatusCode::REQUEST_TIMEOUT)
    {
        drain(parts.body).await;
    }
    read
}

async fn read(app: &App, parts: &mut Parts, (file, before): (&str, &[u8])) -> Result<Form<Fields>, Refusal> {
    let mut form = Form {
        fields: Fields::default(),
        file: None,
    };
    while let Some(head) = parts.next().await? {
        let Some(name) = head.name.clone() else {
            return Err(Refusal::bad(Code::MalformedMultipart, "a part of the form has no name"));
        };
        check_encoding(&head, &name)?;
        // Clients that stream send no file name.
        if name == file {
            if form.file.is_some() && !is_unchosen(&head) {
                return Err(several_files(file));
            }
            let received = store(app, parts, &head, before).await?;
            if received.is_some() && form.file.is_some() {
                return Err(several_files(file));
            }
            form.file = form.file.or(received);
            continue;
        }
        let value = text(parts, &name).await.map_err(|refusal| match head.file_name {
            // A recording in another field.
            Some(_) => Refusal::bad(
                Code::MissingRequiredParameter,
                format!(
                    "the field `{}` is a file; send the recording as `{file}`",
                    visible(&name)
                ),
            )
            .param(file),
            None => refusal,
        })?;
        if form.fields.len() >= MOST_FIELDS {
            return Err(Refusal::bad(
                Code::TooManyFields,
                format!("the form has more than {MOST_FIELDS} fields"),
            ));
        }
        if form.fields.bytes() + value.len() > FORM_LIMIT {
            let text = format!("the fields of the form are longer than {FORM_LIMIT} bytes");
            return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, Code::TooLarge, text));
        }
        form.fields.push(name, value);
    }
    Ok(form)
}

/// RFC 7578 has no encodings; base64 text is no recording.
fn check_encoding(head: &Head, name: &str) -> Result<(), Refusal> {
    match head.encoding.as_deref() {
        None | Some("" | "7bit" | "8bit" | "binary") => Ok(()),
        Some(encoding) => {
            let encoding: String = encoding
                .chars()
                .filter(|letter| !letter.is_control())
                .take(40)
                .collect();
            let text = format!(
                "the field `{}` is encoded (`{encoding}`); send its bytes as they are",
                visible(name)
            );
            Err(Refusal::bad(Code::MalformedMultipart, text).param(name))
        }
    }
}

async fn text(parts: &mut Parts, name: &str) -> Result<String, Refusal> {
    let (mut bytes, limit) = (Vec::new(), field_limit(name));
    while let Some(chunk) = parts.data().await? {
        if bytes.len() + chunk.len() > limit {
            let text = format!("the field `{}` is longer than {limit} bytes", visible(name));
            return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, Code::TooLarge, text));
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|_| {
        let text = format!("the field `{}` is not UTF-8", visible(name));
        Refusal::bad(Code::MalformedMultipart, text)
    })
}

fn several_files(field: &str) -> Refusal {
    Refusal::bad(
        Code::SeveralFiles,
        "the form has several files; send one request for each",
    )
    .param(field)
}

/// Whether it is the field of a page's form without a chosen file, if it is empty.
fn is_unchosen(head: &Head) -> bool {
    head.file_name.as_deref() == Some("")
}

/// Writes a recording to the disk; `None` if no file was chosen.
async fn store(app: &App, parts: &mut Parts, head: &Head, before: &[u8]) -> Result<Option<Received>, Refusal> {
    let label = label(head.file_name.as_deref());
    let limit = app.settings.max_upload;
    let mut writer = app.block(move |shared| shared.uploads.files.create(limit)).await??;
    let mut block = Vec::with_capacity(BLOCK);
    block.extend_from_slice(before);
    let (mut is_empty, mut is_short) = (true, true);
    while let Some(chunk) = parts.data().await? {
        is_empty = false;
        block.extend_from_slice(&chunk);
        if block.len() >= BLOCK {
            (writer, block) = write(app, writer, block).await?;
            is_short = false;
        }
    }
    if is_empty && is_unchosen(head) {
        return Ok(None);
    }
    if is_short
        && head.file_name.is_none()
        && let Some(name) = block.strip_prefix(before).and_then(as_name)
    {
        let field = head.name.as_deref().unwrap_or_default();
        let (field_shown, name) = (visible(field), visible(name));
        let text = if name.starts_with("http://") || name.starts_with("https://") {
            format!("the field `{field_shown}` is an address, not a recording; send it as `url` to `POST /transcribe`")
        } else {
            format!(
                "the field `{field_shown}` is the text `{name}`, not a recording; send the file itself (`curl -F '{field_shown}=@{name}'`)"
            )
        };
        return Err(Refusal::bad(Code::MissingFile, text).param(field));
    }
    let (writer, _) = write(app, writer, block).await?;
    let stored = app.block(move |_| writer.finish()).await??;
    Ok(Some(Received {
        source: stored.source(),
        stored: Some(stored),
        is_resumable: false,
        label,
        app: App::clone(app),
    }))
}

/// What was sent in place of a file, if it is the name of one: a short line of text, which no recording is.
fn as_name(bytes: &[u8]) -> Option<&str> {
    let text = str::from_utf8(bytes).ok()?.trim_end();
    let is_line = (1..=LONGEST_NAME).contains(&text.len()) && !text.chars().any(char::is_control);
    is_line.then_some(text)
}

async fn write(app: &App, mut writer: UploadWriter, mut block: Vec<u8>) -> Result<(UploadWriter, Vec<u8>), Refusal> {
    let written = app.block(move |_| {
        let result = writer.write(&block);
        block.clear();
        result.map(|()| (writer, block))
    });
    Ok(written.await??)
}

fn boundary(content_type: &str) -> Result<String, Refusal> {
    if !multipart::is_form(content_type) {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Code::WrongContentType,
            "the body must be `multipart/form-data` with the recording as `file`",
        ));
    }
    multipart::boundary(content_type).ok_or_else(|| malformed(Malformed::NoBoundary))
}

fn malformed(error: Malformed) -> Refusal {
    Refusal::bad(Code::MalformedMultipart, format!("the form cannot be read: {error}"))
}

fn unreadable(error: &axum::Error) -> Refusal {
    if timed_out(error) {
        return Refusal::too_slow();
    }
    Refusal::bad(Code::MalformedMultipart, format!("the body cannot be read: {error}"))
}

/// Whether the client sent nothing for too long.
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

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use cesar_jobs::TranscribeRequest;
    use serde::Deserialize;

    use super::*;
    use crate::testing::app;

    #[derive(Debug, Default, Deserialize, ToSchema)]
    #[serde(default)]
    struct Prompted {
        prompt: Option<String>,
    }

    impl FormFields for Prompted {
        const NAME: &'static str = "Prompted";
        const NEEDS_FILE: bool = false;
    }

    fn form(fields: &[(&str, &str)]) -> Request {
        let mut body = String::new();
        for (name, value) in fields {
            body += &format!("--b\r\nContent-Disposition: form-data; {name}\r\n\r\n{value}\r\n");
        }
        let request = Request::post("/").header(CONTENT_TYPE, "multipart/form-data; boundary=b");
        request.body(Body::from(body + "--b--\r\n")).unwrap()
    }

    #[tokio::test]
    async fn a_long_prompt_is_accepted_and_other_long_fields_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let app = app(folder.path(), &[]);
        let prompt = "word ".repeat(200_000);
        let read = receive::<Prompted>(&app, form(&[("name=prompt", &prompt)])).await;
        assert_eq!(read.unwrap().fields.prompt.as_ref(), Some(&prompt));
        let options = serde_json::json!({ "initial_prompt": prompt }).to_string();
        let read = receive::<TranscribeRequest>(&app, form(&[("name=options", &options)])).await;
        assert_eq!(read.unwrap().fields.options["initial_prompt"], prompt.as_str());
        let two = prompt.repeat(2);
        let repeated = vec![("name=prompt", prompt.as_str()); 7];
        for fields in [
            &[("name=prompt", two.as_str())][..],
            &[("name=\"a\x1b\"", &prompt)],
            &repeated,
        ] {
            let refusal = receive::<Prompted>(&app, form(fields)).await.unwrap_err();
            assert_eq!(
                (refusal.status, refusal.code),
                (StatusCode::PAYLOAD_TOO_LARGE, Code::TooLarge)
            );
            assert!(!refusal.detail.contains(char::is_control), "{}", refusal.detail);
        }
    }

    #[tokio::test]
    async fn a_file_name_with_control_characters_is_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let app = app(folder.path(), &[]);
        let file = ("name=\"file\"; filename=\"a\x1b[31mb.wav\"", "RIFF");
        let read = receive::<Prompted>(&app, form(&[file])).await.unwrap();
        assert_eq!(read.file.unwrap().label, "a[31mb.wav");
    }
}
