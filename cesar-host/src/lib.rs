//! Cesar's host: it owns the artifact cache, the pipeline and the command line, and runs everything else as plugins.
//!
//! | module | what | one way in |
//! |---|---|---|
//! | [`cli`] | the command line: what was asked, and how it is told | [`cli::main`] |
//! | [`plugins`] | which plugins there are and which may be used | [`plugins::Registry`] |
//!
//! `ARCHITECTURE.md` in the repository has the invariants.

pub mod cli;
