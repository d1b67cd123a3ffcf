//! Speech to text with [whisper.cpp](https://github.com/ggml-org/whisper.cpp) and its ggml models.
//!
//! The plugin gives what whisper.cpp itself gives for the same model, audio and options. It opens a ggml file (`model_file` checks
//! it first), and runs each request in a fresh state of whisper.cpp (`transcribe`, `ffi`), so that equal requests give equal
//! results even where whisper.cpp draws random numbers.
//!
//! Options carry the names the other engines have for the same concept (`options`, and the table in `cesar-plugin.json`); what
//! whisper.cpp does not have, such as `compute_type`, `compression_ratio_threshold`, `hotwords` or `patience`, is not in the table. The
//! file alone decides the precision of the weights.
//!
//! The plugin does itself what whisper.cpp does only inside `whisper_full`, or not well: the log-mel (`mel`), cutting out silence, which
//! `cesar_vad` finds, and mapping times back (`speech`), words (`words`, `alignment`), and bringing its answers into order (`collect`).
//!
//! whisper.cpp cannot resume in the middle of a run; `blocks` divides a long recording into several runs on request.
//!
//! Cancelling is answered at once: whisper.cpp works on a thread of its own (`engine_thread`), which is abandoned, as a pass of the encoder and
//! the voice activity detection cannot be stopped. Abandoned work ends after the pass in progress.
//!
//! `examples/reference.rs` is what the plugin is compared with, and `tests/golden.py` keeps its answers.

mod alignment;
mod blocks;
mod collect;
mod engine_thread;
#[expect(unsafe_code, reason = "the boundary to whisper.cpp")]
mod ffi;
mod mel;
mod model_file;
mod options;
mod pieces;
mod speech;
mod transcribe;
mod words;

use plugin_api::asr::Transcription;
use plugin_api::{Audio, Ctx, ErrorKind, Stage, StageError, cesar_plugin};

pub use options::{Device, Options, Request, Task};

/// A loaded model.
pub struct WhisperCpp(transcribe::Loaded);

impl Stage for WhisperCpp {
    type Options = Options;
    type Request = Request;
    type Output = Transcription;

    fn open(options: Options) -> Result<Self, StageError> {
        ffi::require_patches();
        // Sends whisper.cpp's and ggml's own lines to `tracing` instead of standard error.
        whisper_rs::install_logging_hooks();
        let use_gpu = options.device.use_gpu()?;
        let path = options.model.as_deref().ok_or_else(|| {
            StageError::new(
                ErrorKind::ModelMissing,
                "no ggml model was found; name one with `--model`, or give the path of a ggml file",
            )
        })?;
        let header = model_file::check(path)?;
        let name = path
            .file_name()
            .unwrap_or(path.as_os_str())
            .to_string_lossy()
            .into_owned();
        let attention = alignment::choose(&options, &header, &name)?;
        let model = ffi::Model::shared(path, use_gpu, attention).ok_or_else(|| {
            StageError::new(
                ErrorKind::ModelMissing,
                format!(
                    "whisper.cpp refuses the model `{}`, its log says why (`-vv`); fetch it again",
                    path.display()
                ),
            )
        })?;
        Ok(Self(transcribe::Loaded {
            model,
            header,
            name,
            words: options.word_timestamps,
        }))
    }

    fn check(&self, request: &Request) -> Result<(), StageError> {
        transcribe::check(&self.0, request).map(drop)
    }

    fn run(&mut self, request: Request, audio: Audio<'_>, ctx: &mut Ctx<'_>) -> Result<Transcription, StageError> {
        transcribe::transcribe(&self.0, &request, audio, ctx)
    }
}

cesar_plugin!(WhisperCpp, "cesar-plugin.json");
