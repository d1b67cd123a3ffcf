//! The trait that plugin authors implement, and the host from a stage's view.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::asr::Segment;
use crate::sink::HostSink;
use crate::{ErrorKind, StageError, resume};

/// One backend for one stage. An instance is a loaded model; the host calls it from one thread at a time.
pub trait Stage: Sized + Send + 'static {
    /// The options of scope `open`: model, compute type, threads, …
    type Options: DeserializeOwned;
    /// The options of scope `request`, and inputs besides the audio.
    type Request: DeserializeOwned;
    /// The result; [`Transcription`](crate::asr::Transcription) for `asr`, [`Rendering`](crate::document::Rendering) for `format`.
    type Output: Serialize;

    /// Loads the model.
    ///
    /// # Errors
    /// [`ErrorKind::ModelMissing`], [`ErrorKind::InvalidOptions`], [`ErrorKind::OutOfMemory`], …
    fn open(options: Self::Options) -> Result<Self, StageError>;

    /// Refuses a request that could not run with any audio, such as one for a language that the model does not know. Hosts call
    /// this while the audio is still being decoded; `run` must refuse the same.
    ///
    /// # Errors
    /// Any [`ErrorKind`] but [`ErrorKind::InvalidInput`], by which older plugins refuse this call.
    fn check(&self, request: &Self::Request) -> Result<(), StageError> {
        let _ = request;
        Ok(())
    }

    /// Does the work for one request.
    ///
    /// # Errors
    /// Any [`ErrorKind`]; [`ErrorKind::Cancelled`] once [`Ctx::checkpoint`] returned it.
    fn run(&mut self, request: Self::Request, audio: Audio<'_>, ctx: &mut Ctx<'_>) -> Result<Self::Output, StageError>;

    /// Extension without a new ABI. The verb `check` never arrives here: see [`Stage::check`].
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for unknown verbs; this default knows none.
    fn call(&mut self, verb: &str, body: serde_json::Value) -> Result<serde_json::Value, StageError> {
        let _ = body;
        Err(StageError::new(
            ErrorKind::InvalidInput,
            format!("unknown verb `{verb}`"),
        ))
    }
}

/// Mono PCM lent by the host for the length of one call.
#[derive(Debug, Clone, Copy)]
pub struct Audio<'a> {
    /// Samples, nominally within -1 to 1. Empty for stages without audio.
    pub samples: &'a [f32],
    /// Sample rate in Hz: 16 000.
    pub sample_rate: u32,
}

impl Audio<'_> {
    /// The time of sample `index`, in ms, rounded down.
    #[must_use]
    pub fn milliseconds(&self, index: usize) -> u64 {
        index as u64 * 1000 / u64::from(self.sample_rate.max(1))
    }
}

/// Kind of the event of [`Ctx::warn`]; its body is the sentence as a JSON string.
pub const WARNING: &str = "warning";

/// The host from the view of one [`Stage::run`].
pub struct Ctx<'a> {
    pub(crate) sink: &'a dyn HostSink,
}

impl Ctx<'_> {
    /// Reports `done` of `total` units of work; `done` must not fall.
    pub fn progress(&mut self, done: u64, total: u64) {
        self.sink.progress(done, total);
    }

    /// Shows a segment while the rest is still being decoded. The output must contain it as well.
    pub fn segment(&mut self, segment: &Segment) {
        self.sink.segment(segment.start_ms, segment.end_ms, &segment.text);
    }

    /// Warns the user of the recording, in a sentence; the work continues. Warnings are shown again with a result from the cache. A resumed run gives those that it would give from the beginning.
    pub fn warn(&mut self, message: &str) {
        self.emit(WARNING, &serde_json::Value::from(message));
    }

    /// Emits any other event, by kind. Hosts ignore unknown kinds.
    pub fn emit(&mut self, kind: &str, body: &serde_json::Value) {
        self.sink.emit(kind, &body.to_string());
    }

    /// Saves a checkpoint, which limits the loss of a crash: the segments since the last call, and the state from
    /// which the next window follows. Cheap enough for every window. See [`resume`].
    pub fn save<S: Serialize>(&mut self, segments: &[Segment], state: &S) {
        #[derive(Serialize)]
        struct Lent<'a, S> {
            segments: &'a [Segment],
            state: &'a S,
        }
        // A state that cannot be written as JSON is not kept; the work continues.
        match serde_json::to_string(&Lent { segments, state }) {
            Ok(json) => self.sink.emit(resume::KIND, &json),
            Err(error) => tracing::warn!("a checkpoint cannot be written: {error}"),
        }
    }

    /// Whether the host requested a stop. For native callbacks; Rust code uses [`Ctx::checkpoint`].
    #[must_use]
    pub fn cancelled(&self) -> bool {
        self.sink.cancelled()
    }

    /// Ends the run once the host requested a stop: `ctx.checkpoint()?` between windows.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`].
    pub fn checkpoint(&self) -> Result<(), StageError> {
        if self.cancelled() {
            Err(StageError::new(ErrorKind::Cancelled, "cancelled"))
        } else {
            Ok(())
        }
    }
}
