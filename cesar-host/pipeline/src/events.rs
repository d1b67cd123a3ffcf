//! Events of the pipeline.

use std::time::Duration;

use serde::Serialize;

use super::Stage;

/// How a stage got its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StageOutcome {
    /// From the cache.
    Hit,
    /// From the cache, after waiting for another process that was computing it.
    Waited,
    /// From the cache, after the server said that it is still what is there.
    Renewed,
    /// By running, and the result is in the cache now.
    Miss,
    /// By running, without the cache.
    Ran,
}

/// One stage of one transcript, done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageReport {
    /// Which one.
    pub stage: Stage,
    /// The plugin's id, or `cesar` for the host's own stages.
    pub plugin: String,
    /// How.
    pub outcome: StageOutcome,
    /// How long it took, or once had taken, in ms.
    pub ms: i64,
}

impl std::fmt::Display for StageReport {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { stage, plugin, .. } = self;
        #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
        let seconds = self.ms as f64 / 1000.0;
        match self.outcome {
            StageOutcome::Hit => write!(formatter, "{stage} {plugin}: hit (saved {seconds:.1} s)"),
            StageOutcome::Waited => write!(formatter, "{stage} {plugin}: hit after waiting (saved {seconds:.1} s)"),
            StageOutcome::Renewed => write!(formatter, "{stage} {plugin}: unchanged (saved {seconds:.1} s)"),
            StageOutcome::Miss => write!(formatter, "{stage} {plugin}: miss ({seconds:.1} s)"),
            StageOutcome::Ran => write!(formatter, "{stage} {plugin}: ran without the cache ({seconds:.1} s)"),
        }
    }
}

/// Something happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// A stage begins to run (a hit has no beginning).
    Started {
        /// The stage.
        stage: Stage,
        /// The plugin's id.
        plugin: &'a str,
    },
    /// A stage resumes where an earlier run stopped, or starts over where that is 0; its segments up to there follow.
    Resumed {
        /// The stage.
        stage: Stage,
        /// Units of its work that are done.
        done: u64,
        /// Units in all, 0 when unknown.
        total: u64,
    },
    /// `done` of `total` units of the stage's work; bytes for `download`, ms of audio for `decode` and `asr`.
    Progress {
        /// The stage.
        stage: Stage,
        /// Units done.
        done: u64,
        /// Units in all, 0 when unknown.
        total: u64,
    },
    /// A piece of text, in ms.
    Segment {
        /// Start.
        start_ms: u64,
        /// End.
        end_ms: u64,
        /// The text.
        text: &'a str,
    },
    /// Another process computes the same; this one waits for it.
    Waiting {
        /// The stage.
        stage: Stage,
        /// How long so far.
        waited: Duration,
        /// The other process, when known.
        owner: Option<u32>,
    },
    /// A stage is done.
    Finished(&'a StageReport),
    /// A stage has failed that the transcript can do without; the run's result says why.
    Failed {
        /// The stage.
        stage: Stage,
    },
    /// Something the user should know; the work continues.
    Warning(&'a str),
    /// Something for those who want to know more.
    Detail(&'a str),
    /// A log line of a plugin, level 1 (error) to 5 (trace).
    Log {
        /// The level.
        level: u8,
        /// Where from.
        target: &'a str,
        /// The line.
        message: &'a str,
    },
}

/// Listens to the pipeline, from several threads.
pub trait Observer: Sync {
    /// Something happened.
    fn event(&self, event: &Event<'_>);
}
