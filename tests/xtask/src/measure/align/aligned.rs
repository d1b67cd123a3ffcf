//! Documents of aligned recordings.

use crate::{
    failure::{Failure, Outcome},
    transcribe,
};
use serde_json::Value;
use std::path::Path;

/// The JSON of a file.
pub(super) fn read_json(path: &Path) -> Outcome<Value> {
    let read = std::fs::read(path).map_err(|error| error.to_string());
    let parsed = read.and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()));
    parsed.map_err(|error| Failure::new(format!("`{}` cannot be read: {error}", path.display())))
}

/// The document of a recording and its text, by an engine and a model, in a language.
pub(super) fn transcribed(
    (recording, text): (&Path, &Path),
    (engine, model, language): (&str, &str, &str),
    options: &[String],
) -> Outcome<Value> {
    let mut command = transcribe::cesar()?;
    command.arg("align").arg(recording).arg(text);
    command.args([
        "--asr-plugin",
        engine,
        "--model",
        model,
        "-l",
        language,
        "-f",
        "json",
        "--progress",
        "none",
        "--min-match",
        "0",
    ]);
    command.args(options.iter().flat_map(|option| ["--asr-option", option]));
    command.arg("--cache-dir").arg(transcribe::measurement_cache());
    let output = command
        .output()
        .map_err(|error| Failure::new(format!("cesar cannot be started: {error}")))?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::new(format!(
            "{} by {engine} {model}: {}",
            recording.display(),
            told.trim()
        )));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| Failure::new(format!("no document: {error}")))
}
