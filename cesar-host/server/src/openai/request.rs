//! The form of OpenAI's clients, and its meaning for a job.
//!
//! Names of lists come with and without `[]`. Unknown fields are ignored, as OpenAI adds fields often. A known field with a value that the
//! server does not support is refused.

use std::collections::BTreeMap;

use cesar_jobs::values::{choice, flag};
use plugin_api::manifest::{Manifest, OptionKind};
use serde::de::{self, Unexpected};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::models;
use crate::admission::form::trimmed;
use crate::admission::upload::FormFields;
use crate::refusal::{Code, Refusal};

/// The form of OpenAI's clients. Other fields are ignored.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct SpeechForm {
    /// `MODEL`, `PLUGIN/MODEL` or `whisper-1`; `/v1/models` lists them.
    #[schema(value_type = String, required)]
    model: Option<String>,
    /// The language spoken: a code, a BCP 47 tag or a name (`en`, `en-US`, `English`); detected when absent or `auto`
    /// (transcriptions).
    language: Option<String>,
    /// The language spoken, as a list of one; ignored if it has several.
    languages: Vec<String>,
    /// Text that shows the engine the spelling and style to expect.
    prompt: Option<String>,
    /// The format of the transcript; `diarized_json` for transcriptions only.
    #[schema(inline)]
    response_format: Option<ResponseFormat>,
    /// 0 lets the engine choose.
    #[serde(deserialize_with = "temperature")]
    #[schema(value_type = Option<f64>, minimum = 0.0, maximum = 1.0)]
    temperature: f64,
    /// The times in the transcript (with `verbose_json`).
    #[serde(rename = "timestamp_granularities[]")]
    #[schema(inline)]
    timestamp_granularities: Vec<Granularity>,
    /// Additional data; `logprobs` is refused.
    #[serde(rename = "include[]")]
    include: Vec<String>,
    /// Whether to answer with events while the text is decoded (transcriptions).
    #[serde(deserialize_with = "flag")]
    stream: bool,
    /// Not OpenAI's: the audio track: its number, language or title, or `all` for each track as a speaker.
    audio_track: Option<String>,
    /// Not OpenAI's: whether a recording with missing sound is refused, instead of transcribed as far as it is there.
    #[serde(deserialize_with = "choice")]
    strict: Option<bool>,
    /// Not OpenAI's: the glossary that corrects the spelling: the name of one on the server, or `none`.
    glossary: Option<String>,
    /// Not OpenAI's: the rules of a glossary, one a line, instead of a name; at most 65,536 bytes.
    glossary_rules: Option<String>,
    /// Not OpenAI's: whether the engine is shown the terms of the glossary, as far as they fit.
    #[serde(deserialize_with = "choice")]
    glossary_prompt: Option<bool>,
}

impl FormFields for SpeechForm {
    const NAME: &'static str = "SpeechForm";
    const NEEDS_FILE: bool = true;
}

/// The format of a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ResponseFormat {
    Json,
    Text,
    Srt,
    VerboseJson,
    Vtt,
    DiarizedJson,
    /// Of whisper-asr-webservice only.
    #[serde(skip)]
    Tsv,
    /// Of whisper-asr-webservice only: JSON of `whisper`.
    #[serde(skip)]
    WhisperJson,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Granularity {
    Word,
    Segment,
}

/// One of the two endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Transcriptions,
    Translations,
}

/// A request without its file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SpeechRequest {
    pub(crate) endpoint: Endpoint,
    /// The id of the model, as given.
    pub(crate) model: String,
    pub(crate) language: Option<String>,
    pub(crate) prompt: Option<String>,
    pub(crate) format: ResponseFormat,
    pub(crate) temperature: f64,
    /// Whether the transcript has the times of words.
    pub(crate) words: bool,
    /// Whether parts without speech are left out; the engine's own choice where it is not said.
    pub(crate) vad: Option<bool>,
    pub(crate) stream: bool,
    pub(crate) audio_track: Option<String>,
    /// The end of the part to transcribe, in seconds.
    pub(crate) end_time: Option<f64>,
    pub(crate) strict: Option<bool>,
    pub(crate) glossary: Option<String>,
    pub(crate) glossary_rules: Option<String>,
    pub(crate) glossary_prompt: Option<bool>,
    /// The form's field of the recording, for refusals.
    pub(crate) file_field: &'static str,
}

