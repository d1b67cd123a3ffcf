//! The option table as Rust types: the host's options for `open` and `run`.
//!
//! The table itself, with defaults, ranges and texts, is `cesar-plugin.json`; a test keeps the two equal. The host checks ranges;
//! this module checks combinations, and values that would make whisper.cpp loop or fail silently.

use std::path::PathBuf;

use cesar_plugin_common::prompt;
use plugin_api::resume::Checkpoint;
use plugin_api::{ErrorKind, StageError};
use serde::{Deserialize, Serialize};

use crate::checkpoint::State;

/// Options of scope `open`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The ggml file that the host resolved; `None` if no model is present.
    pub model: Option<PathBuf>,
    /// The device to compute on.
    pub device: Device,
    /// Whether attention is computed in one fused step; `None`: unless that prevents `dtw`.
    pub flash_attention: Option<bool>,
    /// Whether words get times.
    pub word_timestamps: bool,
    /// Whether those come from the attention's alignment; `None`: if the model allows it.
    pub dtw: Option<bool>,
}

/// The device to compute on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// The GPU if this library was built for one, else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// An NVIDIA GPU.
    Cuda,
}

impl Device {
    /// Whether this library was built with the cargo feature `cuda`.
    const CUDA_BUILT_IN: bool = cfg!(feature = "cuda");

    /// Whether whisper.cpp should search for a GPU.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOptions`] for a GPU that this library was not built for.
    pub fn use_gpu(self) -> Result<bool, StageError> {
        match self {
            Self::Cuda if !Self::CUDA_BUILT_IN => Err(invalid(
                "`device` cannot be `cuda`, because this `whisper-cpp` plugin was built without it; use `cpu`, or build it with the \
                 cargo feature `cuda`",
            )),
            Self::Cpu => Ok(false),
            Self::Auto | Self::Cuda => Ok(Self::CUDA_BUILT_IN),
        }
    }
}

/// The text to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// The speech as it is.
    Transcribe,
    /// Its translation to English.
    Translate,
}

/// Options of scope `request`. Other fields from the host are ignored.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Request {
    /// Maximum length of a block, in s; `None` for a single one.
    pub block_length_s: Option<u32>,
    /// Threads to compute with; 0 for [`Request::thread_count`] to choose.
    pub threads: usize,
    /// A Whisper language code; `None` to detect it.
    pub language: Option<String>,
    /// The text to write.
    pub task: Task,
    /// Sequences kept at temperature 0; 1 is greedy.
    pub beam_size: u32,
    /// Sequences sampled above temperature 0.
    pub best_of: u32,
    /// Temperature of the first attempt.
    pub temperature: f64,
    /// Added for each further attempt; 0 means one attempt.
    pub temperature_inc: f64,
    /// Minimum entropy of the last 32 tokens, in nats.
    pub entropy_threshold: f64,
    /// Minimum mean log-probability.
    pub log_prob_threshold: f64,
    /// Maximum no-speech probability.
    pub no_speech_threshold: f64,
    /// Exponent of the length when ranking; 0 or less for the mean.
    pub length_penalty: f64,
    /// Text before the first window.
    #[serde(default, deserialize_with = "prompt::read")]
    pub initial_prompt: Option<String>,
    /// Whether that text precedes every window.
    pub carry_initial_prompt: bool,
    /// Whether each window sees the text so far.
    pub condition_on_previous_text: bool,
    /// Whether no timestamps are decoded.
    pub without_timestamps: bool,
    /// Latest start of a window's first segment, in s.
    pub max_initial_timestamp: f64,
    /// Maximum tokens of a window; 0 for the model's limit.
    pub max_tokens: u32,
    /// Maximum bytes of a segment's text; 0 for no limit.
    pub max_len: u32,
    /// Whether that splits only before a space.
    pub split_on_word: bool,
    /// Positions of 20 ms for the encoder; 0 for all.
    pub audio_ctx: u32,
    /// Whether a window is one segment.
    pub single_segment: bool,
    /// Whether a window may not begin with a blank.
    pub suppress_blank: bool,
    /// Whether symbols that are not spoken are never written.
    pub suppress_non_speech_tokens: bool,
    /// Whether speaker turns are marked.
    pub tinydiarize: bool,
    /// Whether only speech is decoded.
    pub vad_filter: bool,
    /// The ggml file of another voice activity detection, as the host resolved it; `None` for the built-in one.
    pub vad_model: Option<PathBuf>,
    /// Minimum probability of speech.
    pub vad_threshold: f64,
    /// Minimum length of speech, in ms.
    pub vad_min_speech_duration_ms: u32,
    /// Minimum length of silence, in ms; `None` for [`Request::min_silence_ms`] to choose.
    pub vad_min_silence_duration_ms: Option<u32>,
    /// Maximum length of speech, in s; `None` for no limit.
    pub vad_max_speech_duration_s: Option<f64>,
    /// Audio kept on both sides, in ms; `None` for [`Request::speech_pad_ms`] to choose.
    pub vad_speech_pad_ms: Option<u32>,
    /// Audio kept after each piece, in s.
    pub vad_samples_overlap: f64,
    /// The finished part of an earlier run, from the host; not an option.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) resume: Option<Checkpoint<State>>,
}

impl Request {
    /// Below this step, whisper.cpp's list of temperatures, counted up in `f32`, gets long or never ends.
    const SMALLEST_INC: f64 = 0.01;

