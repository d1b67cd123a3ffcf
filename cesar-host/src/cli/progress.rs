//! What a person, or a program, sees on standard error while the work goes on.
//!
//! `bar` is for a terminal; `json` writes one object per line (`{"type":"progress","stage":…}`, …), whose shapes are settled and
//! pinned by tests; `none` writes only what `-v` asks for, warnings and errors.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::config::Progress;
use crate::pipeline::{Event, Observer};

/// Shows the events of one run.
pub(super) struct Show {
    style: Progress,
    verbosity: i8,
    bar: ProgressBar,
    waiting_said: Mutex<bool>,
    /// The stages that run, in the order of their beginnings: of those side by side the first is shown.
    running: Mutex<Vec<String>>,
    warned: Mutex<BTreeSet<String>>,
}

impl Show {
    /// `verbosity` is -1 for `-q`, 0, or the number of `-v`.
    pub(super) fn new(style: Progress, verbosity: i8) -> Self {
        let bar = match style {
            Progress::Bar => ProgressBar::new(0),
            _ => ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
        };
        let template = "{prefix} [{bar:30}] {percent}% {msg}";
        bar.set_style(
            ProgressStyle::with_template(template)
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("=> "),
        );
        Self {
            style,
            verbosity,
            bar,
            waiting_said: Mutex::default(),
            running: Mutex::default(),
            warned: Mutex::default(),
        }
    }

    /// -1 for `-q`, 0, or the number of `-v`.
    pub(super) fn verbosity(&self) -> i8 {
        self.verbosity
    }

    /// A line for people.
    pub(super) fn say(&self, text: &str) {
        self.bar.suspend(|| super::note(text));
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

    /// Takes the bar away.
    pub(super) fn clear(&self) {
        self.running().clear();
        self.bar.finish_and_clear();
    }

    fn progress(&self, stage: &str, done: u64, total: u64) {
        self.json(&json!({ "type": "progress", "stage": stage, "done": done, "total": total }));
        let is_shown = self.running().first().is_none_or(|first| first == stage);
        if self.style == Progress::Bar && is_shown {
            self.bar.set_prefix(stage.to_owned());
            self.bar.set_length(total);
            self.bar.set_position(done.min(total));
        }
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
        self.json(
            &json!({ "type": "waiting", "stage": stage, "waited_ms": waited.as_millis() as u64, "owner": owner }),
        );
        let owner = owner.map(|owner| format!(" (process {owner})")).unwrap_or_default();
        self.inform(&format!(
            "waiting for another process{owner} that does the same {stage} work; Ctrl-C ends the wait"
        ));
    }

    /// The next wait is another one, and told of again.
    fn waiting_is_over(&self) {
        *self.waiting_said.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }
}

impl Observer for Show {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Started { stage, plugin } => {
                self.waiting_is_over();
                self.json(&json!({ "type": "started", "stage": stage, "plugin": plugin }));
                let is_first = {
                    let mut running = self.running();
                    running.push((*stage).to_owned());
                    running.len() == 1
                };
                if is_first {
                    // Finished bars do not move: each stage of each input begins anew.
                    self.bar.reset();
                    self.bar.set_prefix((*stage).to_owned());
                    self.bar.set_message("");
                }
            }
            Event::Resumed { stage, done, total } => {
                self.json(&json!({ "type": "resumed", "stage": stage, "done": done, "total": total }));
                self.inform(&format!("going on with the {stage} work where an earlier run stopped"));
            }
            Event::Progress { stage, done, total } => self.progress(stage, *done, *total),
            Event::Segment { start_ms, end_ms, text } => {
                self.json(&json!({ "type": "segment", "start_ms": start_ms, "end_ms": end_ms, "text": text }));
                self.bar.set_message(text.trim().chars().take(60).collect::<String>());
            }
            Event::Waiting { stage, waited, owner } => self.waiting(stage, *waited, *owner),
            Event::Failed { stage } => {
                self.json(&json!({ "type": "failed", "stage": stage }));
                self.ended(stage);
            }
            Event::Finished(report) => {
                self.waiting_is_over();
                self.ended(&report.stage);
                let mut line = serde_json::to_value(report).unwrap_or_default();
                line["type"] = json!("stage");
                self.json(&line);
                if self.verbosity >= 1 && self.style != Progress::Json {
                    self.say(&report.to_string());
                }
            }
            Event::Warning(text) => {
                // Every stage of every input would say the same of a full disk.
                if self
                    .warned
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert((*text).to_owned())
                {
                    self.json(&json!({ "type": "warning", "message": text }));
                    self.inform(&format!("warning: {text}"));
                }
            }
            Event::Log { level, target, message } => self.bar.suspend(|| match level {
                0 | 1 => tracing::error!(from = target, "{message}"),
                2 => tracing::warn!(from = target, "{message}"),
                3 => tracing::info!(from = target, "{message}"),
                _ => tracing::debug!(from = target, "{message}"),
            }),
        }
    }
}
