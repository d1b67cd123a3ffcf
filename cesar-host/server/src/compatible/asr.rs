//! `POST /asr`, as whisper-asr-webservice answers it.

use axum::extract::{Extension, Request, State};
use axum::http::header::CONTENT_DISPOSITION;
use axum::http::{HeaderMap, HeaderValue};
use cesar_jobs::values::{choice, flag};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::admission::query::{self, QueryFields};
use crate::admission::upload::{self, Form, FormFields};
use crate::openai::request::{Endpoint, ResponseFormat, SpeechRequest};
use crate::openai::speech::{self, Answer};
use crate::refusal::envelope::OpenAiError;
use crate::state::{App, Client};

/// The head of a WAV file of unknown length, for samples without a container: 16 bits, one channel, 16 kHz.
pub(super) const WAV_HEAD: &[u8] =
    b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data\xff\xff\xff\xff";

/// The query of clients of whisper-asr-webservice. Other names are ignored.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct AsrParams {
    /// Whether the recording has a container; without one it is PCM: 16 bits, little-endian, one channel, 16 kHz
    #[serde(deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    encode: bool,
    /// The text: as spoken, or translated into English
    #[param(inline)]
    task: Task,
    /// The language spoken; detected when absent
    language: Option<String>,
    /// Text that shows the engine the spelling and style to expect
    initial_prompt: Option<String>,
    /// Whether parts without speech are left out; the server's setting when absent
    #[serde(deserialize_with = "choice")]
    #[param(value_type = Option<bool>)]
    vad_filter: Option<bool>,
    /// Whether `json` has the times of words
    #[serde(deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    word_timestamps: bool,
    /// The format of the transcript
    #[param(inline)]
    output: Output,
    /// Not of whisper-asr-webservice: the audio track: its number, language or title, or `all` for each track as a speaker
    audio_track: Option<String>,
}

impl AsrParams {
    fn speech(self) -> SpeechRequest {
        let endpoint = match self.task {
            Task::Transcribe => Endpoint::Transcriptions,
            Task::Translate => Endpoint::Translations,
        };
        SpeechRequest {
            language: self
                .language
                .filter(|language| endpoint == Endpoint::Transcriptions && !language.is_empty()),
            prompt: self.initial_prompt.filter(|prompt| !prompt.is_empty()),
            words: self.word_timestamps,
            vad: self.vad_filter,
            audio_track: self.audio_track,
            file_field: AsrForm::FILE,
            ..SpeechRequest::of_default_model(endpoint, self.output.format())
        }
    }
}

impl Default for AsrParams {
    fn default() -> Self {
        Self {
            encode: true,
            task: Task::Transcribe,
            language: None,
            initial_prompt: None,
            vad_filter: None,
            word_timestamps: false,
            output: Output::Txt,
            audio_track: None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Task {
    Transcribe,
    Translate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Output {
    Txt,
    Json,
    Vtt,
    Srt,
    Tsv,
}

impl Output {
    const fn format(self) -> ResponseFormat {
        match self {
            Self::Txt => ResponseFormat::Text,
            Self::Json => ResponseFormat::WhisperJson,
            Self::Vtt => ResponseFormat::Vtt,
            Self::Srt => ResponseFormat::Srt,
            Self::Tsv => ResponseFormat::Tsv,
        }
    }

    const fn extension(self) -> &'static str {
        match self {
            Self::Txt => "txt",
            Self::Json => "json",
            Self::Vtt => "vtt",
            Self::Srt => "srt",
            Self::Tsv => "tsv",
        }
    }
}

/// The form has the recording only, as `audio_file`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct AsrForm {}

impl FormFields for AsrForm {
    const NAME: &'static str = "AsrForm";
    const FILE: &'static str = "audio_file";
    const NEEDS_FILE: bool = true;
}

pub(super) type AsrUpload = Form<AsrForm>;

#[utoipa::path(post, path = "/asr", tag = "compatible", summary = "Transcribe, as whisper-asr-webservice does", params(AsrParams),
    request_body(content = AsrUpload, content_type = "multipart/form-data"),
    responses((status = 200, description = "The transcript in the asked format", content((Object = "application/json"), (String = "text/plain"))),
        (status = "4XX", description = "Refused", body = OpenAiError),
        (status = "5XX", description = "Failed", body = OpenAiError)))]
pub(crate) async fn asr(
    State(app): State<App>,
    Extension(client): Extension<Client>,
    query: QueryFields,
    headers: HeaderMap,
    request: Request,
) -> Answer {
    let params: AsrParams = query::fields(query)?.parse()?;
    let head = if params.encode { &[][..] } else { WAV_HEAD };
    let AsrUpload { file, .. } = upload::receive_behind(&app, request, head).await?;
    let file = upload::needed::<AsrForm>(file)?;
    let name = format!("{}.{}", file.label, params.output.extension());
    let mut response = speech::answer(&app, &client, &headers, params.speech(), file).await?;
    // A name with other letters than ASCII needs an encoding that these clients do not expect.
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{}\"", name.replace(['"', '\\'], "_")));
    if let (true, Ok(disposition)) = (response.status().is_success() && name.is_ascii(), disposition) {
        response.headers_mut().insert(CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::form::Fields;

    #[test]
    fn the_track_is_kept() {
        let params: AsrParams = Fields::from(&[("audio_track", "eng"), ("unknown", "x")][..])
            .parse()
            .unwrap();
        assert_eq!(params.speech().audio_track.as_deref(), Some("eng"));
        assert_eq!(AsrParams::default().speech().audio_track, None);
    }
}
