//! Cesar's host.
pub mod plugins;
pub mod runner;
