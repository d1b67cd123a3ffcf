//! Speech to text with Whisper models on CTranslate2, giving what faster-whisper's `WhisperModel.transcribe` gives.
//!
//! | module | does |
//! |---|---|
//! | [`options`] | the option table as types |
//! | [`model`] | opens a model folder, says what is wrong with it |
//! | [`engine`] | the model on a thread of its own, for cancel |
//! | [`mel`] | the log-mel spectrogram, as OpenAI computes it, window by window |
//! | [`tokenizer`], [`language`], [`prompt`] | text to tokens and back, and what the model is shown |
//! | [`decode`] | one window, with the fallback over temperatures |
//! | [`timestamps`] | tokens to segments |
//! | [`detect`] | the language |
//! | [`transcribe`] | the loop over the windows |
//! | [`report`] | what the loop tells the host |
//!
//! Results at temperature 0 depend on the audio, the model, the options and the compute type only. Above it they are drawn at random
//! and marked so.

pub mod decode;
pub mod detect;
pub mod engine;
pub mod language;
pub mod mel;
pub mod model;
pub mod options;
pub mod prompt;
pub mod report;
pub mod timestamps;
pub mod tokenizer;
pub mod transcribe;

#[cfg(test)]
mod testing;

use plugin_api::asr::Transcription;
use plugin_api::{Audio, Ctx, Stage, StageError};

use engine::Engine;
use options::{Options, Request};
use tokenizer::Tokenizer;

/// A loaded Whisper model.
pub struct Ct2 {
    engine: Engine,
    tokenizer: Tokenizer,
    threads: usize,
}

impl Stage for Ct2 {
    type Options = Options;
    type Request = Request;
    type Output = Transcription;

    fn open(options: Options) -> Result<Self, StageError> {
        let folder = model::folder(&options)?;
        // Both take a while; the tokenizer is read while the model is loaded.
        let (whisper, tokenizer) = std::thread::scope(|scope| {
            let tokenizer = scope.spawn(|| Tokenizer::open(folder));
            (model::load(folder, &options), tokenizer.join())
        });
        Ok(Self {
            engine: Engine::new(whisper?)?,
            tokenizer: tokenizer.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?,
            threads: options.thread_count(),
        })
    }

    fn check(&self, request: &Request) -> Result<(), StageError> {
        request.check(self.engine.is_multilingual())
    }

    fn run(&mut self, request: Request, audio: Audio<'_>, ctx: &mut Ctx<'_>) -> Result<Transcription, StageError> {
        self.check(&request)?;
        transcribe::transcribe(self, &request, audio, ctx)
    }
}

plugin_api::cesar_plugin!(Ct2, "cesar-plugin.json");
