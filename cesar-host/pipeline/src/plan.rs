//! A plan, settled before any work: plugins, models, options, and the part of each key that does not depend on the input.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cesar_base::{Digest, GivenValue};
use cesar_cache::{KeyParts, OptionValue};
use cesar_corrections::Corrections;
use cesar_models::ResolvedModel;
use cesar_runner::discovery::Plugin;
use plugin_api::manifest::{Manifest, Scope};
use serde_json::{Map, Value};

use super::Stage;
use super::align::NamedScript;
use super::glossary::NamedGlossary;
use super::planner::main_model;
use super::speakers::SpeakersPlan;

/// A stage as asked for.
#[derive(Debug, Clone, Default)]
pub struct StageRequest {
    /// Plugin id, or `id@version`; chosen when absent.
    pub plugin: Option<String>,
    /// Options by name, typed or as written on a command line.
    pub options: BTreeMap<String, GivenValue>,
}

/// A file format as asked for.
#[derive(Debug, Clone)]
pub struct FormatRequest {
    /// `txt`, `srt`, …
    pub format: String,
    /// The plugin and its other options.
    pub stage: StageRequest,
}

/// A model file or folder that a stage works with.
#[derive(Debug, Clone)]
pub(super) struct UsedModel {
    pub(super) model: ResolvedModel,
    pub(super) digest: Digest,
    pub(super) scope: Scope,
}

/// The options of a session, and those of a request.
pub type SessionAndRequest = (Map<String, Value>, Map<String, Value>);

/// A stage, ready to run on any input.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub(super) plugin: Arc<Plugin>,
    pub(super) digest: Digest,
    pub(super) open: Map<String, Value>,
    pub(super) request: Map<String, Value>,
    /// By option.
    pub(super) models: BTreeMap<String, UsedModel>,
    /// Options that may change the result, for the key and the provenance; models are named apart.
    pub(super) keyed: BTreeMap<String, OptionValue>,
}

impl Prepared {
    pub(super) fn manifest(&self) -> &Manifest {
        &self.plugin.manifest
    }

    /// The model that the stage is known by.
    pub(super) fn main_model(&self) -> Option<&UsedModel> {
        let (option, _) = main_model(self.manifest())?;
        self.models.get(option)
    }

    /// What is stored with a result, as JSON: the names of the models, of which the key has only the digests.
    pub(super) fn details(&self) -> Option<String> {
        let names: BTreeMap<_, _> = (self.models.iter())
            .map(|(option, used)| (option, &used.model.name))
            .collect();
        (!names.is_empty()).then(|| serde_json::json!({ "models": names }).to_string())
    }

    /// The key of this stage for these inputs.
    pub(super) fn key_parts(&self, inputs: Vec<(String, Digest)>) -> KeyParts {
        let manifest = self.manifest();
        KeyParts {
            stage: manifest.stage.name().into(),
            plugin: manifest.id.clone(),
            plugin_version: manifest.version.clone(),
            plugin_digest: self.digest,
            abi: manifest.abi,
            models: self
                .models
                .iter()
                .map(|(option, used)| (option.clone(), used.digest))
                .collect(),
            options: self.keyed.clone(),
            inputs,
        }
    }
}

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

    /// The same work, with times for the words of a text that exists. A glossary is not applied to it.
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
