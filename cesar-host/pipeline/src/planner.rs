//! Choice of the plugin, the models and the options of one stage.

use std::collections::BTreeMap;
use std::sync::Arc;

use cesar_base::GivenValue;
use cesar_cache::OptionValue;
use cesar_models::{ModelFiles, ModelLookup, ModelRoots, ResolvedModel, libraries};
use cesar_runner::discovery::{Plugin, Registry};
use cesar_runner::{CancelToken, Runners, Verdicts};
use plugin_api::manifest::{Manifest, OptionKind, OptionSpec, Scope, Several, StageKind};
use serde_json::{Map, Value};

use super::error::PipelineError;
use super::prepared::{Prepared, SessionAndRequest, UsedModel};
use super::prepared::{extension, main_model, model_options};
use super::request::{FormatRequest, StageRequest};
use super::store::Store;
use super::tools::Tools;
use super::unread_options::{self, UnreadOption};

mod options;

use options::{given, option_error};

/// The parts that choices depend on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Planner<'a> {
    pub(crate) registry: &'a Registry,
    /// Verdicts and runners decide whether a plugin may be used.
    pub(crate) verdicts: &'a Verdicts,
    pub(crate) runners: &'a Runners,
    pub(crate) models: &'a ModelRoots,
    pub(crate) store: &'a Store,
}

/// Options with defaults filled in, by who gets them.
struct Effective {
    open: Map<String, Value>,
    request: Map<String, Value>,
    models: BTreeMap<String, UsedModel>,
    keyed: BTreeMap<String, OptionValue>,
}

impl<'a> Planner<'a> {
    pub(crate) fn of(tools: &'a Tools) -> Self {
        Self {
            registry: &tools.registry,
            verdicts: &tools.verdicts,
            runners: &tools.runners,
            models: &tools.models,
            store: &tools.store,
        }
    }
}

