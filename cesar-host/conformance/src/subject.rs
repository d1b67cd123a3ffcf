//! The plugin under test: fresh runners for it, and its audio and requests.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cesar_pipeline::{SessionAndRequest, check_output};
use cesar_runner::discovery::Plugin;
use cesar_runner::{CancelToken, Limits, Pcm, PcmError, PcmWriter, Room, RunnerError, SessionChannel, Starter};
use plugin_api::download::Order;
use plugin_api::manifest::StageKind;
use serde_json::{Map, Value, json};

use super::effort::Effort;
use super::order::{file_of, order};
use super::recording_observer::RecordingObserver;
use super::site::Site;

/// Sample rate in Hz.
const RATE: u32 = 16_000;

/// A plugin with the options for its sessions and requests.
#[derive(Debug)]
pub struct Subject<'a> {
    pub(super) plugin: &'a Plugin,
    pub(super) effort: Effort,
    open: Map<String, Value>,
    request: Map<String, Value>,
    starter: Starter,
    stdout: tempfile::TempPath,
    /// The server of a download stage.
    site: Option<Site>,
    /// The URL of it that the stage accepts.
    taken: RefCell<Option<String>>,
}

/// The outcome of a run: the output, or the typed error of the stage.
pub(super) type Answer = Result<String, RunnerError>;

impl<'a> Subject<'a> {
    /// `program` starts the runners; `options` are those of the session and of a request.
    ///
    /// # Errors
    /// If no temporary file can be created, or no loopback server can be started for a download stage.
    pub fn new(
        program: PathBuf,
        plugin: &'a Plugin,
        options: SessionAndRequest,
        limits: Limits,
        effort: Effort,
    ) -> io::Result<Self> {
        let stdout = tempfile::NamedTempFile::new()?.into_temp_path();
        let limits = Limits {
            time: Some(effort.limit),
            ..limits
        };
        let starter = Starter {
            program,
            limits,
            stdout: Some(stdout.to_path_buf()),
        };
        let (open, request) = options;
        let site = (plugin.manifest.stage == StageKind::Download).then(Site::open);
        Ok(Self {
            plugin,
            effort,
            open,
            request,
            starter,
            stdout,
            site: site.transpose()?,
            taken: RefCell::default(),
        })
    }

    pub(super) fn stage(&self) -> StageKind {
        self.plugin.manifest.stage
    }

    /// Whether the stage takes audio.
    pub(super) fn hears(&self) -> bool {
        matches!(self.stage(), StageKind::Asr | StageKind::Diarize)
    }

    /// Bytes that the plugin has printed to its standard output so far.
    pub(super) fn printed(&self) -> u64 {
        std::fs::metadata(&self.stdout).map_or(0, |metadata| metadata.len())
    }

    /// A new process with the plugin loaded.
    pub(super) fn load(&self) -> Result<SessionChannel, RunnerError> {
        self.load_from(&self.plugin.path)
    }

    fn load_from(&self, path: &Path) -> Result<SessionChannel, RunnerError> {
        self.starter.start(&self.plugin.manifest.id, path)
    }

    /// A new process with an open session.
    pub(super) fn session(&self) -> Result<SessionChannel, RunnerError> {
        let mut process = self.load()?;
        self.open(&mut process)?;
        Ok(process)
    }

    /// Opens a session, replacing the previous one.
    pub(super) fn open(&self, process: &mut SessionChannel) -> Result<(), RunnerError> {
        process.open(&self.open, &RecordingObserver::default(), &CancelToken::default())
    }

    /// Opens a session with options that are no values of the table: every one is a list of an object.
    pub(super) fn open_wrongly(&self, process: &mut SessionChannel) -> Result<(), RunnerError> {
        let wrong = self
            .open
            .keys()
            .map(|name| (name.clone(), json!([{ "not": "a value" }])));
        process.open(&wrong.collect(), &RecordingObserver::default(), &CancelToken::default())
    }

    /// The server of a download stage.
    pub(super) fn site(&self) -> Result<&Site, String> {
        let site = self.site.as_ref();
        site.ok_or_else(|| "only a download stage fetches".to_owned())
    }

    /// Records the URL that a download stage accepts.
    pub(super) fn takes(&self, url: String) {
        self.taken.replace(Some(url));
    }

    /// The URL that a download stage has accepted.
    pub(super) fn taken(&self) -> Option<String> {
        self.taken.borrow().clone()
    }

