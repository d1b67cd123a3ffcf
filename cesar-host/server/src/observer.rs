//! Hears what the pipeline says about a job: keeps it for the store, tells it to listeners.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cesar_pipeline::{Event, Observer, Stage, StageOutcome};
use serde_json::json;

use super::Shared;
use super::events::EventKind;
use super::running::Run;
use super::worker::stage_json;

/// Progress is told to listeners at most this often.
const PAUSE: Duration = Duration::from_millis(250);

/// Watches one run.
pub(crate) struct Watch<'a> {
    shared: &'a Shared,
    run: &'a Run,
    told: Mutex<Option<Instant>>,
}

/// Whether a stage needed no work.
pub(crate) fn is_hit(outcome: StageOutcome) -> bool {
    matches!(
        outcome,
        StageOutcome::Hit | StageOutcome::Waited | StageOutcome::Renewed
    )
}

impl<'a> Watch<'a> {
    pub(crate) fn new(shared: &'a Shared, run: &'a Run) -> Self {
        Self {
            shared,
            run,
            told: Mutex::default(),
        }
    }

    fn tell(&self, kind: EventKind, data: serde_json::Value) {
        self.shared.hub.tell(self.run.job, kind, data);
    }

    fn progress(&self, stage: &str, done: u64, total: u64) {
        #[expect(clippy::cast_precision_loss, reason = "a percentage is shown")]
        let part = if total == 0 {
            0.0
        } else {
            done.min(total) as f64 / total as f64
        };
        self.run.advance(stage, part);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_some_and(|told| told.elapsed() < PAUSE) {
            return;
        }
        *told = Some(Instant::now());
        drop(told);
        let progress = serde_json::to_value(self.run.progress()).unwrap_or_default();
        self.tell(EventKind::Progress, progress);
    }
}

impl Observer for Watch<'_> {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Started { stage, .. } => self.run.advance(stage.name(), 0.0),
            Event::Resumed { stage, done, total } => self.tell(
                EventKind::Resumed,
                json!({ "stage": stage, "done": done, "total": total }),
            ),
            Event::Progress { stage, done, total } => self.progress(stage.name(), *done, *total),
            Event::Segment { start_ms, end_ms, text } => {
                #[expect(clippy::cast_precision_loss, reason = "milliseconds of audio fit")]
                let seconds = |ms: u64| ms as f64 / 1000.0;
                self.tell(
                    EventKind::Segment,
                    json!({ "start": seconds(*start_ms), "end": seconds(*end_ms), "text": text }),
                );
            }
            Event::Waiting { stage, .. } => self.tell(EventKind::Progress, json!({ "waiting_for": stage })),
            Event::Finished(report) => {
                self.run
                    .finished(report.stage.name(), is_hit(report.outcome), report.ms);
                if report.stage == Stage::Download {
                    // Who has lost the job learns it from the clerk, or at the end.
                    let _ = self.shared.store.downloaded(&self.run.lease);
                }
                self.tell(
                    EventKind::Stage,
                    stage_json(report.stage.name(), &report.plugin, report.outcome, report.ms),
                );
            }
            Event::Failed { stage } => {
                self.run.failed(stage.name());
                self.tell(EventKind::Failed, json!({ "stage": stage }));
            }
            Event::Detail(text) => tracing::info!(job = %self.run.job, "{text}"),
            Event::Warning(text) => {
                tracing::warn!(job = %self.run.job, "{text}");
                self.tell(EventKind::Warning, json!({ "message": text }));
            }
            Event::Log { level, target, message } => match level {
                0 | 1 => tracing::error!(job = %self.run.job, from = target, "{message}"),
                2 => tracing::warn!(job = %self.run.job, from = target, "{message}"),
                3 => tracing::info!(job = %self.run.job, from = target, "{message}"),
                _ => tracing::debug!(job = %self.run.job, from = target, "{message}"),
            },
        }
    }
}
