//! The downloads of models that run or have failed, and their progress: at most one for each model.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cesar_models::HubSettings;
use cesar_models::pull::Event;
use parking_lot::Mutex;
use serde::Serialize;
use utoipa::ToSchema;

/// The least time between two events of one download.
const EVENT_INTERVAL: Duration = Duration::from_millis(250);

/// Downloads at a time: each has a thread and the memory of a verification.
const MOST_RUNNING: usize = 3;

/// The sources of models.
#[derive(Debug)]
pub(crate) struct Sources {
    pub(crate) hub: HubSettings,
    pub(crate) libraries: PathBuf,
    pub(crate) python: Option<PathBuf>,
}

/// The progress of a download.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ModelPull)]
pub(crate) struct PullView {
    /// The file that arrives, or the present step.
    what: Option<String>,
    /// Bytes received.
    done: u64,
    /// All bytes, where they are known.
    total: Option<u64>,
    /// Its error; `null` while it runs.
    pub(crate) error: Option<String>,
}

/// The downloads that run or have failed, by the id of the model.
#[derive(Debug, Default)]
pub(crate) struct Pulls(Mutex<BTreeMap<&'static str, Arc<Pull>>>);

/// One download.
#[derive(Debug)]
pub(crate) struct Pull {
    /// Its size in the catalog.
    size: Option<u64>,
    stopped: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes received and announced of each file.
    files: BTreeMap<String, (u64, u64)>,
    what: Option<String>,
    error: Option<String>,
    /// Its last publication.
    published: Option<Instant>,
}

impl Pull {
    pub(crate) fn new(size: Option<u64>) -> Self {
        Self {
            size,
            stopped: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    pub(crate) fn observe(&self, event: &Event<'_>) {
        let mut state = self.state.lock();
        match event {
            Event::Progress { what, done, total } => {
                state.files.insert((*what).to_owned(), (*done, *total));
                state.what = Some((*what).to_owned());
            }
            Event::Doing { what } => state.what = Some((*what).to_owned()),
            // The path that another process holds may be a folder.
            Event::Waiting { .. } => state.what = Some("waiting for another process".to_owned()),
            Event::Started { .. } => {}
        }
    }

    /// Whether an event is due; the next one is due after [`EVENT_INTERVAL`].
    pub(crate) fn is_due(&self) -> bool {
        let mut state = self.state.lock();
        let is_due = state.published.is_none_or(|last| last.elapsed() >= EVENT_INTERVAL);
        if is_due {
            state.published = Some(Instant::now());
        }
        is_due
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    fn is_running(&self) -> bool {
        self.state.lock().error.is_none()
    }

    fn view(&self) -> PullView {
        let state = self.state.lock();
        let done = state.files.values().map(|(done, _)| done).sum();
        let announced: u64 = state.files.values().map(|(_, total)| total).sum();
        let known = self.size.unwrap_or_default().max(announced);
        PullView {
            what: state.what.clone(),
            done,
            total: Some(known).filter(|known| *known > 0),
            error: state.error.clone(),
        }
    }
}

impl Pulls {
    /// The download of a model, if it runs or has failed.
    pub(crate) fn view(&self, id: &str) -> Option<PullView> {
        self.0.lock().get(id).map(|pull| pull.view())
    }

    /// Begins a download; `None` when one runs already.
    pub(crate) fn begin(&self, id: &'static str, size: Option<u64>) -> Result<Option<Arc<Pull>>, PullRefused> {
        let mut known = self.0.lock();
        if known.get(id).is_some_and(|pull| pull.is_running()) {
            return Ok(None);
        }
        if known.values().filter(|pull| pull.is_running()).count() >= MOST_RUNNING {
            return Err(PullRefused::TooMany);
        }
        let pull = Arc::new(Pull::new(size));
        known.insert(id, Arc::clone(&pull));
        Ok(Some(pull))
    }

    /// Cancels a download, or forgets a failed one; `None` when there is none.
    pub(crate) fn cancel(&self, id: &str) -> Option<Cancelled> {
        let mut known = self.0.lock();
        let pull = known.get(id)?;
        pull.stopped.store(true, Ordering::Relaxed);
        if pull.is_running() {
            return Some(Cancelled::Stopping);
        }
        known.remove(id);
        Some(Cancelled::Dismissed)
    }

    /// Ends a download. A failed one is kept with its error.
    pub(crate) fn end(&self, id: &'static str, pull: &Pull, result: Result<(), String>) {
        let mut known = self.0.lock();
        match result {
            Err(error) if !pull.is_stopped() => pull.state.lock().error = Some(error),
            _ => drop(known.remove(id)),
        }
    }
}

/// The effect of a download's cancellation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cancelled {
    /// It stops, and publishes that.
    Stopping,
    /// It had failed, and is forgotten.
    Dismissed,
}

/// Reasons to refuse a download.
#[derive(Debug)]
pub(crate) enum PullRefused {
    /// [`MOST_RUNNING`] others run.
    TooMany,
    /// There is no thread for it.
    Thread(std::io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(what: &'static str, done: u64, total: u64) -> Event<'static> {
        Event::Progress { what, done, total }
    }

    #[test]
    fn failed_downloads_take_no_room() {
        let pulls = Pulls::default();
        let begin = |id| pulls.begin(id, None);
        let first = begin("tiny").unwrap().unwrap();
        begin("base").unwrap().unwrap();
        begin("small").unwrap().unwrap();
        assert!(matches!(begin("medium"), Err(PullRefused::TooMany)));
        assert!(matches!(begin("base"), Ok(None)), "it runs already");
        pulls.end("tiny", &first, Err("no space".to_owned()));
        assert!(matches!(begin("medium"), Ok(Some(_))));
    }

    #[test]
    fn progress_counts_all_files() {
        let pulls = Pulls::default();
        assert_eq!(pulls.view("base"), None);
        let pull = pulls.begin("base", Some(100)).unwrap().unwrap();
        let seen = || {
            let view = pulls.view("base").unwrap();
            (view.what.unwrap_or_default(), view.done, view.total)
        };
        assert_eq!(seen(), (String::new(), 0, Some(100)));
        pull.observe(&progress("config.json", 10, 10));
        pull.observe(&progress("model.bin", 20, 80));
        pull.observe(&progress("model.bin", 40, 80));
        assert_eq!(seen(), ("model.bin".to_owned(), 50, Some(100)));
        pull.observe(&progress("vocabulary.txt", 1, 30));
        assert_eq!(
            seen(),
            ("vocabulary.txt".to_owned(), 51, Some(120)),
            "more than the catalog has"
        );
        let path = "/home/ann/models";
        pull.observe(&Event::Waiting { what: path });
        assert!(!seen().0.contains(path));
    }

    #[test]
    fn one_download_of_a_model_runs_at_a_time() {
        let pulls = Pulls::default();
        let begin = |id| pulls.begin(id, None).unwrap();
        let pull = begin("base").unwrap();
        assert!(begin("base").is_none());
        assert!(begin("tiny").is_some(), "another model");
        pulls.end("base", &pull, Err("no network".to_owned()));
        assert_eq!(pulls.view("base").unwrap().error.as_deref(), Some("no network"));
        let again = begin("base").unwrap();
        assert_eq!(pulls.view("base"), Some(PullView::default()));
        pulls.end("base", &again, Ok(()));
        assert_eq!(pulls.view("base"), None);
    }

    #[test]
    fn a_cancelled_download_leaves_no_error() {
        let pulls = Pulls::default();
        assert_eq!(pulls.cancel("base"), None);
        let begin = || pulls.begin("base", None).unwrap();
        let pull = begin().unwrap();
        assert_eq!(pulls.cancel("base"), Some(Cancelled::Stopping));
        assert!(pull.is_stopped());
        assert!(begin().is_none(), "it has not stopped yet");
        pulls.end("base", &pull, Err("the download was cancelled".to_owned()));
        assert_eq!(pulls.view("base"), None);
        let failed = begin().unwrap();
        pulls.end("base", &failed, Err("no network".to_owned()));
        assert_eq!(pulls.cancel("base"), Some(Cancelled::Dismissed));
        assert_eq!(pulls.view("base"), None);
    }
}
