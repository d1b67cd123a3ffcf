//! Requests of jobs.
//!
//! [`TranscribeRequest`] is the one definition of what a client may ask for: forms, JSON bodies, the store, the API's views and its description
//! use it. A new field is added there and where it is used.
//!
//! Requests are stored as JSON and outlive the program that stored them: a field may be added when it has a default,
//! and none is removed or given another meaning. A request never holds a path: an upload is named by its id, and the
//! client's name of the file is a label.

use std::collections::BTreeMap;

use cesar_base::{Digest, GivenValue, TraceParent};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::{Object, RefOr, Schema};
use utoipa::{PartialSchema as _, ToSchema};

use super::id::UploadId;
use super::values::{choice, flag, percent, speaker_count, time};

/// Where the recording comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Source {
    /// A file that was uploaded.
    Upload {
        /// Its name in the folder of uploads.
        upload: UploadId,
        /// Its size in bytes.
        bytes: u64,
        /// The SHA-256 of its content.
        digest: Digest,
    },
    /// An address to download from.
    Url {
        /// The address.
        url: String,
    },
}

/// A transcription, as a client requests it. The server's settings apply to absent fields.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TranscribeRequest {
    /// The address of a recording to download. A job keeps it as its source.
    #[schema(format = "uri")]
    pub url: Option<String>,
    /// The id of a complete resumable upload. A job keeps it as its source.
    #[schema(format = "uuid")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload: Option<String>,
    /// The model's name.
    pub model: Option<String>,
    /// The speech recognition plugin, `ID` or `ID@VERSION`.
    pub asr_plugin: Option<String>,
    /// The language spoken: a code, a BCP 47 tag or a name (`en`, `en-US`, `English`); detected when absent or `auto`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// `transcribe`, or `translate` into English.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Whether to identify speakers.
    #[serde(deserialize_with = "choice")]
    pub diarize: Option<bool>,
    /// The diarization plugin, `ID` or `ID@VERSION`.
    pub diarize_plugin: Option<String>,
    /// Options of the diarization plugin, as a JSON object; `/plugins` lists them.
    #[schema(value_type = Object)]
    pub diarize_options: BTreeMap<String, Value>,
    /// Names of the speakers, in order of appearance, or of the channels; in forms separated by commas.
    pub speaker_names: Vec<String>,
    /// Whether each channel of the recording is a speaker, as in calls.
    #[serde(deserialize_with = "flag")]
    pub channels_as_speakers: bool,
    /// The number of speakers.
    #[serde(deserialize_with = "speaker_count")]
    #[schema(minimum = 1, maximum = 1000)]
    pub num_speakers: Option<u32>,
    /// The minimum number of speakers.
    #[serde(deserialize_with = "speaker_count")]
    #[schema(minimum = 1, maximum = 1000)]
    pub min_speakers: Option<u32>,
    /// The maximum number of speakers.
    #[serde(deserialize_with = "speaker_count")]
    #[schema(minimum = 1, maximum = 1000)]
    pub max_speakers: Option<u32>,
    /// Options of the speech recognition plugin, as a JSON object; `/plugins` lists them.
    #[schema(value_type = Object)]
    pub options: BTreeMap<String, Value>,
    /// The audio track: its number, language or title, or `all` for each track as a speaker.
    pub audio_track: Option<String>,
    /// The beginning of the part to transcribe: seconds, or text such as `1:30`.
    #[serde(deserialize_with = "time", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub start_time: Option<f64>,
    /// The end of the part to transcribe: seconds, or text such as `1:30`.
    #[serde(deserialize_with = "time", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub end_time: Option<f64>,
    /// Whether a recording with missing sound is refused, instead of transcribed as far as it is there.
    #[serde(deserialize_with = "choice")]
    pub strict: Option<bool>,
    /// The glossary that corrects the spelling: the name of one on the server, or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub glossary: Option<String>,
    /// The rules of a glossary, one a line, instead of a name; at most 65,536 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub glossary_rules: Option<String>,
    /// Whether the engine is shown the terms of the glossary, as far as they fit.
    #[serde(deserialize_with = "choice", skip_serializing_if = "Option::is_none")]
    pub glossary_prompt: Option<bool>,
    /// Of `/align`: the words that are spoken, as plain text, SRT or WebVTT; the transcript has these words with their times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Of `/align`: the minimum share of the words of the text, or of those recognised, that must match, in percent; 25 when absent.
    #[serde(deserialize_with = "percent", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 100)]
    pub min_match: Option<u32>,
    /// URL notified when the job finishes.
    pub webhook_url: Option<String>,
    /// Ignore the cache.
    #[serde(deserialize_with = "flag")]
    pub no_cache: bool,
    /// Ignore cached results and recompute everything.
    #[serde(deserialize_with = "flag", skip_serializing_if = "std::ops::Not::not")]
    pub refresh: bool,
    /// Labels that the worker must have (`cesar worker --label`), such as `gpu`; in forms separated by commas.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

