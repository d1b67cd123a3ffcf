//! Runs stages in warm child processes, so that a plugin can crash, hang or eat memory without taking the host along.
//!
//! One way in: [`Runners::run`] (and [`Runners::prepare`], which warms up for it). A runner is one plugin file (by digest) with one model (by digest) and one set of open
//! options;
//! it stays warm between requests and is used by one at a time. Replacing a plugin's file gives another digest and so another
//! runner. With [`Runners::in_process`] the same calls load the plugin into the host, for debuggers and for measuring what the
//! isolation costs.
//!
//! | module | what |
//! |---|---|
//! | [`protocol`] | frames over a socket |
//! | `pcm` | audio in sealed memory |
//! | `process` | the host's handle on a runner |
//! | [`child`] | the runner itself |
//! | `loader` | `dlopen` and mapping: the unsafe part |
//! | `local` | the same without a process |

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use plugin_api::ErrorKind;
use serde_json::{Map, Value};

pub mod child;
mod loader;
mod local;
mod pcm;
mod process;
pub mod protocol;

pub use loader::load;
pub use pcm::{Pcm, PcmWriter};

use local::Local;
use process::Process;

/// Asks work to stop; clones share one state.
#[derive(Debug, Clone, Default)]
pub struct CancelToken {
    asked: Arc<AtomicBool>,
    /// Of the work that this is a part of.
    whole: Option<Arc<CancelToken>>,
}

impl CancelToken {
    /// Asks.
    pub fn cancel(&self) {
        self.asked.store(true, Ordering::Release);
    }

    /// For a part of the work, which can be asked alone and is asked with the whole.
    #[must_use]
    pub fn part(&self) -> Self {
        Self {
            asked: Arc::default(),
            whole: Some(Arc::new(self.clone())),
        }
    }

    /// Whether somebody asked.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.asked.load(Ordering::Acquire) || self.whole.as_ref().is_some_and(|whole| whole.is_cancelled())
    }
}

/// What a stage says while it runs.
pub trait StageEvents: Sync {
    /// `done` of `total` units of work.
    fn progress(&self, done: u64, total: u64);
    /// A piece of text, in ms.
    fn segment(&self, start_ms: u64, end_ms: u64, text: &str);
    /// Anything else, by kind.
    fn emit(&self, kind: &str, json: &str);
    /// A log line, level 1 (error) to 5 (trace).
    fn log(&self, level: u8, target: &str, message: &str);
}

/// Why a stage gave no result.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// The stage answered with a typed error.
    #[error("{message}")]
    Stage {
        /// The plugin's id.
        plugin: String,
        /// The retry policy.
        kind: ErrorKind,
        /// One sentence.
        message: String,
    },
    /// The process died.
    #[error("the plugin `{plugin}` crashed ({how}); try another model or plugin, and report it to the plugin's author")]
    Crashed {
        /// The plugin's id.
        plugin: String,
        /// Signal or exit code.
        how: String,
    },
    /// An allocation failed in the process.
    #[error("the plugin `{plugin}` ran out of memory; use a smaller model or batch, or free memory")]
    OutOfMemory {
        /// The plugin's id.
        plugin: String,
    },
    /// The plugin's code panicked.
    #[error("the plugin `{plugin}` panicked: {message}")]
    Panicked {
        /// The plugin's id.
        plugin: String,
        /// The panic's message.
        message: String,
    },
    /// The library is not usable.
    #[error("the plugin `{plugin}` cannot be loaded: {summary}")]
    Refused {
        /// The plugin's id.
        plugin: String,
        /// One line.
        summary: String,
    },
    /// No hello in time.
    #[error("the plugin `{plugin}` did not load within {seconds} s")]
    TooSlow {
        /// The plugin's id.
        plugin: String,
        /// The limit.
        seconds: u64,
    },
    /// The runner said something it must not.
    #[error("the runner of the plugin `{plugin}` broke the protocol: {detail}")]
    Protocol {
        /// The plugin's id.
        plugin: String,
        /// What it said.
        detail: String,
    },
    /// The runner could not be started.
    #[error("the runner of the plugin `{plugin}` cannot be started: {error}")]
    Start {
        /// The plugin's id.
        plugin: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// Somebody asked to stop, and the stage did.
    #[error("interrupted")]
    Cancelled,
    /// Somebody asked to stop, and the stage did not: its runner was killed.
    #[error("interrupted")]
    Killed,
}

impl RunnerError {
    fn from_stage(plugin: &str, kind: ErrorKind, message: String) -> Self {
        let plugin = plugin.to_owned();
        match kind {
            ErrorKind::Cancelled => Self::Cancelled,
            ErrorKind::Panic => Self::Panicked { plugin, message },
            kind => Self::Stage { plugin, kind, message },
        }
    }

    /// Whether the session that gave this error can take another request.
    fn leaves_session_usable(&self) -> bool {
        matches!(self, Self::Stage { .. } | Self::Cancelled)
    }
}

/// One call of a stage.
#[derive(Debug)]
pub struct StageCall<'a> {
    /// The plugin's id, for messages.
    pub plugin: &'a str,
    /// The plugin's file.
    pub path: &'a Path,
    /// SHA-256 of the plugin's file.
    pub plugin_digest: [u8; 32],
    /// SHA-256 of each model that the open options name by path: another model at that path needs another session.
    pub model_digests: Vec<[u8; 32]>,
    /// Options of scope `open`.
    pub open: &'a Map<String, Value>,
    /// Options of scope `request`, and inputs besides the audio.
    pub request: &'a Map<String, Value>,
    /// The audio, for stages that take it.
    pub audio: Option<&'a Pcm>,
}

