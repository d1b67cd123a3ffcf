//! Shared fixtures: a models folder and the two shapes of a plugin's models.

mod digest;
mod errors;
mod hub;
mod lookup;

use std::path::{Path, PathBuf};

use super::{ModelFiles, ModelLookup, ModelRoots, ResolvedModel};

/// Models that are one file.
fn one_file() -> ModelFiles {
    ModelFiles {
        patterns: vec!["ggml-{name}.bin".into()],
        files: vec![],
        hub: vec!["ggerganov/whisper.cpp".into()],
        preferred: vec!["large-v3".into(), "base".into(), "tiny.en".into()],
        ..ModelFiles::default()
    }
}

/// Models that are folders.
fn folder() -> ModelFiles {
    ModelFiles {
        patterns: vec!["{name}".into(), "faster-whisper-{name}".into()],
        files: ["model.bin", "config.json", "vocabulary.txt?"]
            .map(String::from)
            .to_vec(),
        hub: vec!["Systran/faster-whisper-{name}".into()],
        preferred: vec!["large-v3".into(), "base".into(), "tiny.en".into()],
        ..ModelFiles::default()
    }
}

/// Two models folders and a Hugging Face cache, all empty.
struct Place {
    folder: tempfile::TempDir,
    roots: ModelRoots,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let roots = ModelRoots {
            dirs: vec![folder.path().join("own"), folder.path().join("standard")],
            hub: Some(folder.path().join("hub")),
            libraries: None,
        };
        std::fs::create_dir(folder.path().join("hub")).unwrap();
        Self { folder, roots }
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Writes files whose content is their path.
    fn with(self, files: &[&str]) -> Self {
        for file in files {
            write(&self.path(file), file);
        }
        self
    }

    fn lookup<'a>(&'a self, files: &'a ModelFiles) -> ModelLookup<'a> {
        ModelLookup {
            plugin: "ct2",
            flag: "--model",
            files,
            roots: &self.roots,
        }
    }

    /// The path, relative to this place, of the model found.
    fn found(&self, files: &ModelFiles, asked: &str) -> String {
        let model = self
            .lookup(files)
            .resolve(asked)
            .unwrap_or_else(|error| panic!("{error}"));
        self.relative(&model)
    }

    fn relative(&self, model: &ResolvedModel) -> String {
        model
            .path
            .strip_prefix(self.folder.path())
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    }

    /// The error message for a refused model, with this place written as `HERE`.
    fn refusal(&self, files: &ModelFiles, asked: &str) -> String {
        let error = self.lookup(files).resolve(asked).expect_err("there is no such model");
        error.to_string().replace(self.folder.path().to_str().unwrap(), "HERE")
    }

    /// The same message for clients of a server.
    fn brief(&self, files: &ModelFiles, asked: &str) -> String {
        let error = self.lookup(files).resolve(asked).expect_err("there is no such model");
        let brief = error.brief();
        assert!(!brief.contains(self.folder.path().to_str().unwrap()), "{brief}");
        brief
    }
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}