impl Planner<'_> {
    /// The engine asked for; else the first, by priority, that has a model for the request.
    pub(crate) fn choose_engine(&self, asr: &StageRequest) -> Result<Arc<Plugin>, PipelineError> {
        if let Some(id) = &asr.plugin {
            return Ok(self.registry.find(StageKind::Asr, id)?);
        }
        let engines = self.registry.of_stage(StageKind::Asr);
        let able = engines.iter().find(|plugin| self.has_model(plugin, asr));
        // A model that is not there yet is one of the engine that the catalog has it for.
        let meant = || engines.iter().find(|plugin| names_known_model(plugin, asr));
        able.or_else(meant)
            .or(engines.first())
            .cloned()
            .ok_or_else(|| self.registry.none(StageKind::Asr).into())
    }

    /// The name of the model of the engine that the request chooses; `None` for one that takes no model.
    pub(crate) fn model_name(&self, asr: &StageRequest) -> Result<Option<String>, PipelineError> {
        let engine = self.choose_engine(asr)?;
        Ok(self.model_of(&engine, asr)?.map(|model| model.name))
    }

    fn has_model(&self, plugin: &Plugin, asr: &StageRequest) -> bool {
        self.model_of(plugin, asr).is_ok()
    }

    fn model_of(&self, plugin: &Plugin, asr: &StageRequest) -> Result<Option<ResolvedModel>, PipelineError> {
        let Some((name, spec)) = main_model(&plugin.manifest) else {
            return Ok(None);
        };
        self.resolve_model(&plugin.manifest, (name, spec), text_of(asr, name), asr)
            .map(Some)
    }

    pub(crate) fn prepare_format(
        &self,
        format: &FormatRequest,
        cancel: &CancelToken,
    ) -> Result<Prepared, PipelineError> {
        let mut stage = format.stage.clone();
        stage
            .options
            .insert("format".into(), GivenValue::Text(format.format.clone()));
        let plugin = self.plugin_of_format(format)?;
        self.prepare(&plugin, &stage, cancel)
    }

    fn plugin_of_format(&self, format: &FormatRequest) -> Result<Arc<Plugin>, PipelineError> {
        match &format.stage.plugin {
            Some(id) => Ok(self.registry.find(StageKind::Format, id)?),
            None => self.writer_of(&format.format),
        }
    }

    /// Those of the `given` options that none of these formats reads.
    pub(crate) fn unread_options(&self, formats: &[FormatRequest], given: &[String]) -> Vec<UnreadOption> {
        let writers = formats.iter().filter_map(|format| {
            let plugin = self.plugin_of_format(format).ok()?;
            Some((format.format.as_str(), plugin))
        });
        let writers: Vec<_> = writers.collect();
        let manifests = writers.iter().map(|(format, plugin)| (*format, &plugin.manifest));
        unread_options::unread_options(&manifests.collect::<Vec<_>>(), given.iter())
    }

    fn writer_of(&self, format: &str) -> Result<Arc<Plugin>, PipelineError> {
        let plugins = self.registry.of_stage(StageKind::Format);
        plugins
            .into_iter()
            .find(|plugin| formats_of(plugin).any(|known| known == format))
            .ok_or_else(|| match self.formats() {
                known if known.is_empty() => self.registry.none(StageKind::Format).into(),
                known => PipelineError::Format {
                    asked: format.to_owned(),
                    known: known
                        .iter()
                        .map(|name| format!("`{name}`"))
                        .collect::<Vec<_>>()
                        .join(", "),
                },
            })
    }

    /// The format of documents with speakers for users that name none, where a plugin declares one.
    pub(crate) fn format_with_speakers(&self) -> Option<String> {
        let plugins = self.registry.of_stage(StageKind::Format);
        let mut formats = plugins.iter().flat_map(|plugin| &plugin.manifest.formats);
        let declared = formats.find(|(_, format)| format.default_with_speakers);
        // A plugin that declares no formats was built before it could.
        let is_old = |plugin: &Arc<Plugin>| plugin.manifest.formats.is_empty();
        let undeclared = || {
            plugins
                .iter()
                .filter(|plugin| is_old(plugin))
                .flat_map(|plugin| formats_of(plugin))
                .find(|name| *name == "md")
        };
        declared
            .map(|(name, _)| name.clone())
            .or_else(|| undeclared().map(str::to_owned))
    }

    /// How the files of several recordings follow each other in a format; `None`: not at all, or there is no such format.
    pub(crate) fn several(&self, format: &FormatRequest) -> Option<Several> {
        let plugin = self.plugin_of_format(format).ok()?;
        // One that declares no formats was built before it could.
        let is_old = plugin.manifest.formats.is_empty().then_some(Several::Stream);
        is_old.or_else(|| plugin.manifest.formats.get(&format.format)?.several)
    }

    /// The formats that the plugins write.
    pub(crate) fn formats(&self) -> Vec<String> {
        let formats = self.format_extensions();
        formats.into_iter().map(|(name, _)| name).collect()
    }

    /// The formats that the plugins write, each with the end of its files' names.
    pub(crate) fn format_extensions(&self) -> Vec<(String, String)> {
        let plugins = self.registry.of_stage(StageKind::Format);
        let formats = plugins
            .iter()
            .flat_map(|plugin| formats_of(plugin).map(|name| (name, extension(&plugin.manifest, name))));
        formats
            .map(|(name, extension)| (name.to_owned(), extension.to_owned()))
            .collect()
    }

    pub(crate) fn prepare(
        &self,
        plugin: &Arc<Plugin>,
        asked: &StageRequest,
        cancel: &CancelToken,
    ) -> Result<Prepared, PipelineError> {
        let digest = self.store.file_digest(&plugin.path, cancel)?;
        plugin.clear(&digest.to_string(), self.verdicts, self.runners)?;
        let Effective {
            open,
            request,
            models,
            keyed,
        } = self.effective(&plugin.manifest, asked, cancel)?;
        Ok(Prepared {
            plugin: Arc::clone(plugin),
            digest,
            open,
            request,
            models,
            keyed,
        })
    }

    /// Options for a plugin's session and its requests, models as paths.
    pub(crate) fn given_to(
        &self,
        manifest: &Manifest,
        asked: &StageRequest,
        cancel: &CancelToken,
    ) -> Result<SessionAndRequest, PipelineError> {
        let Effective { open, request, .. } = self.effective(manifest, asked, cancel)?;
        Ok((open, request))
    }

    fn effective(
        &self,
        manifest: &Manifest,
        asked: &StageRequest,
        cancel: &CancelToken,
    ) -> Result<Effective, PipelineError> {
        let given = given(manifest, asked).map_err(|error| option_error(manifest, error))?;
        let mut effective = manifest
            .effective(&given)
            .map_err(|error| option_error(manifest, error))?;
        let models = self.put_models(manifest, &mut effective, asked, cancel)?;
        let keyed = keyed(manifest, &effective);
        let (mut open, mut request) = (Map::new(), Map::new());
        for (name, value) in effective {
            let spec = &manifest.options[&name];
            let scope = if spec.scope == Scope::Open {
                &mut open
            } else {
                &mut request
            };
            scope.insert(name, value);
        }
        Ok(Effective {
            open,
            request,
            models,
            keyed,
        })
    }

    /// Replaces the names of the models that are needed by their paths.
    fn put_models(
        &self,
        manifest: &Manifest,
        effective: &mut BTreeMap<String, Value>,
        asked: &StageRequest,
        cancel: &CancelToken,
    ) -> Result<BTreeMap<String, UsedModel>, PipelineError> {
        let mut models = BTreeMap::new();
        let needed = model_options(manifest).filter(|option| is_needed(*option, effective));
        for (name, spec) in needed.collect::<Vec<_>>() {
            let given = effective.get(name).and_then(Value::as_str).map(str::to_owned);
            let model = self.resolve_model(manifest, (name, spec), given.as_deref(), asked)?;
            let digest = self.store.model_digest(&model, cancel)?;
            effective.insert(name.to_owned(), Value::from(model.path.to_string_lossy()));
            let scope = spec.scope;
            models.insert(name.to_owned(), UsedModel { model, digest, scope });
        }
        Ok(models)
    }

    /// A message about a missing library that a plugin opens, as far as it can be checked from outside.
    pub(crate) fn missing_library(&self, plugin: &Plugin) -> Option<String> {
        libraries::missing(&plugin.manifest, &plugin.path, self.models)
    }

    pub(crate) fn resolve_model(
        &self,
        manifest: &Manifest,
        (name, spec): (&str, &OptionSpec),
        given: Option<&str>,
        asked: &StageRequest,
    ) -> Result<ResolvedModel, PipelineError> {
        let none = ModelFiles::default();
        let files = spec.model.as_ref().unwrap_or(&none);
        let flag = model_flag(manifest.stage, name);
        let lookup = ModelLookup {
            plugin: &manifest.id,
            flag: &flag,
            files,
            roots: self.models,
        };
        if let Some(name) = given {
            return Ok(lookup.resolve(name)?);
        }
        let accept = |name: &str| {
            files
                .languages_of(name)
                .is_none_or(|languages| is_for(languages, asked))
        };
        lookup.default_model(accept).ok_or_else(|| lookup.no_default().into())
    }
}

