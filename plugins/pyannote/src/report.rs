//! Progress and cancellation of a run: for the host, or for a program that uses this crate without one.

pub use cesar_plugin_common::report::Report;

/// No progress, no cancellation.
#[derive(Debug, Clone, Copy)]
pub struct Alone;

impl Report for Alone {
    fn progress(&mut self, _: u64, _: u64) {}

    fn cancelled(&self) -> bool {
        false
    }
}
