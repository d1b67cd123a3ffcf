//! The runs of jobs in this process, with their progress.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use cesar_jobs::{JobId, Lease, Progress, Report};
use cesar_pipeline::Stage;
use cesar_runner::CancelToken;
use parking_lot::Mutex;

use crate::traces::JobSpan;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// A client cancelled the job.
    Cancelled,
    /// The server stops.
    Stopping,
    /// Another worker holds the job.
    Lost,
}

/// One attempt at a job.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) job: JobId,
    pub(crate) lease: Lease,
    pub(crate) cancel: CancelToken,
    pub(crate) span: JobSpan,
    state: Mutex<State>,
    /// The number of the last event that the store has.
    kept: Mutex<u64>,
}

#[derive(Debug, Default)]
struct State {
    stop_reason: Option<StopReason>,
    /// The stage that runs, or ran last.
    phase: Option<Stage>,
    progress: Progress,
    report: Report,
    finished: BTreeSet<Stage>,
    /// The progress of each stage that has begun, 0 to 1.
    parts: BTreeMap<Stage, f64>,
    diarize: bool,
    download: bool,
}

/// Each stage's share of a job's time in percent, without and with diarization; estimates for the progress.
const WITHOUT: &[(Stage, f64)] = &[
    (Stage::Download, 0.0),
    (Stage::Decode, 5.0),
    (Stage::Asr, 93.0),
    (Stage::Merge, 1.0),
    (Stage::Format, 1.0),
];
const WITH: &[(Stage, f64)] = &[
    (Stage::Download, 0.0),
    (Stage::Decode, 4.0),
    (Stage::Asr, 64.0),
    (Stage::Diarize, 30.0),
    (Stage::Merge, 1.0),
    (Stage::Format, 1.0),
];

/// The share of the download in the time of a job with an address; the other stages share the rest.
const DOWNLOADING: f64 = 20.0;

/// The stage of a run that has not begun one.
const FIRST: Stage = Stage::Decode;

impl State {
    fn enter(&mut self, stage: Stage) {
        if self.phase != Some(stage) {
            self.phase = Some(stage);
            stage.name().clone_into(&mut self.progress.phase);
        }
    }
}

impl Run {
    pub(crate) fn new(lease: Lease, span: JobSpan) -> Self {
        let report = Report {
            timings: BTreeMap::new(),
            ..Report::default()
        };
        let mut state = State {
            report,
            ..State::default()
        };
        state.enter(FIRST);
        Self {
            job: lease.job,
            lease,
            cancel: CancelToken::default(),
            span,
            state: Mutex::new(state),
            kept: Mutex::new(0),
        }
    }

    /// Calls `keep` with the number of the last event that the store has, one caller at a time.
    pub(crate) fn with_kept(&self, keep: impl FnOnce(&mut u64)) {
        keep(&mut self.kept.lock());
    }

    /// Stops the run. The first reason counts.
    pub(crate) fn stop(&self, reason: StopReason) {
        self.state.lock().stop_reason.get_or_insert(reason);
        self.cancel.cancel();
    }

    pub(crate) fn stop_reason(&self) -> Option<StopReason> {
        self.state.lock().stop_reason
    }

    /// The stage that runs, or ran last.
    pub(crate) fn phase(&self) -> Stage {
        self.state.lock().phase.unwrap_or(FIRST)
    }

    pub(crate) fn progress(&self) -> Progress {
        self.state.lock().progress.clone()
    }

    pub(crate) fn report(&self) -> Report {
        self.state.lock().report.clone()
    }

    /// Whether a stage has finished.
    pub(crate) fn has_finished(&self, stage: Stage) -> bool {
        self.state.lock().finished.contains(&stage)
    }

    /// Records whether the run includes diarization.
    pub(crate) fn set_diarize(&self, diarize: bool) {
        self.state.lock().diarize = diarize;
    }

    /// Records whether the run begins with a download.
    pub(crate) fn set_download(&self, download: bool) {
        let mut state = self.state.lock();
        state.download = download;
        if download {
            state.enter(Stage::Download);
        }
    }

    /// Records the progress of a stage, 0 to 1. Of parallel stages, the first unfinished one is the phase.
    pub(crate) fn advance(&self, stage: Stage, part: f64) {
        let mut state = self.state.lock();
        let shares = if state.diarize { WITH } else { WITHOUT };
        if !shares.iter().any(|(known, _)| *known == stage) {
            return;
        }
        state.parts.insert(stage, part);
        let download = state.download;
        let share_of = |stage: Stage, share: f64| match (download, stage == Stage::Download) {
            (false, _) => share,
            (true, true) => DOWNLOADING,
            (true, false) => share * (100.0 - DOWNLOADING) / 100.0,
        };
        let done = |(stage, share): &(Stage, f64)| {
            share_of(*stage, *share) * state.parts.get(stage).copied().unwrap_or_default()
        };
        let percent: f64 = shares.iter().map(done).sum();
        // The percentage never decreases, even when a stage restarts.
        state.progress.percent = state.progress.percent.max(percent.min(100.0));
        let open = |(stage, _): &&(Stage, f64)| state.parts.get(stage).is_some_and(|part| *part < 1.0);
        let (phase, part) = match shares.iter().find(open) {
            Some((open, _)) => (*open, state.parts[open]),
            None => (stage, part),
        };
        state.progress.phase_percent = 100.0 * part;
        state.enter(phase);
    }

    /// Records the failure of an optional stage.
    pub(crate) fn failed(&self, stage: Stage) {
        self.advance(stage, 1.0);
    }

    /// Records the result of a stage.
    pub(crate) fn finished(&self, stage: Stage, hit: bool, ms: i64) {
        self.advance(stage, 1.0);
        let mut state = self.state.lock();
        state.finished.insert(stage);
        state.report.timings.insert(stage.name().to_owned(), ms);
        match stage {
            Stage::Asr => state.report.transcription_cached = Some(hit),
            Stage::Diarize => state.report.diarization_cached = Some(hit),
            _ => {}
        }
    }
}

/// All runs in this process.
#[derive(Debug, Default)]
pub(crate) struct Running {
    by_job: Mutex<HashMap<JobId, Arc<Run>>>,
}

impl Running {
    pub(crate) fn insert(&self, run: &Arc<Run>) {
        self.by_job.lock().insert(run.job, Arc::clone(run));
    }

    pub(crate) fn remove(&self, job: JobId) {
        self.by_job.lock().remove(&job);
    }

    pub(crate) fn all(&self) -> Vec<Arc<Run>> {
        self.by_job.lock().values().cloned().collect()
    }

    /// Whether this job runs in this process.
    pub(crate) fn holds(&self, job: JobId) -> bool {
        self.by_job.lock().contains_key(&job)
    }

    pub(crate) fn count(&self) -> usize {
        self.by_job.lock().len()
    }

    /// Stops the run of a job, if it runs in this process.
    pub(crate) fn stop(&self, job: JobId, reason: StopReason) {
        let run = self.by_job.lock().get(&job).cloned();
        if let Some(run) = run {
            run.stop(reason);
        }
    }
}