    /// Checks beyond those of the table.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOptions`], with the remedy.
    pub fn check(&self) -> Result<(), StageError> {
        if self.temperature_inc > 0.0 && self.temperature_inc < Self::SMALLEST_INC {
            return Err(invalid(format!(
                "`temperature_inc` must be 0 or at least {}, not `{}`",
                Self::SMALLEST_INC,
                self.temperature_inc
            )));
        }
        if self.initial_prompt.is_some() && !self.condition_on_previous_text {
            return Err(invalid(
                "`initial_prompt` is to whisper.cpp the text before the first window, so it needs `condition_on_previous_text=true`; \
                 change that or leave the prompt out",
            ));
        }
        if self.split_on_word && self.max_len == 0 {
            return Err(invalid(
                "`split_on_word` needs a `max_len` to split at; give one or leave it out",
            ));
        }
        self.check_speech_limit()?;
        if self.carry_initial_prompt && self.initial_prompt.is_none() {
            return Err(invalid(
                "`carry_initial_prompt` needs an `initial_prompt`; give one or leave it out",
            ));
        }
        Ok(())
    }

    /// whisper.cpp silently drops a limit if nothing is left of it after its padding and a piece of 32 ms.
    fn check_speech_limit(&self) -> Result<(), StageError> {
        let pad = self.speech_pad_ms();
        let least = f64::from(2 * pad + 32) / 1000.0;
        match self.vad_max_speech_duration_s {
            Some(limit) if limit.trunc() <= least => Err(invalid(format!(
                "`vad_max_speech_duration_s` must be more than twice `vad_speech_pad_ms`, which is `{pad}`, not `{limit}`"
            ))),
            _ => Ok(()),
        }
    }

    /// Silence that ends speech: whisper.cpp's default for its own detection, faster-whisper's for the built-in one.
    #[must_use]
    pub fn min_silence_ms(&self) -> u32 {
        let default = if self.vad_model.is_some() { 100 } else { 2000 };
        self.vad_min_silence_duration_ms.unwrap_or(default)
    }

    /// Audio kept around speech, by the same rule.
    #[must_use]
    pub fn speech_pad_ms(&self) -> u32 {
        let default = if self.vad_model.is_some() { 30 } else { 400 };
        self.vad_speech_pad_ms.unwrap_or(default)
    }

    /// Threads to compute with. The result does not depend on it.
    #[must_use]
    pub fn thread_count(&self) -> usize {
        cesar_plugin_common::threads::count(self.threads)
    }

    /// The temperature of attempt `attempt` at a window, counted from 0, to a thousandth.
    #[must_use]
    pub fn temperature_of(&self, attempt: u32) -> f64 {
        let temperature = self.temperature + f64::from(attempt) * self.temperature_inc;
        (temperature * 1000.0).round() / 1000.0
    }
}

/// An error of kind [`ErrorKind::InvalidOptions`].
pub(crate) fn invalid(message: impl Into<String>) -> StageError {
    StageError::new(ErrorKind::InvalidOptions, message)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use plugin_api::manifest::{Manifest, Scope};
    use serde_json::{Value, json};

    use super::*;

    fn table() -> Manifest {
        Manifest::parse(include_str!("cesar-plugin.json")).unwrap()
    }

    /// The effective options of one scope, as the host would send them.
    fn effective(scope: Scope, given: &Value) -> Value {
        let given: BTreeMap<String, Value> = serde_json::from_value(given.clone()).unwrap();
        let table = table();
        let mut effective = table.effective(&given).unwrap();
        effective.retain(|name, _| table.options[name].scope == scope);
        json!(effective)
    }

    /// A request with `given` and the table's defaults.
    pub(crate) fn request(given: &Value) -> Request {
        serde_json::from_value(effective(Scope::Request, given)).unwrap()
    }

    fn fields(value: &Value) -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    }

    #[test]
    fn the_table_and_the_types_have_the_same_options() {
        let open = effective(Scope::Open, &json!({}));
        let options: Options = serde_json::from_value(open.clone()).unwrap();
        assert_eq!(fields(&json!(options)), fields(&open));
        let run = effective(Scope::Request, &json!({}));
        assert_eq!(fields(&json!(request(&json!({})))), fields(&run));
        // Values survive the round trip, so no field is read as another type.
        assert_eq!((json!(options), json!(request(&json!({})))), (open, run));
    }

    #[test]
    fn cuda_is_refused_unless_built_in() {
        assert_eq!(Device::Cpu.use_gpu(), Ok(false));
        assert_eq!(Device::Auto.use_gpu(), Ok(cfg!(feature = "cuda")));
        if !cfg!(feature = "cuda") {
            let error = Device::Cuda.use_gpu().unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidOptions);
            assert!(error.message.contains("built without it"), "{error}");
        }
    }

    #[test]
    fn combinations_that_would_be_ignored_or_never_end_are_refused() {
        let refused = |given: Value| request(&given).check().unwrap_err().message;
        assert_eq!(request(&json!({})).check(), Ok(()));
        assert_eq!(
            refused(json!({ "temperature_inc": 1e-9 })),
            "`temperature_inc` must be 0 or at least 0.01, not `0.000000001`"
        );
        assert!(refused(json!({ "initial_prompt": "Cesar", "condition_on_previous_text": false })).contains("needs"));
        assert!(refused(json!({ "carry_initial_prompt": true })).contains("needs an `initial_prompt`"));
    }

    #[test]
    fn temperatures_are_whisper_cpps() {
        let request = request(&json!({}));
        let temperatures: Vec<_> = (0..6).map(|attempt| request.temperature_of(attempt)).collect();
        assert_eq!(temperatures, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
    }
}
