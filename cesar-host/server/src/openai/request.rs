//! What OpenAI's clients send, read into what it means here.
//!
//! Names of lists come with and without `[]`. What this server does not know is ignored, as OpenAI adds fields often; what it knows
//! and cannot do is refused, so that nobody takes an answer for another one.

use std::collections::BTreeMap;

use plugin_api::manifest::{Manifest, OptionKind};
use serde_json::{Value, json};

use super::models;
use crate::admission::code::Code;
use crate::admission::form::Fields;
use crate::admission::refusal::Refusal;

/// How the transcript is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResponseFormat {
    Json,
    Text,
    Srt,
    VerboseJson,
    Vtt,
    DiarizedJson,
}

/// Which of the two endpoints was asked.
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
    /// Whether word times were asked for.
    pub(crate) words: bool,
    pub(crate) stream: bool,
    /// Not OpenAI's: the audio track, as in `/transcribe`.
    pub(crate) audio_track: Option<String>,
    /// Not OpenAI's: whether a recording of which sound is missing is refused.
    pub(crate) strict: Option<bool>,
}

impl SpeechRequest {
    /// Reads the fields of a form.
    pub(crate) fn read(endpoint: Endpoint, fields: &Fields) -> Result<Self, Refusal> {
        let model = fields.text("model").ok_or_else(|| {
            Refusal::bad(
                Code::MissingRequiredParameter,
                "`model` is missing; name one, such as `whisper-1`",
            )
            .param("model")
        })?;
        let transcribing = endpoint == Endpoint::Transcriptions;
        if fields.all_texts("include").iter().any(|value| value == "logprobs") {
            return Err(Refusal::bad(
                Code::UnsupportedValue,
                "`include` cannot be `logprobs` here: engines do not tell them; leave it out",
            )
            .param("include"));
        }
        let granularities = granularities(fields)?;
        let format = format(endpoint, fields)?;
        Ok(Self {
            endpoint,
            model: model.to_owned(),
            language: transcribing.then(|| language(fields)).flatten(),
            prompt: fields.text("prompt").map(str::to_owned),
            format,
            temperature: temperature(fields)?,
            words: granularities.iter().any(|name| name == "word") && format == ResponseFormat::VerboseJson,
            stream: transcribing && fields.boolean("stream")?,
            audio_track: fields.text("audio_track").map(str::to_owned),
            strict: fields.choice("strict")?,
        })
    }

    /// The options of an engine that do what was asked.
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
            // One spelling, so that equal requests are one job; what is no language is refused when the job is planned.
            let value = match cesar_pipeline::language::code_for(language, codes.unwrap_or_default()) {
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

/// `language`, else the only one of `languages`: of several, the engine detects which is spoken.
fn language(fields: &Fields) -> Option<String> {
    let several = fields.all_texts("languages");
    let one = match &several[..] {
        [one] => Some(one.clone()),
        _ => None,
    };
    fields.text("language").map(str::to_owned).or(one)
}

fn format(endpoint: Endpoint, fields: &Fields) -> Result<ResponseFormat, Refusal> {
    let transcribing = endpoint == Endpoint::Transcriptions;
    // Of OpenAI's models, this one alone has speakers.
    let usual = match transcribing && fields.text("model") == Some(models::WITH_SPEAKERS) {
        true => ResponseFormat::DiarizedJson,
        false => ResponseFormat::Json,
    };
    let wanted = if transcribing {
        "one of `json`, `text`, `srt`, `verbose_json`, `vtt`, `diarized_json`"
    } else {
        "one of `json`, `text`, `srt`, `verbose_json`, `vtt`"
    };
    match fields.text("response_format") {
        None => Ok(usual),
        Some("json") => Ok(ResponseFormat::Json),
        Some("text") => Ok(ResponseFormat::Text),
        Some("srt") => Ok(ResponseFormat::Srt),
        Some("verbose_json") => Ok(ResponseFormat::VerboseJson),
        Some("vtt") => Ok(ResponseFormat::Vtt),
        Some("diarized_json") if transcribing => Ok(ResponseFormat::DiarizedJson),
        Some(other) => Err(Refusal::value("response_format", wanted, other)),
    }
}

fn temperature(fields: &Fields) -> Result<f64, Refusal> {
    let Some(text) = fields.text("temperature") else {
        return Ok(0.0);
    };
    let number = text.trim().parse::<f64>().ok();
    number
        .filter(|number| (0.0..=1.0).contains(number))
        .ok_or_else(|| Refusal::value("temperature", "a number from 0 to 1", text))
}

fn granularities(fields: &Fields) -> Result<Vec<String>, Refusal> {
    let names = fields.all_texts("timestamp_granularities");
    match names.iter().find(|name| !matches!(name.as_str(), "word" | "segment")) {
        None => Ok(names),
        Some(other) => Err(Refusal::value("timestamp_granularities", "`word` or `segment`", other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(endpoint: Endpoint, fields: &[(&str, &str)]) -> Result<SpeechRequest, String> {
        SpeechRequest::read(endpoint, &Fields::from(fields)).map_err(|refusal| refusal.detail)
    }

    #[test]
    fn defaults() {
        let request = read(Endpoint::Transcriptions, &[("model", "whisper-1")]).unwrap();
        assert_eq!(
            (request.format, request.words, request.stream),
            (ResponseFormat::Json, false, false)
        );
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
    fn what_is_asked_of_the_recording_is_not_lost() {
        let fields = [("model", "m"), ("audio_track", "2"), ("strict", "yes")];
        let request = read(Endpoint::Translations, &fields).unwrap();
        assert_eq!(
            (request.audio_track.as_deref(), request.strict),
            (Some("2"), Some(true))
        );
    }

    #[test]
    fn one_of_several_models_has_speakers() {
        let format = |fields: &[(&str, &str)]| read(Endpoint::Transcriptions, fields).unwrap().format;
        let with = ("model", "gpt-4o-transcribe-diarize");
        assert_eq!(format(&[with]), ResponseFormat::DiarizedJson);
        assert_eq!(format(&[with, ("response_format", "text")]), ResponseFormat::Text);
        assert_eq!(format(&[("model", "gpt-4o-transcribe")]), ResponseFormat::Json);
    }

    #[test]
    fn a_language_among_languages() {
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
    fn bad_values_are_named() {
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
