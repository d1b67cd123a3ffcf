//! The conformance kit: checks, case by case, whether a plugin's file keeps the contract.
//!
//! [`check`] runs every case that fits the plugin's stage. A case that runs code of the plugin uses its own runner with a time
//! limit and a memory limit, so that a plugin that crashes, hangs or eats memory fails that case and no other. Nothing is written
//! to the cache, and verdicts and quarantine are neither read nor changed.
//!
//! A stage may refuse its input (an empty recording, say) with a typed error; it must not crash, hang, or return an answer that
//! cannot be right.
//!
//! | module | content |
//! |---|---|
//! | `cases` | the table of cases |
//! | `subject` | the plugin under test: runners, audio, requests |
//! | `recording_observer` | the events of a stage |
//! | `fetching`, `site` | requests to a download stage, and their server |

use std::time::Duration;

use serde::Serialize;

mod cases;
mod fetching;
mod recording_observer;
mod site;
mod subject;

pub use subject::Subject;

/// The outcome of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The contract is kept.
    Passed,
    /// The contract is broken.
    Failed,
    /// The case does not fit the stage, or an earlier case makes it meaningless.
    Skipped,
}

/// One case's report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The case.
    pub case: &'static str,
    /// The requirement of the contract.
    pub asks: &'static str,
    /// The outcome.
    pub outcome: Outcome,
    /// The observation.
    pub says: String,
    /// Duration, in ms.
    pub ms: u64,
}

/// The extent of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Duration of the silence that a stage must process, in seconds.
    pub silence_s: u32,
    /// Number of runs in a row without growth.
    pub runs: u32,
    /// Time limit of one case.
    pub limit: Duration,
}

impl Effort {
    /// The extent that the contract requires: an hour of silence, a hundred runs.
    pub const FULL: Self = Self {
        silence_s: 3600,
        runs: 100,
        limit: Duration::from_secs(1800),
    };

    /// The extent for development and for suites: a minute of silence, eight runs.
    pub const QUICK: Self = Self {
        silence_s: 60,
        runs: 8,
        limit: Duration::from_secs(60),
    };
}

/// Runs all cases; `report_case` is called with each as it ends.
pub fn check(subject: &Subject<'_>, mut report_case: impl FnMut(&Report)) -> Vec<Report> {
    let mut reports: Vec<Report> = Vec::new();
    let mut loads = true;
    for case in cases::CASES {
        let began = std::time::Instant::now();
        let seen = if loads || case.without_loading {
            (case.run)(subject)
        } else {
            Ok(cases::Seen::Skipped(
                "without what comes before, it says nothing".to_owned(),
            ))
        };
        let (outcome, says) = match seen {
            Ok(cases::Seen::Fine(says)) => (Outcome::Passed, says),
            Ok(cases::Seen::Skipped(says)) => (Outcome::Skipped, says),
            Err(says) => (Outcome::Failed, says),
        };
        loads &= outcome != Outcome::Failed || !case.is_basis;
        let report = Report {
            case: case.name,
            asks: case.asks,
            outcome,
            says,
            ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        report_case(&report);
        reports.push(report);
    }
    reports
}
