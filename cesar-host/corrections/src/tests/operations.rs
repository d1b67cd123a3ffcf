//! Each operation, on documents with and without word times.

use serde_json::json;

use super::documents::*;
use crate::operations_from_json;

#[test]
fn replaced_words_keep_the_span() {
    let one = corrected(
        &dialogue(),
        json!([{ "op": "replace_words", "segment": 0, "word": 1, "text": "harbour" }]),
    );
    assert_eq!(one.segments[0].text, "The harbour was closed.");
    assert_eq!(
        lines(&one)[0],
        "0 0-4 Speaker 1: The harbour was closed. [The@0-1 harbour@1-2 was@2-3 closed.@3-4]"
    );
    // By the length of the words: 4 of 10 characters.
    let two = corrected(
        &dialogue(),
        json!([{ "op": "replace_words", "segment": 0, "word": 1, "text": "main  harbor" }]),
    );
    assert_eq!(
        lines(&two)[0],
        "0 0-4 Speaker 1: The main harbor was closed. [The@0-1 main@1-1.4 harbor@1.4-2 was@2-3 closed.@3-4]"
    );
    let fewer = json!([{ "op": "replace_words", "segment": 0, "word": 1, "count": 3, "text": "harbor closed." }]);
    assert_eq!(
        lines(&corrected(&dialogue(), fewer))[0],
        "0 0-4 Speaker 1: The harbor closed. [The@0-1 harbor@1-2.384 closed.@2.384-4]"
    );
    let replaced = &one.segments[0].words.as_ref().unwrap()[1];
    assert_eq!(
        (replaced.probability, replaced.speaker.as_deref()),
        (None, Some("Speaker 1"))
    );
    assert_eq!(one.segments[0].tokens, None, "the tokens are those of the old text");
}

#[test]
fn text_without_word_times_is_corrected() {
    let document = corrected(
        &plain(),
        json!([
            { "op": "replace_words", "segment": 0, "word": 1, "text": "old harbour" },
            { "op": "insert_words", "segment": 0, "word": 4, "text": "again", "after": true },
            { "op": "delete_words", "segment": 1, "word": 2 },
            { "op": "split_segment", "segment": 0, "word": 3 },
        ]),
    );
    assert_eq!(
        lines(&document),
        [
            // 13 of 28 characters.
            "0 0-1.857 ?: The old harbour []",
            "1 1.857-4 ?: was closed. again []",
            "2 4-7 ?: Why is []",
        ]
    );
}

#[test]
fn inserted_words_get_the_time_between_their_neighbours() {
    let mut document = dialogue();
    document.segments[0].words.as_mut().unwrap()[0].end.0 = 600;
    let before = json!([{ "op": "insert_words", "segment": 0, "word": 1, "text": "old" }]);
    assert_eq!(
        lines(&corrected(&document, before))[0],
        "0 0-4 Speaker 1: The old harbor was closed. [The@0-0.6 old@0.6-1 harbor@1-2 was@2-3 closed.@3-4]"
    );
    let first = json!([{ "op": "insert_words", "segment": 1, "word": 0, "text": "And" }]);
    assert_eq!(
        lines(&corrected(&document, first))[1],
        "1 4-7 Speaker 2: And Why is that? [And@4-4 Why@4-5 is@5-6 that?@6-7]"
    );
    let last = json!([{ "op": "insert_words", "segment": 1, "word": 2, "text": "now", "after": true }]);
    assert_eq!(corrected(&document, last).segments[1].text, "Why is that? now");
}

#[test]
fn a_segment_without_words_is_deleted() {
    let document = corrected(
        &dialogue(),
        json!([{ "op": "delete_words", "segment": 1, "word": 0, "count": 3 }]),
    );
    assert_eq!(
        lines(&document),
        [
            "0 0-4 Speaker 1: The harbor was closed. [The@0-1 harbor@1-2 was@2-3 closed.@3-4]",
            "1 7-10 Speaker 1: Storm at sea. [Storm@7-8 at@8-9 sea.@9-10]",
        ]
    );
}

