//! Helpers of several tests: the real models, recordings, and a host that records everything.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use plugin_api::asr::Segment;
use plugin_api::manifest::{Manifest, Scope};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::Ct2;
use crate::options::Request;
use crate::state::Saved;
use cesar_plugin_common::report::{Report, Segments};
use plugin_api::Stage;
use plugin_api::resume::Checkpoint;

/// The folder of the model `faster-whisper-{name}`.
pub(crate) fn model(name: &str) -> PathBuf {
    let folder = models().join(format!("faster-whisper-{name}"));
    assert!(
        folder.join("model.bin").is_file(),
        "`{}` is absent: run `cargo xtask models`",
        folder.display()
    );
    folder
}

/// Silero VAD.
pub(crate) fn vad_model() -> PathBuf {
    let file = models().join("silero_vad_v6.onnx");
    assert!(
        file.is_file(),
        "`{}` is absent: run `cargo xtask models`",
        file.display()
    );
    file
}

fn models() -> PathBuf {
    let variable = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let data = || variable("XDG_DATA_HOME").or_else(|| Some(variable("HOME")?.join(".local/share")));
    let models = variable("CESAR_MODELS_DIR").or_else(|| Some(data()?.join("cesar/models")));
    models.expect("HOME is set")
}

pub(crate) fn manifest() -> Manifest {
    Manifest::parse(include_str!("cesar-plugin.json")).expect("the manifest is valid")
}

/// The options of `scope` with their defaults, changed by `given`.
pub(crate) fn options<T: DeserializeOwned>(scope: Scope, given: &Value) -> T {
    let manifest = manifest();
    let given = given.as_object().cloned().unwrap_or_default().into_iter().collect();
    let effective = manifest.effective(&given).expect("the options are valid");
    let of_scope = effective
        .into_iter()
        .filter(|(name, _)| manifest.options[name].scope == scope);
    serde_json::from_value(Value::Object(of_scope.collect::<Map<_, _>>())).expect("the table and the type agree")
}

/// A request with its defaults, changed by `given`.
pub(crate) fn request(given: &Value) -> Request {
    options(Scope::Request, given)
}

/// A request with faster-whisper's defaults, changed by `given`: VAD only if requested, and then by its file.
pub(crate) fn reference_request(given: &Value) -> Request {
    let mut given = given.clone();
    given["vad_filter"] = (given["vad_filter"] == true).into();
    let mut request = request(&given);
    request.vad_model = request.vad_filter.then(vad_model);
    request
}

/// Opens the model `name` with one thread, with open options changed by `given`. Threads wait for each other in loops, which is most of
/// their time where other tests use the same processors.
pub(crate) fn open(name: &str, given: &Value) -> Ct2 {
    let mut given = given.clone();
    given["threads"] = given.get("threads").cloned().unwrap_or_else(|| 1.into());
    given["model"] = model(name).to_str().expect("the path is UTF-8").into();
    Ct2::open(options(Scope::Open, &given)).expect("the model opens")
}

/// The bundled recording `short.wav`, 8 kHz and 16 bits, with every sample twice: 16 kHz without any resampler.
pub(crate) fn short_recording() -> Vec<f32> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/short.wav");
    let bytes = std::fs::read(path).expect("the recording is bundled");
    let data = bytes
        .windows(4)
        .position(|name| name == b"data")
        .expect("the file has a data chunk")
        + 8;
    let sample = |pair: &[u8]| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32768.0;
    bytes[data..]
        .chunks_exact(2)
        .map(sample)
        .flat_map(|sample| [sample, sample])
        .collect()
}

/// A host that records everything, and can request a stop some time after its creation.
pub(crate) struct Notes {
    pub(crate) segments: Vec<Segment>,
    pub(crate) progress: Vec<(u64, u64)>,
    /// The checkpoints for a resume, after each window.
    pub(crate) saved: Vec<Checkpoint<Saved>>,
    began: Instant,
    patience: Option<Duration>,
}

impl Notes {
    pub(crate) fn new() -> Self {
        Self {
            segments: Vec::new(),
            progress: Vec::new(),
            saved: Vec::new(),
            began: Instant::now(),
            patience: None,
        }
    }

    pub(crate) fn cancelling_after(patience: Duration) -> Self {
        Self {
            patience: Some(patience),
            ..Self::new()
        }
    }
}

impl Report for Notes {
    fn progress(&mut self, done: u64, total: u64) {
        self.progress.push((done, total));
    }

    fn cancelled(&self) -> bool {
        self.patience.is_some_and(|patience| self.began.elapsed() >= patience)
    }
}

impl Segments<Saved> for Notes {
    fn segment(&mut self, segment: &Segment) {
        self.segments.push(segment.clone());
    }

    fn save(&mut self, segments: &[Segment], saved: &Saved) {
        let mut so_far = self.saved.last().map_or_else(Vec::new, |last| last.segments.clone());
        so_far.extend_from_slice(segments);
        self.saved.push(Checkpoint {
            segments: so_far,
            state: saved.clone(),
        });
    }
}
