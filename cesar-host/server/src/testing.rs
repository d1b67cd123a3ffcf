//! Helpers of unit tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use cesar_audio::DecodeOptions;
use cesar_base::{Digest, Fault, FaultKind};
use cesar_cache::Mode;
use cesar_config::ServerSettings;
use cesar_jobs::{Disk, SqliteJobs, StoreOptions};
use cesar_models::{HubSettings, ModelRoots};
use cesar_pipeline::{AddressPolicy, Downloads, Glossaries, Part, Parts, Pipeline, SpeakersRequest, StageRequest};
use cesar_runner::discovery::{Registry, SearchPath};
use cesar_runner::{Runners, Verdict, Verdicts};
use plugin_api::download::Limits;

use crate::setup::{Setup, prepare};
use crate::state::App;

/// Headers of these names and values.
pub(crate) fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pair =
        |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    pairs.iter().map(pair).collect()
}

/// A store of jobs in this folder that fails once, at an operation of the disk.
pub(crate) fn failing_store(folder: &Path, at: u64) -> (SqliteJobs, Disk) {
    let disk = Disk::failing(Fault {
        at,
        kind: FaultKind::InputOutput,
        lasting: false,
    });
    let options = StoreOptions {
        disk: disk.clone(),
        ..StoreOptions::default()
    };
    (SqliteJobs::open(folder, options).unwrap(), disk)
}

/// The parts of a server in this folder, without workers; its plugins have these manifests and no code.
pub(crate) fn app(folder: &Path, manifests: &[serde_json::Value]) -> App {
    process(folder, manifests, None)
}

/// The same as a worker with these labels.
pub(crate) fn process(folder: &Path, manifests: &[serde_json::Value], labels: Option<Vec<String>>) -> App {
    let (plugins, verdicts) = (folder.join("plugins"), Verdicts::new(folder.join("verdicts")));
    fs::create_dir_all(&plugins).unwrap();
    for manifest in manifests {
        let digest = Digest::of(&fs::read(library(&plugins, manifest)).unwrap());
        verdicts.put(&digest.to_string(), &Verdict::Good).unwrap();
    }
    let path = SearchPath {
        preferred: vec![plugins],
        others: Vec::new(),
    };
    let parts = Parts {
        cache: None,
        mode: Mode::Bypass,
        registry: Registry::discover(&path, None),
        verdicts,
        runners: Runners::new(PathBuf::from("/nonexistent")),
        models: ModelRoots::new(None, |_| None),
        downloads: Downloads {
            stage: StageRequest::default(),
            time_step_ms: None,
            ttl_ms: None,
            offline: true,
            limits: Limits {
                bytes: None,
                total_ms: None,
                silence_ms: 1_000,
            },
        },
        decoding: DecodeOptions {
            ffmpeg: None,
            ..DecodeOptions::default()
        },
    };
    let setup = Setup {
        settings: settings(),
        pipeline: Pipeline::new(parts, AddressPolicy::PublicOnly),
        asr: StageRequest::default(),
        speakers: SpeakersRequest::default(),
        part: Part::default(),
        glossaries: Glossaries::new(Some(folder), None, false),
        format: StageRequest::default(),
        hub: HubSettings::new(|_| None),
        python: None,
        search: None,
        data: folder.to_owned(),
        labels,
        blobs: None,
    };
    prepare(setup, Some(([127, 0, 0, 1], 0).into())).unwrap()
}

/// A library without code, with this manifest.
fn library(folder: &Path, manifest: &serde_json::Value) -> PathBuf {
    let id = manifest["id"].as_str().unwrap();
    let bytes: Vec<String> = manifest.to_string().bytes().map(|byte| byte.to_string()).collect();
    let (source, library) = (folder.join(format!("{id}.c")), folder.join(format!("lib{id}.so")));
    let code = format!(
        "__attribute__((section(\".cesar.plugin\"), used)) const char manifest[] = {{ {} }};\n",
        bytes.join(",")
    );
    fs::write(&source, code).unwrap();
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-o"]).args([&library, &source]);
    let built = compiler.status().unwrap();
    assert!(built.success(), "the compiler that Rust links with builds a library");
    library
}

fn settings() -> ServerSettings {
    let hour = Duration::from_secs(3600);
    ServerSettings {
        host: "127.0.0.1".to_owned(),
        port: 0,
        insecure: false,
        workers: 1,
        jobs: None,
        lease: hour,
        max_queue: 10,
        max_upload: 10_000_000,
        max_unfinished_uploads: 10_000_000,
        blobs: None,
        max_copies: 10_000_000,
        max_connections: 10,
        idle_timeout: hour,
        cancel_on_disconnect: false,
        disconnect_grace: hour,
        model_idle: hour,
        shutdown_grace: hour,
        keep_completed: hour,
        keep_failed: hour,
        cors_origins: Vec::new(),
        allow_private_addresses: false,
        webhook_secret: None,
    }
}
