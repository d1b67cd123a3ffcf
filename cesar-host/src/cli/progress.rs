//! What a person, or a program, sees on standard error while the work goes on.
//!
//! `bar` is for a terminal; `json` writes one object per line (`{"type":"progress","stage":…}`, …), whose shapes are settled and
//! pinned by tests; `none` writes only what `-v` asks for, warnings and errors.
//!
//! [`Show`] is for the whole command, [`Watched`] for one of its recordings: with a bar of its own, which names it where there are others,
//! and its name as `input` in each object.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cesar_base::names::visible;
use cesar_config::Progress;
use cesar_pipeline::{Event, Observer};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

/// What is shown of one command.
pub(super) struct Show {
    style: Progress,
    verbosity: i8,
    bars: MultiProgress,
    /// Bars name their recording.
    named: AtomicBool,
    warned: Mutex<BTreeSet<String>>,
}

/// Shows the events of one recording.
pub(super) struct Watched<'a> {
    show: &'a Show,
    /// For people.
    label: &'a str,
    /// For programs.
    input: &'a str,
    bar: ProgressBar,
    waiting_said: Mutex<bool>,
    /// The stages that run, in the order of their beginnings: of those side by side the first is shown.
    running: Mutex<Vec<String>>,
}

impl Show {
    /// `verbosity` is -1 for `-q`, 0, or the number of `-v`.
    pub(super) fn new(style: Progress, verbosity: i8) -> Self {
        let target = match style {
            Progress::Bar => ProgressDrawTarget::stderr(),
            _ => ProgressDrawTarget::hidden(),
        };
        Self {
            style,
            verbosity,
            bars: MultiProgress::with_draw_target(target),
            named: AtomicBool::new(false),
            warned: Mutex::default(),
        }
    }

    /// There are several recordings.
    pub(super) fn name_recordings(&self) {
        self.named.store(true, Ordering::Relaxed);
    }

    /// One recording, by what people call it, and programs.
    pub(super) fn watch<'a>(&'a self, label: &'a str, input: &'a str) -> Watched<'a> {
        let bar = self.bars.add(ProgressBar::new(0));
        let template = "{prefix} [{bar:30}] {percent}% {msg}";
        bar.set_style(
            ProgressStyle::with_template(template)
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("=> "),
        );
        Watched {
            show: self,
            label,
            input,
            bar,
            waiting_said: Mutex::default(),
            running: Mutex::default(),
        }
    }

    /// -1 for `-q`, 0, or the number of `-v`.
    pub(super) fn verbosity(&self) -> i8 {
        self.verbosity
    }

    /// A line for people.
    pub(super) fn say(&self, text: &str) {
        self.bars.suspend(|| super::note(text));
    }

    /// A line for programs.
    pub(super) fn json(&self, value: &Value) {
        if self.style == Progress::Json {
            super::note(&value.to_string());
        }
    }

    /// Something worth knowing without asking, unless `-q`.
    pub(super) fn inform(&self, text: &str) {
        if self.verbosity >= 0 && self.style != Progress::Json {
            self.say(text);
        }
    }

    /// An error, in place of bars.
    pub(super) fn complain(&self, text: &str) {
        self.bars.suspend(|| super::complain(text));
    }

    fn warn(&self, input: &str, text: &str) {
        // Every stage of every input would say the same of a full disk.
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.insert(text.to_owned()) {
            self.json(&json!({ "type": "warning", "input": input, "message": text }));
            self.inform(&format!("warning: {text}"));
        }
    }
}

/// Its bar goes with it.
impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        self.show.bars.remove(&self.bar);
    }
}

impl Watched<'_> {
    fn json(&self, mut value: Value) {
        value["input"] = json!(self.input);
        self.show.json(&value);
    }

    fn progress(&self, stage: &str, done: u64, total: u64) {
        self.json(json!({ "type": "progress", "stage": stage, "done": done, "total": total }));
        let is_shown = self.running().first().is_none_or(|first| first == stage);
        if self.show.style == Progress::Bar && is_shown {
            self.name(stage);
            self.bar.set_length(total);
            self.bar.set_position(done.min(total));
        }
    }

    fn name(&self, stage: &str) {
        self.bar.set_prefix(match self.show.named.load(Ordering::Relaxed) {
            true => format!("{}: {stage}", self.label),
            false => stage.to_owned(),
        });
    }

    fn running(&self) -> MutexGuard<'_, Vec<String>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ended(&self, stage: &str) {
        self.running().retain(|running| running != stage);
    }

    fn waiting(&self, stage: &str, waited: Duration, owner: Option<u32>) {
        let mut said = self.waiting_said.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *said, true) {
            return;
        }
        self.json(json!({ "type": "waiting", "stage": stage, "waited_ms": waited.as_millis() as u64, "owner": owner }));
        let who = match owner {
            Some(owner) if owner == std::process::id() => "another recording of this run".to_owned(),
            Some(owner) => format!("another process (process {owner})"),
            None => "another process".to_owned(),
        };
        self.show.inform(&format!(
            "waiting for {who} that does the same {stage} work; Ctrl-C ends the wait"
        ));
    }

    /// The next wait is another one, and told of again.
    fn waiting_is_over(&self) {
        *self.waiting_said.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }
}

impl Observer for Watched<'_> {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Started { stage, plugin } => {
                self.waiting_is_over();
                self.json(json!({ "type": "started", "stage": stage, "plugin": plugin }));
                let is_first = {
                    let mut running = self.running();
                    running.push(stage.name().to_owned());
                    running.len() == 1
                };
                if is_first {
                    // Finished bars do not move: each stage of each input begins anew.
                    self.bar.reset();
                    self.name(stage.name());
                    self.bar.set_message("");
                }
            }
            Event::Resumed { stage, done, total } => {
                self.json(json!({ "type": "resumed", "stage": stage, "done": done, "total": total }));
                self.show.inform(&match done {
                    0 => format!("beginning the {stage} work again"),
                    _ => format!("going on with the {stage} work where an earlier run stopped"),
                });
            }
            Event::Progress { stage, done, total } => self.progress(stage.name(), *done, *total),
            Event::Segment { start_ms, end_ms, text } => {
                self.json(json!({ "type": "segment", "start_ms": start_ms, "end_ms": end_ms, "text": text }));
                self.bar
                    .set_message(visible(text.trim()).chars().take(60).collect::<String>());
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
            Event::Log { level, target, message } => self.show.bars.suspend(|| match level {
                0 | 1 => tracing::error!(from = target, "{message}"),
                2 => tracing::warn!(from = target, "{message}"),
                3 => tracing::info!(from = target, "{message}"),
                _ => tracing::debug!(from = target, "{message}"),
            }),
        }
    }
}
