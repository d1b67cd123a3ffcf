//! Names and paths that lead to a model.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::super::ModelRoots;
use super::super::pattern::{expand, is_name, name_in};
use super::{Place, folder, one_file};

#[test]
fn names_are_searched_in_each_folder_and_pattern() {
    let place = Place::new().with(&["standard/ggml-base.bin", "standard/ggml-tiny.bin", "own/ggml-tiny.bin"]);
    assert_eq!(place.found(&one_file(), "base"), "standard/ggml-base.bin");
    assert_eq!(
        place.found(&one_file(), "tiny"),
        "own/ggml-tiny.bin",
        "the first folder wins"
    );
    let place = Place::new().with(&[
        "standard/base/model.bin",
        "standard/base/config.json",
        "own/faster-whisper-base/config.json",
        "own/faster-whisper-base/model.bin",
    ]);
    assert_eq!(
        place.found(&folder(), "base"),
        "own/faster-whisper-base",
        "folders come before patterns"
    );
    assert_eq!(place.found(&folder(), "faster-whisper-base"), "own/faster-whisper-base");
}

#[test]
fn present_files_are_listed_in_manifest_order() {
    let place = Place::new().with(&["own/base/config.json", "own/base/model.bin", "own/base/README.md"]);
    let (files, model) = (folder(), |place: &Place| {
        place.lookup(&folder()).resolve("base").unwrap()
    });
    let names = |place: &Place| model(place).files.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(&place), ["model.bin", "config.json"]);
    assert!(!model(&place).is_one_file());
    let place = place.with(&["own/base/vocabulary.txt"]);
    assert_eq!(names(&place), ["model.bin", "config.json", "vocabulary.txt"]);
    assert_eq!(
        place.lookup(&files).resolve("base").unwrap().files[0].1,
        place.path("own/base/model.bin")
    );
}

#[test]
fn incomplete_models_are_skipped() {
    let place = Place::new().with(&[
        "own/base/model.bin",
        "standard/base/model.bin",
        "standard/base/config.json",
    ]);
    assert_eq!(place.found(&folder(), "base"), "standard/base");
}

#[test]
fn paths_are_used_as_given() {
    let place = Place::new().with(&[
        "elsewhere/mine.bin",
        "elsewhere/mine/model.bin",
        "elsewhere/mine/config.json",
    ]);
    let asked = place.path("elsewhere/mine.bin");
    let files = one_file();
    let model = place.lookup(&files).resolve(asked.to_str().unwrap()).unwrap();
    assert_eq!((model.name.as_str(), &model.path), (asked.to_str().unwrap(), &asked));
    assert!(model.is_one_file());
    assert_eq!(model.files, [("mine.bin".to_owned(), asked)]);
    assert_eq!(
        place.found(&folder(), place.path("elsewhere/mine/").to_str().unwrap()),
        "elsewhere/mine"
    );
}

#[test]
fn relative_paths_become_absolute() {
    // The package's own manifest stands for a model of one file: it exists in the folder in which tests run.
    let place = Place::new();
    let files = one_file();
    for asked in ["Cargo.toml", "./Cargo.toml"] {
        let model = place.lookup(&files).resolve(asked).unwrap();
        assert_eq!(model.path, std::env::current_dir().unwrap().join("Cargo.toml"));
        assert_eq!(model.name, asked);
    }
}

#[test]
fn other_files_of_that_name_do_not_hide_the_model() {
    // `src` exists in the folder in which tests run, and is not a model.
    let place = Place::new().with(&["own/ggml-src.bin", "own/src/model.bin", "own/src/config.json"]);
    assert_eq!(place.found(&one_file(), "src"), "own/ggml-src.bin");
    assert_eq!(place.found(&folder(), "src"), "own/src");
}

