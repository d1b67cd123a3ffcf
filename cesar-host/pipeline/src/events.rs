//! Events of the tools.

use std::time::Duration;

use serde::Serialize;

use super::stage::Stage;

/// The source of a stage's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StageOutcome {
    /// From the cache.
    Hit,
    /// From the shared cache: another machine has computed it.
    Shared,
    /// From the cache, after waiting for another process that was computing it.
    Waited,
    /// From the cache, after the server confirmed that it is current.
    Renewed,
    /// Computed, and stored in the cache.
    Miss,
    /// Computed, without the cache.
    Ran,
}

impl StageOutcome {
    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Shared => "shared",
            Self::Waited => "waited",
            Self::Renewed => "renewed",
            Self::Miss => "miss",
            Self::Ran => "ran",
        }
    }

    /// Whether the result is one of the cache.
    #[must_use]
    pub const fn is_found(self) -> bool {
        matches!(self, Self::Hit | Self::Shared | Self::Waited | Self::Renewed)
    }
}

/// A finished stage of a transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageReport {
    /// The stage.
    pub stage: Stage,
    /// The plugin's id, or `cesar` for the host's own stages.
    pub plugin: String,
    /// The source of its result.
    pub outcome: StageOutcome,
    /// Its duration, or its original duration for a hit, in ms.
    pub ms: i64,
}

impl std::fmt::Display for StageReport {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { stage, plugin, .. } = self;
        #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
        let seconds = self.ms as f64 / 1000.0;
        match self.outcome {
            StageOutcome::Hit => write!(formatter, "{stage} {plugin}: hit (saved {seconds:.1} s)"),
            StageOutcome::Shared => write!(
                formatter,
                "{stage} {plugin}: hit in the shared cache (saved {seconds:.1} s)"
            ),
            StageOutcome::Waited => write!(formatter, "{stage} {plugin}: hit after waiting (saved {seconds:.1} s)"),
            StageOutcome::Renewed => write!(formatter, "{stage} {plugin}: unchanged (saved {seconds:.1} s)"),
            StageOutcome::Miss => write!(formatter, "{stage} {plugin}: miss ({seconds:.1} s)"),
            StageOutcome::Ran => write!(formatter, "{stage} {plugin}: ran without the cache ({seconds:.1} s)"),
        }
    }
}

/// An event.
#[derive(Debug)]
pub enum Event<'a> {
    /// A stage starts to run (a hit does not start).
    Started {
        /// The stage.
        stage: Stage,
        /// The plugin's id.
        plugin: &'a str,
    },
    /// A stage resumes where an earlier run stopped, or starts over if `done` is 0; its segments up to there follow.
    Resumed {
        /// The stage.
        stage: Stage,
        /// Units done.
        done: u64,
        /// Total units, 0 if unknown.
        total: u64,
    },
    /// `done` of `total` units of the stage's work; bytes for `download`, ms of audio for `decode` and `asr`.
    Progress {
        /// The stage.
        stage: Stage,
        /// Units done.
        done: u64,
        /// Total units, 0 if unknown.
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
    /// Another process computes the same result; this one waits.
    Waiting {
        /// The stage.
        stage: Stage,
        /// The time waited so far.
        waited: Duration,
        /// The other process, when known.
        owner: Option<u32>,
    },
    /// A stage is done.
    Finished(&'a StageReport),
    /// An optional stage has failed; the run's result has the reason.
    Failed {
        /// The stage.
        stage: Stage,
    },
    /// A problem that the user should know; the work continues.
    Warning(&'a str),
    /// A detail for interested users.
    Detail(&'a str),
    /// A log line of a plugin, level 1 (error) to 5 (trace).
    Log {
        /// The level.
        level: u8,
        /// The origin.
        target: &'a str,
        /// The line.
        message: &'a str,
    },
}

/// Receives the events of the tools, from several threads.
pub trait Observer: Sync {
    /// Receives an event.
    fn event(&self, event: &Event<'_>);
}
