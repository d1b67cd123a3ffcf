//! Progress on standard error.
//!
//! `bar` is for a terminal; `json` writes one object per line (`{"type":"progress","stage":…}`, …) of a stable schema, pinned by
//! tests; `none` writes only the lines of `-v`, warnings and errors.
//!
//! [`Show`] serves a whole command, [`Watched`] one of its recordings.

mod block;
mod board;
mod render;
mod screen;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use cesar_base::names::visible;
use cesar_config::Progress;
use cesar_pipeline::{Event, Observer};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::report::{print_error, write_line};
use board::Recording;
use screen::Screen;

/// A shorter wait is not reported: it is over before it is read, and who computes may not be known yet.
const SHORT_WAIT: Duration = Duration::from_millis(300);

/// Progress of one command.
pub(super) struct Show {
    style: Progress,
    verbosity: i8,
    /// With the thread that draws it.
    screen: Option<(Arc<Screen>, JoinHandle<()>)>,
    warned: Mutex<BTreeSet<String>>,
    next_id: AtomicUsize,
}

/// Progress of one recording.
pub(super) struct Watched<'a> {
    show: &'a Show,
    id: usize,
    /// The recording's name in JSON.
    input: &'a str,
    waiting_said: Mutex<bool>,
}

impl Show {
    /// `verbosity` is -1 for `-q`, 0, or the number of `-v`.
    pub(super) fn new(style: Progress, verbosity: i8) -> Self {
        let screen = (style == Progress::Bar && screen::is_possible()).then(|| {
            let screen = Arc::new(Screen::new());
            let drawn = screen.clone();
            (screen, std::thread::spawn(move || drawn.run()))
        });
        Self {
            style,
            verbosity,
            screen,
            warned: Mutex::default(),
            next_id: AtomicUsize::new(0),
        }
    }

    /// Shows the names of recordings; `total` is their number.
    pub(super) fn name_recordings(&self, total: usize) {
        self.change(|board, _| {
            board.total = Some(total);
            // Expanded playlists are no recordings.
            board.finished = 0;
        });
    }

    /// Runs `work`, which comes before all recordings, with a sign of activity.
    pub(super) fn preparing<T>(&self, work: impl FnOnce() -> T) -> T {
        self.change(|board, now| board.preparing_since = Some(now));
        let result = work();
        self.change(|board, _| board.preparing_since = None);
        result
    }

    /// Shows the recording called `label` until the result is dropped; `input` is its name in JSON.
    pub(super) fn watch<'a>(&'a self, label: &str, input: &'a str) -> Watched<'a> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let label = visible(label).into_owned();
        self.change(|board, now| board.recordings.push(Recording::new(id, label, now)));
        Watched {
            show: self,
            id,
            input,
            waiting_said: Mutex::default(),
        }
    }

    /// -1 for `-q`, 0, or the number of `-v`.
    pub(super) fn verbosity(&self) -> i8 {
        self.verbosity
    }

    /// A line for the user.
    pub(super) fn say(&self, text: &str) {
        self.suspend(|| write_line(text));
    }

    /// A line for programs.
    pub(super) fn json(&self, value: &Value) {
        if self.style == Progress::Json {
            write_line(&value.to_string());
        }
    }

    /// A line for the user, unless `-q`.
    pub(super) fn inform(&self, text: &str) {
        if self.verbosity >= 0 && self.style != Progress::Json {
            self.say(text);
        }
    }

    /// A warning that concerns no single recording, for users and programs.
    pub(super) fn warn_of_run(&self, text: &str) {
        self.json(&json!({ "type": "warning", "message": text }));
        self.inform(&format!("warning: {text}"));
    }

    pub(super) fn print_error(&self, text: &str) {
        self.suspend(|| print_error(text));
    }

    /// Runs `write`, which writes to the terminal, while no progress is drawn.
    pub(super) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.screen {
            Some((screen, _)) => screen.suspend(write),
            None => write(),
        }
    }

    fn change(&self, change: impl FnOnce(&mut board::Board, std::time::Instant)) {
        if let Some((screen, _)) = &self.screen {
            screen.change(change);
        }
    }

    fn warn(&self, input: &str, text: &str) {
        // Every stage of every input would report the same full disk.
        let mut warned = self.warned.lock();
        if warned.insert(text.to_owned()) {
            self.json(&json!({ "type": "warning", "input": input, "message": text }));
            self.inform(&format!("warning: {text}"));
        }
    }
}

