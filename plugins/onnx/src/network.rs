//! One network: a file, opened with checks of its inputs and outputs, and run with a stop.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use cesar_plugin_common::memory;
use ort::execution_providers::CPUExecutionProvider;
use ort::logging::LogLevel;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::builder::SessionBuilder;
use ort::session::run_options::{NoSelectedOutputs, RunOptions};
use ort::session::{Session, SessionInputValue};
use ort::tensor::TensorElementType;
use ort::value::{DynValue, ValueType};
use plugin_api::{ErrorKind, StageError};

use crate::ffi;

/// A loaded network.
#[derive(Debug)]
pub(crate) struct Network {
    session: Session,
}

impl Network {
    /// Opens a file, and checks that it has these inputs and outputs.
    pub(crate) fn open(path: &Path, inputs: &[&str], outputs: &[&str]) -> Result<Self, StageError> {
        let opened = builder().and_then(|builder| builder.commit_from_file(path));
        let session = opened.map_err(|error| refusal(path, &error.to_string()))?;
        Self::checked(session, path, inputs, outputs)
    }

    /// Opens a model that was made of the file of this path, with the same checks.
    pub(crate) fn of_model(model: &[u8], path: &Path, inputs: &[&str], outputs: &[&str]) -> Result<Self, StageError> {
        let opened = builder().and_then(|builder| builder.commit_from_memory(model));
        let session = opened.map_err(|error| refusal(path, &error.to_string()))?;
        Self::checked(session, path, inputs, outputs)
    }

    fn checked(session: Session, path: &Path, inputs: &[&str], outputs: &[&str]) -> Result<Self, StageError> {
        let lacks = |kind: &str, name: &str| {
            let message = format!(
                "`{}` holds another network: it has no {kind} `{name}`; pull the model again, or name another folder",
                path.display()
            );
            StageError::new(ErrorKind::ModelMissing, message)
        };
        if let Some(name) = inputs
            .iter()
            .find(|name| !session.inputs.iter().any(|input| input.name == **name))
        {
            return Err(lacks("input", name));
        }
        if let Some(name) = outputs
            .iter()
            .find(|name| !session.outputs.iter().any(|output| output.name == **name))
        {
            return Err(lacks("output", name));
        }
        let is_half = |input: &ort::session::Input| input.input_type.tensor_type() == Some(TensorElementType::Float16);
        if session.inputs.iter().any(is_half) {
            let shown = path.display();
            let message =
                format!("`{shown}` computes with float16, which this engine does not: take the int8 or float32 files");
            return Err(StageError::new(ErrorKind::ModelMissing, message));
        }
        Ok(Self { session })
    }

    /// The dimensions of an input; -1 stands for any.
    pub(crate) fn shape(&self, input: &str) -> Option<Vec<i64>> {
        let input = self.session.inputs.iter().find(|known| known.name == input)?;
        match &input.input_type {
            ValueType::Tensor { shape, .. } => Some(shape.to_vec()),
            _ => None,
        }
    }

    /// The names of its inputs.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = &str> {
        self.session.inputs.iter().map(|input| input.name.as_str())
    }

    /// The names of its outputs.
    fn outputs(&self) -> Vec<&str> {
        self.session.outputs.iter().map(|output| output.name.as_str()).collect()
    }
}

/// The values that a run gave.
pub(crate) struct Outputs(Vec<(String, DynValue)>);

impl Outputs {
    /// The value of this name.
    pub(crate) fn take(&mut self, name: &str) -> Result<DynValue, StageError> {
        let at = self.0.iter().position(|(known, _)| known == name);
        at.map(|at| self.0.swap_remove(at).1)
            .ok_or_else(|| failure(&format!("it gave no `{name}`")))
    }
}

/// One thread per session: parts are decoded in parallel, which scales better than the operators of one.
fn builder() -> Result<SessionBuilder, ort::Error> {
    Session::builder()?
        .with_optimization_level(GraphOptimizationLevel::Level3)?
        .with_intra_threads(1)?
        .with_inter_threads(1)?
        .with_memory_pattern(false)?
        .with_execution_providers([CPUExecutionProvider::default().with_arena_allocator(false).build()])
}

/// The reason why ONNX Runtime refuses a file, with the remedy.
fn refusal(path: &Path, reason: &str) -> StageError {
    let shown = path.display();
    if memory::is_exhausted(reason) {
        return exhausted();
    }
    let reason = sentence(reason);
    let newer = ["opset", "IR version", "ir_version", "ORT format version"];
    let message = if newer.iter().any(|words| reason.contains(words)) {
        format!("`{shown}` needs a newer ONNX Runtime ({reason}): run `cesar models pull onnxruntime`")
    } else if reason.contains(".data") || reason.contains("xternal data") || reason.contains("external initializer") {
        format!("`{shown}` lacks the file with its weights ({reason}): pull the model again")
    } else if reason.contains("Could not find an implementation") {
        format!("`{shown}` has numbers that this CPU does not compute with ({reason}): take the int8 or float32 files")
    } else {
        format!("`{shown}` cannot be read as an ONNX model ({reason}): pull the model again")
    };
    StageError::new(ErrorKind::ModelMissing, message)
}

