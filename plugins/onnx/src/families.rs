//! The table of families, and the choice by the files of a folder.
//!
//! A further family is a module with a [`Family`] and a row in [`FAMILIES`].

use std::path::{Path, PathBuf};

use plugin_api::{ErrorKind, StageError};

use crate::family::Family;
use crate::{moonshine, parakeet};

/// Opens the networks of a model's folder.
type Open = fn(&Path, &[PathBuf]) -> Result<Box<dyn Family>, StageError>;

/// A way to open a family: the files that belong to it, and its loader.
struct Row {
    name: &'static str,
    /// The networks, each list one form; the first whose files are all there is opened.
    networks: &'static [&'static [&'static str]],
    open: Open,
}

const FAMILIES: &[Row] = &[
    Row {
        name: "Moonshine",
        networks: moonshine::FILES,
        open: moonshine::open,
    },
    Row {
        name: "Parakeet",
        networks: parakeet::FILES,
        open: parakeet::open,
    },
];

/// Opens the model of a folder.
pub(crate) fn open(folder: &Path) -> Result<Box<dyn Family>, StageError> {
    for row in FAMILIES {
        for files in row.networks {
            let paths: Vec<PathBuf> = files.iter().map(|file| folder.join(file)).collect();
            if paths.iter().all(|path| path.is_file()) {
                tracing::debug!("`{}` is a {} model", folder.display(), row.name);
                return (row.open)(folder, &paths);
            }
        }
    }
    Err(refusal(folder))
}

/// What is missing: the rest of a form of which one file is there, else everything.
fn refusal(folder: &Path) -> StageError {
    let shown = folder.display();
    let forms = FAMILIES
        .iter()
        .flat_map(|row| row.networks.iter().map(move |files| (row.name, *files)));
    let begun = forms.clone().find_map(|(name, files)| {
        let missing: Vec<&str> = files
            .iter()
            .copied()
            .filter(|file| !folder.join(file).is_file())
            .collect();
        (missing.len() < files.len()).then(|| (name, missing.join("` and `")))
    });
    let message = match begun {
        Some((name, missing)) => format!("the {name} model in `{shown}` lacks `{missing}`: pull the model again"),
        None => {
            let wanted = FAMILIES
                .iter()
                .filter_map(|row| Some(format!("`{}` ({})", row.networks.first()?.join("` and `"), row.name)));
            let wanted: Vec<String> = wanted.collect();
            format!(
                "`{shown}` holds no model of a family that this engine knows: it has neither {}; run `cesar models pull moonshine-base`",
                wanted.join(" nor ")
            )
        }
    };
    StageError::new(ErrorKind::ModelMissing, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(name: &str, files: &[&str]) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("cesar-onnx-family-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for file in files {
            std::fs::write(folder.join(file), "no network").unwrap();
        }
        folder
    }

    fn refused(folder: &Path) -> String {
        let error = open(folder).err().expect("it is no model");
        assert_eq!(error.kind, ErrorKind::ModelMissing);
        std::fs::remove_dir_all(folder).unwrap();
        error.message
    }

    #[test]
    fn a_foreign_folder_is_refused_with_the_files_of_each_family() {
        let message = refused(&folder_with("foreign", &["model.bin", "config.json"]));
        assert!(message.contains("holds no model of a family"), "{message}");
        assert!(
            message.contains("`encoder_model.ort` and `decoder_model_merged.ort` (Moonshine)"),
            "{message}"
        );
        assert!(message.contains("(Parakeet)"), "{message}");
    }

    #[test]
    fn the_missing_file_of_a_family_is_named() {
        let message = refused(&folder_with("half", &["encoder_model.ort"]));
        assert!(
            message.ends_with("lacks `decoder_model_merged.ort`: pull the model again"),
            "{message}"
        );
    }
}