#[test]
fn the_default_is_the_first_preferred_model_present() {
    let place = Place::new().with(&["own/ggml-tiny.en.bin", "standard/ggml-base.bin", "own/ggml-other.bin"]);
    let files = one_file();
    let lookup = place.lookup(&files);
    assert_eq!(lookup.default_model(|_| true).unwrap().name, "base");
    assert_eq!(
        lookup.default_model(|name| name.ends_with(".en")).unwrap().name,
        "tiny.en"
    );
    assert_eq!(lookup.default_model(|name| name == "large-v3"), None);
}

#[test]
fn present_lists_complete_models_once_by_their_shortest_name() {
    let place = Place::new().with(&[
        "own/base/model.bin",
        "own/base/config.json",
        "own/faster-whisper-tiny/model.bin",
        "own/faster-whisper-tiny/config.json",
        "standard/base/model.bin",
        "standard/base/config.json",
        "standard/incomplete/model.bin",
        "own/.hidden/model.bin",
        "own/.hidden/config.json",
        "own/ggml-base.bin",
    ]);
    assert_eq!(place.lookup(&folder()).present(), ["base", "tiny"]);
    assert_eq!(place.lookup(&one_file()).present(), ["base"]);
}

#[test]
fn patterns_can_contain_folders_and_repeat_the_name() {
    let mut files = one_file();
    files.patterns = vec!["{name}/ggml-{name}.bin".into(), "flat/{name}-{name}.gguf".into()];
    let place = Place::new().with(&[
        "own/a/ggml-a.bin",
        "own/b/ggml-x.bin",
        "own/flat/c-c.gguf",
        "own/flat/d-e.gguf",
        "own/flat/f-f-f-f.gguf",
    ]);
    assert_eq!(place.lookup(&files).present(), ["a", "c", "f-f"]);
    assert_eq!(place.found(&files, "a"), "own/a/ggml-a.bin");
    assert_eq!(place.found(&files, "c"), "own/flat/c-c.gguf");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn patterns_round_trip_names(
        pattern in "[a-é.-]{0,4}\\{name\\}([a-é.-]{0,4}|[a-é-]{0,3}\\{name\\}[a-é]{0,3})",
        name in "[a-é.-]{1,8}",
    ) {
        prop_assume!(is_name(&name));
        prop_assert_eq!(name_in(&pattern, &expand(&pattern, &name)), Some(name));
    }

    #[test]
    fn a_found_name_expands_to_its_entry(pattern in "[ab]{0,2}\\{name\\}[ab]{0,2}", entry in "[ab.é]{0,8}") {
        if let Some(name) = name_in(&pattern, &entry) {
            prop_assert_eq!(expand(&pattern, &name), entry);
        }
    }
}

#[test]
fn roots_follow_the_environment() {
    let place = Place::new().with(&["hf/hub/x", "cache/huggingface/hub/x", "home/.cache/huggingface/hub/x"]);
    let roots = |variables: &[(&str, &str)], models_dir: Option<&Path>| {
        let find = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| place.path(value).into())
        };
        ModelRoots::new(models_dir, |name| -> Option<OsString> { find(name) })
    };
    let hub = |variables: &[(&str, &str)]| roots(variables, None).hub;
    let (home, cache) = (("HOME", "home"), ("XDG_CACHE_HOME", "cache"));
    assert_eq!(hub(&[home]), Some(place.path("home/.cache/huggingface/hub")));
    assert_eq!(hub(&[home, cache]), Some(place.path("cache/huggingface/hub")));
    assert_eq!(hub(&[home, cache, ("HF_HOME", "hf")]), Some(place.path("hf/hub")));
    assert_eq!(
        hub(&[home, ("HF_HOME", "hf"), ("HF_HUB_CACHE", "hub")]),
        Some(place.path("hub"))
    );
    assert_eq!(
        hub(&[home, ("HF_HUB_CACHE", "absent")]),
        None,
        "the one that is set must exist"
    );
    let own = PathBuf::from("/models");
    let standard = place.path("home/.local/share/cesar/models");
    assert_eq!(roots(&[home], Some(&own)).dirs, [own, standard.clone()]);
    assert_eq!(
        roots(&[home], Some(&standard)).dirs,
        [standard],
        "no folder is searched twice"
    );
}