    /// Sends one request.
    pub(super) fn ask(
        &self,
        process: &mut SessionChannel,
        audio: &Pcm,
        observer: &RecordingObserver,
        cancel: &CancelToken,
    ) -> Answer {
        let mut request = self.request.clone();
        if self.stage() == StageKind::Format {
            request.insert("document".to_owned(), document());
        }
        process.run(
            &Value::Object(request).to_string(),
            self.hears().then_some(audio),
            observer,
            cancel,
        )
    }

    /// Sends one request to a download stage.
    pub(super) fn fetch(
        &self,
        process: &mut SessionChannel,
        order: &Order,
        observer: &RecordingObserver,
        cancel: &CancelToken,
    ) -> Answer {
        let mut request = self.request.clone();
        request.insert("order".to_owned(), json!(order));
        process.run(&Value::Object(request).to_string(), None, observer, cancel)
    }

    /// Sends one request; the answer must be a plausible output or a typed refusal.
    pub(super) fn ask_soundly(
        &self,
        process: &mut SessionChannel,
        audio: &Pcm,
        observer: &RecordingObserver,
    ) -> Result<Option<String>, String> {
        let duration_ms = audio.samples() * 1000 / u64::from(RATE);
        let answer = match &self.site {
            Some(site) => return self.fetch_soundly(site, process, observer),
            None => self.ask(process, audio, observer, &CancelToken::default()),
        };
        match answer {
            Ok(output) => {
                check_output(self.stage(), &output, duration_ms)?;
                Ok(Some(output))
            }
            Err(RunnerError::Stage { .. }) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    /// One order for the recording, at the URL that the stage accepts.
    fn fetch_soundly(
        &self,
        site: &Site,
        process: &mut SessionChannel,
        observer: &RecordingObserver,
    ) -> Result<Option<String>, String> {
        let url = self.taken().unwrap_or_else(|| site.address("recording.wav"));
        let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
        let order = order(site, url, folder.path());
        match self.fetch(process, &order, observer, &CancelToken::default()) {
            Ok(output) => Ok(file_of(&output, folder.path())?.map(|_| output)),
            Err(RunnerError::Stage { .. }) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Samples by index.
pub(super) fn audio(samples: u64, mut sample: impl FnMut(u64) -> f32) -> Result<Pcm, String> {
    let no_room = |error: PcmError| error.to_string();
    let mut writer = PcmWriter::new(Room::of_system()).map_err(no_room)?;
    let mut at = 0;
    while at < samples {
        let end = samples.min(at + u64::from(RATE));
        let part: Vec<f32> = (at..end).map(&mut sample).collect();
        writer.write(&part).map_err(no_room)?;
        at = end;
    }
    writer.finish().map_err(no_room)
}

/// Deterministic noise of this length, with pauses: half a second of every two is silent.
pub(super) fn noise(length: Duration) -> Result<Pcm, String> {
    let samples = u64::try_from(length.as_millis()).unwrap_or_default() * u64::from(RATE) / 1000;
    audio(samples, |index| {
        let hash = index.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        #[expect(clippy::cast_precision_loss, reason = "24 bits are exact in an f32")]
        let value = hash as f32 / (1_u64 << 24) as f32 - 0.5;
        if index / 8_000 % 4 == 3 { 0.0 } else { value * 0.4 }
    })
}

/// A document with two segments of two speakers.
fn document() -> Value {
    let stage = json!({ "plugin": "check", "version": "1.0.0", "plugin_sha256": "", "model": null, "model_sha256": null, "options": {} });
    json!({
        "schema": 1, "language": "en", "language_probability": 1.0, "task": "transcribe", "duration": 4.0,
        "created": "2026-01-01T00:00:00Z",
        "segments": [
            { "id": 0, "start": 0.0, "end": 1.5, "text": " Good morning.", "speaker": "Speaker 1", "words": null },
            { "id": 1, "start": 2.0, "end": 4.0, "text": " Grüße, 日本!", "speaker": "Speaker 2", "words": null }
        ],
        "speakers": ["Speaker 1", "Speaker 2"],
        "turns": [
            { "start": 0.0, "end": 1.5, "speaker": "Speaker 1" }, { "start": 2.0, "end": 4.0, "speaker": "Speaker 2" }
        ],
        "provenance": {
            "cesar": "1.0.0",
            "audio": { "media_sha256": "", "pcm_sha256": "", "codec": "pcm", "offset": 0.0 },
            "asr": stage, "sampled": false
        }
    })
}
