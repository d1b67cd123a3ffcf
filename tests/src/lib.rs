//! Helpers of the end-to-end tests and of `cargo xtask`.
//!
//! The tests in `tests/*/` run the built `cesar` binary as a user does: its plugins lie beside it, and everything else (home,
//! configuration, cache, links to real models) is a [`Sandbox`] that vanishes with the test. Only `cargo xtask build` and `cargo
//! xtask models` build or download. A test that lacks the binary or a model fails and names the command to run. One that lacks a
//! third-party program, or the right to mount a file system, reports a skip, which is an error with `CI=true` ([`mod@skip`]).
//! Recordings that are not ours to commit may always be absent ([`test_data`]), and so may the right to make a network ([`hosts`]).
//!
//! - [`addresses`]: runs with a URL as input.
//! - [`chance`]: random numbers with a seed.
//! - [`clients`]: third-party programs that the suite uses.
//! - [`collector`]: a real collector of traces.
//! - [`fault_proxy`]: a proxy that fails on request.
//! - [`hosts`]: network namespaces as hosts of a network.
//! - [`hub`]: a server that imitates the hub of Hugging Face.
//! - [`words`]: word and character error rates, equal to `tools/score.py`.
//! - [`models`]: the models folder, and the files of each model.
//! - [`mounts`]: programs in a mount namespace of their own.
//! - [`object_storage`]: a real S3 server.
//! - [`plugins`]: builds of plugins outside the workspace.
//! - [`mod@postgres`]: a cluster of PostgreSQL.
//! - [`postgres_pair`]: a primary server of PostgreSQL and its standby.
//! - [`recordings`]: the bundled recordings, the others, and their texts.
//! - [`running`]: a run that the test ends.
//! - [`sandbox`]: runs of the binary, each in its own home.
//! - [`server`]: a running `cesar serve`, and requests to it.
//! - [`mod@skip`]: tests that cannot be done on this machine.
//! - [`speakers`]: sandboxes with diarization models, and the share of words with the wrong speaker.
//! - [`zoo`]: plugins that misbehave.
//! - [`snapshots`]: filters that remove paths and times from a snapshot.
//! - [`terminal`]: a terminal with a user who answers.
//! - [`trace`]: the system calls of a run.
//! - [`watchdog`]: a time limit for programs under test.
//! - [`web`]: a web server that misbehaves.
//!
//! This crate never depends on `cesar-host`: `xtask` is built from it before the C++ is, on a bare machine.

pub mod addresses;
pub mod chance;
pub mod clients;
pub mod collector;
#[cfg(test)]
mod commits;
#[cfg(test)]
mod dependencies;
#[cfg(test)]
mod documentation;
pub mod fault_proxy;
pub mod fuzz;
#[cfg(test)]
mod guarantees;
pub mod hosts;
pub mod hub;
#[cfg(test)]
mod language;
pub mod models;
#[cfg(test)]
mod modules;
pub mod mounts;
pub mod object_storage;
#[cfg(test)]
mod packaging;
pub mod plugins;
pub mod ports;
pub mod postgres;
pub mod postgres_pair;
pub mod recordings;
pub mod running;
pub mod sandbox;
#[cfg(test)]
mod selection;
pub mod server;
pub mod skip;
pub mod snapshots;
pub mod speakers;
#[cfg(test)]
mod structure;
pub mod terminal;
pub mod trace;
pub mod watchdog;
pub mod web;
pub mod words;
#[cfg(test)]
mod workflows;
pub mod zoo;

pub use models::{models_dir, require_model};
pub use recordings::{fixture, fixtures, references, test_data};
pub use sandbox::{Output, Sandbox, cesar};
pub use words::{cer, wer};

use std::path::PathBuf;

/// The packages that `cargo xtask demo` builds: the program and the plugins that its command uses.
pub const DEMO_PACKAGES: [&str; 4] = [
    "cesar-host",
    "cesar-plugin-ct2",
    "cesar-plugin-format",
    "cesar-plugin-pyannote",
];

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    let tests = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("`tests/` lies in the root of the workspace")
        .to_path_buf()
}
