//! Outcome of a run over several inputs: exit code and summary.

use std::ops::ControlFlow;

use cesar_cache::Cache;
use cesar_runner::CancelToken;
use serde_json::json;

use super::host::Host;
use super::humanize::duration;
use super::progress::Show;
use crate::cli::report::{Exit, Failure, print_error};

/// The outcome of one input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Its files were there already, and are kept.
    Kept,
    Transcribed {
        /// Whether something is missing.
        partial: bool,
        /// Whether the cache had all of its results.
        cached: bool,
        /// The time that results from the cache took once, in ms.
        saved_ms: u64,
    },
}

/// Savings below a second are not reported.
const SHORTEST_SAVING_MS: u64 = 1_000;

/// Outcomes so far.
pub(super) struct Done {
    pub(super) inputs: usize,
    whole: usize,
    failed: usize,
    /// Inputs whose files were there already.
    kept: usize,
    /// Transcripts that are results of the cache only.
    cached: usize,
    saved_ms: u64,
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
            kept: 0,
            cached: 0,
            saved_ms: 0,
            partial: 0,
            interrupted: false,
            refused: None,
        }
    }

    /// Adds an outcome; a break starts no further input.
    pub(super) fn add(&mut self, input: &str, result: Result<Outcome, Failure>, show: &Show) -> ControlFlow<()> {
        match result {
            Ok(Outcome::Kept) => self.kept += 1,
            Ok(Outcome::Transcribed {
                partial,
                cached,
                saved_ms,
            }) => {
                *(if partial { &mut self.partial } else { &mut self.whole }) += 1;
                self.cached += usize::from(cached);
                self.saved_ms = self.saved_ms.saturating_add(saved_ms);
            }
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
                show.print_error(text);
            }
        }
        ControlFlow::Continue(())
    }

    /// One line about all inputs.
    fn summary(&self) -> String {
        let transcribed = self.whole + self.partial;
        let details = [
            (self.partial > 0).then(|| format!("{} partial", self.partial)),
            (self.cached > 0).then(|| format!("{} from the cache", self.cached)),
            (self.saved_ms >= SHORTEST_SAVING_MS).then(|| format!("{} saved", duration(self.saved_ms))),
        ];
        let details = details.into_iter().flatten().collect::<Vec<_>>().join(", ");
        let transcribed = match details.as_str() {
            "" => format!("{transcribed} transcribed"),
            details => format!("{transcribed} transcribed ({details})"),
        };
        let others = [
            (self.kept, "kept"),
            (self.failed, "failed"),
            (
                self.inputs - self.whole - self.partial - self.kept - self.failed,
                "not started",
            ),
        ];
        let others = others.into_iter().filter(|(count, _)| *count > 0);
        let counts: Vec<_> = [transcribed]
            .into_iter()
            .chain(others.map(|(count, what)| format!("{count} {what}")))
            .collect();
        format!("{} recordings: {}", self.inputs, counts.join(", "))
    }

    /// Ends the command, after the results that machines share are written.
    pub(super) fn exit(self, host: &Host, show: &Show, cancel: &CancelToken) -> Result<Exit, Failure> {
        let pipeline = &host.pipeline;
        let shared_cache = host.shared_cache.as_ref();
        let left = shared_cache.and_then(|shared_cache| shared_cache.finish(&|| cancel.is_cancelled()));
        left.iter().for_each(|note| show.inform(note));
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
            print_error(match pipeline.cache() {
                Some(_) => "interrupted; finished stages are kept in the cache",
                None => "interrupted",
            });
        }
        if self.inputs > 1 {
            show.inform(&self.summary());
        }
        let mut done = json!({
            "type": "done",
            "exit_code": exit as u8,
            "inputs": self.inputs,
            "failed": self.failed,
            "partial": self.partial,
            "runner_starts": pipeline.runners().starts(),
            "stage_runs": pipeline.runners().runs(),
        });
        if let Some(counters) = pipeline.cache().and_then(Cache::second_level_counters) {
            let counters = counters
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.into()));
            done["shared_cache"] = serde_json::Value::Object(counters.collect());
        }
        show.json(&done);
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
            Done {
                cached: 2,
                saved_ms: 723_400,
                ..done(7, 5, 1, 1)
            },
            Done {
                kept: 3,
                ..done(4, 1, 0, 0)
            },
        ]
        .map(|done| done.summary());
        let expected = [
            "500 recordings: 460 transcribed, 40 failed",
            "3 recordings: 3 transcribed (1 partial)",
            "9 recordings: 0 transcribed, 9 failed",
            "4 recordings: 2 transcribed (1 partial), 1 failed, 1 not started",
            "7 recordings: 6 transcribed (1 partial, 2 from the cache, 12 min 3 s saved), 1 failed",
            "4 recordings: 1 transcribed, 3 kept",
        ];
        assert_eq!(summaries, expected);
    }
}
