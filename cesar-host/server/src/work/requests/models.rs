//! Models by name.

use cesar_models::ModelLookup;
use cesar_pipeline::{Pipeline, main_model};
use plugin_api::manifest::{Manifest, ModelFiles};

/// Whether the text can be a model's name, and no path.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('.') && !text.contains(['/', '\\']) && !text.contains(char::is_control)
}

/// The name in lists of a model, which may have others; `None` for one that is not listed, such as a file.
pub(crate) fn listed_name(pipeline: &Pipeline, engine: &Manifest, model: &str) -> Option<String> {
    let listed = pipeline.present_models(engine)?;
    if listed.iter().any(|name| name == model) {
        return Some(model.to_owned());
    }
    let (_, spec) = main_model(engine)?;
    let lookup = lookup(pipeline, engine, spec.model.as_ref()?);
    let path = is_name(model).then(|| lookup.named(model))??.path;
    let is_same = |name: &String| lookup.named(name).is_some_and(|listed| listed.path == path);
    listed.into_iter().find(is_same)
}

/// A lookup in the models of an engine.
pub(crate) fn lookup<'a>(pipeline: &'a Pipeline, engine: &'a Manifest, files: &'a ModelFiles) -> ModelLookup<'a> {
    ModelLookup {
        plugin: &engine.id,
        flag: "model",
        files,
        roots: pipeline.models(),
    }
}
