//! A plan, settled before any work: plugins, models, options, and the part of each key that does not depend on the input.

use std::collections::BTreeSet;
use std::sync::Arc;

use cesar_base::Digest;
use cesar_corrections::Corrections;
use cesar_runner::CancelToken;

use super::align::NamedScript;
use super::error::PipelineError;
use super::glossary::NamedGlossary;
use super::planner::Planner;
use super::prepared::Prepared;
use super::request::{FormatRequest, StageRequest};
use super::speakers::{self, SpeakersPlan, SpeakersRequest};
use super::stage::Stage;

/// Everything that will be done to each input.
#[derive(Debug, Clone)]
pub struct Plan {
    /// `None` where every recording is a file.
    pub(super) download: Option<Prepared>,
    pub(super) asr: Prepared,
    /// `None` leaves the text without speakers.
    pub(super) speakers: Option<SpeakersPlan>,
    /// `None` leaves the text as it was recognised.
    pub(super) glossary: Option<NamedGlossary>,
    /// The text whose words get times, in place of those that were recognised.
    pub(super) script: Option<NamedScript>,
    pub(super) formats: Vec<(String, Prepared)>,
    /// Stages to do again although their results are stored.
    pub(super) refresh: BTreeSet<Stage>,
    /// Neither looks results up nor keeps them.
    pub(super) bypass: bool,
    /// The users' corrections, which formats are rendered with.
    pub(super) corrections: Option<Arc<Corrections>>,
}

impl Plan {
    /// See [`Pipeline::plan`](super::Pipeline::plan).
    pub(crate) fn new(
        planner: &Planner<'_>,
        asr: &StageRequest,
        speakers: &SpeakersRequest,
        formats: &[FormatRequest],
        cancel: &CancelToken,
    ) -> Result<Self, PipelineError> {
        let engine = planner.choose_engine(asr)?;
        let asr = planner.prepare(&engine, asr, cancel)?;
        let speakers = speakers::plan(planner, speakers, cancel)?;
        let formats = formats
            .iter()
            .map(|format| Ok((format.format.clone(), planner.prepare_format(format, cancel)?)));
        let formats = formats.collect::<Result<_, PipelineError>>()?;
        Ok(Self {
            download: None,
            asr,
            speakers,
            glossary: None,
            script: None,
            formats,
            refresh: BTreeSet::new(),
            bypass: false,
            corrections: None,
        })
    }

    /// The same work, but these stages are recomputed although their results are stored.
    #[must_use]
    pub fn refreshing(mut self, stages: impl IntoIterator<Item = Stage>) -> Self {
        self.refresh.extend(stages);
        self
    }

    /// The same work with the spelling corrected by a glossary, where there is one.
    #[must_use]
    pub fn with_glossary(mut self, glossary: Option<NamedGlossary>) -> Self {
        self.glossary = glossary;
        self
    }

    /// The same work, with times for the words of an existing text. A glossary is not applied to it.
    #[must_use]
    pub fn aligning(mut self, script: NamedScript) -> Self {
        self.script = Some(script);
        self
    }

    /// The same work without the cache: nothing is looked up, nothing is kept.
    #[must_use]
    pub fn without_cache(mut self) -> Self {
        self.bypass = true;
        self
    }

    /// The same work, with the users' corrections in every format. No key before `format` depends on them.
    #[must_use]
    pub fn correcting(mut self, corrections: Arc<Corrections>) -> Self {
        self.corrections = Some(corrections);
        self
    }

    /// Whether speakers will be identified.
    #[must_use]
    pub fn identifies_speakers(&self) -> bool {
        self.speakers.is_some()
    }

    /// The engine's id.
    #[must_use]
    pub fn engine(&self) -> &str {
        &self.asr.manifest().id
    }

    /// The engine's model, as people call it.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.asr.main_model().map(|used| used.model.name.as_str())
    }

    /// SHA-256 of the engine's file.
    #[must_use]
    pub fn engine_digest(&self) -> Digest {
        self.asr.digest
    }
}
