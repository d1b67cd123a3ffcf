//! Models of a plugin: the present ones, and those that a run would miss.

use std::path::{Path, PathBuf};

use cesar_models::catalog::{self, Entry, Kind};
use cesar_models::{ModelLookup, ModelRoots};
use cesar_runner::discovery::Plugin;
use plugin_api::manifest::{Manifest, ModelFiles};

use super::error::PipelineError;
use super::planner::{Planner, needed_models, text_of};
use super::prepared::{main_model, model_options};
use super::request::StageRequest;
use super::speakers;
use super::speakers::SpeakersRequest;

/// The models that a run would miss and that can be fetched: the engine's, and those for speaker identification if requested.
pub(crate) fn missing_models(
    planner: &Planner<'_>,
    asr: &StageRequest,
    request: &SpeakersRequest,
) -> Vec<&'static Entry> {
    let mut missing: Vec<_> = planner
        .choose_engine(asr)
        .map(|engine| missing_of(planner, &engine, asr))
        .unwrap_or_default();
    if request.wanted == Some(true) && !request.channels {
        let diarizer = speakers::diarizer(planner, request);
        missing.extend(
            diarizer
                .into_iter()
                .flat_map(|plugin| missing_of(planner, &plugin, &request.stage)),
        );
    }
    missing
}

fn missing_of(planner: &Planner<'_>, plugin: &Plugin, asked: &StageRequest) -> Vec<&'static Entry> {
    let manifest = &plugin.manifest;
    let missing = needed_models(manifest, asked).filter_map(|(name, spec)| {
        let given = text_of(asked, name).or(spec.default.as_str());
        match planner.resolve_model(manifest, (name, spec), given, asked) {
            Err(PipelineError::Model(error)) => error.pull(),
            _ => None,
        }
    });
    missing.collect()
}

/// See [`Pipeline::present_models`](super::Pipeline::present_models).
pub(crate) fn present(manifest: &Manifest, roots: &ModelRoots) -> Option<Vec<String>> {
    let (main, spec) = main_model(manifest)?;
    let of_main = lookup(manifest, spec.model.as_ref()?, roots);
    let others: Vec<PathBuf> = model_options(manifest)
        .filter(|(name, _)| *name != main)
        .filter_map(|(_, spec)| spec.model.as_ref())
        .flat_map(|files| {
            let lookup = lookup(manifest, files, roots);
            files.preferred.iter().filter_map(move |name| lookup.named(name))
        })
        .map(|model| model.path)
        .collect();
    // A file that the catalog has for another purpose may match the pattern, too.
    let is_vad = |path: &Path| {
        let name = path.file_name().map(Path::new);
        name.and_then(catalog::at_place)
            .is_some_and(|entry| entry.kind == Kind::Vad)
    };
    let is_other = |name: &String| {
        let found = of_main.named(name);
        found.is_some_and(|model| others.contains(&model.path) || is_vad(&model.path))
    };
    Some(of_main.present().into_iter().filter(|name| !is_other(name)).collect())
}

fn lookup<'a>(manifest: &'a Manifest, files: &'a ModelFiles, roots: &'a ModelRoots) -> ModelLookup<'a> {
    ModelLookup {
        plugin: &manifest.id,
        flag: "--model",
        files,
        roots,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_of_another_option_is_not_listed() {
        let manifest = include_str!("../../../plugins/whisper-cpp/src/cesar-plugin.json");
        let manifest = Manifest::parse(manifest).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for name in ["ggml-base.bin", "ggml-silero-v6.2.0.bin", "ggml-my-silero.bin"] {
            std::fs::write(folder.path().join(name), "a model").unwrap();
        }
        let roots = ModelRoots {
            dirs: vec![folder.path().to_owned()],
            ..ModelRoots::default()
        };
        assert_eq!(present(&manifest, &roots).unwrap(), ["base", "my-silero"]);

        let manifest = include_str!("../../../plugins/pyannote/src/cesar-plugin.json");
        let manifest = Manifest::parse(manifest).unwrap();
        for name in ["segmentation-3.0.onnx", "silero_vad_v6.onnx", "speaker-campplus.onnx"] {
            std::fs::write(folder.path().join(name), "a model").unwrap();
        }
        assert_eq!(present(&manifest, &roots).unwrap(), ["speaker-campplus"]);
    }
}
