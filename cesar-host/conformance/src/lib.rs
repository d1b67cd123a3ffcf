//! The conformance kit: whether a plugin's file keeps the contract, case by case.
//!
//! [`check`] runs every case that fits the plugin's stage. Each that runs code of the plugin does so in a runner of its own with a time
//! limit and a memory limit, so that a plugin that crashes, hangs or eats memory fails that case and no other. Nothing is written to
//! the cache, and verdicts and quarantine are neither asked nor changed.
//!
//! A stage may refuse what it is given (an empty recording, say) with a typed error; what it must not do is crash, answer what cannot
//! be right, or hang.
//!
//! | module | what |
//! |---|---|
//! | `cases` | the table of cases |
//! | `subject` | the plugin under test: runners, audio, requests |
//! | `recording_observer` | what a stage emitted while it ran |
//! | `fetching`, `site` | what a download stage is asked, and the server that it is asked to fetch from |

use std::time::Duration;

use serde::Serialize;

mod cases;
mod fetching;
mod recording_observer;
mod site;
mod subject;

pub use subject::Subject;

/// How a case ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The contract is kept.
    Passed,
    /// It is not.
    Failed,
    /// The case does not fit the stage, or a case before it makes it meaningless.
    Skipped,
}

/// One case's report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The case.
    pub case: &'static str,
    /// What the contract asks.
    pub asks: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// What was seen.
    pub says: String,
    /// How long it took, in ms.
    pub ms: u64,
}

/// How much is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Silence that a stage must come through, in seconds.
    pub silence_s: u32,
    /// Runs in a row without growth.
    pub runs: u32,
    /// How long one case may take.
    pub limit: Duration,
}

impl Effort {
    /// What the contract asks: an hour of silence, a hundred runs.
    pub const FULL: Self = Self {
        silence_s: 3600,
        runs: 100,
        limit: Duration::from_secs(1800),
    };

    /// For a look while developing, and for suites: a minute of silence, eight runs.
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
