//! Cesar's host: it owns the artifact cache, the pipeline and the command line, and runs everything else as plugins.
//!
//! | module | what | one way in |
//! |---|---|---|
//! | [`cli`] | the command line: what was asked, and how it is told | [`cli::main`] |
//! | [`pipeline`] | a recording through the stages; alone decides hit or miss | [`pipeline::Pipeline`] |
//! | [`http`] | the server | [`http::serve`] |
//! | [`plugins`] | which plugins there are and which may be used | [`plugins::Registry`] |
//! | [`conformance`] | whether a plugin keeps the contract | [`conformance::check`] |
//! | `language` | languages as people write them | |
//! | [`audio`] | recordings to 16 kHz mono | [`audio::decode`] |
//!
//! `ARCHITECTURE.md` in the repository has the invariants.

pub use cesar_audio as audio;
pub mod cli;
pub mod conformance;
#[cfg(test)]
mod fuzz;
pub mod http;
mod language;
pub mod pipeline;
