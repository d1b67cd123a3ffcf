//! One keyed stage: look up, wait, compute, store, report.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use cesar_audio::AudioError;
use cesar_base::Digest;
use cesar_base::names::visible;
use cesar_cache::{Cache, Computation, Entry, GiveUp, Hit, KeyGuard, KeyParts, Mode, Request, Stopped, Waiting};
use cesar_runner::CancelToken;

use super::error::PipelineError;
use super::events::{Event, Observer, StageOutcome, StageReport};
use super::stage::Stage;
use super::tools::Tools;
use super::warnings::{self, Warnings};

/// A stage's result with its bytes.
#[derive(Debug)]
pub(super) struct Computed {
    pub(super) bytes: Vec<u8>,
    pub(super) digest: Digest,
    /// The time of the result, in ms since 1970, if the cache knows it.
    pub(super) created_ms: Option<i64>,
}

/// The context of every stage of one run.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) tools: &'a Tools,
    /// Stages to recompute although their results are stored.
    pub(super) refresh: &'a BTreeSet<Stage>,
    pub(super) observer: &'a dyn Observer,
    pub(super) cancel: &'a CancelToken,
    /// The name of the input in messages.
    pub(super) label: &'a str,
    /// Whether to ignore the cache, because it cannot be healed.
    pub(super) bypass: bool,
    /// Keeps the warnings of the plugin that runs.
    pub(super) warnings: Option<&'a Warnings>,
}

