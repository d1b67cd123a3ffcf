//! A stage with its plugin, models and options.

use std::collections::BTreeMap;
use std::sync::Arc;

use cesar_base::Digest;
use cesar_cache::{KeyParts, OptionValue};
use cesar_models::ResolvedModel;
use cesar_runner::discovery::Plugin;
use plugin_api::document::{ModelProvenance, StageProvenance};
use plugin_api::manifest::{Manifest, OptionKind, OptionSpec, Scope};
use serde_json::{Map, Value};

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

    /// JSON stored with a result: the names of the models, of which the key has only the digests.
    pub(super) fn details(&self) -> Option<String> {
        let names: BTreeMap<_, _> = (self.models.iter())
            .map(|(option, used)| (option, &used.model.name))
            .collect();
        (!names.is_empty()).then(|| serde_json::json!({ "models": names }).to_string())
    }

    /// The part of a document that names this stage.
    pub(super) fn provenance(&self) -> StageProvenance {
        let manifest = self.manifest();
        let options = self
            .open
            .iter()
            .chain(&self.request)
            .filter(|(name, _)| self.keyed.contains_key(*name));
        let main = self.main_model();
        let main_option = main_model(manifest).map(|(option, _)| option);
        let more = self
            .models
            .iter()
            .filter(|(option, _)| main_option != Some(option.as_str()));
        StageProvenance {
            plugin: manifest.id.clone(),
            version: manifest.version.clone(),
            plugin_sha256: self.digest.to_string(),
            model: main.map(|used| used.model.name.clone()),
            model_sha256: main.map(|used| used.digest.to_string()),
            more_models: more.map(model_provenance).collect(),
            options: options
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect::<Map<_, _>>(),
        }
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

fn model_provenance((option, used): (&String, &UsedModel)) -> ModelProvenance {
    ModelProvenance {
        option: option.clone(),
        model: used.model.name.clone(),
        sha256: used.digest.to_string(),
    }
}

/// The options of kind model.
pub(crate) fn model_options(manifest: &Manifest) -> impl Iterator<Item = (&str, &OptionSpec)> {
    let options = manifest.options.iter().map(|(name, spec)| (name.as_str(), spec));
    options.filter(|(_, spec)| spec.kind == OptionKind::Model)
}

/// The option of the model that the plugin is known by: the one called `model`, else the first that is always needed.
pub fn main_model(manifest: &Manifest) -> Option<(&str, &OptionSpec)> {
    let always = || model_options(manifest).filter(|(_, spec)| spec.needed_when.is_none());
    always().find(|(name, _)| *name == "model").or_else(|| always().next())
}

/// The end of a format's file names: the declared one, else the format's name.
pub(crate) fn extension<'a>(manifest: &'a Manifest, format: &'a str) -> &'a str {
    let declared = manifest.formats.get(format);
    declared
        .and_then(|format| format.extension.as_deref())
        .unwrap_or(format)
}
