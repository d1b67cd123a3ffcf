//! The description of the API (OpenAPI 3.1), derived from the handlers and their types.
//!
//! `docs/reference/openapi.json` in the repository is this description; a test compares them.

use serde_json::Value;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi, ToSchema};

use crate::api::{events, info, jobs, plugins, transcript};
use crate::openai::{models, speech};

/// A recording and what to do with it.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "read field by field from the form; this is its description")]
pub(crate) struct TranscribeForm {
    /// The recording; or else `url`.
    #[schema(value_type = Option<String>, format = Binary, content_media_type = "application/octet-stream")]
    file: Option<String>,
    /// The address of a recording to download; or else `file`.
    url: Option<String>,
    /// The model's name.
    model: Option<String>,
    /// The speech recognition plugin, `ID` or `ID@VERSION`.
    asr_plugin: Option<String>,
    /// The language spoken: a code, a BCP 47 tag or a name (`en`, `en-US`, `English`); detected when absent or `auto`.
    language: Option<String>,
    /// `transcribe`, or `translate` into English.
    task: Option<String>,
    /// Whether to tell speakers apart; the server's setting when absent.
    diarize: Option<bool>,
    /// The diarization plugin, `ID` or `ID@VERSION`.
    diarize_plugin: Option<String>,
    /// Options of the diarization plugin, as a JSON object; `/plugins` lists them.
    diarize_options: Option<String>,
    /// What speakers are called, in order of appearance, or of channels; separated by commas.
    speaker_names: Option<String>,
    /// Whether each channel of the recording is a speaker, as in calls.
    channels_as_speakers: Option<bool>,
    /// The audio track: its number, language or title, or `all` for each track as a speaker.
    audio_track: Option<String>,
    /// Whether a recording of which sound is missing is refused, instead of transcribing what is there.
    strict: Option<bool>,
    /// The number of speakers, when it is known.
    #[schema(minimum = 1, maximum = 1000)]
    num_speakers: Option<u32>,
    /// The least number of speakers.
    #[schema(minimum = 1, maximum = 1000)]
    min_speakers: Option<u32>,
    /// The greatest number of speakers.
    #[schema(minimum = 1, maximum = 1000)]
    max_speakers: Option<u32>,
    /// Options of the speech recognition plugin, as a JSON object; `/plugins` lists them.
    options: Option<String>,
    /// Whom to tell when the job has ended.
    webhook_url: Option<String>,
    /// Do without the cache.
    no_cache: Option<bool>,
    /// Do all stages again, also those whose results are kept.
    refresh: Option<bool>,
}

/// A recording to download and what to do with it.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "read field by field from JSON; this is its description")]
pub(crate) struct TranscribeUrl {
    /// The address of the recording.
    #[schema(format = "uri")]
    url: String,
    /// The model's name.
    model: Option<String>,
    /// The speech recognition plugin, `ID` or `ID@VERSION`.
    asr_plugin: Option<String>,
    /// The language spoken: a code, a BCP 47 tag or a name (`en`, `en-US`, `English`); detected when absent or `auto`.
    language: Option<String>,
    /// `transcribe`, or `translate` into English.
    task: Option<String>,
    /// Whether to tell speakers apart; the server's setting when absent.
    diarize: Option<bool>,
    /// The diarization plugin, `ID` or `ID@VERSION`.
    diarize_plugin: Option<String>,
    /// Options of the diarization plugin; `/plugins` lists them.
    #[schema(value_type = Option<Object>)]
    diarize_options: Option<Value>,
    /// What speakers are called, in order of appearance, or of channels.
    speaker_names: Option<Vec<String>>,
    /// Whether each channel of the recording is a speaker, as in calls.
    channels_as_speakers: Option<bool>,
    /// The audio track: its number, language or title, or `all` for each track as a speaker.
    audio_track: Option<String>,
    /// Whether a recording of which sound is missing is refused, instead of transcribing what is there.
    strict: Option<bool>,
    /// The number of speakers, when it is known.
    #[schema(minimum = 1, maximum = 1000)]
    num_speakers: Option<u32>,
    /// The least number of speakers.
    #[schema(minimum = 1, maximum = 1000)]
    min_speakers: Option<u32>,
    /// The greatest number of speakers.
    #[schema(minimum = 1, maximum = 1000)]
    max_speakers: Option<u32>,
    /// Options of the speech recognition plugin; `/plugins` lists them.
    #[schema(value_type = Option<Object>)]
    options: Option<Value>,
    /// Whom to tell when the job has ended.
    webhook_url: Option<String>,
    /// Do without the cache.
    no_cache: Option<bool>,
    /// Do all stages again, also those whose results are kept.
    refresh: Option<bool>,
}