#[test]
fn a_split_is_undone_by_a_join() {
    let split = corrected(&dialogue(), json!([{ "op": "split_segment", "segment": 0, "word": 2 }]));
    assert_eq!(
        lines(&split)[..2],
        [
            "0 0-2 Speaker 1: The harbor [The@0-1 harbor@1-2]",
            "1 2-4 Speaker 1: was closed. [was@2-3 closed.@3-4]",
        ]
    );
    let joined = corrected(
        &dialogue(),
        json!([{ "op": "split_segment", "segment": 0, "word": 2 }, { "op": "join_segments", "segment": 0 }]),
    );
    assert_eq!(lines(&joined), lines(&dialogue()));
    let reason = refusal(&dialogue(), json!({ "op": "join_segments", "segment": 2 }));
    assert_eq!(reason, "segment 2 is the last one");
}

#[test]
fn a_joined_segment_has_the_speaker_of_the_first() {
    let document = corrected(&dialogue(), json!([{ "op": "join_segments", "segment": 0 }]));
    assert_eq!(document.segments[0].text, "The harbor was closed. Why is that?");
    assert_eq!(
        document.speakers.as_deref(),
        Some(&["Speaker 1".to_owned()][..]),
        "the other one has nothing left"
    );
    assert_eq!(turns(&document), ["Speaker 1 0-10000"]);
    let words = document.segments[0].words.as_ref().unwrap();
    assert!(words.iter().all(|word| word.speaker.as_deref() == Some("Speaker 1")));
}

#[test]
fn languages_without_spaces_are_joined_without_one() {
    let mut document = document(
        vec![segment(0, "港は", None, false), segment(2, "閉鎖", None, false)],
        9,
    );
    document.language = Some("ja".to_owned());
    let joined = corrected(&document, json!([{ "op": "join_segments", "segment": 0 }]));
    assert_eq!(joined.segments[0].text, "港は閉鎖");
}

#[test]
fn a_segment_moves_to_another_speaker_with_its_turn() {
    let document = corrected(
        &dialogue(),
        json!([{ "op": "split_segment", "segment": 0, "word": 1 }, { "op": "set_speaker", "segment": 0, "speaker": "Bo" }]),
    );
    assert_eq!(document.segments[0].speaker.as_deref(), Some("Bo"));
    assert_eq!(
        turns(&document),
        [
            "Bo 0-1000",
            "Speaker 1 1000-4000",
            "Speaker 2 4000-7000",
            "Speaker 1 7000-10000"
        ]
    );
    assert_eq!(document.speakers.unwrap(), ["Speaker 1", "Speaker 2", "Bo"]);
    let first = corrected(
        &plain(),
        json!([{ "op": "set_speaker", "segment": 1, "speaker": "Ann" }]),
    );
    assert_eq!(
        (first.speakers.clone().unwrap(), turns(&first)),
        (vec!["Ann".to_owned()], vec!["Ann 4000-7000".to_owned()])
    );
}

#[test]
fn a_speaker_is_renamed_everywhere() {
    let document = corrected(
        &dialogue(),
        json!([{ "op": "rename_speaker", "speaker": "Speaker 1", "name": "Ann" }]),
    );
    let text = serde_json::to_string(&document).unwrap();
    assert!(!text.contains("Speaker 1"), "{text}");
    assert_eq!(document.speakers.unwrap(), ["Ann", "Speaker 2"]);
    let taken = json!({ "op": "rename_speaker", "speaker": "Speaker 1", "name": "Speaker 2" });
    assert_eq!(
        refusal(&dialogue(), taken),
        "there is a speaker `Speaker 2` already; merge the speakers instead"
    );
    let unknown = json!({ "op": "rename_speaker", "speaker": "Speaker 9", "name": "Ann" });
    assert_eq!(
        refusal(&dialogue(), unknown),
        "there is no speaker `Speaker 9`; the speakers are `Speaker 1`, `Speaker 2`"
    );
    let unheard = json!({ "op": "rename_speaker", "speaker": "Speaker 1", "name": "Ann" });
    assert_eq!(
        refusal(&plain(), unheard),
        "there is no speaker `Speaker 1`; the transcript has no speakers"
    );
}