impl SpeechRequest {
    /// The request of a form.
    pub(crate) fn new(endpoint: Endpoint, mut form: SpeechForm) -> Result<Self, Refusal> {
        form.model = form.model.as_deref().and_then(trimmed);
        let format = form.format(endpoint)?;
        let transcribing = endpoint == Endpoint::Transcriptions;
        let model = form.model.ok_or_else(|| {
            Refusal::bad(
                Code::MissingRequiredParameter,
                "`model` is missing; name one, such as `whisper-1`",
            )
            .param("model")
        })?;
        if form.include.iter().any(|value| value == "logprobs") {
            return Err(Refusal::bad(
                Code::UnsupportedValue,
                "`include` cannot be `logprobs` here: engines do not report them; leave it out",
            )
            .param("include"));
        }
        // Of several languages, the engine detects which is spoken.
        let language = form.language.or(match &form.languages[..] {
            [one] => Some(one.clone()),
            _ => None,
        });
        Ok(Self {
            endpoint,
            model,
            language: language.filter(|_| transcribing),
            prompt: form.prompt,
            format,
            temperature: form.temperature,
            words: form.timestamp_granularities.contains(&Granularity::Word) && format == ResponseFormat::VerboseJson,
            vad: None,
            stream: transcribing && form.stream,
            audio_track: form.audio_track,
            end_time: None,
            strict: form.strict,
            glossary: form.glossary,
            glossary_rules: form.glossary_rules,
            glossary_prompt: form.glossary_prompt,
            file_field: SpeechForm::FILE,
        })
    }

    /// A request for the server's own model, as programs make it that serve one.
    pub(crate) fn of_default_model(endpoint: Endpoint, format: ResponseFormat) -> Self {
        Self {
            endpoint,
            model: models::DEFAULT.to_owned(),
            language: None,
            prompt: None,
            format,
            temperature: 0.0,
            words: false,
            vad: None,
            stream: false,
            audio_track: None,
            end_time: None,
            strict: None,
            glossary: None,
            glossary_rules: None,
            glossary_prompt: None,
            file_field: SpeechForm::FILE,
        }
    }

    /// The options of an engine for this request.
    pub(crate) fn options(&self, engine: &Manifest) -> Result<BTreeMap<String, Value>, Refusal> {
        let mut options = BTreeMap::new();
        let mut put = |name: &str, value: Value, needed: Option<&str>| match (engine.options.get(name), needed) {
            (Some(_), _) => {
                options.insert(name.to_owned(), value);
                Ok(())
            }
            (None, None) => Ok(()),
            (None, Some(param)) => Err(Refusal::bad(
                Code::UnsupportedValue,
                format!(
                    "the engine `{}` has no `{name}`, which `{param}` needs; take another model",
                    engine.id
                ),
            )
            .param(param)),
        };
        if let Some(language) = &self.language {
            let codes = engine.options.get("language").map(|option| option.choices.as_slice());
            // One spelling, so that equal requests are one job; an unknown language is refused when the job is planned.
            let value = match cesar_language::code_for(language, codes.unwrap_or_default()) {
                Ok(code) => json!(code),
                Err(_) => json!(language),
            };
            put("language", value, Some("language"))?;
        }
        if self.endpoint == Endpoint::Translations {
            put("task", json!("translate"), Some("model"))?;
        }
        if self.words {
            put("word_timestamps", json!(true), Some("timestamp_granularities"))?;
        }
        if let Some(vad) = self.vad {
            put("vad_filter", json!(vad), None)?;
        }
        if let Some(prompt) = &self.prompt {
            put("initial_prompt", json!(prompt), None)?;
        }
        // 0 leaves the engine its own list of temperatures to fall back to, as OpenAI does.
        if self.temperature > 0.0 {
            let list = engine
                .options
                .get("temperature")
                .is_some_and(|option| option.kind == OptionKind::Numbers);
            let value = if list {
                json!([self.temperature])
            } else {
                json!(self.temperature)
            };
            put("temperature", value, None)?;
        }
        Ok(options)
    }
}

impl SpeechForm {
    fn format(&self, endpoint: Endpoint) -> Result<ResponseFormat, Refusal> {
        let transcribing = endpoint == Endpoint::Transcriptions;
        // Of OpenAI's models, only this one has speakers.
        let default = if transcribing && self.model.as_deref() == Some(models::WITH_SPEAKERS) {
            ResponseFormat::DiarizedJson
        } else {
            ResponseFormat::Json
        };
        match self.response_format {
            Some(ResponseFormat::DiarizedJson) if !transcribing => Err(Refusal::value(
                "response_format",
                "one of `json`, `text`, `srt`, `verbose_json`, `vtt`",
                "diarized_json",
            )),
            format => Ok(format.unwrap_or(default)),
        }
    }
}

