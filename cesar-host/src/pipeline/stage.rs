//! One keyed stage: look up, wait, compute, store, report.

use std::ops::ControlFlow;

use crate::cache::{Cache, Digest, Entry, GiveUp, Hit, KeyParts, Mode, Request, Stopped, Waiting};
use crate::runner::CancelToken;

use super::{Event, Observer, Pipeline, PipelineError, StageOutcome, StageReport};

/// A stage's result with its bytes.
#[derive(Debug)]
pub(super) struct Computed {
    pub(super) bytes: Vec<u8>,
    pub(super) digest: Digest,
    /// When the result was made, in ms since 1970, where the cache knows.
    pub(super) created_ms: Option<i64>,
}

/// What surrounds every stage of one run.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) pipeline: &'a Pipeline,
    pub(super) observer: &'a dyn Observer,
    pub(super) cancel: &'a CancelToken,
    /// What people call the input.
    pub(super) label: &'a str,
    /// Does without the cache, where it cannot be healed.
    pub(super) bypass: bool,
}

impl Context<'_> {
    /// The cache, unless it is off.
    pub(super) fn cache(&self) -> Option<&Cache> {
        self.pipeline
            .cache
            .as_ref()
            .filter(|_| self.pipeline.mode != Mode::Bypass && !self.bypass)
    }

    pub(super) fn warn(&self, text: &str) {
        self.observer.event(&Event::Warning(text));
    }

    fn finished(&self, parts: &KeyParts, outcome: StageOutcome, ms: i64) -> StageReport {
        let report = report(parts, outcome, ms);
        self.observer.event(&Event::Finished(&report));
        report
    }

    /// Like [`Self::get_or_compute`], for a stage that [`Self::find`] has found: a hit was said already.
    pub(super) fn fetch(
        &self,
        parts: &KeyParts,
        compute: impl FnOnce() -> Result<Vec<u8>, PipelineError>,
    ) -> Result<Computed, PipelineError> {
        let (computed, report) = self.take(parts, compute)?;
        if report.outcome != StageOutcome::Hit {
            self.observer.event(&Event::Finished(&report));
        }
        Ok(computed)
    }

    /// The stage's entry when it is stored: its digest without its bytes.
    pub(super) fn find(&self, parts: &KeyParts) -> Option<(Entry, StageReport)> {
        if self.pipeline.mode != Mode::ReadWrite {
            return None;
        }
        let cache = self.cache()?;
        // Trouble with the cache is reported when the stage is computed.
        let entry = cache.lookup(&parts.key()).ok()??;
        let report = self.finished(parts, StageOutcome::Hit, entry.cost_ms);
        Some((entry, report))
    }

    /// The stage's result: stored, waited for, or computed.
    pub(super) fn get_or_compute(
        &self,
        parts: &KeyParts,
        compute: impl FnOnce() -> Result<Vec<u8>, PipelineError>,
    ) -> Result<(Computed, StageReport), PipelineError> {
        let (computed, report) = self.take(parts, compute)?;
        self.observer.event(&Event::Finished(&report));
        Ok((computed, report))
    }

    fn take(
        &self,
        parts: &KeyParts,
        compute: impl FnOnce() -> Result<Vec<u8>, PipelineError>,
    ) -> Result<(Computed, StageReport), PipelineError> {
        let compute = || {
            self.observer.event(&Event::Started {
                stage: &parts.stage,
                plugin: &parts.plugin,
            });
            compute()
        };
        let Some(cache) = self.cache() else {
            let began = std::time::Instant::now();
            let bytes = compute()?;
            let ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
            let report = report(parts, StageOutcome::Ran, ms);
            let digest = Digest::of(&bytes);
            return Ok((
                Computed {
                    bytes,
                    digest,
                    created_ms: None,
                },
                report,
            ));
        };
        let mut wait = |waiting: &Waiting| {
            let Waiting { waited, owner, .. } = *waiting;
            self.observer.event(&Event::Waiting {
                stage: &parts.stage,
                waited,
                owner,
            });
            if self.cancel.is_cancelled() {
                ControlFlow::Break(GiveUp::Interrupted)
            } else {
                ControlFlow::Continue(())
            }
        };
        let request = Request {
            mode: self.pipeline.mode,
            label: Some(self.label.to_owned()),
            ..Request::default()
        };
        let outcome = cache
            .get_or_compute(parts, request, &mut wait, compute)
            .map_err(|stopped| match stopped {
                Stopped::Interrupted => PipelineError::Interrupted,
                Stopped::Failed(error) => error,
            })?;
        if let Some(warning) = &outcome.cache_warning {
            self.warn(&format!("the cache has trouble, and the work goes on: {warning}"));
        }
        let report = match outcome.hit {
            Hit::Hit { saved_ms } => report(parts, StageOutcome::Hit, saved_ms),
            Hit::Waited { saved_ms } => report(parts, StageOutcome::Waited, saved_ms),
            Hit::Miss { took_ms } => report(parts, StageOutcome::Miss, took_ms),
        };
        let digest = outcome
            .entry
            .as_ref()
            .map_or_else(|| Digest::of(&outcome.bytes), |entry| entry.digest);
        let created_ms = outcome.entry.as_ref().map(|entry| entry.created_ms);
        Ok((
            Computed {
                bytes: outcome.bytes,
                digest,
                created_ms,
            },
            report,
        ))
    }
}

fn report(parts: &KeyParts, outcome: StageOutcome, ms: i64) -> StageReport {
    StageReport {
        stage: parts.stage.clone(),
        plugin: parts.plugin.clone(),
        outcome,
        ms,
    }
}