/// What OpenAI's clients send.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "read field by field from the form; this is its description")]
pub(crate) struct SpeechForm {
    /// The recording.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    file: String,
    /// `MODEL`, `PLUGIN/MODEL` or `whisper-1`; `/v1/models` lists them.
    model: String,
    /// The language spoken: a code, a BCP 47 tag or a name (`en`, `en-US`, `English`); detected when absent or `auto`
    /// (transcriptions).
    language: Option<String>,
    /// Text that shows the engine the spelling and style to expect.
    prompt: Option<String>,
    /// `json`, `text`, `srt`, `verbose_json`, `vtt` or `diarized_json`.
    response_format: Option<String>,
    /// 0 lets the engine choose.
    #[schema(minimum = 0.0, maximum = 1.0)]
    temperature: Option<f64>,
    /// `word`, `segment` (with `verbose_json`).
    #[schema(rename = "timestamp_granularities[]")]
    timestamp_granularities: Option<Vec<String>>,
    /// Whether to answer with events while the text is decoded (transcriptions).
    stream: Option<bool>,
    /// Not OpenAI's: the audio track: its number, language or title.
    audio_track: Option<String>,
    /// Not OpenAI's: whether a recording of which sound is missing is refused, instead of transcribing what is there.
    strict: Option<bool>,
}

/// A refusal in OpenAI's shape.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "written as JSON; this is its description")]
pub(crate) struct OpenAiError {
    error: OpenAiErrorBody,
}

/// What went wrong.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "written as JSON; this is its description")]
pub(crate) struct OpenAiErrorBody {
    message: String,
    r#type: String,
    param: Option<String>,
    code: Option<String>,
}

/// A model.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "written as JSON; this is its description")]
pub(crate) struct OpenAiModel {
    id: String,
    object: String,
    created: u64,
    owned_by: String,
}

/// All models.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "written as JSON; this is its description")]
pub(crate) struct OpenAiModels {
    object: String,
    data: Vec<OpenAiModel>,
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Cesar", description = "Offline transcription: jobs, and an API that OpenAI's clients speak."),
    paths(
        jobs::transcribe, jobs::transcribe_url, jobs::list, jobs::show, jobs::cancel, jobs::retry, transcript::transcript, events::events,
        info::health, info::metrics, plugins::plugins, plugins::rescan, info::cache,
        speech::transcriptions, speech::translations, models::index, models::show
    ),
    components(schemas(OpenAiErrorBody, crate::work::events::JobEventKind)),
    tags((name = "jobs", description = "Jobs and their transcripts"), (name = "openai", description = "What OpenAI's clients use"),
        (name = "server", description = "The server itself")),
    security((), ("key" = [])),
    modifiers(&Keys)
)]
struct Description;

struct Keys;

impl Modify for Keys {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let mut scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        scheme.description = Some("An API key, where the server asks for one".to_owned());
        if let Some(components) = &mut openapi.components {
            components.add_security_scheme("key", SecurityScheme::Http(scheme));
        }
    }
}

/// The description as JSON, pretty and with a final newline.
#[must_use]
pub fn text() -> String {
    let mut value =
        serde_json::to_value(Description::openapi()).expect("a description is texts and numbers with text keys");
    value["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    value["info"]["license"] = serde_json::json!({ "name": "MIT", "identifier": "MIT" });
    serde_json::to_string_pretty(&value).expect("it was a value already") + "\n"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::work::events::JobEventKind;

    #[test]
    fn the_description_in_the_repository_is_up_to_date() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/openapi.json");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, text()).expect("docs/ can be written");
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == text(),
            "docs/reference/openapi.json is out of date: run this test with UPDATE_DOCS=1"
        );
        assert!(written.contains("\"openapi\": \"3.1.0\""));
    }

    #[test]
    fn every_kind_of_event_is_described() {
        let description: Value = serde_json::from_str(&text()).unwrap();
        let published = description["components"]["schemas"]["JobEventKind"]["enum"]
            .as_array()
            .unwrap();
        let names: Vec<_> = JobEventKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(published[..], names);
        assert_eq!(json!(JobEventKind::ALL), json!(names));
        let manual = include_str!("../../../../docs/guide/server.md");
        let missing: Vec<_> = names
            .iter()
            .filter(|name| !manual.contains(&format!("`{name}`")))
            .collect();
        assert!(missing.is_empty(), "docs/guide/server.md does not name {missing:?}");
    }
}
