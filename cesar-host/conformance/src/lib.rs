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
//! | `cases`, `verdict` | the table of cases; what a case has seen |
//! | `effort` | how much is checked |
//! | `subject` | the plugin under test: runners, audio, requests |
//! | `recording_observer` | the events of a stage |
//! | `fetching`, `order`, `site` | requests to a download stage, and their server |

use serde::Serialize;

mod cases;
mod effort;
mod fetching;
mod order;
mod recording_observer;
mod site;
mod subject;
mod verdict;

pub use effort::Effort;
pub use subject::Subject;

use verdict::Seen;

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

/// Runs all cases; `report_case` is called with each as it ends.
pub fn check(subject: &Subject<'_>, mut report_case: impl FnMut(&Report)) -> Vec<Report> {
    let mut reports: Vec<Report> = Vec::new();
    let mut loads = true;
    for case in cases::CASES {
        let began = std::time::Instant::now();
        let seen = if loads || case.without_loading {
            (case.run)(subject)
        } else {
            Ok(Seen::Skipped("without what comes before, it says nothing".to_owned()))
        };
        let (outcome, says) = match seen {
            Ok(Seen::Fine(says)) => (Outcome::Passed, says),
            Ok(Seen::Skipped(says)) => (Outcome::Skipped, says),
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
