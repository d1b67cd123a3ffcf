//! Speech to text with Whisper models on CTranslate2, with the results of faster-whisper's `WhisperModel.transcribe`.
//!
//! | module | content |
//! |---|---|
//! | [`options`] | the option table as types |
//! | [`model`], [`model_error`], [`limits`] | opens a model folder, reports its defects; limits of every model |
//! | [`engine`], [`encoder`], [`replicas`] | the model on its own thread, for cancellation; its calls; several in parallel |
//! | [`track`], [`mel`] | the samples to transcribe; OpenAI's log-mel spectrogram, window by window |
//! | [`vad`] | speech, and the mapping back to the recording's times |
//! | [`tokenizer`], [`prompt`] | text to tokens and back, and the prompt |
//! | [`decode`] | one window, with the fallback over temperatures |
//! | [`timestamps`], [`words`] | tokens to segments, segments to words |
//! | [`hallucination`] | text that was probably invented in silence |
//! | [`detect`], [`language`] | the language |
//! | `given` | times for the words of a text that the request has |
//! | `job` | what stays the same during one request |
//! | `transcribe` | one of the two: `sequential`, window after window with its [`state`], or `batched`, in parallel |
//! | [`transcript`], [`report`] | the result, and progress |
//!
//! Results at temperature 0 depend only on the audio, the model, the options and the compute type. Above it they are random and
//! marked so.

mod batched;
pub mod decode;
pub mod detect;
pub mod encoder;
pub mod engine;
mod given;
pub mod hallucination;
mod job;
pub mod language;
pub mod limits;
pub mod mel;
pub mod model;
pub mod model_error;
pub mod options;
pub mod prompt;
pub mod replicas;
pub mod report;
mod sequential;
pub mod state;
pub mod timestamps;
pub mod tokenizer;
pub mod track;
mod transcribe;
pub mod transcript;
pub mod vad;
pub mod words;

mod ffi;
#[cfg(all(test, feature = "onednn", target_arch = "x86_64"))]
mod products;
#[cfg(test)]
mod testing;

use std::path::Path;

use cesar_plugin_common::memory;
use plugin_api::asr::Transcription;
use plugin_api::{Audio, Ctx, ErrorKind, Stage, StageError};

use engine::Engine;
use options::{Options, Request};
use replicas::Replicas;
use tokenizer::Tokenizer;

/// A loaded Whisper model.
pub struct Ct2 {
    engine: Engine,
    replicas: Replicas,
    tokenizer: Tokenizer,
    threads: usize,
    /// Whether the model lists its attention heads that follow the audio.
    alignable: bool,
}

impl Stage for Ct2 {
    type Options = Options;
    type Request = Request;
    type Output = Transcription;

    fn open(options: Options) -> Result<Self, StageError> {
        ffi::require_patches();
        let folder = model::folder(&options)?;
        // Both take a while, so the tokenizer is read while the model is loaded.
        let (tokenizer, whisper) = std::thread::scope(|scope| {
            let whisper = scope.spawn(|| model::load(folder, &options));
            (Tokenizer::open(folder), whisper.join())
        });
        let whisper = whisper.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // Reading a tokenizer leaves freed memory behind.
        memory::return_freed();
        Ok(Self {
            engine: Engine::new(whisper?)?,
            replicas: Replicas::new(folder.to_owned(), options.clone()),
            tokenizer: tokenizer?,
            threads: options.thread_count(),
            alignable: names_alignment_heads(folder),
        })
    }

    fn check(&self, request: &Request) -> Result<(), StageError> {
        request.check(self.engine.is_multilingual())?;
        if (request.word_timestamps || request.align.is_some()) && !self.alignable {
            let message = "the model's `config.json` names no `alignment_heads`, which `word_timestamps` needs: convert the model \
                           again with a current `ct2-transformers-converter`";
            return Err(StageError::new(ErrorKind::InvalidOptions, message));
        }
        Ok(())
    }

    fn run(&mut self, request: Request, audio: Audio<'_>, ctx: &mut Ctx<'_>) -> Result<Transcription, StageError> {
        self.check(&request)?;
        let transcription = match &request.align {
            Some(alignment) => given::align(self, &request, alignment, audio, ctx),
            None => transcribe::transcribe(self, &request, audio, ctx),
        };
        // A server keeps the model for the next recording.
        ffi::release_memory();
        transcription
    }
}

/// Without them CTranslate2 refuses to align, after the text is written.
fn names_alignment_heads(folder: &Path) -> bool {
    let config = std::fs::read(folder.join("config.json")).unwrap_or_default();
    let config: serde_json::Value = serde_json::from_slice(&config).unwrap_or_default();
    config.get("alignment_heads").is_some_and(serde_json::Value::is_array)
}

plugin_api::cesar_plugin!(Ct2, concat!(env!("OUT_DIR"), "/cesar-plugin.json"));
