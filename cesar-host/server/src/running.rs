//! The jobs that run in this process, and what is known about each while it runs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use cesar_jobs::{JobId, Lease, Progress, Report};
use cesar_runner::CancelToken;

/// Why a run was told to stop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Why {
    /// It was not.
    #[default]
    Nothing,
    /// Somebody cancelled the job.
    Cancelled,
    /// The server stops.
    Stopping,
    /// The job belongs to somebody else by now.
    Lost,
}

/// One attempt at a job.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) job: JobId,
    pub(crate) lease: Lease,
    pub(crate) cancel: CancelToken,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    why: Why,
    progress: Progress,
    report: Report,
    finished: BTreeSet<String>,
    /// How far each stage is that has begun, 0 to 1.
    parts: BTreeMap<&'static str, f64>,
    diarize: bool,
    download: bool,
}

/// How much of a job's time each stage takes, in percent, with and without diarization: only to show progress.
const WITHOUT: &[(&str, f64)] = &[
    (DOWNLOAD, 0.0),
    ("decode", 5.0),
    ("asr", 93.0),
    ("merge", 1.0),
    ("format", 1.0),
];
const WITH: &[(&str, f64)] = &[
    (DOWNLOAD, 0.0),
    ("decode", 4.0),
    ("asr", 64.0),
    ("diarize", 30.0),
    ("merge", 1.0),
    ("format", 1.0),
];

/// The stage that only jobs of an address have, and how much of their time it takes; the others share the rest.
const DOWNLOAD: &str = "download";
const DOWNLOADING: f64 = 20.0;

impl Run {
    pub(crate) fn new(lease: Lease) -> Self {
        let report = Report {
            timings: BTreeMap::new(),
            ..Report::default()
        };
        let progress = Progress {
            phase: "decode".to_owned(),
            ..Progress::default()
        };
        let state = State {
            progress,
            report,
            ..State::default()
        };
        Self {
            job: lease.job,
            lease,
            cancel: CancelToken::default(),
            state: Mutex::new(state),
        }
    }

    /// Tells it to stop. The first reason counts.
    pub(crate) fn stop(&self, why: Why) {
        self.with(|state| {
            if state.why == Why::Nothing {
                state.why = why;
            }
        });
        self.cancel.cancel();
    }

    /// Why it was told to stop.
    pub(crate) fn why(&self) -> Why {
        self.with(|state| state.why)
    }

    /// The stage that runs, or ran last.
    pub(crate) fn phase(&self) -> String {
        self.with(|state| state.progress.phase.clone())
    }

    /// How far it is.
    pub(crate) fn progress(&self) -> Progress {
        self.with(|state| state.progress.clone())
    }

    /// What is known about the result.
    pub(crate) fn report(&self) -> Report {
        self.with(|state| state.report.clone())
    }

    /// Whether a stage has given its result.
    pub(crate) fn has_finished(&self, stage: &str) -> bool {
        self.with(|state| state.finished.contains(stage))
    }

    /// Whether its work includes diarization.
    pub(crate) fn identifies_speakers(&self, diarize: bool) {
        self.with(|state| state.diarize = diarize);
    }

    /// Whether its work begins with a download.
    pub(crate) fn downloads(&self, download: bool) {
        self.with(|state| {
            state.download = download;
            if download {
                DOWNLOAD.clone_into(&mut state.progress.phase);
            }
        });
    }

    /// A stage is this far, 0 to 1. Of stages side by side the first that is not done is the phase.
    pub(crate) fn advance(&self, stage: &str, part: f64) {
        self.with(|state| {
            let shares = if state.diarize { WITH } else { WITHOUT };
            let Some((name, _)) = shares.iter().find(|(name, _)| *name == stage) else {
                return;
            };
            state.parts.insert(name, part);
            let download = state.download;
            let share_of = |name: &str, share: f64| match (download, name == DOWNLOAD) {
                (false, _) => share,
                (true, true) => DOWNLOADING,
                (true, false) => share * (100.0 - DOWNLOADING) / 100.0,
            };
            let done = |(name, share): &(&str, f64)| {
                share_of(name, *share) * state.parts.get(name).copied().unwrap_or_default()
            };
            let percent: f64 = shares.iter().map(done).sum();
            // A bar never goes back, even when a stage starts over.
            state.progress.percent = state.progress.percent.max(percent.min(100.0));
            let open = |(name, _): &&(&str, f64)| state.parts.get(name).is_some_and(|part| *part < 1.0);
            let (phase, part) = match shares.iter().find(open) {
                Some((name, _)) => (*name, state.parts[name]),
                None => (*name, part),
            };
            state.progress.phase_percent = 100.0 * part;
            if state.progress.phase != phase {
                state.progress.phase = phase.to_owned();
            }
        });
    }

    /// A stage has failed that the transcript can do without.
    pub(crate) fn failed(&self, stage: &str) {
        self.advance(stage, 1.0);
    }

    /// A stage has given its result.
    pub(crate) fn finished(&self, stage: &str, hit: bool, ms: i64) {
        self.advance(stage, 1.0);
        self.with(|state| {
            state.finished.insert(stage.to_owned());
            state.report.timings.insert(stage.to_owned(), ms);
            match stage {
                "asr" => state.report.transcription_cached = Some(hit),
                "diarize" => state.report.diarization_cached = Some(hit),
                _ => {}
            }
        });
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Running {
    by_job: Mutex<HashMap<JobId, Arc<Run>>>,
}

impl Running {
    pub(crate) fn insert(&self, run: &Arc<Run>) {
        self.with(|runs| runs.insert(run.job, Arc::clone(run)));
    }

    pub(crate) fn remove(&self, job: JobId) {
        self.with(|runs| runs.remove(&job));
    }

    /// Every run.
    pub(crate) fn all(&self) -> Vec<Arc<Run>> {
        self.with(|runs| runs.values().cloned().collect())
    }

    /// Whether this job runs here.
    pub(crate) fn holds(&self, job: JobId) -> bool {
        self.with(|runs| runs.contains_key(&job))
    }

    /// How many.
    pub(crate) fn count(&self) -> usize {
        self.with(|runs| runs.len())
    }

    /// Tells a job's run to stop, where it runs here.
    pub(crate) fn stop(&self, job: JobId, why: Why) {
        if let Some(run) = self.with(|runs| runs.get(&job).cloned()) {
            run.stop(why);
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut HashMap<JobId, Arc<Run>>) -> T) -> T {
        work(&mut self.by_job.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
