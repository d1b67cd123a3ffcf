//! The host's side of the boundary: a loaded module, an opened session, and the sink that a host implements.
//!
//! A host finds [`HEADER_SYMBOL`] in a library that it never unloads (this crate never loads or unloads anything), hands its
//! address to [`Module::from_header`], and uses JSON from there on. Everything here is called in the runner or the probe,
//! both child processes: a plugin that corrupts memory affects only them.

use crate::abi::{self, AudioView, PluginModRef, SessionBox, SinkBridge};
use crate::{Audio, ErrorKind, StageError};

pub use crate::abi::{ABI_MAJOR, HEADER_SYMBOL};
pub use crate::sink::HostSink;

/// The reason why a library is not usable as a plugin.
#[derive(Debug, Clone)]
pub struct LoadError {
    /// One line that completes "`libfoo.so` cannot be used: …".
    pub summary: String,
    /// The boundary library's own text, possibly hundreds of lines; for `-vv`.
    pub detail: String,
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.summary)
    }
}

impl std::error::Error for LoadError {}

/// The module of one loaded plugin.
#[derive(Clone, Copy)]
pub struct Module(PluginModRef);

impl Module {
    /// Checks versions and layout behind the address of [`HEADER_SYMBOL`] and runs the plugin's constructor.
    ///
    /// # Safety
    /// `symbol` must be the address of that symbol in a library that stays loaded for the rest of the process.
    ///
    /// # Errors
    /// [`LoadError`] if the plugin was built against another boundary.
    #[expect(unsafe_code, reason = "the address comes from dlsym")]
    pub unsafe fn from_header(symbol: *const ()) -> Result<Self, LoadError> {
        // SAFETY: the caller's promise is the one asked for.
        unsafe { abi::module_from_symbol(symbol) }
            .map(Self)
            .map_err(|error| LoadError {
                summary: error.summary,
                detail: error.detail,
            })
    }

    /// The manifest in the running code.
    #[must_use]
    pub fn manifest(&self) -> &'static str {
        self.0.manifest().as_str()
    }

    /// Opens a session from a JSON object of open options.
    ///
    /// # Errors
    /// The typed error of the stage.
    pub fn open(&self, options: &str, sink: &dyn HostSink) -> Result<Session, StageError> {
        let bridge = SinkBridge(sink);
        self.0.open()(options.into(), bridge.as_sink())
            .into_result()
            .map(Session)
            .map_err(|error| StageError::from_json(error.as_str()))
    }
}

/// One opened stage: a loaded model.
pub struct Session(SessionBox);

impl Session {
    /// Runs one request (a JSON object of request options and inputs) and returns the output's JSON.
    ///
    /// # Errors
    /// The typed error of the stage; [`ErrorKind::Internal`] if its answer is not JSON.
    pub fn run(&mut self, request: &str, audio: Audio<'_>, sink: &dyn HostSink) -> Result<String, StageError> {
        let bridge = SinkBridge(sink);
        let view = AudioView {
            samples: audio.samples.into(),
            sample_rate: audio.sample_rate,
        };
        let answer = self.0.run(request.into(), view, bridge.as_sink()).into_result();
        answer
            .map(Into::into)
            .map_err(|error| StageError::from_json(error.as_str()))
    }

    /// Checks whether a request could run, whatever the audio. A plugin built before this verb existed refuses it with
    /// [`ErrorKind::InvalidInput`]; its `run` then refuses bad requests.
    ///
    /// # Errors
    /// The typed error of [`Stage::check`](crate::Stage::check).
    pub fn check(&mut self, request: &str) -> Result<(), StageError> {
        match self.call(abi::CHECK, request) {
            Err(error) if error.kind != ErrorKind::InvalidInput => Err(error),
            _ => Ok(()),
        }
    }

    /// Calls a named verb with a JSON body.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a verb the stage does not know.
    pub fn call(&mut self, verb: &str, body: &str) -> Result<String, StageError> {
        let answer = self.0.call(verb.into(), body.into()).into_result();
        answer
            .map(Into::into)
            .map_err(|error| StageError::from_json(error.as_str()))
    }
}

impl From<LoadError> for StageError {
    fn from(error: LoadError) -> Self {
        Self::new(ErrorKind::Internal, error.summary)
    }
}
