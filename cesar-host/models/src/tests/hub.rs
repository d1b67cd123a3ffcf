//! A Hugging Face cache in the layout of `huggingface_hub`: snapshots of symbolic links into `blobs/`.

use std::os::unix::fs::symlink;

use super::{Place, folder, one_file, write};

const COMMIT: &str = "536b0662742c02347bc0e980a01041f333bce120";

impl Place {
    /// Adds a repository with these files to the cache.
    fn with_repository(self, folder: &str, files: &[&str]) -> Self {
        let repository = self.path("hub").join(folder);
        write(&repository.join("refs/main"), COMMIT);
        let snapshot = repository.join("snapshots").join(COMMIT);
        std::fs::create_dir_all(&snapshot).unwrap();
        for (number, file) in files.iter().enumerate() {
            write(&repository.join(format!("blobs/{number}")), file);
            symlink(format!("../../blobs/{number}"), snapshot.join(file)).unwrap();
        }
        self
    }
}

fn snapshot(folder: &str) -> String {
    format!("hub/{folder}/snapshots/{COMMIT}")
}

#[test]
fn a_folder_model_is_the_snapshot() {
    let repository = "models--Systran--faster-whisper-base";
    let place = Place::new().with_repository(repository, &["model.bin", "config.json"]);
    assert_eq!(place.found(&folder(), "base"), snapshot(repository));
    assert_eq!(
        place.found(&folder(), "Systran/faster-whisper-base"),
        snapshot(repository)
    );
    assert_eq!(place.lookup(&folder()).present(), ["base"]);
    assert_eq!(place.lookup(&folder()).default_model(|_| true).unwrap().name, "base");
    let place = place.with(&["standard/base/model.bin", "standard/base/config.json"]);
    assert_eq!(
        place.found(&folder(), "base"),
        "standard/base",
        "the models folders come first"
    );
}

#[test]
fn a_file_model_lies_in_the_snapshot() {
    let repository = "models--ggerganov--whisper.cpp";
    let place = Place::new().with_repository(repository, &["ggml-base.bin", "ggml-tiny.bin", "README.md"]);
    assert_eq!(
        place.found(&one_file(), "tiny"),
        format!("{}/ggml-tiny.bin", snapshot(repository))
    );
    assert_eq!(place.lookup(&one_file()).present(), ["base", "tiny"]);
}

#[test]
fn an_interrupted_download_is_not_a_model() {
    let place = Place::new().with_repository("models--Systran--faster-whisper-base", &["config.json"]);
    assert!(place.lookup(&folder()).present().is_empty());
    assert_eq!(
        place.refusal(&folder(), "base"),
        format!(
            "the model in `HERE/hub/models--Systran--faster-whisper-base/snapshots/{COMMIT}` is incomplete: `ct2` needs its file \
             `model.bin`; add that file or use another model"
        )
    );
}

#[test]
fn dangling_links_and_wrong_commits_are_ignored() {
    let place = Place::new().with_repository("models--Systran--faster-whisper-a", &["model.bin", "config.json"]);
    std::fs::remove_file(place.path("hub/models--Systran--faster-whisper-a/blobs/0")).unwrap();
    assert!(place.lookup(&folder()).resolve("a").is_err());
    let place = Place::new().with(&["hub/outside/model.bin", "hub/outside/config.json"]);
    write(
        &place.path("hub/models--Systran--faster-whisper-b/refs/main"),
        "../../outside",
    );
    std::fs::create_dir(place.path("hub/models--Systran--faster-whisper-b/snapshots")).unwrap();
    assert!(place.lookup(&folder()).resolve("b").is_err());
}