pub(crate) fn temperature<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let text = String::deserialize(deserializer)?;
    let number = text.trim().parse::<f64>().ok();
    number
        .filter(|number| (0.0..=1.0).contains(number))
        .ok_or_else(|| de::Error::invalid_value(Unexpected::Str(&text), &"a number from 0 to 1"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::form::Fields;

    fn read(endpoint: Endpoint, fields: &[(&str, &str)]) -> Result<SpeechRequest, String> {
        let form = Fields::from(fields).parse();
        form.and_then(|form| SpeechRequest::new(endpoint, form))
            .map_err(|refusal| refusal.detail)
    }

    #[test]
    fn the_default_is_json_without_words() {
        let request = read(Endpoint::Transcriptions, &[("model", "whisper-1")]).unwrap();
        assert_eq!(
            (request.format, request.words, request.stream),
            (ResponseFormat::Json, false, false)
        );
    }

    #[test]
    fn white_space_around_a_model_is_no_part_of_its_name() {
        let request = |model: &str| {
            read(
                Endpoint::Transcriptions,
                &[("model", model), ("response_format", " json \r\n")],
            )
        };
        assert_eq!(request(" whisper-1 \r\n").unwrap().model, "whisper-1");
        assert_eq!(request(" \r\n").unwrap_err(), request("").unwrap_err());
        let diarized = read(Endpoint::Transcriptions, &[("model", "gpt-4o-transcribe-diarize\n")]);
        assert_eq!(diarized.unwrap().format, ResponseFormat::DiarizedJson);
    }

    #[test]
    fn lists_come_with_and_without_brackets() {
        for name in ["timestamp_granularities", "timestamp_granularities[]"] {
            let fields = [
                ("model", "m"),
                (name, "segment"),
                (name, "word"),
                ("response_format", "verbose_json"),
            ];
            assert!(read(Endpoint::Transcriptions, &fields).unwrap().words, "{name}");
            for list in ["[\"segment\",\"word\"]", "segment,word", "word"] {
                let fields = [("model", "m"), (name, list), ("response_format", "verbose_json")];
                assert!(read(Endpoint::Transcriptions, &fields).unwrap().words, "{name} {list}");
            }
        }
    }

    #[test]
    fn track_and_strictness_are_kept() {
        let fields = [("model", "m"), ("audio_track", "2"), ("strict", "yes")];
        let request = read(Endpoint::Translations, &fields).unwrap();
        assert_eq!(
            (request.audio_track.as_deref(), request.strict),
            (Some("2"), Some(true))
        );
    }

    #[test]
    fn glossaries_are_kept() {
        let fields = [
            ("model", "m"),
            ("glossary_rules", "kube => Kubernetes\niPhone"),
            ("glossary_prompt", "1"),
        ];
        let request = read(Endpoint::Transcriptions, &fields).unwrap();
        assert_eq!(request.glossary_rules.as_deref(), Some("kube => Kubernetes\niPhone"));
        assert_eq!((request.glossary, request.glossary_prompt), (None, Some(true)));
    }

    #[test]
    fn the_model_with_speakers_changes_the_default_format() {
        let format = |fields: &[(&str, &str)]| read(Endpoint::Transcriptions, fields).unwrap().format;
        let with = ("model", "gpt-4o-transcribe-diarize");
        assert_eq!(format(&[with]), ResponseFormat::DiarizedJson);
        assert_eq!(format(&[with, ("response_format", "text")]), ResponseFormat::Text);
        assert_eq!(format(&[("model", "gpt-4o-transcribe")]), ResponseFormat::Json);
    }

    #[test]
    fn a_single_language_of_a_list_counts() {
        let language = |fields: &[(&str, &str)]| {
            let fields = [&[("model", "m")], fields].concat();
            read(Endpoint::Transcriptions, &fields).unwrap().language
        };
        assert_eq!(language(&[("languages[]", "de")]).as_deref(), Some("de"));
        assert_eq!(language(&[("languages", "[\"de\"]")]).as_deref(), Some("de"));
        assert_eq!(language(&[("languages[]", "de"), ("languages[]", "en")]), None);
        assert_eq!(
            language(&[("languages", "de"), ("language", "EN")]).as_deref(),
            Some("EN")
        );
    }

    #[test]
    fn a_refusal_names_the_field() {
        let cases: &[&[(&str, &str)]] = &[
            &[],
            &[("model", "m"), ("response_format", "yaml")],
            &[("model", "m"), ("timestamp_granularities[]", "letter")],
            &[("model", "m"), ("temperature", "2")],
            &[("model", "m"), ("temperature", "warm")],
            &[("model", "m"), ("stream", "perhaps")],
            &[("model", "m"), ("include[]", "logprobs")],
        ];
        let answers: Vec<_> = cases
            .iter()
            .map(|case| read(Endpoint::Transcriptions, case).unwrap_err())
            .collect();
        insta::assert_snapshot!(answers.join("\n"));
        assert!(
            read(
                Endpoint::Translations,
                &[("model", "m"), ("response_format", "diarized_json")]
            )
            .is_err()
        );
    }

    #[test]
    fn a_translation_has_no_language_and_no_stream() {
        let request = read(
            Endpoint::Translations,
            &[("model", "m"), ("language", "de"), ("stream", "true")],
        )
        .unwrap();
        assert_eq!((request.language, request.stream), (None, false));
    }
}
