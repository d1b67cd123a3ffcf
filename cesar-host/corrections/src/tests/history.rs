//! Undo, earlier revisions, and the check of batches.

use serde_json::json;

use super::documents::*;
use crate::{History, check, correct};

fn bytes(document: &plugin_api::document::Document) -> Vec<u8> {
    serde_json::to_vec(document).unwrap()
}

#[test]
fn an_undone_revision_leaves_the_bytes_of_before() {
    let document = dialogue();
    let one = history(
        &document,
        json!([{ "op": "replace_words", "segment": 0, "word": 1, "text": "harbour" }]),
    );
    let two = extended(
        &document,
        &one,
        json!([{ "op": "split_segment", "segment": 0, "word": 2 }]),
    );
    let undone = extended(&document, &two, json!([{ "op": "undo", "revision": 2 }]));
    assert_eq!(
        bytes(&undone.apply(document.clone()).document),
        bytes(&one.apply(document.clone()).document)
    );
    let redone = extended(&document, &undone, json!([{ "op": "undo", "revision": 3 }]));
    assert_eq!(
        bytes(&redone.apply(document.clone()).document),
        bytes(&two.apply(document.clone()).document)
    );
    let all = extended(&document, &undone, json!([{ "op": "undo", "revision": 1 }]));
    assert!(all.is_empty());
    // Not even serialised again.
    let original = b"{ \"schema\": 1 }".to_vec();
    assert_eq!(correct(original.clone(), &all).unwrap().json, original);
}

#[test]
fn an_undo_in_the_middle_keeps_what_follows() {
    let document = dialogue();
    let one = history(&document, json!([{ "op": "split_segment", "segment": 0, "word": 2 }]));
    let two = extended(
        &document,
        &one,
        json!([{ "op": "replace_words", "segment": 3, "word": 2, "text": "ocean." }]),
    );
    let undone = extended(&document, &two, json!([{ "op": "undo", "revision": 1 }]));
    let applied = undone.apply(document);
    assert_eq!(applied.conflicts, []);
    assert_eq!(applied.document.segments[2].text, "Storm at ocean.");
}

#[test]
fn only_revisions_in_effect_can_be_undone() {
    let document = dialogue();
    let one = history(&document, json!([{ "op": "join_segments", "segment": 0 }]));
    let undone = extended(&document, &one, json!([{ "op": "undo", "revision": 1 }]));
    let refused = |history: &History, revision: u64| {
        let batch = operations(json!([{ "op": "undo", "revision": revision }]));
        check(Some(&document), history, &batch).unwrap_err().to_string()
    };
    assert_eq!(
        refused(&undone, 1),
        "operation 1 does not fit: revision 1 is undone already"
    );
    assert_eq!(
        refused(&one, 2),
        "operation 1 does not fit: there is no revision 2 to undo; the last one is 1"
    );
    assert_eq!(
        refused(&History::default(), 1),
        "operation 1 does not fit: there is no revision to undo"
    );
}

#[test]
fn a_batch_may_undo_and_correct() {
    let document = dialogue();
    let one = history(&document, json!([{ "op": "join_segments", "segment": 0 }]));
    let two = extended(
        &document,
        &one,
        json!([{ "op": "undo", "revision": 1 }, { "op": "replace_words", "segment": 1, "word": 0, "text": "How" }]),
    );
    let text: Vec<String> = two
        .apply(document)
        .document
        .segments
        .into_iter()
        .map(|segment| segment.text)
        .collect();
    assert_eq!(text, ["The harbor was closed.", "How is that?", "Storm at sea."]);
}

#[test]
fn earlier_revisions_can_be_read_until_they_are_cleared() {
    let document = dialogue();
    let one = history(&document, json!([{ "op": "join_segments", "segment": 0 }]));
    let two = extended(&document, &one, json!([{ "op": "undo", "revision": 1 }]));
    assert_eq!(two.at(1).unwrap().apply(document.clone()), one.apply(document.clone()));
    assert!(two.at(0).unwrap().is_empty());
    assert_eq!(two.at(3), None);
    let cleared = History {
        current: 3,
        cleared: 3,
        revisions: Vec::new(),
    };
    assert_eq!(
        (cleared.at(2), cleared.at(3).is_some(), cleared.at(0).is_some()),
        (None, true, true)
    );
}

#[test]
fn operations_without_a_document_need_anchors_or_names() {
    let accepted = |json| check(None, &History::default(), &operations(json));
    assert!(accepted(json!([{ "op": "rename_speaker", "speaker": "Speaker 1", "name": "Ann" }])).is_ok());
    let place = json!({ "op": "delete_words", "segment": 0, "word": 0, "anchors": [{ "start": 0.0, "end": 1.0, "text": "The" }] });
    assert!(accepted(json!([place])).is_ok());
    let refused = accepted(json!([{ "op": "delete_words", "segment": 0, "word": 0 }])).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "operation 1 does not fit: it has no `anchors`, and there is no transcript to find its place in"
    );
}

#[test]
fn a_refused_operation_refuses_its_batch() {
    let batch = operations(json!([{ "op": "join_segments", "segment": 0 }, { "op": "join_segments", "segment": 5 }]));
    let refused = check(Some(&dialogue()), &History::default(), &batch).unwrap_err();
    assert_eq!(
        (refused.index, refused.reason.as_str()),
        (1, "there is no segment 5; the transcript has 2")
    );
}

#[test]
fn documents_of_a_newer_schema_are_refused() {
    let history = history(&dialogue(), json!([{ "op": "join_segments", "segment": 0 }]));
    let error = correct(b"{\"schema\": 2}".to_vec(), &history).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the transcript has schema 2 and this Cesar knows up to 1; use the newer Cesar"
    );
    assert!(correct(b"{}".to_vec(), &history).is_err());
}
