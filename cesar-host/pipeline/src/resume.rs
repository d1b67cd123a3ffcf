//! Resuming where a dead run stopped.
//!
//! A resumable stage (declared in its manifest) reports its finished part, window by window: see [`plugin_api::resume`]. This module
//! collects that and, at most once per [`INTERVAL`], adds it to the partial result under the stage's key ([`cesar_cache::Partials`]). The
//! next run for the same result after a crash, a kill or Ctrl-C passes it to the stage; storing the whole result drops it.
//!
//! Nothing is kept without the key's lock, and nothing under a wrong key: before each write, plugin and models are checked against
//! the files in the key. Errors are logged and never fail the work.
//!
//! The segments of the earlier run are shown to the observer again at the stage's first event. A stage that fails before it makes
//! progress is run again from the beginning: its checkpoint may be the cause.

use parking_lot::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use cesar_cache::{Computation, KeyGuard, Mode, Partials, Result as CacheResult};
use cesar_runner::RunnerError;
use plugin_api::ErrorKind;
use plugin_api::asr::Segment;
use plugin_api::resume::{Checkpoint, FIELD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::context::Context;
use super::error::PipelineError;
use super::events::{Event, Observer};
use super::prepared::Prepared;
use super::stage::Stage;

/// Interval of writes: a crash costs this much work, and the current window.
const INTERVAL: Duration = Duration::from_secs(3);

/// The stored state: the stage's own, and the progress to show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Kept {
    state: Value,
    /// Units done and total, as last reported by the stage.
    progress: (u64, u64),
}

/// The checkpoint of an earlier run.
#[derive(Debug, Clone, PartialEq)]
struct Earlier {
    segments: Vec<Segment>,
    kept: Kept,
}

/// Whether the files in the key are still the same.
type Unchanged<'a> = &'a (dyn Fn() -> bool + Sync);

/// Runs the stage with a request.
type Attempt<'a> = &'a dyn Fn(&Map<String, Value>) -> Result<String, PipelineError>;

/// Keeps the finished part of one run of a stage.
pub(super) struct Checkpoints<'a> {
    stage: Stage,
    inner: Mutex<Inner<'a>>,
}

struct Inner<'a> {
    partials: Partials<'a>,
    unchanged: Unchanged<'a>,
    /// Whether the checkpoint of an earlier run may be used.
    reads: bool,
    began: Instant,
    earlier_ms: i64,
    /// Not yet shown.
    replay: Option<Earlier>,
    /// Not yet written.
    segments: Vec<Segment>,
    kept: Kept,
    pending: bool,
    /// Whether this run has made progress.
    moved: bool,
    written: Option<Instant>,
    given_up: bool,
}

impl<'a> Checkpoints<'a> {
    /// For a resumable stage, while its key is locked; else nothing is kept.
    pub(super) fn open(
        context: &Context<'a>,
        stage: &'a Prepared,
        guard: Option<&'a KeyGuard>,
        unchanged: Unchanged<'a>,
    ) -> Option<Self> {
        let manifest = stage.manifest();
        let cache = context.cache().filter(|_| manifest.resume)?;
        let partials = cache.partials(guard?).ok()?;
        let name = Stage::from(manifest.stage);
        let reads = context.mode_of(name) == Mode::ReadWrite;
        Some(Self::new(name, partials, unchanged, reads, Instant::now()))
    }

    fn new(stage: Stage, partials: Partials<'a>, unchanged: Unchanged<'a>, reads: bool, now: Instant) -> Self {
        let kept = Kept {
            state: Value::Null,
            progress: (0, 0),
        };
        let inner = Inner {
            partials,
            unchanged,
            reads,
            began: now,
            earlier_ms: 0,
            replay: None,
            segments: Vec::new(),
            kept,
            pending: false,
            moved: false,
            written: None,
            given_up: false,
        };
        Self {
            stage,
            inner: Mutex::new(inner),
        }
    }

    /// Runs `attempt` with the request that resumes from the checkpoint, and once more from the beginning if that fails, or if
    /// the run ended through no fault of its own.
    pub(super) fn run(&self, request: &Map<String, Value>, attempt: Attempt<'_>) -> Result<Computation, PipelineError> {
        let resumed = self.lock().resume().map(|earlier| with_field(request, earlier));
        let mut result = attempt(resumed.as_ref().unwrap_or(request));
        let begins_again = |error: &PipelineError| match error {
            PipelineError::Runner(RunnerError::CrashedInCompany { .. }) => true,
            _ => resumed.is_some() && !self.lock().moved && may_be_the_fault_of_what_was_kept(error),
        };
        if let Some(error) = result.as_ref().err().filter(|error| begins_again(error)) {
            tracing::warn!(stage = self.stage.name(), "starting over: {error}");
            self.lock().forget();
            result = attempt(request);
        }
        let mut inner = self.lock();
        match &result {
            Ok(_) => {}
            // Made from the wrong files, or leading to an invalid result.
            Err(PipelineError::Changed { .. } | PipelineError::Output { .. }) => inner.forget(),
            Err(_) => inner.write(Instant::now()),
        }
        let earlier_ms = inner.earlier_ms;
        result.map(|output| Computation {
            earlier_ms,
            ..output.into_bytes().into()
        })
    }

