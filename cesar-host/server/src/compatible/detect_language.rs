//! `POST /detect-language`, as whisper-asr-webservice answers it.

use axum::Json;
use axum::extract::{Extension, Request, State};
use axum::http::HeaderMap;
use cesar_jobs::values::flag;
use cesar_language::whisper_name;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::asr::{AsrForm, AsrUpload, WAV_HEAD};
use crate::admission::query::{self, QueryFields};
use crate::admission::upload::{self, FormFields};
use crate::openai::request::{Endpoint, ResponseFormat, SpeechRequest};
use crate::openai::speech;
use crate::refusal::envelope::{Envelope, OpenAiError};
use crate::refusal::{Code, Refusal};
use crate::state::{App, Client};

/// The beginning of the recording that is listened to, in seconds: one window of Whisper.
const EXAMINED_S: f64 = 30.0;

/// The query of clients of whisper-asr-webservice. Other names are ignored.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct DetectParams {
    /// Whether the recording has a container; without one it is PCM: 16 bits, little-endian, one channel, 16 kHz
    #[serde(deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    encode: bool,
}

impl Default for DetectParams {
    fn default() -> Self {
        Self { encode: true }
    }
}

/// The language of a recording.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Detected {
    /// Its English name, in lower case.
    detected_language: String,
    /// Its code.
    language_code: String,
    /// From 0 to 1; `null` for a model that knows only this language.
    confidence: Option<f64>,
}

#[utoipa::path(post, path = "/detect-language", tag = "compatible", params(DetectParams),
    summary = "Language of the first 30 s, as whisper-asr-webservice answers it",
    request_body(content = AsrUpload, content_type = "multipart/form-data"),
    responses((status = 200, description = "The language", body = Detected),
        (status = "4XX", description = "Refused", body = OpenAiError),
        (status = "5XX", description = "Failed", body = OpenAiError)))]
pub(crate) async fn detect_language(
    State(app): State<App>,
    Extension(client): Extension<Client>,
    query: QueryFields,
    headers: HeaderMap,
    request: Request,
) -> Result<Json<Detected>, Envelope> {
    let params: DetectParams = query::fields(query)?.parse()?;
    let head = if params.encode { &[][..] } else { WAV_HEAD };
    let AsrUpload { file, .. } = upload::receive_behind(&app, request, head).await?;
    let file = upload::needed::<AsrForm>(file)?;
    let speech = SpeechRequest {
        end_time: Some(EXAMINED_S),
        file_field: AsrForm::FILE,
        ..SpeechRequest::of_default_model(Endpoint::Transcriptions, ResponseFormat::Json)
    };
    let document = speech::document(&app, &client, &headers, &speech, file).await?;
    let code = document.language.ok_or_else(|| {
        let text = format!("there is no speech in the first {EXAMINED_S} s, so no language");
        Refusal::bad(Code::InvalidAudio, text).param(AsrForm::FILE)
    })?;
    Ok(Json(Detected {
        detected_language: whisper_name(&code).to_owned(),
        confidence: document.language_probability,
        language_code: code,
    }))
}
