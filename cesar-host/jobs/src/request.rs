//! What a job is to do, as it was asked for.
//!
//! Requests are stored as JSON and outlive the program that stored them: a field may be added when it has a default,
//! and none is removed or given another meaning. A request never holds a path: an upload is named by its id, and what a
//! client calls the file is a label.

use std::collections::BTreeMap;

use cesar_base::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::id::UploadId;

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

/// The request of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobRequest {
    /// Where the recording comes from.
    pub source: Source,
    /// What people call the recording: the client's file name, or the address.
    #[serde(default)]
    pub label: String,
    /// The ASR plugin, `id` or `id@version`; the host chooses when absent.
    #[serde(default)]
    pub asr_plugin: Option<String>,
    /// The ASR model's name; the plugin's default when absent.
    #[serde(default)]
    pub model: Option<String>,
    /// Options of the ASR plugin by name, `language` and `task` among them.
    #[serde(default)]
    pub options: BTreeMap<String, Value>,
    /// Whether to tell speakers apart; the host decides when absent.
    #[serde(default)]
    pub diarize: Option<bool>,
    /// The diarization plugin, `id` or `id@version`; the host chooses when absent.
    #[serde(default)]
    pub diarize_plugin: Option<String>,
    /// Options of the diarization plugin by name.
    #[serde(default)]
    pub diarize_options: BTreeMap<String, Value>,
    /// What speakers are called, in order of appearance.
    #[serde(default)]
    pub speaker_names: Vec<String>,
    /// Whether each channel is a speaker.
    #[serde(default)]
    pub channels_as_speakers: bool,
    /// The number of speakers.
    #[serde(default)]
    pub num_speakers: Option<u32>,
    /// The least number of speakers.
    #[serde(default)]
    pub min_speakers: Option<u32>,
    /// The greatest number of speakers.
    #[serde(default)]
    pub max_speakers: Option<u32>,
    /// The audio track, by number, language or title, or `all`; the server's setting when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_track: Option<String>,
    /// Whether a recording of which sound is missing is refused; the server's setting when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
    /// Do not use the cache at all.
    #[serde(default)]
    pub no_cache: bool,
    /// Drop what the cache has of this job's stages first.
    #[serde(default)]
    pub refresh: bool,
    /// Whom to tell when the job has ended.
    #[serde(default)]
    pub webhook_url: Option<String>,
}

impl JobRequest {
    /// A request with everything else left to the defaults.
    pub fn new(source: Source) -> Self {
        Self {
            source,
            label: String::new(),
            asr_plugin: None,
            model: None,
            options: BTreeMap::new(),
            diarize: None,
            diarize_plugin: None,
            diarize_options: BTreeMap::new(),
            speaker_names: Vec::new(),
            channels_as_speakers: false,
            num_speakers: None,
            min_speakers: None,
            max_speakers: None,
            audio_track: None,
            strict: None,
            no_cache: false,
            refresh: false,
            webhook_url: None,
        }
    }

    /// The upload, when the recording is one.
    pub fn upload(&self) -> Option<UploadId> {
        match self.source {
            Source::Upload { upload, .. } => Some(upload),
            Source::Url { .. } => None,
        }
    }

    /// SHA-256 over everything that was asked, an upload counting by its content: equal for a request that is sent
    /// again.
    pub fn fingerprint(&self) -> Digest {
        let mut request = self.clone();
        if let Source::Upload { upload, .. } = &mut request.source {
            *upload = UploadId::nil();
        }
        Digest::of(&serde_json::to_vec(&request).expect("its fields are text, numbers and JSON"))
    }
}
