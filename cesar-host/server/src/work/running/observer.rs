//! The pipeline's events of one run, recorded for the store and published to listeners.

use std::time::{Duration, Instant};

use cesar_pipeline::{Event, Observer, Stage, StageReport};
use parking_lot::Mutex;
use serde_json::json;

use crate::figures::metrics::is_hit;
use crate::state::Shared;
use crate::state::events::JobEventKind;
use crate::state::jobs::Run;

/// The least time between two published `progress` events.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

/// Observes one run.
pub(crate) struct RunObserver<'a> {
    shared: &'a Shared,
    run: &'a Run,
    last_progress: Mutex<Option<Instant>>,
}

impl<'a> RunObserver<'a> {
    pub(crate) fn new(shared: &'a Shared, run: &'a Run) -> Self {
        Self {
            shared,
            run,
            last_progress: Mutex::default(),
        }
    }

    fn publish(&self, kind: JobEventKind, data: serde_json::Value) {
        self.shared.events.hub.publish(self.run.job, kind, data);
    }

    fn progress(&self, stage: Stage, done: u64, total: u64) {
        #[expect(clippy::cast_precision_loss, reason = "a percentage is shown")]
        let part = if total == 0 {
            0.0
        } else {
            done.min(total) as f64 / total as f64
        };
        self.run.advance(stage, part);
        let mut last = self.last_progress.lock();
        if last.is_some_and(|last| last.elapsed() < PROGRESS_INTERVAL) {
            return;
        }
        *last = Some(Instant::now());
        drop(last);
        let progress = serde_json::to_value(self.run.progress()).unwrap_or_default();
        self.publish(JobEventKind::Progress, progress);
    }

    fn finished(&self, report: &StageReport) {
        self.run.finished(report.stage, is_hit(report.outcome), report.ms);
        self.run.span.stage_ended(report);
        if report.stage == Stage::Download {
            // A run that has lost its job is stopped by housekeeping, or fails at its end.
            if let Ok(job) = self.shared.jobs.store.downloaded(&self.run.lease) {
                self.shared.events.feed.job(&job);
            }
        }
        let StageReport {
            stage,
            plugin,
            outcome,
            ms,
        } = report;
        self.publish(
            JobEventKind::Stage,
            json!({ "stage": stage, "plugin": plugin, "outcome": outcome, "ms": ms }),
        );
    }
}

impl Observer for RunObserver<'_> {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Started { stage, .. } => {
                self.run.advance(*stage, 0.0);
                self.run.span.stage_began(*stage);
            }
            Event::Resumed { stage, done, total } => self.publish(
                JobEventKind::Resumed,
                json!({ "stage": stage, "done": done, "total": total }),
            ),
            Event::Progress { stage, done, total } => self.progress(*stage, *done, *total),
            Event::Segment { start_ms, end_ms, text } => {
                #[expect(clippy::cast_precision_loss, reason = "milliseconds of audio fit")]
                let seconds = |ms: u64| ms as f64 / 1000.0;
                self.publish(
                    JobEventKind::Segment,
                    json!({ "start": seconds(*start_ms), "end": seconds(*end_ms), "text": text }),
                );
            }
            Event::Waiting { stage, .. } => {
                self.run.span.stage_began(*stage);
                self.publish(JobEventKind::Progress, json!({ "waiting_for": stage }));
            }
            Event::Finished(report) => self.finished(report),
            Event::Failed { stage } => {
                self.run.failed(*stage);
                self.run.span.stage_failed(*stage);
                self.publish(JobEventKind::Failed, json!({ "stage": stage }));
            }
            Event::Detail(text) => tracing::info!(job = %self.run.job, trace = %self.run.span.trace(), "{text}"),
            Event::Warning(text) => {
                tracing::warn!(job = %self.run.job, trace = %self.run.span.trace(), "{text}");
                self.publish(JobEventKind::Warning, json!({ "message": text }));
            }
            Event::Log { level, target, message } => match level {
                0 | 1 => {
                    tracing::error!(job = %self.run.job, trace = %self.run.span.trace(), from = target, "{message}")
                }
                2 => tracing::warn!(job = %self.run.job, trace = %self.run.span.trace(), from = target, "{message}"),
                3 => tracing::info!(job = %self.run.job, trace = %self.run.span.trace(), from = target, "{message}"),
                _ => tracing::debug!(job = %self.run.job, trace = %self.run.span.trace(), from = target, "{message}"),
            },
        }
    }
}
