//! The digest of a model, which must not change: it is part of the keys of results.

use std::convert::Infallible;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::super::{ResolvedModel, digest};
use super::{Place, folder, one_file, write};

fn hexadecimal(model: &ResolvedModel) -> String {
    let mut of_file = |path: &Path| Ok::<_, Infallible>(Sha256::digest(std::fs::read(path).unwrap()).into());
    let Ok(bytes) = digest(model, &mut of_file);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn model(place: &Place, folder_name: &str) -> ResolvedModel {
    place.lookup(&folder()).resolve(folder_name).unwrap()
}

#[test]
fn golden() {
    let place = Place::new();
    write(&place.path("own/ggml-base.bin"), "abc");
    assert_eq!(
        hexadecimal(&place.lookup(&one_file()).resolve("base").unwrap()),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "the SHA-256 of `abc` (FIPS 180-2, appendix B.1)"
    );
    write(&place.path("own/base/model.bin"), "abc");
    write(&place.path("own/base/config.json"), "{}");
    assert_eq!(
        hexadecimal(&model(&place, "base")),
        "35c2751bf0904ea7f8211a04f02edf7f8414764e2efeb2fe5eb28b778c39e5bb"
    );
}

#[test]
fn the_digest_depends_on_names_contents_and_presence() {
    let place = Place::new();
    for folder in ["a", "b"] {
        write(&place.path(&format!("own/{folder}/model.bin")), "model");
        write(&place.path(&format!("own/{folder}/config.json")), "{}");
    }
    let same = hexadecimal(&model(&place, "a"));
    assert_eq!(hexadecimal(&model(&place, "b")), same, "the place does not count");
    write(&place.path("own/b/README.md"), "text");
    assert_eq!(
        hexadecimal(&model(&place, "b")),
        same,
        "a file that the manifest does not name does not count"
    );
    let mut reordered = model(&place, "b");
    reordered.files.reverse();
    assert_eq!(hexadecimal(&reordered), same, "the manifest's order does not count");
    write(&place.path("own/b/vocabulary.txt"), "");
    assert_ne!(
        hexadecimal(&model(&place, "b")),
        same,
        "an optional file counts when present"
    );
    write(&place.path("own/a/config.json"), "{ }");
    assert_ne!(hexadecimal(&model(&place, "a")), same, "content counts");
}

#[test]
fn a_folder_of_one_file_differs_from_the_file() {
    let place = Place::new().with(&["own/m/model.bin"]);
    let mut files = folder();
    files.files.truncate(1);
    let folder = place.lookup(&files).resolve("m").unwrap();
    let file = place
        .lookup(&one_file())
        .resolve(place.path("own/m/model.bin").to_str().unwrap())
        .unwrap();
    assert_ne!(hexadecimal(&folder), hexadecimal(&file));
}

#[test]
fn hashing_errors_are_returned() {
    let place = Place::new().with(&["own/m/model.bin", "own/m/config.json"]);
    let result = digest(&model(&place, "m"), &mut |path: &Path| {
        Err(path.file_name().unwrap().to_owned())
    });
    assert_eq!(result.unwrap_err(), "config.json");
}