    /// Takes a checkpoint of the stage.
    pub(super) fn checkpoint(&self, json: &str) {
        match serde_json::from_str(json) {
            Ok(checkpoint) => self.lock().add(checkpoint, Instant::now()),
            Err(error) => tracing::warn!(stage = self.stage.name(), "invalid checkpoint: {error}"),
        }
    }

    /// Records the progress of the stage.
    pub(super) fn progress(&self, done: u64, total: u64) {
        self.lock().kept.progress = (done, total);
    }

    /// Shows the segments of an earlier run, once, when the stage resumes from there.
    pub(super) fn replay(&self, observer: &dyn Observer) {
        let Some(Earlier { segments, kept }) = self.lock().replay.take() else {
            return;
        };
        let ((reported, total), stage) = (kept.progress, self.stage);
        // A stage may save a window before it reports it.
        let done = reported.max(segments.last().map_or(0, |segment| segment.end_ms));
        observer.event(&Event::Resumed { stage, done, total });
        for segment in &segments {
            let (start_ms, end_ms, text) = (segment.start_ms, segment.end_ms, segment.text.as_str());
            observer.event(&Event::Segment { start_ms, end_ms, text });
        }
        observer.event(&Event::Progress { stage, done, total });
    }

    fn lock(&self) -> MutexGuard<'_, Inner<'a>> {
        self.inner.lock()
    }
}

impl Inner<'_> {
    /// The checkpoint of an earlier run, to pass to the stage and, later, show.
    fn resume(&mut self) -> Option<Earlier> {
        if !self.reads {
            return None;
        }
        let partial = log(self.partials.take())??;
        let Some(earlier) = read(&partial.pieces, &partial.state) else {
            // A state row of another shape, from another version of Cesar, which is not part of the key.
            self.forget();
            return None;
        };
        self.earlier_ms = partial.cost_ms;
        self.replay = Some(earlier.clone());
        self.kept = earlier.kept.clone();
        Some(earlier)
    }

    fn add(&mut self, checkpoint: Checkpoint<Value>, now: Instant) {
        self.segments.extend(checkpoint.segments);
        self.kept.state = checkpoint.state;
        (self.pending, self.moved) = (true, true);
        if self
            .written
            .is_none_or(|written| now.saturating_duration_since(written) >= INTERVAL)
        {
            self.write(now);
        }
    }

    /// Writes the pending part.
    fn write(&mut self, now: Instant) {
        if !self.pending || self.given_up {
            return;
        }
        if !(self.unchanged)() {
            return self.forget_for_good();
        }
        let ran_ms = i64::try_from(now.saturating_duration_since(self.began).as_millis()).unwrap_or(i64::MAX);
        let piece = (!self.segments.is_empty()).then(|| json(&self.segments));
        let state = json(&self.kept);
        let put = self
            .partials
            .put(piece.as_deref(), &state, self.earlier_ms.saturating_add(ran_ms));
        if log(put).is_none() {
            self.given_up = true;
            return;
        }
        self.segments.clear();
        self.pending = false;
        self.written = Some(now);
    }

    /// Forgets the checkpoints of this run and earlier ones.
    fn forget(&mut self) {
        log(self.partials.clear());
        self.segments.clear();
        (self.replay, self.earlier_ms, self.pending) = (None, 0, false);
    }

    fn forget_for_good(&mut self) {
        self.forget();
        self.given_up = true;
    }
}

/// Checkpoints only serve a later run; without them, this one still returns its result.
fn log<T>(result: CacheResult<T>) -> Option<T> {
    result
        .inspect_err(|error| tracing::warn!("cannot write a checkpoint: {error}"))
        .ok()
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("strings, numbers and JSON always serialise")
}

fn read(pieces: &[Vec<u8>], state: &[u8]) -> Option<Earlier> {
    let mut segments = Vec::new();
    for piece in pieces {
        let piece: Vec<Segment> = serde_json::from_slice(piece).ok()?;
        segments.extend(piece);
    }
    let kept = serde_json::from_slice(state).ok()?;
    Some(Earlier { segments, kept })
}

/// The request, with the checkpoint to resume from.
fn with_field(request: &Map<String, Value>, earlier: Earlier) -> Map<String, Value> {
    let checkpoint = Checkpoint {
        segments: earlier.segments,
        state: earlier.kept.state,
    };
    let value = serde_json::to_value(checkpoint).expect("strings, numbers and JSON always serialise");
    let mut request = request.clone();
    request.insert(FIELD.to_owned(), value);
    request
}

/// Whether starting over may help: not if memory or a model was missing, or the user cancelled.
fn may_be_the_fault_of_what_was_kept(error: &PipelineError) -> bool {
    match error {
        PipelineError::Output { .. } => true,
        PipelineError::Runner(error) => match error {
            RunnerError::Stage { kind, .. } => !matches!(
                kind,
                ErrorKind::OutOfMemory | ErrorKind::ModelMissing | ErrorKind::Transient | ErrorKind::Cancelled
            ),
            RunnerError::Crashed { .. } | RunnerError::Panicked { .. } | RunnerError::Protocol { .. } => true,
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests;
