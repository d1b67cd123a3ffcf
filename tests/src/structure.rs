//! Dependencies among Cesar's crates: the arrows of `ARCHITECTURE.md`, from `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::workspace;

/// Each crate with its allowed dependencies. An unused arrow is an error as well.
const ARROWS: &[(&str, &[&str])] = &[
    ("cesar-align", &["cesar-subtitles", "plugin-api"]),
    ("cesar-audio", &["cesar-language", "cesar-resample"]),
    ("cesar-base", &[]),
    ("cesar-cache", &["cesar-base", "cesar-sqlite"]),
    ("cesar-config", &["cesar-base"]),
    ("cesar-conformance", &["cesar-pipeline", "cesar-runner", "plugin-api"]),
    ("cesar-corrections", &["cesar-base", "cesar-sqlite", "plugin-api"]),
    ("cesar-fft", &[]),
    ("cesar-glossary", &["cesar-base", "plugin-api"]),
    (
        "cesar-host",
        &[
            "cesar-align",
            "cesar-audio",
            "cesar-base",
            "cesar-cache",
            "cesar-config",
            "cesar-conformance",
            "cesar-corrections",
            "cesar-jobs",
            "cesar-language",
            "cesar-models",
            "cesar-pipeline",
            "cesar-remote",
            "cesar-runner",
            "cesar-search",
            "cesar-server",
            "cesar-subtitles",
            "plugin-api",
        ],
    ),
    ("cesar-jobs", &["cesar-base", "cesar-sqlite"]),
    ("cesar-language", &["cesar-base"]),
    ("cesar-models", &["cesar-base", "plugin-api"]),
    (
        "cesar-pipeline",
        &[
            "cesar-align",
            "cesar-audio",
            "cesar-base",
            "cesar-cache",
            "cesar-corrections",
            "cesar-glossary",
            "cesar-language",
            "cesar-models",
            "cesar-runner",
            "plugin-api",
        ],
    ),
    ("cesar-onnxruntime", &[]),
    ("cesar-plugin-common", &["plugin-api"]),
    (
        "cesar-plugin-ct2",
        &["cesar-fft", "cesar-plugin-common", "cesar-vad", "plugin-api"],
    ),
    ("cesar-plugin-download", &["cesar-base", "plugin-api"]),
    ("cesar-plugin-format", &["cesar-subtitles", "plugin-api"]),
    (
        "cesar-plugin-onnx",
        &[
            "cesar-fft",
            "cesar-onnxruntime",
            "cesar-plugin-common",
            "cesar-vad",
            "plugin-api",
        ],
    ),
    (
        "cesar-plugin-pyannote",
        &["cesar-onnxruntime", "cesar-plugin-common", "plugin-api"],
    ),
    (
        "cesar-plugin-whisper-cpp",
        &["cesar-plugin-common", "cesar-vad", "plugin-api"],
    ),
    ("cesar-remote", &["cesar-base", "cesar-cache"]),
    ("cesar-resample", &[]),
    ("cesar-runner", &["cesar-base", "plugin-api"]),
    ("cesar-search", &["cesar-base", "cesar-sqlite", "plugin-api"]),
    (
        "cesar-server",
        &[
            "cesar-audio",
            "cesar-base",
            "cesar-cache",
            "cesar-config",
            "cesar-corrections",
            "cesar-jobs",
            "cesar-language",
            "cesar-models",
            "cesar-pipeline",
            "cesar-runner",
            "cesar-search",
            "plugin-api",
        ],
    ),
    ("cesar-sqlite", &["cesar-base"]),
    ("cesar-subtitles", &[]),
    ("cesar-tests", &[]),
    ("cesar-vad", &["cesar-plugin-common"]),
    ("plugin-api", &[]),
    ("xtask", &["cesar-tests"]),
];

/// The entries of a JSON array.
fn entries(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().expect("an array").iter()
}

#[test]
fn crates_depend_only_on_those_below() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(workspace())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let found: BTreeMap<&str, BTreeSet<&str>> = entries(&metadata["packages"])
        .map(|package| {
            let arrows = entries(&package["dependencies"])
                // Test dependencies are not arrows; a dependency with a path is one of Cesar's.
                .filter(|dependency| dependency["kind"] != "dev" && !dependency["path"].is_null())
                .filter_map(|dependency| dependency["name"].as_str());
            (package["name"].as_str().expect("a name"), arrows.collect())
        })
        .collect();
    let wanted: BTreeMap<&str, BTreeSet<&str>> = ARROWS
        .iter()
        .map(|(name, arrows)| (*name, arrows.iter().copied().collect()))
        .collect();
    assert_eq!(
        found, wanted,
        "change ARCHITECTURE.md and this table together, or not at all"
    );
}