/// An opened session, in a process of its own or in this one.
enum Session {
    Process(Box<Process>),
    Local(Local),
}

impl Session {
    fn check(
        &mut self,
        call: &StageCall<'_>,
        events: &dyn StageEvents,
        cancel: &CancelToken,
    ) -> Result<(), RunnerError> {
        match self {
            Self::Process(process) => process.check(call.request, events, cancel),
            Self::Local(local) => local.check(call.request),
        }
    }

    fn run(
        &mut self,
        call: &StageCall<'_>,
        events: &dyn StageEvents,
        cancel: &CancelToken,
    ) -> Result<String, RunnerError> {
        match self {
            Self::Process(process) => process.run(call.request, call.audio, events, cancel),
            Self::Local(local) => local.run(call.request, call.audio, events, cancel),
        }
    }
}

/// What makes one session another: plugin, model, open options.
type Identity = ([u8; 32], Vec<[u8; 32]>, String);

struct Warm {
    identity: Identity,
    session: Session,
    since: Instant,
}

/// Starts runners and keeps them warm.
pub struct Runners {
    program: PathBuf,
    in_process: bool,
    warm: Mutex<Vec<Warm>>,
    starts: AtomicU64,
    runs: AtomicU64,
}

impl std::fmt::Debug for Runners {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Runners")
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}

impl Runners {
    /// Runs stages in children of `program` (a `cesar` binary, which knows `__runner`).
    #[must_use]
    pub fn new(program: PathBuf) -> Self {
        let (starts, runs) = (AtomicU64::new(0), AtomicU64::new(0));
        Self {
            program,
            in_process: false,
            warm: Mutex::default(),
            starts,
            runs,
        }
    }

    /// Runs stages inside this process: a crash of a plugin is a crash of Cesar.
    #[must_use]
    pub fn in_process() -> Self {
        Self {
            in_process: true,
            ..Self::new(PathBuf::new())
        }
    }

    /// How many runners were started so far.
    #[must_use]
    pub fn starts(&self) -> u64 {
        self.starts.load(Ordering::Relaxed)
    }

    /// How many requests were run so far.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }

    /// Runs one request in a warm runner where there is one, else in a new one, and returns the output's JSON.
    ///
    /// # Errors
    /// [`RunnerError`]; nothing of the session survives a crash, a panic or a broken protocol.
    pub fn run(
        &self,
        call: &StageCall<'_>,
        events: &dyn StageEvents,
        cancel: &CancelToken,
    ) -> Result<String, RunnerError> {
        self.with_session(call, events, cancel, |session| {
            self.runs.fetch_add(1, Ordering::Relaxed);
            session.run(call, events, cancel)
        })
    }

    /// Makes a warm runner for a request that will come, and asks whether it could run, whatever the audio.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn prepare(
        &self,
        call: &StageCall<'_>,
        events: &dyn StageEvents,
        cancel: &CancelToken,
    ) -> Result<(), RunnerError> {
        self.with_session(call, events, cancel, |session| session.check(call, events, cancel))
    }

    fn with_session<T>(
        &self,
        call: &StageCall<'_>,
        events: &dyn StageEvents,
        cancel: &CancelToken,
        work: impl FnOnce(&mut Session) -> Result<T, RunnerError>,
    ) -> Result<T, RunnerError> {
        let identity = (
            call.plugin_digest,
            call.model_digests.clone(),
            Value::Object(call.open.clone()).to_string(),
        );
        let mut session = match self.take_warm(&identity) {
            Some(session) => session,
            None => self.start(call, events, cancel)?,
        };
        let result = work(&mut session);
        if result.as_ref().err().is_none_or(RunnerError::leaves_session_usable) {
            let since = Instant::now();
            self.lock().push(Warm {
                identity,
                session,
                since,
            });
        }
        result
    }

    /// Ends the runners that nobody has used for `idle` as of `now`, which frees their models. Returns how many are left warm.
    pub fn end_idle(&self, now: Instant, idle: Duration) -> usize {
        let (ended, left) = {
            let mut warm = self.lock();
            let ended: Vec<_> = warm
                .extract_if(.., |entry| now.saturating_duration_since(entry.since) >= idle)
                .collect();
            (ended, warm.len())
        };
        // Ending a process takes a while; nobody waits for the lock meanwhile.
        drop(ended);
        left
    }

    /// Loads the plugin in a fresh runner, without opening it, and returns the manifest its code carries.
    ///
    /// # Errors
    /// [`RunnerError`] says why it cannot be used.
    pub fn probe(&self, plugin: &str, path: &Path) -> Result<String, RunnerError> {
        self.starts.fetch_add(1, Ordering::Relaxed);
        if self.in_process {
            return Local::load(plugin, path).map(|module| module.manifest().to_owned());
        }
        Process::start(&self.program, plugin, path).map(|process| process.manifest().to_owned())
    }

    fn start(
        &self,
        call: &StageCall<'_>,
        events: &dyn StageEvents,
        cancel: &CancelToken,
    ) -> Result<Session, RunnerError> {
        self.starts.fetch_add(1, Ordering::Relaxed);
        if self.in_process {
            return Local::open(call.plugin, call.path, call.open, events, cancel).map(Session::Local);
        }
        let mut process = Process::start(&self.program, call.plugin, call.path)?;
        process.open(call.open, events, cancel)?;
        Ok(Session::Process(Box::new(process)))
    }

    fn take_warm(&self, identity: &Identity) -> Option<Session> {
        let mut warm = self.lock();
        let index = warm.iter().position(|entry| entry.identity == *identity)?;
        Some(warm.swap_remove(index).session)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Warm>> {
        self.warm.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
