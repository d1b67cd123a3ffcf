//! Helpers of several tests: the runtime, the real model, recordings, and a host that records everything.

use std::path::{Path, PathBuf};

use plugin_api::asr::{Segment, Transcription};
use plugin_api::manifest::{Manifest, Scope};
use plugin_api::resume::Checkpoint;
use plugin_api::{Audio, Stage as _, StageError};
use serde_json::{Map, Value};

use crate::Onnx;
use crate::options::{Request, Saved};
use cesar_plugin_common::report::{Report, Segments};

/// Opens ONNX Runtime, for tests below the stage.
pub(crate) fn with_runtime() {
    cesar_onnxruntime::ensure("computes the tests").unwrap();
}

/// The folder of a model.
pub(crate) fn model(name: &str) -> PathBuf {
    let variable = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let data = || variable("XDG_DATA_HOME").or_else(|| Some(variable("HOME")?.join(".local/share")));
    let models = variable("CESAR_MODELS_DIR").or_else(|| Some(data()?.join("cesar/models")));
    let folder = models.expect("HOME is set").join(name);
    assert!(
        folder.join("tokenizer.bin").is_file(),
        "`{}` is absent: run `cargo xtask models`",
        folder.display()
    );
    folder
}

/// Options of a scope with their defaults, changed by `given`.
pub(crate) fn options<T: serde::de::DeserializeOwned>(scope: Scope, given: &Value) -> T {
    let manifest = Manifest::parse(crate::MANIFEST).expect("the manifest is valid");
    let given = given.as_object().cloned().unwrap_or_default().into_iter().collect();
    let effective = manifest.effective(&given).expect("the options are valid");
    let of_scope = effective
        .into_iter()
        .filter(|(name, _)| manifest.options[name].scope == scope);
    serde_json::from_value(Value::Object(of_scope.collect::<Map<_, _>>())).expect("the types follow the manifest")
}

/// A session of a model's folder.
pub(crate) fn open(folder: &Path, threads: usize) -> Result<Onnx, StageError> {
    Onnx::open(options(
        Scope::Open,
        &serde_json::json!({ "model": folder, "threads": threads }),
    ))
}

/// `meeting.flac`: 16 kHz, mono, 16 bits, 37 s.
pub(crate) fn meeting() -> Vec<f32> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/meeting.flac");
    let mut reader = claxon::FlacReader::open(path).expect("the recording is bundled");
    let samples = reader.samples().map(|sample| sample.expect("the recording is whole"));
    #[expect(clippy::cast_precision_loss, reason = "16 bits")]
    let samples = samples.map(|sample| sample as f32 / 32768.0);
    samples.collect()
}

/// Everything that a run reports.
#[derive(Default)]
pub(crate) struct Host {
    pub(crate) segments: Vec<Segment>,
    pub(crate) progress: Vec<(u64, u64)>,
    pub(crate) saved: Vec<Checkpoint<Saved>>,
    /// Requests a stop after so many checkpoints.
    pub(crate) stop_after: Option<usize>,
    /// Requests a stop once this time is over.
    pub(crate) stop_at: Option<std::time::Instant>,
}

impl Report for Host {
    fn progress(&mut self, done: u64, total: u64) {
        self.progress.push((done, total));
    }

    fn cancelled(&self) -> bool {
        self.stop_after.is_some_and(|count| self.saved.len() >= count)
            || self.stop_at.is_some_and(|time| std::time::Instant::now() >= time)
    }
}

impl Segments<Saved> for Host {
    fn segment(&mut self, segment: &Segment) {
        self.segments.push(segment.clone());
    }

    fn save(&mut self, segments: &[Segment], saved: &Saved) {
        self.saved.push(Checkpoint {
            segments: segments.to_vec(),
            state: saved.clone(),
        });
    }
}

/// A run on 16 kHz samples.
pub(crate) fn run(
    stage: &Onnx,
    request: &Request,
    samples: &[f32],
    host: &mut Host,
) -> Result<Transcription, StageError> {
    let audio = Audio {
        samples,
        sample_rate: 16_000,
    };
    stage.transcribe(request, audio, host)
}

/// The request with defaults, changed by `given`.
pub(crate) fn request(given: &Value) -> Request {
    options(Scope::Request, given)
}
