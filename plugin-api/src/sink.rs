//! The services of a host, below both sides of the boundary.

/// The services of a host for a running stage. Called from the stage's threads.
pub trait HostSink: Send + Sync {
    /// `done` of `total` units of work, never falling.
    fn progress(&self, done: u64, total: u64);
    /// A piece of text as soon as it is known, in ms from the start of the audio.
    fn segment(&self, start_ms: u64, end_ms: u64, text: &str);
    /// Any other event, by kind; unknown kinds are ignored.
    fn emit(&self, kind: &str, json: &str);
    /// A log line; levels as `tracing`'s: 1 error, 2 warn, 3 info, 4 debug, 5 trace.
    fn log(&self, level: u8, target: &str, message: &str);
    /// Whether the stage should stop.
    fn cancelled(&self) -> bool;
}