impl TranscribeRequest {
    /// The fields that a job keeps among its `options`.
    pub const OPTIONS: [&str; 2] = ["language", "task"];

    /// Moves the fields [`Self::OPTIONS`] into `options`.
    ///
    /// # Errors
    /// The name of a field that is among the options too.
    pub fn merge_options(&mut self) -> Result<(), &'static str> {
        let [language, task] = Self::OPTIONS;
        for (name, value) in [(language, self.language.take()), (task, self.task.take())] {
            if let Some(value) = value
                && self.options.insert(name.to_owned(), value.into()).is_some()
            {
                return Err(name);
            }
        }
        Ok(())
    }

    /// The schema of the fields, for schemas that extend it.
    #[must_use]
    pub fn object() -> Object {
        match Self::schema() {
            RefOr::T(Schema::Object(object)) => object,
            _ => unreachable!("the schema of a struct with named fields is an object"),
        }
    }
}

/// A request over the settings of the server that accepted it, with the engine and the model that this server chose: another process, with
/// other settings, may run the job.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResolvedRequest {
    /// The speech recognition plugin and its options, the model among them.
    pub asr: ResolvedStage,
    /// Whether to identify speakers; `None`: where a plugin has its models.
    pub diarize: Option<bool>,
    /// The diarization plugin and its options.
    pub speakers: ResolvedStage,
    /// The names of speakers.
    pub speaker_names: Vec<String>,
    /// Whether each channel is a speaker.
    pub channels_as_speakers: bool,
    /// The audio track.
    pub audio_track: String,
    /// Whether a recording with missing sound is refused.
    pub strict: bool,
    /// The glossary; absent where the job is read again on the same machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub glossary: Option<ResolvedGlossary>,
    /// What a worker must have to run the job: see [`crate::Offer`].
    pub needs: Vec<String>,
}

/// A glossary, which another machine may not have.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResolvedGlossary {
    /// Its name, unless the rules are those of the request.
    pub name: Option<String>,
    /// Its rules, one a line; absent for no glossary.
    pub rules: Option<String>,
    /// Whether the engine is shown its terms.
    pub prompt: bool,
}

/// A plugin and its options.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResolvedStage {
    /// The plugin, `ID` or `ID@VERSION`.
    pub plugin: Option<String>,
    /// Its options by name.
    pub options: BTreeMap<String, GivenValue>,
}

/// The request of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobRequest {
    /// Where the recording comes from.
    pub source: Source,
    /// The name of the recording in messages: the client's file name, or the address.
    #[serde(default)]
    pub label: String,
    /// A name that a user gave it, shown instead of the label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The parameters over the settings; absent in jobs of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<ResolvedRequest>,
    /// The span of the HTTP request that submitted it, where the client or its server traces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceParent>,
    /// What was requested, without `url`, `language` and `task`.
    #[serde(flatten)]
    pub parameters: TranscribeRequest,
}

impl JobRequest {
    /// A request with everything else left to the defaults.
    pub fn new(source: Source) -> Self {
        Self {
            source,
            label: String::new(),
            title: None,
            resolved: None,
            trace: None,
            parameters: TranscribeRequest::default(),
        }
    }

    /// The upload, when the recording is one.
    pub fn upload(&self) -> Option<UploadId> {
        match self.source {
            Source::Upload { upload, .. } => Some(upload),
            Source::Url { .. } => None,
        }
    }

    /// What a worker must have to run it.
    pub fn needs(&self) -> &[String] {
        self.resolved.as_ref().map_or(&[], |resolved| &resolved.needs)
    }

    /// SHA-256 over the request, an upload counting by its content: equal for a request that is sent again. Absent
    /// fields do not count, so that a new field changes no fingerprint; nor do the title, which changes later, the server's settings and the trace.
    pub fn fingerprint(&self) -> Digest {
        let mut request = self.clone();
        (request.title, request.resolved, request.trace) = (None, None, None);
        if let Source::Upload { upload, .. } = &mut request.source {
            *upload = UploadId::nil();
        }
        let mut value = serde_json::to_value(&request).expect("its fields are text, numbers and JSON");
        if let Value::Object(fields) = &mut value {
            fields.retain(|_, value| !value.is_null());
        }
        Digest::of(value.to_string().as_bytes())
    }
}
