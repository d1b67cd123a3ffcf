//! Speech to text with [whisper.cpp](https://github.com/ggml-org/whisper.cpp) and its ggml models.
//!
//! The plugin returns the same results as whisper.cpp itself for the same model, audio and options. It opens a ggml file
//! (`model_file` checks it first), and runs each request in a new state of whisper.cpp (`transcribe`, `ffi`), so that equal
//! requests have equal results even where whisper.cpp uses random numbers.
//!
//! Options have the other engines' names for the same concept (`options`, and the table in `cesar-plugin.json`); options that
//! whisper.cpp lacks, such as `compute_type`, `compression_ratio_threshold`, `hotwords` or `patience`, is not in the table. The
//! file alone decides the precision of the weights.
//!
//! The plugin replaces steps that whisper.cpp does only inside `whisper_full`, or not well: the log-mel (`mel`), cutting out silence found
//! by `cesar_vad` and mapping times back (`speech`), words (`words`, `alignment`), and putting its answers in order (`collect`).
//!
//! whisper.cpp cannot resume in the middle of a run; `blocks` divides a long recording into several runs on request.
//!
//! Cancelling is answered at once: whisper.cpp works on its own thread (`engine_thread`), which is abandoned, because a pass of the
//! encoder and the voice activity detection cannot be stopped. Abandoned work ends after the current pass.
//!
//! `examples/reference.rs` is the reference for the plugin, and `tests/golden.py` records its answers.

mod alignment;
mod blocks;
mod checkpoint;
mod collect;
mod engine_thread;
#[expect(unsafe_code, reason = "the boundary to whisper.cpp")]
mod ffi;
mod mel;
mod model_file;
mod options;
mod pieces;
mod prompt;
mod report;
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
        // Forwards whisper.cpp's and ggml's own lines to `tracing` instead of standard error.
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
        blocks::transcribe(&self.0, &request, audio, ctx)
    }
}

cesar_plugin!(WhisperCpp, "cesar-plugin.json");
