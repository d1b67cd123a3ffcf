//! The command line of Cesar's host. The artifact cache, the pipeline, the runner and the server are crates of their own.
//!
//! `ARCHITECTURE.md` in the repository has the map and the invariants.

pub mod cli;