/// Whether the request names a model that the catalog has for a plugin.
fn names_known_model(plugin: &Plugin, asr: &StageRequest) -> bool {
    let named = main_model(&plugin.manifest).and_then(|(name, spec)| spec.model.as_ref().zip(text_of(asr, name)));
    named.is_some_and(|(files, name)| cesar_models::catalog::suggestion(files, name).is_some())
}

/// An option of kind text as it was given.
pub(crate) fn text_of<'a>(asked: &'a StageRequest, name: &str) -> Option<&'a str> {
    asked.options.get(name)?.as_text()
}

/// Whether a model that is limited to these languages can be the default for a request.
fn is_for(languages: &[String], asked: &StageRequest) -> bool {
    text_of(asked, "language").is_none_or(|text| cesar_language::may_be_one_of(text, languages))
        && text_of(asked, "task") != Some("translate")
}

fn formats_of(plugin: &Plugin) -> impl Iterator<Item = &str> {
    plugin
        .manifest
        .options
        .get("format")
        .into_iter()
        .flat_map(|option| option.choices.iter().map(String::as_str))
}

/// Whether a model is needed with these options. One with a switch and no default is built into the plugin, unless a file is named.
fn is_needed((name, spec): (&str, &OptionSpec), effective: &BTreeMap<String, Value>) -> bool {
    let Some(switch) = &spec.needed_when else {
        return true;
    };
    let named = effective.get(name).is_some_and(|model| !model.is_null());
    named && effective.get(switch) == Some(&Value::Bool(true))
}

/// The options of the models that a request needs; none, if its options are not the plugin's.
pub(crate) fn needed_models<'a>(
    manifest: &'a Manifest,
    asked: &StageRequest,
) -> impl Iterator<Item = (&'a str, &'a OptionSpec)> {
    let effective = given(manifest, asked).and_then(|given| manifest.effective(&given));
    let needed = effective.map(|effective| {
        let needed = model_options(manifest).filter(|option| is_needed(*option, &effective));
        needed.collect::<Vec<_>>()
    });
    needed.unwrap_or_default().into_iter()
}

/// The flag of an option for models.
fn model_flag(stage: StageKind, option: &str) -> String {
    match (stage, option) {
        (StageKind::Asr, "model") => "--model".into(),
        (stage, option) => format!("--{stage}-option {option}="),
    }
}

/// The options that may change the result, as the key writes them; models are named apart.
fn keyed(manifest: &Manifest, effective: &BTreeMap<String, Value>) -> BTreeMap<String, OptionValue> {
    let specs = effective
        .iter()
        .map(|(name, value)| (name, &manifest.options[name], value));
    specs
        .filter(|(_, spec, _)| spec.cache && spec.kind != OptionKind::Model)
        .map(|(name, spec, value)| (name.clone(), key_value(spec.kind, value)))
        .collect()
}

/// A value of the table as the key writes it: by its declared kind.
fn key_value(kind: OptionKind, value: &Value) -> OptionValue {
    let element = |kind: OptionKind, value: &Value| match kind {
        OptionKind::Boolean => value.as_bool().map(OptionValue::Bool),
        OptionKind::Integer | OptionKind::Integers => value.as_i64().map(OptionValue::Integer),
        OptionKind::Number | OptionKind::Numbers => value.as_f64().and_then(|number| OptionValue::number(number).ok()),
        OptionKind::String | OptionKind::Strings | OptionKind::Model => {
            value.as_str().map(|text| OptionValue::Text(text.to_owned()))
        }
    };
    let typed = match value {
        Value::Null => Some(OptionValue::Null),
        Value::Array(values) => values
            .iter()
            .map(|value| element(kind, value))
            .collect::<Option<_>>()
            .map(OptionValue::List),
        value => element(kind, value),
    };
    typed.expect("the option table has checked the value's kind")
}

#[cfg(test)]
mod tests;
