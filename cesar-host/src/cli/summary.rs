//! Outcome of a run over several inputs: exit code and summary.

use std::ops::ControlFlow;

use cesar_pipeline::Pipeline;
use serde_json::json;

use super::progress::Show;
use crate::cli::report::{Exit, Failure, complain};

/// Whether a transcript is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whole {
    Yes,
    No,
}

/// Outcomes so far.
pub(super) struct Done {
    pub(super) inputs: usize,
    whole: usize,
    failed: usize,
    /// Incomplete transcripts.
    partial: usize,
    interrupted: bool,
    /// A refusal of the engine that applies to every input.
    refused: Option<Failure>,
}

impl Done {
    pub(super) fn of(inputs: usize) -> Self {
        Self {
            inputs,
            whole: 0,
            failed: 0,
            partial: 0,
            interrupted: false,
            refused: None,
        }
    }

    /// Adds an outcome; a break starts no further input.
    pub(super) fn add(&mut self, input: &str, result: Result<Whole, Failure>, show: &Show) -> ControlFlow<()> {
        match result {
            Ok(Whole::Yes) => self.whole += 1,
            Ok(Whole::No) => self.partial += 1,
            Err(Failure { interrupted: true, .. }) => {
                self.interrupted = true;
                return ControlFlow::Break(());
            }
            // An option that the engine refuses is refused for every input.
            Err(failure) if failure.exit == Exit::Usage => {
                self.refused.get_or_insert(failure);
                return ControlFlow::Break(());
            }
            Err(failure) => {
                self.failed += 1;
                let Failure { text, code, .. } = &failure;
                show.json(&json!({ "type": "error", "input": input, "code": code, "message": text }));
                show.complain(text);
            }
        }
        ControlFlow::Continue(())
    }

    /// One line about all inputs.
    fn summary(&self) -> String {
        let transcribed = match (self.whole + self.partial, self.partial) {
            (all, 0) => format!("{all} transcribed"),
            (all, partial) => format!("{all} transcribed ({partial} partial)"),
        };
        let others = [
            (self.failed, "failed"),
            (self.inputs - self.whole - self.partial - self.failed, "not started"),
        ];
        let others = others.into_iter().filter(|(count, _)| *count > 0);
        let counts: Vec<_> = [transcribed]
            .into_iter()
            .chain(others.map(|(count, what)| format!("{count} {what}")))
            .collect();
        format!("{} recordings: {}", self.inputs, counts.join(", "))
    }

    pub(super) fn exit(self, pipeline: &Pipeline, show: &Show) -> Result<Exit, Failure> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        let exit = match (self.interrupted, self.failed) {
            (true, _) => Exit::Interrupted,
            (false, 0) if self.partial > 0 => Exit::Partial,
            (false, 0) => Exit::Done,
            (false, failed) if failed == self.inputs => Exit::Failed,
            (false, _) => Exit::SomeFailed,
        };
        if self.interrupted {
            complain("interrupted; finished stages are kept in the cache");
        }
        if self.inputs > 1 {
            show.inform(&self.summary());
        }
        show.json(&json!({
            "type": "done",
            "exit_code": exit as u8,
            "inputs": self.inputs,
            "failed": self.failed,
            "partial": self.partial,
            "runner_starts": pipeline.runners().starts(),
            "stage_runs": pipeline.runners().runs(),
        }));
        Ok(exit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_counts_every_input() {
        let done = |inputs, whole, partial, failed| Done {
            whole,
            partial,
            failed,
            ..Done::of(inputs)
        };
        let summaries = [
            done(500, 460, 0, 40),
            done(3, 2, 1, 0),
            done(9, 0, 0, 9),
            done(4, 1, 1, 1),
        ]
        .map(|done| done.summary());
        let expected = [
            "500 recordings: 460 transcribed, 40 failed",
            "3 recordings: 3 transcribed (1 partial)",
            "9 recordings: 0 transcribed, 9 failed",
            "4 recordings: 2 transcribed (1 partial), 1 failed, 1 not started",
        ];
        assert_eq!(summaries, expected);
    }
}
