//! The model on a thread of its own, so that a cancel is answered while it computes.
//!
//! CTranslate2's calls block for up to some seconds and cannot be interrupted. [`Engine::call`] hands the work to the thread that
//! owns the model and waits for the answer, looking at the host's cancel flag meanwhile. After a cancel the work in progress is let
//! go of: its answer is dropped, and the thread is free again when it is done. One thread only: CTranslate2 has its own below.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use ct2rs::sys::Whisper;
use plugin_api::{ErrorKind, StageError};

use crate::report::Report;

type Work = Box<dyn FnOnce(&Whisper) + Send>;

/// How often the cancel flag is looked at.
const PATIENCE: Duration = Duration::from_millis(50);

/// A loaded model.
pub struct Engine {
    work: Option<Sender<Work>>,
    thread: Option<JoinHandle<()>>,
    let_go: bool,
    n_mels: usize,
    multilingual: bool,
}

impl Engine {
    /// Takes the model to a thread of its own.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfMemory`] when the system gives no thread.
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
            let_go: false,
            n_mels,
            multilingual,
        })
    }

    /// Mel bands the model expects.
    #[must_use]
    pub fn n_mels(&self) -> usize {
        self.n_mels
    }

    /// Whether it knows other languages than English.
    #[must_use]
    pub fn is_multilingual(&self) -> bool {
        self.multilingual
    }

    /// Runs `work` on the model's thread.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`]; else what CTranslate2 said, as [`ErrorKind::OutOfMemory`] or [`ErrorKind::Internal`].
    pub fn call<T, F>(&mut self, ctx: &dyn Report, work: F) -> Result<T, StageError>
    where
        T: Send + 'static,
        F: FnOnce(&Whisper) -> Result<T, String> + Send + 'static,
    {
        ctx.checkpoint()?;
        let pending = self.start(work);
        self.wait(&pending, ctx)
    }

    /// Has `work` run on the model's thread, after what was started before, for [`Engine::wait`] to wait for.
    pub fn start<T, F>(&self, work: F) -> Pending<T>
    where
        T: Send + 'static,
        F: FnOnce(&Whisper) -> Result<T, String> + Send + 'static,
    {
        let (answer, answers) = mpsc::channel();
        // Nobody listens any more after a cancel.
        let work: Work = Box::new(move |whisper| drop(answer.send(work(whisper))));
        // Work that nobody takes breaks off the channel of its answer.
        drop(self.work.as_ref().map(|sender| sender.send(work)));
        Pending(answers)
    }

    /// Nobody waits for what was started here, until something is waited for again.
    pub fn let_go(&mut self) {
        self.let_go = true;
    }

    /// What came of work that was started here.
    ///
    /// # Errors
    /// Those of [`Engine::call`].
    pub fn wait<T>(&mut self, pending: &Pending<T>, ctx: &dyn Report) -> Result<T, StageError> {
        loop {
            match pending.0.recv_timeout(PATIENCE) {
                Ok(answer) => {
                    self.let_go = false;
                    return answer.map_err(|message| failure(&message));
                }
                Err(RecvTimeoutError::Timeout) => {
                    if ctx.cancelled() {
                        self.let_go();
                    }
                    ctx.checkpoint()?;
                }
                Err(RecvTimeoutError::Disconnected) => return Err(failure("its thread has ended")),
            }
        }
    }
}

/// Work under way.
pub struct Pending<T>(Receiver<Result<T, String>>);

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.work.take());
        // An idle thread is waited for, so that the model is freed before the process ends; a busy one is not.
        if let Some(thread) = self.thread.take().filter(|_| !self.let_go) {
            // A panic there has already been reported to the caller.
            drop(thread.join());
        }
    }
}

fn failure(message: &str) -> StageError {
    if message.contains("bad_alloc") || message.contains("out of memory") {
        let message =
            "memory ran out while decoding: choose a smaller model, the compute type `int8` or a smaller `beam_size`";
        StageError::new(ErrorKind::OutOfMemory, message)
    } else {
        StageError::new(ErrorKind::Internal, format!("CTranslate2 failed: {}", message.trim()))
    }
}