#[test]
fn merged_speakers_are_one() {
    let mut document = dialogue();
    document.segments[1].overlap = Some(true);
    document.turns.as_mut().unwrap()[0].end.0 = 5_000;
    let merged = corrected(
        &document,
        json!([{ "op": "merge_speakers", "speakers": ["Speaker 2", "Speaker 1"], "name": "Ann" }]),
    );
    assert_eq!(merged.speakers.as_deref(), Some(&["Ann".to_owned()][..]));
    assert_eq!(turns(&merged), ["Ann 0-10000"]);
    assert_eq!(merged.segments[1].overlap, Some(false), "no other speaker is left");
}

#[test]
fn places_that_do_not_exist_are_refused() {
    let refused = |json| refusal(&dialogue(), json);
    assert_eq!(
        refused(json!({ "op": "replace_words", "segment": 3, "word": 0, "text": "x" })),
        "there is no segment 3; the transcript has 3"
    );
    assert_eq!(
        refused(json!({ "op": "replace_words", "segment": 1, "word": 2, "count": 2, "text": "x" })),
        "segment 1 has 3 words, counted from 0"
    );
    assert_eq!(
        refused(json!({ "op": "split_segment", "segment": 1, "word": 0 })),
        "the first word of a segment begins it already"
    );
}

#[test]
fn provenance_counts_the_operations_in_effect() {
    let history = history(&dialogue(), json!([{ "op": "delete_words", "segment": 0, "word": 0 }]));
    let history = extended(
        &dialogue(),
        &history,
        json!([{ "op": "join_segments", "segment": 0 }, { "op": "delete_words", "segment": 0, "word": 0 }]),
    );
    let document = history.apply(dialogue()).document;
    let corrections = document.provenance.corrections.unwrap();
    assert_eq!((corrections.revision, corrections.operations), (2, 3));
}

#[test]
fn malformed_lists_name_the_operation() {
    let read = |json: serde_json::Value| operations_from_json(json.as_object().unwrap().clone()).unwrap_err();
    assert_eq!(
        read(json!({})),
        (None, "`operations` must be a list of operations".to_owned())
    );
    assert_eq!(
        read(json!({ "operations": [] })),
        (
            None,
            "`operations` has 0 operations; send 1 to 2000 at a time".to_owned()
        )
    );
    assert_eq!(
        read(json!({ "operations": [], "x": 1 })),
        (None, "there is no field `x`; the only one is `operations`".to_owned())
    );
    let (index, reason) = read(json!({ "operations": [
        { "op": "join_segments", "segment": 0 },
        { "op": "join_segments", "segment": 0, "section": 1 },
    ] }));
    assert_eq!(index, Some(1));
    assert!(reason.contains("has no field `section`"), "{reason}");
    for (operation, reason) in [
        (json!({ "op": "melt" }), "there is no operation `melt`"),
        (
            json!({ "op": "replace_words", "segment": 0, "word": 0, "text": " " }),
            "`text` is empty",
        ),
        (
            json!({ "op": "replace_words", "segment": 0, "word": 0, "text": "x".repeat(10_001) }),
            "longer than 10000 bytes",
        ),
        (
            json!({ "op": "rename_speaker", "speaker": "A", "name": "B\nC" }),
            "without line breaks",
        ),
        (
            json!({ "op": "rename_speaker", "speaker": "A", "name": "x".repeat(201) }),
            "1 to 200 bytes",
        ),
        (
            json!({ "op": "merge_speakers", "speakers": [], "name": "B" }),
            "1 to 200 names",
        ),
    ] {
        let (index, found) = read(json!({ "operations": [operation] }));
        assert_eq!(index, Some(0));
        assert!(found.contains(reason), "{found}");
    }
}