/// The sentence of ONNX Runtime's message, without the function and the file before it.
fn sentence(reason: &str) -> &str {
    const BEGINNINGS: [&str; 5] = [
        "Unsupported model IR version",
        "ONNX Runtime only",
        "External data path does not exist",
        "Could not find an implementation",
        "Protobuf parsing failed",
    ];
    let begin = BEGINNINGS.iter().find_map(|beginning| reason.find(beginning));
    let rest = reason.get(begin.unwrap_or(0)..).unwrap_or(reason);
    rest.lines().next().unwrap_or(rest).trim().trim_end_matches('.')
}

/// An allocation failed.
pub(crate) fn exhausted() -> StageError {
    let message = "memory ran out while transcribing: allow more in `plugins.memory_limit`, or set fewer `threads` or a smaller `part_length`";
    StageError::new(ErrorKind::OutOfMemory, message)
}

/// A failure while a network runs.
pub(crate) fn failure(reason: &str) -> StageError {
    if memory::is_exhausted(reason) {
        return exhausted();
    }
    StageError::new(ErrorKind::Internal, format!("ONNX Runtime failed: {}", reason.trim()))
}

/// The request to stop, for all threads of a run.
pub(crate) struct Stop {
    requested: AtomicBool,
    options: RunOptions<NoSelectedOutputs>,
}

impl Stop {
    pub(crate) fn new() -> Result<Self, StageError> {
        let failed = |error: ort::Error| failure(&error.to_string());
        let mut options = RunOptions::new().map_err(failed)?;
        // A stop is an error to ONNX Runtime, which would print it.
        options.set_log_level(LogLevel::Fatal).map_err(failed)?;
        Ok(Self {
            requested: AtomicBool::new(false),
            options,
        })
    }

    /// Ends the networks that are running, after their current operator.
    pub(crate) fn request(&self) {
        self.requested.store(true, Ordering::Relaxed);
        if let Err(error) = self.options.terminate() {
            tracing::warn!("a running network cannot be stopped: {error}");
        }
    }

    /// Whether a stop was requested.
    pub(crate) fn is_requested(&self) -> bool {
        self.requested.load(Ordering::Relaxed)
    }

    /// Runs a network, for all its outputs.
    pub(crate) fn run(
        &self,
        network: &Network,
        inputs: &[(&str, SessionInputValue<'_>)],
    ) -> Result<Outputs, StageError> {
        if self.is_requested() {
            return Err(cancelled());
        }
        let names = network.outputs();
        match ffi::run(&network.session, inputs, &names, &self.options) {
            Ok(values) => Ok(Outputs(names.into_iter().map(str::to_owned).zip(values).collect())),
            Err(_) if self.is_requested() => Err(cancelled()),
            Err(error) => Err(failure(&error.to_string())),
        }
    }
}

/// The answer to a stop.
pub(crate) fn cancelled() -> StageError {
    StageError::new(ErrorKind::Cancelled, "cancelled")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_files_are_refused_with_the_remedy() {
        crate::testing::with_runtime();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parakeet/broken");
        let wanted = [
            ("opset.onnx", "needs a newer ONNX Runtime (ONNX Runtime only"),
            (
                "format.onnx",
                "needs a newer ONNX Runtime (Unsupported model IR version: 99",
            ),
            (
                "data.onnx",
                "lacks the file with its weights (External data path does not exist",
            ),
            ("half.onnx", "computes with float16"),
            (
                "../answers.json",
                "cannot be read as an ONNX model (Protobuf parsing failed)",
            ),
        ];
        for (file, words) in wanted {
            let error = Network::open(&folder.join(file), &["audio_signal"], &["logprobs"]).unwrap_err();
            assert_eq!(error.kind, ErrorKind::ModelMissing);
            assert!(error.message.contains(words), "{file}: {}", error.message);
        }
        let foreign = folder.join("../ctc/model.onnx");
        let error = Network::open(&foreign, &["audio_signal", "input_ids"], &[]).unwrap_err();
        assert!(
            error
                .message
                .contains("holds another network: it has no input `input_ids`"),
            "{}",
            error.message
        );
    }

    #[test]
    fn refusals_name_the_remedy() {
        let said = |reason: &str| refusal(Path::new("/m/encoder.onnx"), reason);
        let newer = said("Unsupported model IR version: 14, max supported IR version: 12");
        assert!(newer.message.contains("`cesar models pull onnxruntime`"), "{newer:?}");
        let external =
            said("filesystem error: cannot get file size: No such file or directory [/m/encoder-model.onnx.data]");
        assert!(
            external.message.contains("lacks the file with its weights"),
            "{external:?}"
        );
        let half = said("Could not find an implementation for Conv(11) node with name 'c'");
        assert!(half.message.contains("int8 or float32"), "{half:?}");
        assert_eq!(said("std::bad_alloc").kind, ErrorKind::OutOfMemory);
        assert!(
            said("Protobuf parsing failed.")
                .message
                .contains("cannot be read as an ONNX model")
        );
    }
}
