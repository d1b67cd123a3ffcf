//! The table is consistent.

use std::collections::BTreeSet;

use super::*;

fn is_sha256(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[test]
fn ids_and_places_are_unique_and_stay_inside() {
    let mut seen = BTreeSet::new();
    for entry in CATALOG {
        assert!(
            seen.insert(entry.id) && (entry.id == entry.place || seen.insert(entry.place)),
            "{}",
            entry.id
        );
        assert!(
            !entry.place.contains('/') && !entry.place.starts_with('.'),
            "{}",
            entry.place
        );
        assert!(
            entry.hub.is_some() || entry.index.is_some(),
            "{} comes from nowhere",
            entry.id
        );
    }
}

#[test]
fn digests_are_64_hex_digits() {
    for entry in CATALOG {
        let files = entry.hub.into_iter().flat_map(|hub| hub.files);
        for file in files {
            assert!(file.sha256.is_none_or(is_sha256), "{}: {}", entry.id, file.path);
        }
        match entry.index {
            Some(IndexSource::Verbatim { files, .. }) => {
                assert!(files.iter().all(|payload| is_sha256(payload.sha256)), "{}", entry.id);
            }
            Some(IndexSource::Ggml { from, sha256, .. }) => {
                assert!(
                    is_sha256(sha256) && by_id(from).is_some_and(|from| from.is_folder()),
                    "{}",
                    entry.id
                );
            }
            Some(IndexSource::Onnx { checkpoint, sha256, .. }) => {
                assert!(is_sha256(sha256) && is_sha256(checkpoint.sha256), "{}", entry.id);
            }
            None => {}
        }
    }
}

/// The last of several downloads finds a complete folder.
#[test]
fn weights_come_last() {
    for entry in CATALOG.iter().filter(|entry| entry.is_folder()) {
        for files in entry.lists() {
            let last = files.last().copied().unwrap_or_default();
            let is_weights = last == "model.bin"
                || last.contains("encoder_model")
                || last.contains("decoder_model")
                || last.contains("encoder-model");
            assert!(is_weights, "{}: {last}", entry.id);
        }
    }
}

#[test]
fn licences_with_attribution_have_one() {
    for entry in CATALOG.iter().filter(|entry| entry.kind == Kind::Onnx) {
        assert_eq!(
            attribution(entry).is_some(),
            entry.license.starts_with("CC-BY"),
            "{}",
            entry.id
        );
    }
}

#[test]
fn names_select_entries() {
    let ids = |name: &str| called(name).iter().map(|entry| entry.id).collect::<Vec<_>>();
    assert_eq!(ids("base"), ["faster-whisper-base", "ggml-base"]);
    assert_eq!(ids("ggml-base"), ["ggml-base"]);
    assert_eq!(ids("turbo"), ["faster-whisper-large-v3-turbo"]);
    assert_eq!(ids("silero"), ["ggml-silero-v6.2.0", "silero_vad_v6"]);
    assert_eq!(ids("campplus"), ["speaker-campplus"]);
    assert!(ids("huge").is_empty());
}

#[test]
fn a_file_is_known_by_the_digests_of_both_sources() {
    let base = by_id("ggml-base").unwrap();
    assert_eq!(base.digests("").count(), 2);
    let folder = by_id("faster-whisper-base").unwrap();
    assert_eq!(folder.digests("model.bin").count(), 2);
    assert_eq!(folder.digests("vocabulary.json").count(), 1);
    assert_eq!(folder.digests("README.md").count(), 0);
}
