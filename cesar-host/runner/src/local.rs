//! Sessions without a process, for `--in-process`.

use std::os::fd::AsFd as _;
use std::path::Path;

use plugin_api::host::{HostSink, Module, Session};
use plugin_api::{Audio, StageError};
use serde_json::{Map, Value};

use super::loader::{self, MappedAudio};
use super::{CancelToken, Pcm, RunnerError, StageEvents};

/// A session in this process.
pub(super) struct Local {
    plugin: String,
    session: Session,
}

/// Lends the host's events and cancel token to the stage.
struct LocalSink<'a> {
    events: &'a (dyn StageEvents + 'a),
    cancel: &'a CancelToken,
}

// `HostSink` requires `Send` as well as `Sync`; both fields are shared references to `Sync` things, so this one is.
impl HostSink for LocalSink<'_> {
    fn progress(&self, done: u64, total: u64) {
        self.events.progress(done, total);
    }
    fn segment(&self, start_ms: u64, end_ms: u64, text: &str) {
        self.events.segment(start_ms, end_ms, text);
    }
    fn emit(&self, kind: &str, json: &str) {
        self.events.emit(kind, json);
    }
    fn log(&self, level: u8, target: &str, message: &str) {
        self.events.log(level, target, message);
    }
    fn cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}

impl Local {
    pub(super) fn load(plugin: &str, path: &Path) -> Result<Module, RunnerError> {
        loader::load(path).map_err(|error| {
            tracing::debug!(plugin, "{}", error.detail);
            RunnerError::Refused {
                plugin: plugin.to_owned(),
                summary: error.summary,
            }
        })
    }

    pub(super) fn open(
        plugin: &str,
        path: &Path,
        options: &Map<String, Value>,
        events: &dyn StageEvents,
        cancel: &CancelToken,
    ) -> Result<Self, RunnerError> {
        let module = Self::load(plugin, path)?;
        let session = module.open(
            &Value::Object(options.clone()).to_string(),
            &LocalSink { events, cancel },
        );
        let session = session.map_err(|error| typed(plugin, error))?;
        Ok(Self {
            plugin: plugin.to_owned(),
            session,
        })
    }

    pub(super) fn check(&mut self, request: &str) -> Result<(), RunnerError> {
        self.session.check(request).map_err(|error| typed(&self.plugin, error))
    }

    pub(super) fn run(
        &mut self,
        request: &str,
        audio: Option<&Pcm>,
        events: &dyn StageEvents,
        cancel: &CancelToken,
    ) -> Result<String, RunnerError> {
        let plugin = self.plugin.clone();
        let mapped = audio
            .map(|audio| MappedAudio::map(audio.as_fd().try_clone_to_owned()?, audio.samples()))
            .transpose()
            .map_err(|error| RunnerError::Start {
                plugin: plugin.clone(),
                error,
            })?;
        let samples = mapped.as_ref().map_or(&[][..], MappedAudio::samples);
        let audio = Audio {
            samples,
            sample_rate: 16_000,
        };
        self.session
            .run(request, audio, &LocalSink { events, cancel })
            .map_err(|error| typed(&plugin, error))
    }
}

fn typed(plugin: &str, error: StageError) -> RunnerError {
    RunnerError::from_stage(plugin, error.kind, error.message)
}
