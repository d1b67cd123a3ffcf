//! `POST /inference`, as the server of whisper.cpp answers it.

use axum::extract::{Extension, Request, State};
use axum::http::HeaderMap;
use cesar_jobs::values::flag;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::admission::upload::{self, Form, FormFields};
use crate::openai::request::{Endpoint, ResponseFormat, SpeechRequest, temperature};
use crate::openai::speech::{self, Answer};
use crate::refusal::envelope::OpenAiError;
use crate::state::{App, Client};

/// The form of clients of whisper.cpp's server. Other fields are ignored.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct InferenceForm {
    /// The language spoken; detected when absent or `auto`.
    language: Option<String>,
    /// Whether to translate into English.
    #[serde(deserialize_with = "flag")]
    translate: bool,
    /// Text that shows the engine the spelling and style to expect.
    prompt: Option<String>,
    /// The format of the transcript: `json`, `text`, `srt`, `verbose_json` or `vtt`.
    #[schema(value_type = Option<String>)]
    response_format: Option<ResponseFormat>,
    /// 0 lets the engine choose.
    #[serde(deserialize_with = "temperature")]
    #[schema(value_type = Option<f64>, minimum = 0.0, maximum = 1.0)]
    temperature: f64,
    /// Not of whisper.cpp's server: the audio track: its number, language or title, or `all` for each track as a speaker.
    audio_track: Option<String>,
}

impl InferenceForm {
    fn speech(self) -> SpeechRequest {
        let endpoint = match self.translate {
            true => Endpoint::Translations,
            false => Endpoint::Transcriptions,
        };
        let format = self.response_format.unwrap_or(ResponseFormat::Json);
        SpeechRequest {
            language: self.language.filter(|_| !self.translate),
            prompt: self.prompt.filter(|prompt| !prompt.is_empty()),
            temperature: self.temperature,
            audio_track: self.audio_track,
            ..SpeechRequest::of_default_model(endpoint, format)
        }
    }
}

impl FormFields for InferenceForm {
    const NAME: &'static str = "InferenceForm";
    const NEEDS_FILE: bool = true;
}

type InferenceUpload = Form<InferenceForm>;

#[utoipa::path(post, path = "/inference", tag = "compatible", summary = "Transcribe, as whisper.cpp's server does",
    request_body(content = InferenceUpload, content_type = "multipart/form-data"),
    responses((status = 200, description = "The transcript in the asked format", content((Object = "application/json"), (String = "text/plain"))),
        (status = "4XX", description = "Refused", body = OpenAiError),
        (status = "5XX", description = "Failed", body = OpenAiError)))]
pub(crate) async fn inference(
    State(app): State<App>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    request: Request,
) -> Answer {
    let InferenceUpload { fields, file } = upload::receive(&app, request).await?;
    let file = upload::needed::<InferenceForm>(file)?;
    speech::answer(&app, &client, &headers, fields.speech(), file).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::form::Fields;

    #[test]
    fn the_track_is_kept() {
        let form: InferenceForm = Fields::from(&[("audio_track", "2"), ("unknown", "x")][..])
            .parse()
            .unwrap();
        assert_eq!(form.speech().audio_track.as_deref(), Some("2"));
        assert_eq!(InferenceForm::default().speech().audio_track, None);
    }
}
