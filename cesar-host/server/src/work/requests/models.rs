//! Models by name.

use cesar_models::ModelLookup;
use cesar_pipeline::Pipeline;
use plugin_api::manifest::{Manifest, ModelFiles};

/// Whether the text can be a model's name, and no path.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('.') && !text.contains(['/', '\\']) && !text.contains(char::is_control)
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