impl Drop for Show {
    fn drop(&mut self) {
        if let Some((screen, thread)) = self.screen.take() {
            screen.close();
            // A panic of it was printed.
            let _ = thread.join();
        }
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.show.change(|board, _| {
            board.recordings.retain(|recording| recording.id != self.id);
            board.finished += 1;
        });
    }
}

impl Watched<'_> {
    fn json(&self, mut value: Value) {
        value["input"] = json!(self.input);
        self.show.json(&value);
    }

    fn change(&self, change: impl FnOnce(&mut Recording, std::time::Instant)) {
        self.show.change(|board, now| {
            if let Some(recording) = board.recording(self.id) {
                change(recording, now);
            }
        });
    }

    fn ended(&self, stage: &str) {
        self.change(|recording, now| recording.end(stage, now));
    }

    fn waiting(&self, stage: &str, waited: Duration, owner: Option<u32>) {
        if waited < SHORT_WAIT {
            return;
        }
        let mut said = self.waiting_said.lock();
        if std::mem::replace(&mut *said, true) {
            return;
        }
        self.json(json!({ "type": "waiting", "stage": stage, "waited_ms": waited.as_millis() as u64, "owner": owner }));
        let who = match owner {
            Some(owner) if owner == std::process::id() => "another recording of this run".to_owned(),
            Some(owner) => format!("another process (process {owner})"),
            None => "another process".to_owned(),
        };
        self.change(|recording, now| recording.begin(stage, now).waits_for = Some(who.clone()));
        self.show.inform(&format!(
            "waiting for {who} that computes the same {stage} result (interrupt with Ctrl-C)"
        ));
    }

    /// The next wait is a separate one, and reported again.
    fn waiting_is_over(&self) {
        *self.waiting_said.lock() = false;
    }
}

impl Observer for Watched<'_> {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Started { stage, plugin } => {
                self.waiting_is_over();
                self.json(json!({ "type": "started", "stage": stage, "plugin": plugin }));
                self.change(|recording, now| {
                    recording.begin(stage.name(), now);
                });
            }
            Event::Resumed { stage, done, total } => {
                self.json(json!({ "type": "resumed", "stage": stage, "done": done, "total": total }));
                self.change(|recording, now| {
                    // The text up to there follows.
                    recording.text.clear();
                    if let Some(stage) = recording.stage(stage.name()) {
                        stage.resume(*done, *total, now);
                    }
                });
                self.show.inform(&match done {
                    0 => format!("restarting {stage}"),
                    _ => format!("resuming {stage} from a checkpoint"),
                });
            }
            Event::Progress { stage, done, total } => {
                self.json(json!({ "type": "progress", "stage": stage, "done": done, "total": total }));
                self.change(|recording, now| {
                    if let Some(stage) = recording.stage(stage.name()) {
                        stage.progress(*done, *total, now);
                    }
                });
            }
            Event::Segment { start_ms, end_ms, text } => {
                self.json(json!({ "type": "segment", "start_ms": start_ms, "end_ms": end_ms, "text": text }));
                self.change(|recording, _| recording.add_text(&visible(text.trim())));
            }
            Event::Waiting { stage, waited, owner } => self.waiting(stage.name(), *waited, *owner),
            Event::Failed { stage } => {
                self.json(json!({ "type": "failed", "stage": stage }));
                self.ended(stage.name());
            }
            Event::Finished(report) => {
                self.waiting_is_over();
                self.ended(report.stage.name());
                let mut line = serde_json::to_value(report).unwrap_or_default();
                line["type"] = json!("stage");
                self.json(line);
                if self.show.verbosity >= 1 && self.show.style != Progress::Json {
                    self.show.say(&report.to_string());
                }
            }
            Event::Warning(text) => self.show.warn(self.input, text),
            Event::Detail(text) => {
                if self.show.verbosity >= 1 && self.show.style != Progress::Json {
                    self.show.say(text);
                }
            }
            Event::Log { level, target, message } => self.show.suspend(|| match level {
                0 | 1 => tracing::error!(from = target, "{message}"),
                2 => tracing::warn!(from = target, "{message}"),
                3 => tracing::info!(from = target, "{message}"),
                _ => tracing::debug!(from = target, "{message}"),
            }),
        }
    }
}
