//! The model on its own thread, so that a cancel is answered while it computes.
//!
//! CTranslate2's calls block for up to some seconds and cannot be interrupted. [`Engine::call`] sends the work to the model's
//! thread and waits for the result while it checks the host's cancel flag. After a cancel the current work is abandoned: its result
//! is dropped, and the thread is free when it is done. One thread is enough: CTranslate2 has its own.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;

use cesar_plugin_common::{memory, wait};
use ct2rs::sys::{StorageView, Whisper};
use plugin_api::{ErrorKind, StageError};

use crate::report::Report;

type Work = Box<dyn FnOnce(&Whisper) + Send>;

/// Output of the encoder for one or several windows.
pub type Encoded = Arc<StorageView<'static>>;

/// A loaded model.
pub struct Engine {
    work: Option<Sender<Work>>,
    thread: Option<JoinHandle<()>>,
    abandoned: bool,
    n_mels: usize,
    multilingual: bool,
}

impl Engine {
    /// Moves the model to its own thread.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfMemory`] if the thread cannot be started.
    pub fn new(whisper: Whisper) -> Result<Self, StageError> {
        let (n_mels, multilingual) = (whisper.n_mels(), whisper.is_multilingual());
        let (sender, receiver) = mpsc::channel::<Work>();
        let body = move || receiver.into_iter().for_each(|work| work(&whisper));
        let thread = std::thread::Builder::new().name("ct2".into()).spawn(body);
        let thread = thread.map_err(|error| {
            let message = format!("no thread for the model could be started: {error}");
            StageError::new(ErrorKind::OutOfMemory, message)
        })?;
        Ok(Self {
            work: Some(sender),
            thread: Some(thread),
            abandoned: false,
            n_mels,
            multilingual,
        })
    }

    /// Number of mel bands of the model.
    #[must_use]
    pub fn n_mels(&self) -> usize {
        self.n_mels
    }

    /// Whether the model is multilingual.
    #[must_use]
    pub fn is_multilingual(&self) -> bool {
        self.multilingual
    }

    /// Runs `work` on the model's thread.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`]; else CTranslate2's error, as [`ErrorKind::OutOfMemory`] or [`ErrorKind::Internal`].
    pub fn call<T, F>(&mut self, ctx: &dyn Report, work: F) -> Result<T, StageError>
    where
        T: Send + 'static,
        F: FnOnce(&Whisper) -> Result<T, String> + Send + 'static,
    {
        ctx.checkpoint()?;
        let pending = self.start(work);
        self.wait(&pending, ctx)
    }

    /// Queues `work` for the model's thread; [`Engine::wait`] returns its result.
    pub fn start<T, F>(&self, work: F) -> Pending<T>
    where
        T: Send + 'static,
        F: FnOnce(&Whisper) -> Result<T, String> + Send + 'static,
    {
        let (answer, answers) = mpsc::channel();
        // After a cancel there is no receiver.
        let work: Work = Box::new(move |whisper| drop(answer.send(work(whisper))));
        // If the thread has ended, dropping the work closes the channel of its answer.
        drop(self.work.as_ref().map(|sender| sender.send(work)));
        Pending(answers)
    }

    /// Abandons the work started here: dropping the engine does not wait for it.
    pub fn abandon(&mut self) {
        self.abandoned = true;
    }

    /// The result of work started here.
    ///
    /// # Errors
    /// Errors of [`Engine::call`].
    pub fn wait<T>(&mut self, pending: &Pending<T>, ctx: &dyn Report) -> Result<T, StageError> {
        let answer = wait::next(&pending.0, || ctx.checkpoint().inspect_err(|_| self.abandon()))?;
        self.abandoned = false;
        match answer {
            Some(answer) => answer.map_err(|message| failure(&message)),
            None => Err(failure("its thread has ended")),
        }
    }
}

/// Work in progress.
pub struct Pending<T>(Receiver<Result<T, String>>);

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.work.take());
        // Waits for an idle thread, so that the model is freed before the process ends, but not for a busy one.
        if let Some(thread) = self.thread.take().filter(|_| !self.abandoned) {
            // A panic there has already been reported to the caller.
            drop(thread.join());
        }
    }
}

fn failure(message: &str) -> StageError {
    if memory::is_exhausted(message) {
        let message =
            "memory ran out while decoding: choose a smaller model, the compute type `int8` or a smaller `beam_size`";
        StageError::new(ErrorKind::OutOfMemory, message)
    } else {
        StageError::new(ErrorKind::Internal, format!("CTranslate2 failed: {}", message.trim()))
    }
}
