//! Downloads of models that a client asked for: at most one for each model, each on a thread of its own.
//!
//! They are the pulls of `cesar models pull`: verified by digest, resumed after a break, and shared with other processes by locks.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cesar_models::HubSettings;
use cesar_models::catalog::Entry;
use cesar_models::pull::{Event, PullError, Puller};
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::state::{App, Shared};
use crate::work::feed::FeedEventKind;

/// The least time between two events of one download.
const EVENT_INTERVAL: Duration = Duration::from_millis(250);

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
struct Pull {
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
    fn new(size: Option<u64>) -> Self {
        Self {
            size,
            stopped: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    fn observe(&self, event: &Event<'_>) {
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
    fn is_due(&self) -> bool {
        let mut state = self.state.lock();
        let is_due = state.published.is_none_or(|last| last.elapsed() >= EVENT_INTERVAL);
        if is_due {
            state.published = Some(Instant::now());
        }
        is_due
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

    /// A new download; `None` when one runs already.
    fn begin(&self, id: &'static str, size: Option<u64>) -> Result<Option<Arc<Pull>>, PullRefused> {
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
    fn end(&self, id: &'static str, pull: &Pull, result: Result<(), String>) {
        let mut known = self.0.lock();
        match result {
            Err(error) if !pull.stopped.load(Ordering::Relaxed) => pull.state.lock().error = Some(error),
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

/// Starts the download of a model, unless it runs already.
pub(crate) fn start(app: &App, entry: &'static Entry) -> Result<(), PullRefused> {
    let Some(pull) = app.pulls.begin(entry.id, entry.size())? else {
        return Ok(());
    };
    let shared = Arc::clone(app);
    let running = Arc::clone(&pull);
    let thread = std::thread::Builder::new().name("pull".to_owned());
    let started = thread.spawn(move || {
        tracing::info!(model = entry.id, "download of a model started");
        let result = catch_unwind(AssertUnwindSafe(|| fetch(&shared, entry, &running)));
        let result = result.unwrap_or_else(|_| Err(HIDDEN.to_owned()));
        match &result {
            Ok(()) => tracing::info!(model = entry.id, "model downloaded"),
            Err(error) => tracing::warn!(model = entry.id, "model not downloaded: {error}"),
        }
        let is_present = result.is_ok();
        shared.pulls.end(entry.id, &running, result);
        publish(&shared, entry, is_present);
    });
    match started {
        Ok(_) => Ok(()),
        Err(error) => {
            app.pulls.end(entry.id, &pull, Err(error.to_string()));
            Err(PullRefused::Thread(error))
        }
    }
}

/// Publishes the state of a model in the feed.
pub(crate) fn publish(shared: &Shared, entry: &Entry, is_present: bool) {
    let data = json!({ "id": entry.id, "present": is_present, "pull": shared.pulls.view(entry.id) });
    shared.feed.publish(FeedEventKind::Models, entry.id, data);
}

/// Downloads at a time: each has a thread and the memory of a verification.
const MOST_RUNNING: usize = 3;

/// Stands for messages about files of this machine.
const HIDDEN: &str = "the model cannot be stored; the server's log says why";

fn fetch(shared: &Shared, entry: &Entry, pull: &Pull) -> Result<(), String> {
    let sources = &shared.model_sources;
    let puller = Puller {
        roots: shared.pipeline.models(),
        libraries: Some(sources.libraries.clone()),
        hub: sources.hub.clone(),
        python: sources.python.clone(),
        offline: shared.pipeline.is_offline(),
        watch: &|event| {
            pull.observe(event);
            if pull.is_due() {
                publish(shared, entry, false);
            }
        },
        stop: &|| pull.stopped.load(Ordering::Relaxed) || shared.stopping(),
    };
    let pulled = puller.pull(&[entry.id.to_owned()], None);
    pulled.map(drop).map_err(|error| message(&error))
}

fn message(error: &PullError) -> String {
    if error.names_a_path() {
        tracing::warn!("{error}");
        return HIDDEN.to_owned();
    }
    error.to_string()
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
        assert!(pull.stopped.load(Ordering::Relaxed));
        assert!(begin().is_none(), "it has not stopped yet");
        pulls.end("base", &pull, Err("the download was cancelled".to_owned()));
        assert_eq!(pulls.view("base"), None);
        let failed = begin().unwrap();
        pulls.end("base", &failed, Err("no network".to_owned()));
        assert_eq!(pulls.cancel("base"), Some(Cancelled::Dismissed));
        assert_eq!(pulls.view("base"), None);
    }
}