#[test]
fn batches_are_refused_for_control_characters_and_many_undos() {
    let read = |value: serde_json::Value| {
        let serde_json::Value::Object(object) = json!({ "operations": value }) else {
            unreachable!("it is written as an object")
        };
        crate::operations_from_json(object).map(drop)
    };
    let insert = |text: &str| json!([{ "op": "insert_words", "segment": 0, "word": 0, "text": text }]);
    assert_eq!(read(insert("two\nlines")), Ok(()), "white space separates words");
    for text in ["a\u{0}b", "\u{1b}]0;title\u{7}"] {
        let (index, reason) = read(insert(text)).unwrap_err();
        assert_eq!((index, &*reason), (Some(0), "`text` has a control character"));
    }
    let undos = |number: u64| {
        let undo = |revision: u64| json!({ "op": "undo", "revision": revision });
        (1..=number).map(undo).collect::<serde_json::Value>()
    };
    assert_eq!(read(undos(10)), Ok(()));
    assert!(read(undos(11)).unwrap_err().1.contains("undo at most 10"));
}

#[test]
fn messages_are_short_and_of_one_line() {
    let change = |text: &str| {
        let insert = json!([{ "op": "insert_words", "segment": 0, "word": 0, "text": text }]);
        operations(insert)[0].to_string()
    };
    assert_eq!(change("two\n \tlines"), "insert `two lines` before `…`");
    assert_eq!(change("\u{1b}[1m"), "insert `\\u{1b}[1m` before `…`");
    assert_eq!(
        change(&"ä".repeat(61)),
        format!("insert `{}…` before `…`", "ä".repeat(60))
    );
}

#[test]
fn the_size_of_a_batch_is_bounded() {
    let batch = |number: usize| {
        let insert = json!({ "op": "insert_words", "segment": 0, "word": 0, "text": "a".repeat(9_900) });
        operations(serde_json::Value::Array(vec![insert; number]))
    };
    crate::check_size(&batch(100)).unwrap();
    let text = crate::check_size(&batch(101)).unwrap_err().to_string();
    assert!(
        text.contains("at most 1000000 are accepted at a time; apply it in parts"),
        "{text}"
    );
}

#[test]
fn segments_do_not_grow_in_bytes_without_bound() {
    let insert = json!({ "op": "insert_words", "segment": 0, "word": 0, "text": "a".repeat(9_900) });
    let shorten = json!({ "op": "replace_words", "segment": 0, "word": 0, "text": "b".repeat(9_899) });
    let mut all = vec![insert; 12];
    all.push(shorten);
    let all = operations(serde_json::Value::Array(all));
    let edits = all.iter().map(|operation| crate::Edit { revision: 1, operation });
    let applied = crate::apply(dialogue(), edits);
    assert_eq!((applied.applied, applied.conflicts.len()), (11, 2));
    let reason = &applied.conflicts[0].reason;
    assert!(reason.contains("bytes, more than 100000; split it first"), "{reason}");
    assert!(applied.document.segments[0].text.starts_with('b'), "it may get shorter");
}

#[test]
fn segments_do_not_grow_without_bound() {
    let long = "a ".repeat(1_990);
    let insert = |text: &str| operations(json!([{ "op": "insert_words", "segment": 0, "word": 0, "text": text }]));
    let (first, second) = (insert(&long), insert("a b c d e f g"));
    let edits = [&first[0], &second[0]].map(|operation| crate::Edit { revision: 1, operation });
    let applied = crate::apply(dialogue(), edits);
    assert_eq!((applied.applied, applied.conflicts.len()), (1, 1));
    let reason = &applied.conflicts[0].reason;
    assert!(reason.contains("more than 2000; split it first"), "{reason}");
}
