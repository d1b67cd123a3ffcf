//! Messages about missing models.

use super::{Place, folder, one_file};

#[test]
fn unknown_names_are_reported() {
    let place = Place::new().with(&["own/base/model.bin", "own/base/config.json"]);
    assert_eq!(
        place.refusal(&folder(), "larg-v3"),
        "there is no model `larg-v3` for `ct2`: looked for `larg-v3/model.bin` and `faster-whisper-larg-v3/model.bin` in \
         `HERE/own` and `HERE/standard`, and for `Systran/faster-whisper-larg-v3` in the Hugging Face cache `HERE/hub`; the \
         model `base` is present (did you mean `large-v3`?); put the model there, or give a path with `--model`"
    );
    let mut place = Place::new();
    place.roots.hub = None;
    assert_eq!(
        place.refusal(&one_file(), "whisper"),
        "there is no model `whisper` for `ct2`: looked for `ggml-whisper.bin` in `HERE/own` and `HERE/standard`; put the model \
         there, or give a path with `--model`"
    );
    place.roots.dirs.clear();
    assert!(
        place
            .refusal(&one_file(), "")
            .contains("in no folder, because neither `CESAR_MODELS_DIR` nor `HOME` is set")
    );
}

/// Clients of a server learn which model is missing, but not the server's folders.
#[test]
fn the_brief_form_omits_folders() {
    let place = Place::new().with(&["own/base/model.bin", "own/half/config.json"]);
    assert_eq!(
        place.brief(&folder(), "larg-v3"),
        "there is no model `larg-v3` for `ct2`; put one in place with `cesar models import`"
    );
    for path in ["own/nothing", "own/base/model.bin", "own/half"] {
        place.brief(&folder(), place.path(path).to_str().unwrap());
    }
}

#[test]
fn a_path_without_a_model_is_reported() {
    let place = Place::new().with(&[
        "own/base/model.bin",
        "own/base/config.json",
        "own/ggml-base.bin",
        "own/ggml-tiny.bin",
    ]);
    let (one_file, folder) = (one_file(), folder());
    let refusal = |files, path: &str| place.refusal(files, place.path(path).to_str().unwrap());
    assert_eq!(
        refusal(&one_file, "own/missing.bin"),
        "there is no model at `HERE/own/missing.bin`; the models `base` and `tiny` are present; give the path of a model for `ct2`, or a name"
    );
    assert_eq!(
        refusal(&one_file, "own/base"),
        "`HERE/own/base` is a folder, and a model for `ct2` is one file, such as `ggml-NAME.bin`; give the file"
    );
    assert_eq!(
        refusal(&folder, "own/base/model.bin"),
        "`HERE/own/base/model.bin` is a file, and a model for `ct2` is a folder with `model.bin` and `config.json`; give the folder \
         with `--model`"
    );
    assert_eq!(
        refusal(&folder, "own"),
        "the model in `HERE/own` is incomplete: `ct2` needs its file `model.bin`; add that file or use another model"
    );
}

#[test]
fn a_missing_file_is_reported() {
    let place = Place::new().with(&["standard/faster-whisper-base/model.bin"]);
    assert_eq!(
        place.refusal(&folder(), "base"),
        "the model in `HERE/standard/faster-whisper-base` is incomplete: `ct2` needs its file `config.json`; add that file or \
         use another model"
    );
}

#[test]
fn a_missing_default_is_reported() {
    let place = Place::new().with(&["own/ggml-mine.bin"]);
    let text = place.lookup(&one_file()).no_default().to_string();
    assert_eq!(
        text.replace(place.folder.path().to_str().unwrap(), "HERE"),
        "there is no default model for `ct2`; the model `mine` is present; fetch one with `cesar models pull ggml-base`, put one of `large-v3`, `base` or `tiny.en` into \
         `HERE/own` or `HERE/standard`, or name a model with `--model`"
    );
}

#[test]
fn names_stay_inside_the_folders() {
    let place = Place::new().with(&["secret/model.bin", "secret/config.json", "own/x"]);
    for asked in ["..", "../secret", "own/../secret", ".secret"] {
        assert!(place.lookup(&folder()).resolve(asked).is_err(), "{asked}");
    }
    let mut preferring = folder();
    preferring.preferred = vec!["../secret".into(), "..".into(), String::new()];
    assert_eq!(place.lookup(&preferring).default_model(|_| true), None);
}

#[test]
fn manifests_that_leave_the_folders_are_refused() {
    let place = Place::new().with(&["secret/model.bin", "secret/config.json", "own/x"]);
    for pattern in ["../{name}", "/etc/{name}", "a/../../{name}", ""] {
        let mut files = folder();
        files.patterns.push(pattern.into());
        assert_eq!(
            place.refusal(&files, "secret"),
            format!(
                "the plugin `ct2` is defective: `{pattern}` in its manifest is not a path inside a models folder; report it to \
                 its author"
            )
        );
        assert!(place.lookup(&files).present().is_empty());
        assert_eq!(place.lookup(&files).default_model(|_| true), None);
    }
    let mut files = folder();
    files.files.push("../secret?".into());
    assert!(place.refusal(&files, "x").contains("`../secret` in its manifest"));
}
