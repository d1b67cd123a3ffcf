use std::fs;
use std::path::PathBuf;

use plugin_api::manifest::Scope;
use plugin_api::{ErrorKind, Stage};
use serde_json::json;

use super::*;
use crate::Ct2;
use crate::testing::options;

/// A folder for one test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("cesar-ct2-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder can be made");
        Self(folder)
    }

    fn with(self, file: &str, bytes: &[u8]) -> Self {
        fs::write(self.0.join(file), bytes).expect("a file can be written");
        self
    }

    /// The error of opening it, without the folder's own path.
    fn refusal(&self) -> String {
        let options = options(Scope::Open, &json!({ "model": self.0.to_str() }));
        let error = Ct2::open(options).err().expect("the model is refused");
        assert_eq!(error.kind, ErrorKind::ModelMissing);
        error.message.replace(self.0.to_str().expect("the path is UTF-8"), "…")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn header(version: u32, name: &str) -> Vec<u8> {
    let length = u16::try_from(name.len() + 1).expect("names are short");
    [
        &version.to_le_bytes()[..],
        &length.to_le_bytes()[..],
        name.as_bytes(),
        &[0],
    ]
    .concat()
}

#[test]
fn faults_of_a_folder_are_reported_in_one_sentence() {
    let nothing = Folder::new("nothing");
    let file = Folder::new("file").with("x", b"");
    let lfs = Folder::new("lfs").with(
        "model.bin",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    );
    let translation = Folder::new("translation").with("model.bin", &header(6, "TransformerBase"));
    let text = Folder::new("text").with("model.bin", b"hello, this is not a model");
    let no_tokenizer = Folder::new("tokenizer").with("model.bin", &header(6, "WhisperSpec"));
    let torn = Folder::new("torn")
        .with("model.bin", &header(6, "WhisperSpec"))
        .with("tokenizer.json", b"{}");

    assert_eq!(
        nothing.refusal(),
        "`…` holds no `model.bin`: give a folder with a Whisper model converted for CTranslate2"
    );
    let inner = Folder(file.0.join("x"));
    assert_eq!(
        inner.refusal(),
        "`…` is not a folder: give the folder that holds the model's `model.bin`"
    );
    assert_eq!(
        lfs.refusal(),
        "`…/model.bin` is a Git LFS pointer, not a model: run `git lfs pull` in that folder or download it again"
    );
    assert_eq!(
        translation.refusal(),
        "`…/model.bin` is a CTranslate2 model of the kind `TransformerBase`, not Whisper: give a Whisper model"
    );
    assert_eq!(
        text.refusal(),
        "`…/model.bin` is not a CTranslate2 model: convert the model with `ct2-transformers-converter` or download it again"
    );
    assert_eq!(
        no_tokenizer.refusal(),
        "`…` holds no `tokenizer.json`: copy it from the model's repository into the folder"
    );
    let message = torn.refusal();
    assert!(
        message.starts_with("`…` cannot be loaded (") && message.ends_with("download the model again"),
        "{message}"
    );
}

#[test]
fn a_missing_model_is_reported() {
    let error = Ct2::open(options(Scope::Open, &json!({})))
        .err()
        .expect("there is no model");
    assert_eq!(error.kind, ErrorKind::ModelMissing);
    assert!(error.message.starts_with("no model was named"), "{}", error.message);
}

#[test]
fn headers_name_the_architecture() {
    assert_eq!(architecture(&header(6, "WhisperSpec")).as_deref(), Some("WhisperSpec"));
    assert_eq!(architecture(&header(1, "WhisperSpec")), None);
    assert_eq!(architecture(&header(6, "")), None);
    assert_eq!(architecture(&header(6, "WhisperSpec")[..9]), None);
    assert_eq!(architecture(b""), None);
}
