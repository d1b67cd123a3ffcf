//! Installed models: listed, verified, imported and removed.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;

const GGML: &[u8] = b"lmgg and so on";
/// The beginning of a Whisper model's weights for CTranslate2.
const WEIGHTS: &[u8] = b"\x06\0\0\0\x0c\0WhisperSpec\0and so on";

struct Shelf {
    folder: tempfile::TempDir,
    roots: ModelRoots,
}

impl Shelf {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let roots = ModelRoots {
            dirs: vec![folder.path().join("models")],
            hub: Some(folder.path().join("hub")),
            libraries: None,
        };
        Self { folder, roots }
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    fn write(&self, relative: &str, content: &[u8]) -> PathBuf {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// A file of a repository in Hugging Face's cache.
    fn write_to_hub(&self, folder: &str, file: &str, content: &[u8]) -> PathBuf {
        let digest = hex(&Sha256::digest(content));
        let blob = self.write(&format!("hub/{folder}/blobs/{digest}"), content);
        let link = self.path(&format!("hub/{folder}/snapshots/c0/{file}"));
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(format!("../../blobs/{digest}"), link).unwrap();
        self.write(&format!("hub/{folder}/refs/main"), b"c0");
        blob
    }

    fn models(&self) -> Vec<InstalledModel> {
        list(&self.roots, Some(&self.path("lib")))
    }

    fn model(&self, id: &str) -> InstalledModel {
        self.models().into_iter().find(|model| model.id == id).unwrap()
    }

    fn states(&self, id: &str) -> Vec<State> {
        verify(&self.model(id))
            .into_iter()
            .map(|checked| checked.state)
            .collect()
    }

    fn import(&self, source: &Path, name: Option<&str>) -> Result<Imported, ImportError> {
        import(source, name, None, &self.roots.dirs[0], &|_| {})
    }
}

#[test]
fn all_models_in_a_folder_are_listed() {
    let installed = Shelf::new();
    installed.write("models/faster-whisper-base/model.bin", WEIGHTS);
    installed.write("models/mine/model.bin", WEIGHTS);
    installed.write("models/other/model.bin", b"a translator");
    installed.write("models/ggml-base-q8_0.bin", GGML);
    installed.write("models/ggml-silero-v6.2.0.bin", GGML);
    installed.write("models/speaker-campplus.onnx", b"\x08");
    installed.write("models/another.onnx", b"\x08");
    installed.write("models/README.md", b"");
    installed.write("lib/libonnxruntime.so", b"ELF");
    installed.write_to_hub("models--Systran--faster-whisper-tiny", "model.bin", WEIGHTS);
    installed.write_to_hub("models--someone--whisper", "model.bin", WEIGHTS);
    installed.write_to_hub("models--someone--chat", "model.bin", b"something else");
    installed.write_to_hub("models--ggerganov--whisper.cpp", "ggml-tiny.bin", GGML);
    let found: Vec<_> = installed
        .models()
        .into_iter()
        .map(|model| (model.id, model.name, model.kind))
        .collect();
    let expected = [
        ("another.onnx", "another", None),
        ("faster-whisper-base", "base", Some(Kind::CTranslate2)),
        ("ggml-base-q8_0", "base-q8_0", Some(Kind::Ggml)),
        ("ggml-silero-v6.2.0", "silero", Some(Kind::Vad)),
        ("mine", "mine", Some(Kind::CTranslate2)),
        ("speaker-campplus", "speaker-campplus", Some(Kind::Embedding)),
        ("faster-whisper-tiny", "tiny", Some(Kind::CTranslate2)),
        ("ggml-tiny", "tiny", Some(Kind::Ggml)),
        ("someone/whisper", "someone/whisper", Some(Kind::CTranslate2)),
        ("onnxruntime", "onnxruntime", Some(Kind::Library)),
    ];
    assert_eq!(
        found,
        expected.map(|(id, name, kind)| (id.to_owned(), name.to_owned(), kind))
    );
}

#[test]
fn altered_truncated_and_missing_files_are_found() {
    let installed = Shelf::new();
    let source = installed.write("downloads/ggml-mine.bin", GGML);
    let imported = installed.import(&source, None).unwrap();
    assert_eq!((imported.name.as_str(), imported.present), ("mine", false));
    assert_eq!(installed.states("ggml-mine.bin"), [State::Sound]);
    fs::write(&imported.path, b"something else").unwrap();
    assert!(matches!(
        &installed.states("ggml-mine.bin")[..],
        [State::Altered { .. }]
    ));
    fs::write(&imported.path, b"").unwrap();
    assert_eq!(installed.states("ggml-mine.bin"), [State::Truncated]);
    // Files without a record are unknown, unless they are in the catalog.
    installed.write("models/ggml-own.bin", b"something else");
    assert_eq!(installed.states("ggml-own.bin"), [State::Unknown]);
    installed.write("models/ggml-tiny.bin", GGML);
    assert_eq!(installed.states("ggml-tiny"), [State::Truncated]);
    installed.write("models/ggml-tiny.bin", b"something else");
    assert!(matches!(&installed.states("ggml-tiny")[..], [State::Altered { .. }]));
}

#[test]
fn blobs_are_verified_by_name() {
    let installed = Shelf::new();
    let blob = installed.write_to_hub("models--someone--whisper", "model.bin", WEIGHTS);
    assert_eq!(installed.states("someone/whisper"), [State::Sound]);
    fs::write(blob, [WEIGHTS, b"!"].concat()).unwrap();
    assert!(installed.states("someone/whisper")[0].is_damage());
}

#[test]
fn a_missing_recorded_file_is_found() {
    let installed = Shelf::new();
    let source = installed.write("downloads/faster-whisper-base/model.bin", WEIGHTS);
    installed.write("downloads/faster-whisper-base/config.json", b"{}");
    let imported = installed.import(source.parent().unwrap(), None).unwrap();
    assert_eq!(imported.id, "faster-whisper-base");
    assert_eq!(installed.states("faster-whisper-base"), [State::Sound, State::Sound]);
    fs::remove_file(imported.path.join("config.json")).unwrap();
    let states = installed.states("faster-whisper-base");
    assert!(
        matches!(&states[..], [State::Sound, State::Unreadable { .. }]),
        "{states:?}"
    );
}

#[test]
fn harmful_imports_are_refused() {
    let installed = Shelf::new();
    let refusal =
        |source: &Path, name, sha256| import(source, name, sha256, &installed.roots.dirs[0], &|_| {}).unwrap_err();
    let text = installed.write("downloads/notes.bin", b"no model");
    assert!(matches!(refusal(&text, None, None), ImportError::NoModel { .. }));
    let ggml = installed.write("downloads/ggml-x.bin", GGML);
    assert!(matches!(refusal(&ggml, Some("../x"), None), ImportError::Name { .. }));
    let zeros = "0".repeat(64);
    assert!(matches!(refusal(&ggml, None, Some(&zeros)), ImportError::Digest { .. }));
    installed.import(&ggml, Some("y")).unwrap();
    assert!(
        installed.import(&ggml, Some("y")).unwrap().present,
        "the same model again is no change"
    );
    let other = installed.write("downloads/ggml-y.bin", b"lmgg of another kind");
    assert!(matches!(refusal(&other, None, None), ImportError::Taken { .. }));
    let left = fs::read_dir(&installed.roots.dirs[0])
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name());
    let mut left: Vec<_> = left.map(|name| name.to_string_lossy().into_owned()).collect();
    left.sort();
    assert_eq!(left, [".digests.json", ".lock", "ggml-y.bin"]);
}

#[test]
fn remove_deletes_only_the_model() {
    let installed = Shelf::new();
    let source = installed.write("downloads/ggml-mine.bin", GGML);
    installed.import(&source, None).unwrap();
    remove(&installed.model("ggml-mine.bin"), &|_| {}).unwrap();
    assert!(!installed.path("models/ggml-mine.bin").exists() && source.exists());
    assert_eq!(Records::load(&installed.path("models")).get("ggml-mine.bin"), None);

    let tiny = installed.write_to_hub("models--ggerganov--whisper.cpp", "ggml-tiny.bin", GGML);
    let base = installed.write_to_hub(
        "models--ggerganov--whisper.cpp",
        "ggml-base.bin",
        b"lmgg of another kind",
    );
    remove(&installed.model("ggml-tiny"), &|_| {}).unwrap();
    assert!(!tiny.exists() && base.exists());
    assert_eq!(installed.model("ggml-base").size, 20);

    let weights = installed.write_to_hub("models--someone--whisper", "model.bin", WEIGHTS);
    remove(&installed.model("someone/whisper"), &|_| {}).unwrap();
    assert!(!weights.exists() && !installed.path("hub/models--someone--whisper").exists());
}
