//! Cesar's host: it owns the artifact cache, the pipeline and the command line, and runs everything else as plugins.
//!
//! | module | what | one way in |
//! |---|---|---|
//! | [`cli`] | the command line: what was asked, and how it is told | [`cli::main`] |
//! | [`config`] | settings: defaults, file, environment, flags | [`config::Layers`] |
//! | [`pipeline`] | a recording through the stages; alone decides hit or miss | [`pipeline::Pipeline`] |
//! | [`jobs`] | jobs that are never lost | [`jobs::JobStore`] |
//! | [`http`] | the server | [`http::serve`] |
//! | [`cache`] | results by key, verified on reading, computed once for all who ask | [`cache::Cache`] |
//! | [`plugins`] | which plugins there are and which may be used | [`plugins::Registry`] |
//! | [`conformance`] | whether a plugin keeps the contract | [`conformance::check`] |
//! | [`runner`] | stages in warm child processes | [`runner::Runners`] |
//! | [`models`] | from a model's name to its files | [`models::ModelLookup`] |
//! | `language` | languages as people write them | |
//! | [`audio`] | recordings to 16 kHz mono | [`audio::decode`] |
//!
//! `ARCHITECTURE.md` in the repository has the invariants.

pub use cesar_audio as audio;
pub mod cache;
pub mod cli;
pub mod config;
pub mod conformance;
#[cfg(test)]
mod fuzz;
pub mod http;
pub mod jobs;
mod language;
pub mod models;
pub mod pipeline;
pub mod plugins;
pub mod runner;
