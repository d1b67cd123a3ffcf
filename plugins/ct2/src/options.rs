//! The option table of `cesar-plugin.json` as types. Names and defaults are faster-whisper's; the host fills the defaults in.

use std::path::PathBuf;

use cesar_plugin_common::prompt;
use ct2rs::sys;
use plugin_api::StageError;
use plugin_api::align::Alignment;
use plugin_api::resume::Checkpoint;

use crate::model_error::ModelError;
use crate::state::Saved;

/// Options of scope `open`.
#[derive(Debug, Clone, serde::Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The folder of the model, as the host resolved it.
    pub model: Option<PathBuf>,
    /// The device to compute on.
    pub device: Device,
    /// Type of the weights.
    pub compute_type: ComputeType,
    /// CPU threads, 0 for one per core up to four.
    pub threads: usize,
}

/// The device to compute on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// CUDA if this build finds such a device, else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// The first CUDA device.
    Cuda,
}

/// Type of the weights, by CTranslate2's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are CTranslate2's and say what they are")]
pub enum ComputeType {
    Default,
    Auto,
    Int8,
    Int8Float32,
    Int8Float16,
    Int8Bfloat16,
    Int16,
    Float16,
    Bfloat16,
    Float32,
}

/// The model's task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Write the speech as it is.
    Transcribe,
    /// Write it in English.
    Translate,
}

/// Options of scope `request`. The option table has their meanings.
#[derive(Debug, Clone, serde::Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[expect(missing_docs, reason = "the option table documents them")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches, by faster-whisper's names"
)]
pub struct Request {
    pub language: Option<String>,
    pub task: Task,
    pub beam_size: usize,
    pub best_of: usize,
    pub patience: f32,
    pub length_penalty: f32,
    pub repetition_penalty: f32,
    pub no_repeat_ngram_size: usize,
    pub temperature: Vec<f64>,
    pub compression_ratio_threshold: f64,
    pub log_prob_threshold: f64,
    pub no_speech_threshold: f64,
    pub condition_on_previous_text: bool,
    pub prompt_reset_on_temperature: f64,
    #[serde(default, deserialize_with = "prompt::read")]
    pub initial_prompt: Option<String>,
    pub prefix: Option<String>,
    #[serde(default, deserialize_with = "prompt::read")]
    pub hotwords: Option<String>,
    pub suppress_blank: bool,
    pub suppress_tokens: Vec<i64>,
    pub without_timestamps: Option<bool>,
    pub max_initial_timestamp: f64,
    pub word_timestamps: bool,
    pub prepend_punctuations: String,
    pub append_punctuations: String,
    pub multilingual: bool,
    pub vad_filter: bool,
    pub vad_model: Option<PathBuf>,
    pub vad_threshold: f64,
    pub vad_neg_threshold: Option<f64>,
    pub vad_min_speech_duration_ms: f64,
    pub vad_max_speech_duration_s: Option<f64>,
    pub vad_min_silence_duration_ms: Option<f64>,
    pub vad_speech_pad_ms: f64,
    pub max_new_tokens: Option<usize>,
    pub chunk_length: Option<usize>,
    pub clip_timestamps: Vec<f64>,
    pub hallucination_silence_threshold: Option<f64>,
    pub batch_size: usize,
    pub language_detection_threshold: f64,
    pub language_detection_segments: usize,
    /// The finished part of an earlier run, from the host; not an option.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Checkpoint<Saved>>,
    /// The text to align, from the host; not an option.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub align: Option<Alignment>,
}

impl Options {
    /// Threads to compute with.
    #[must_use]
    pub fn thread_count(&self) -> usize {
        cesar_plugin_common::threads::count(self.threads)
    }

    /// The device in CTranslate2's terms.
    ///
    /// # Errors
    /// [`ModelError::NoCuda`] if CUDA is requested and not available.
    pub fn device(&self) -> Result<sys::Device, ModelError> {
        let cuda = || sys::get_device_count(sys::Device::CUDA) > 0;
        match self.device {
            Device::Cpu => Ok(sys::Device::CPU),
            Device::Auto => Ok(if cuda() { sys::Device::CUDA } else { sys::Device::CPU }),
            Device::Cuda if cuda() => Ok(sys::Device::CUDA),
            Device::Cuda => Err(ModelError::NoCuda),
        }
    }
}

impl From<ComputeType> for sys::ComputeType {
    fn from(compute_type: ComputeType) -> Self {
        match compute_type {
            ComputeType::Default => Self::DEFAULT,
            ComputeType::Auto => Self::AUTO,
            ComputeType::Int8 => Self::INT8,
            ComputeType::Int8Float32 => Self::INT8_FLOAT32,
            ComputeType::Int8Float16 => Self::INT8_FLOAT16,
            ComputeType::Int8Bfloat16 => Self::INT8_BFLOAT16,
            ComputeType::Int16 => Self::INT16,
            ComputeType::Float16 => Self::FLOAT16,
            ComputeType::Bfloat16 => Self::BFLOAT16,
            ComputeType::Float32 => Self::FLOAT32,
        }
    }
}

impl Request {
    /// Checks beyond those of the table: an empty list, and options that an English-only model does not support.
    ///
    /// # Errors
    /// [`plugin_api::ErrorKind::InvalidOptions`].
    pub fn check(&self, model_is_multilingual: bool) -> Result<(), StageError> {
        use plugin_api::ErrorKind::InvalidOptions;
        let refuse = |message: String| Err(StageError::new(InvalidOptions, message));
        if self.temperature.is_empty() {
            return refuse("`temperature` is empty: give at least one temperature, for example `0`".into());
        }
        if model_is_multilingual {
            return Ok(());
        }
        match self.language.as_deref() {
            Some(code) if code != "en" => refuse(format!(
                "the model knows only English, not `{code}`: choose a model without `.en`"
            )),
            _ if self.task == Task::Translate => {
                refuse("the model knows only English and cannot translate: choose a model without `.en`".into())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