impl<'a> Context<'a> {
    /// The cache, unless it is off.
    pub(super) fn cache(&self) -> Option<&'a Cache> {
        self.tools.store.in_use().filter(|_| !self.bypass)
    }

    /// The mode of the cache for one stage.
    pub(super) fn mode_of(&self, stage: Stage) -> Mode {
        match self.tools.store.mode {
            Mode::ReadWrite if self.refresh.contains(&stage) => Mode::Refresh,
            mode => mode,
        }
    }

    /// An error of the recording, with the user's name: a path of the server's machine means nothing to a client.
    pub(super) fn recording_error(&self, error: AudioError) -> PipelineError {
        match error {
            AudioError::Cancelled { .. } => PipelineError::Interrupted,
            error => error.named(&visible(self.label)).into(),
        }
    }

    /// The recording has changed.
    pub(super) fn changed(&self) -> PipelineError {
        PipelineError::Changed {
            name: (&*visible(self.label)).into(),
        }
    }

    pub(super) fn warn(&self, text: &str) {
        self.observer.event(&Event::Warning(text));
    }

    /// Passes a plugin's warning on, with the name of the input, as every warning.
    pub(super) fn warn_for_plugin(&self, message: &str) {
        self.warn(&format!("{}: {}", visible(self.label), visible(message)));
    }

    /// Runs a plugin for a result whose entry has these details, and adds the plugin's warnings to them.
    pub(super) fn keeping_warnings(
        &self,
        details: Option<&str>,
        run: impl FnOnce(&Context<'_>) -> Result<Computation, PipelineError>,
    ) -> Result<Computation, PipelineError> {
        let warnings = Warnings::default();
        let computation = run(&Context {
            warnings: Some(&warnings),
            ..*self
        })?;
        Ok(Computation {
            details: warnings.in_details(details),
            ..computation
        })
    }

    fn warn_again(&self, details: Option<&str>) {
        for message in warnings::stored(details) {
            self.warn_for_plugin(&message);
        }
    }

    fn finished(&self, parts: &KeyParts, outcome: StageOutcome, ms: i64) -> StageReport {
        let report = report(parts, outcome, ms);
        self.observer.event(&Event::Finished(&report));
        report
    }

    /// Like [`Self::get_or_compute`], for a stage that [`Self::find`] has found: a hit is already reported.
    pub(super) fn fetch(
        &self,
        parts: &KeyParts,
        details: Option<String>,
        compute: impl FnOnce(Option<&KeyGuard>) -> Result<Computation, PipelineError>,
    ) -> Result<Computed, PipelineError> {
        let (computed, report, _) = self.take(parts, details, compute)?;
        if report.outcome != StageOutcome::Hit {
            self.observer.event(&Event::Finished(&report));
        }
        Ok(computed)
    }

    /// The stage's entry if stored: its digest without its bytes.
    pub(super) fn find(&self, parts: &KeyParts) -> Option<(Entry, StageReport)> {
        if self.mode_of(Stage::of_key(parts)) != Mode::ReadWrite {
            return None;
        }
        let cache = self.cache()?;
        // Errors of the cache are reported when the stage is computed.
        let entry = cache.lookup(&parts.key()).ok()??;
        self.warn_again(entry.details.as_deref());
        let report = self.finished(parts, StageOutcome::Hit, entry.cost_ms);
        Some((entry, report))
    }

    /// The stage's result: stored, waited for, or computed. `details` are stored with it.
    pub(super) fn get_or_compute(
        &self,
        parts: &KeyParts,
        details: Option<String>,
        compute: impl FnOnce(Option<&KeyGuard>) -> Result<Computation, PipelineError>,
    ) -> Result<(Computed, StageReport), PipelineError> {
        let (computed, report, stored) = self.take(parts, details, compute)?;
        self.warn_again(stored.as_deref());
        self.observer.event(&Event::Finished(&report));
        Ok((computed, report))
    }

    /// The result, and the details of one that was stored.
    fn take(
        &self,
        parts: &KeyParts,
        details: Option<String>,
        compute: impl FnOnce(Option<&KeyGuard>) -> Result<Computation, PipelineError>,
    ) -> Result<(Computed, StageReport, Option<String>), PipelineError> {
        let stage = Stage::of_key(parts);
        let compute = |guard: Option<&KeyGuard>| {
            self.observer.event(&Event::Started {
                stage,
                plugin: &parts.plugin,
            });
            compute(guard)
        };
        let Some(cache) = self.cache() else {
            let began = std::time::Instant::now();
            let Computation { bytes, idle_ms, .. } = compute(None)?;
            let ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX) - idle_ms;
            let report = report(parts, StageOutcome::Ran, ms);
            let digest = Digest::of(&bytes);
            return Ok((
                Computed {
                    bytes,
                    digest,
                    created_ms: None,
                },
                report,
                None,
            ));
        };
        let mut wait = |waiting: &Waiting| {
            let Waiting { waited, owner, .. } = *waiting;
            self.observer.event(&Event::Waiting { stage, waited, owner });
            if self.cancel.is_cancelled() {
                ControlFlow::Break(GiveUp::Interrupted)
            } else {
                ControlFlow::Continue(())
            }
        };
        let request = Request {
            mode: self.mode_of(stage),
            lifetime_ms: None,
            label: Some(self.label.to_owned()),
            details,
        };
        let outcome = cache
            .get_or_compute_locked(parts, request, &mut wait, compute)
            .map_err(|stopped| match stopped {
                Stopped::Interrupted => PipelineError::Interrupted,
                Stopped::Failed(error) => error,
            })?;
        if let Some(warning) = &outcome.cache_warning {
            self.warn(&format!("cache error (continuing without it): {warning}"));
        }
        let report = match outcome.hit {
            Hit::Hit { saved_ms } => report(parts, StageOutcome::Hit, saved_ms),
            Hit::Shared { saved_ms } => report(parts, StageOutcome::Shared, saved_ms),
            Hit::Waited { saved_ms } => report(parts, StageOutcome::Waited, saved_ms),
            Hit::Miss { took_ms } => report(parts, StageOutcome::Miss, took_ms),
        };
        let digest = outcome
            .entry
            .as_ref()
            .map_or_else(|| Digest::of(&outcome.bytes), |entry| entry.digest);
        let created_ms = outcome.entry.as_ref().map(|entry| entry.created_ms);
        let stored = outcome.entry.filter(|_| report.outcome != StageOutcome::Miss);
        Ok((
            Computed {
                bytes: outcome.bytes,
                digest,
                created_ms,
            },
            report,
            stored.and_then(|entry| entry.details),
        ))
    }
}

pub(super) fn report(parts: &KeyParts, outcome: StageOutcome, ms: i64) -> StageReport {
    StageReport {
        stage: Stage::of_key(parts),
        plugin: parts.plugin.clone(),
        outcome,
        ms,
    }
}
