//! Speech to text with families of models beyond Whisper, on ONNX Runtime: Cesar's `asr` stage `onnx`.
//!
//! ```text
//! samples ─► voice activity (`cesar_vad`) ─► parts, cut at pauses ─► lanes ─► tokens ─► words with times ─► segments
//!                                              cuts        transcribe    │  ▲                 words
//!                                                                        ▼  │
//!                                                                 family: moonshine, parakeet
//! ```
//!
//! | module | content |
//! |---|---|
//! | [`options`] | the option table as types |
//! | `family`, `families` | the interface of a family; the table of them, and the choice by the files of a folder |
//! | `moonshine` | encoder and merged decoder with its cache |
//! | `parakeet` | NeMo's log-mel features, encoder, transducer (TDT and RNN-T) or CTC |
//! | `published` | Moonshine's published files, rewritten for speed while they are loaded |
//! | `network`, `ffi`, `score` | a network: opened with checks, run by several threads, stopped; the best of its scores |
//! | `cuts`, `words`, `transcribe` | parts; tokens to words to segments; parts in parallel |
//!
//! Weights are in memory once, also for several sessions of one process. Results depend only on the audio, the model and the options.

mod cuts;
mod families;
mod family;
mod ffi;
mod moonshine;
mod network;
pub mod options;
mod parakeet;
mod published;
mod score;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod transcribe;
mod words;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use cesar_plugin_common::memory;
use plugin_api::asr::Transcription;
use plugin_api::{Audio, Ctx, ErrorKind, Stage, StageError};

use cesar_plugin_common::report::Segments;
use family::Family;
use options::{Options, Request};

/// The manifest in the form that the host reads.
pub const MANIFEST: &str = include_str!("cesar-plugin.json");

/// A loaded model.
pub struct Onnx {
    model: Arc<dyn Family>,
    threads: usize,
}

impl Onnx {
    /// The transcript, without a host.
    ///
    /// # Errors
    /// As [`Stage::run`].
    pub fn transcribe(
        &self,
        request: &Request,
        audio: Audio<'_>,
        report: &mut dyn Segments<options::Saved>,
    ) -> Result<Transcription, StageError> {
        self.check(request)?;
        transcribe::transcribe(self.model.as_ref(), self.threads, request, audio, report)
    }
}

impl Stage for Onnx {
    type Options = Options;
    type Request = Request;
    type Output = Transcription;

    fn open(options: Options) -> Result<Self, StageError> {
        cesar_onnxruntime::ensure("computes the models of the engine `onnx`").map_err(|error| {
            let message = error.to_string();
            if memory::is_exhausted(&message) {
                return network::exhausted();
            }
            StageError::new(ErrorKind::LibraryMissing, message)
        })?;
        let folder = options.model.as_deref().ok_or_else(|| {
            let message = "`model` names no model: run `cesar models pull moonshine-base`, or name a folder";
            StageError::new(ErrorKind::ModelMissing, message)
        })?;
        Ok(Self {
            model: shared(folder)?,
            threads: options.thread_count(),
        })
    }

    fn check(&self, request: &Request) -> Result<(), StageError> {
        let known = self.model.languages();
        match request.language.as_deref() {
            Some(asked) if !known.is_empty() && !known.contains(&asked) => {
                let languages = if known == ["en"] {
                    "English".to_owned()
                } else {
                    known.join(", ")
                };
                let message =
                    format!("the model knows only {languages}, not `{asked}`: name another model, or a Whisper model");
                Err(StageError::new(ErrorKind::InvalidOptions, message))
            }
            _ => Ok(()),
        }
    }

    fn run(&mut self, request: Request, audio: Audio<'_>, ctx: &mut Ctx<'_>) -> Result<Transcription, StageError> {
        let out = self.transcribe(&request, audio, ctx);
        memory::return_freed();
        out
    }
}

/// The model of a folder, which the sessions of one process share.
fn shared(folder: &Path) -> Result<Arc<dyn Family>, StageError> {
    type Loaded = Vec<(PathBuf, Weak<dyn Family>)>;
    static LOADED: Mutex<Loaded> = Mutex::new(Vec::new());
    // A panic while it was held leaves a consistent list. Held while a model is loaded, so that it is loaded once.
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    loaded.retain(|(_, model)| model.strong_count() > 0);
    let known = loaded.iter().find(|(path, _)| path == folder);
    if let Some(model) = known.and_then(|(_, model)| model.upgrade()) {
        return Ok(model);
    }
    let model: Arc<dyn Family> = Arc::from(families::open(folder)?);
    // Reading a vocabulary leaves freed memory behind.
    memory::return_freed();
    loaded.push((folder.to_owned(), Arc::downgrade(&model)));
    Ok(model)
}

plugin_api::cesar_plugin!(Onnx, "cesar-plugin.json");
