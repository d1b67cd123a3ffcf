//! Laws of all documents and all operations.

use std::collections::BTreeSet;

use plugin_api::document::{Document, Seconds, Segment, Turn, Word};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::json;

use super::documents::{document, forced, segment};
use crate::{Anchor, Change, Edit, History, Operation, Revision, apply, check};

const LABELS: [&str; 4] = ["Speaker 1", "Speaker 2", "Ann", "Bo"];

/// Documents as Cesar makes them: sentences of words of a second each, each with or without word times and speaker.
fn sound_document() -> impl Strategy<Value = Document> {
    let sentence = (
        vec("[a-c]{1,3}[.,]?|日本", 1..6),
        0_u64..3,
        any::<bool>(),
        option::of(0_usize..2),
    );
    vec(sentence, 0..6).prop_map(|sentences| {
        let mut at = 0;
        let mut segments = Vec::new();
        for (words, pause, timed, speaker) in sentences {
            at += pause;
            segments.push(segment(
                at,
                &words.join(" "),
                speaker.map(|speaker| LABELS[speaker]),
                timed,
            ));
            at += words.len() as u64;
        }
        document(segments, at + 5)
    })
}

fn any_label() -> impl Strategy<Value = String> {
    proptest::sample::select(&LABELS[..]).prop_map(str::to_owned)
}

fn any_change() -> impl Strategy<Value = Change> {
    let number = || prop_oneof![20 => 0_u64..6, 1 => any::<u64>()];
    let text = || "[a-d]{1,4}( [a-d]{1,3}){0,3}";
    prop_oneof![
        (number(), number(), number(), text()).prop_map(|(segment, word, count, text)| Change::ReplaceWords {
            segment,
            word,
            count,
            text
        }),
        (number(), number(), text(), any::<bool>()).prop_map(|(segment, word, text, after)| Change::InsertWords {
            segment,
            word,
            text,
            after
        }),
        (number(), number(), number()).prop_map(|(segment, word, count)| Change::DeleteWords { segment, word, count }),
        (number(), number()).prop_map(|(segment, word)| Change::SplitSegment { segment, word }),
        number().prop_map(|segment| Change::JoinSegments { segment }),
        (number(), number(), any_label()).prop_map(|(segment, count, speaker)| Change::SetSpeaker {
            segment,
            count,
            speaker
        }),
        (any_label(), any_label()).prop_map(|(speaker, name)| Change::RenameSpeaker { speaker, name }),
        (vec(any_label(), 1..3), any_label()).prop_map(|(speakers, name)| Change::MergeSpeakers { speakers, name }),
        (1_u64..4).prop_map(|revision| Change::Undo { revision }),
    ]
}

/// Documents of any numbers and texts, such as a file that another program wrote.
fn any_document() -> impl Strategy<Value = Document> {
    let time = || prop_oneof![0_u64..9_000, 0_u64..1_000_000_000_000_000];
    let text = || "( |a|b.|日|\u{301}|\u{3000}|👍){0,6}";
    let word = (time(), time(), text(), option::of(any_label())).prop_map(|(start, end, word, speaker)| Word {
        start: Seconds(start),
        end: Seconds(end),
        word,
        probability: None,
        speaker,
        timing: None,
    });
    let one = (
        time(),
        time(),
        text(),
        option::of(vec(word, 0..4)),
        option::of(any_label()),
        option::of(any::<bool>()),
    );
    let turn = (time(), time(), any_label()).prop_map(|(start, end, speaker)| Turn {
        start: Seconds(start),
        end: Seconds(end),
        speaker,
    });
    let rest = (
        option::of(vec(turn, 0..4)),
        option::of(vec(any_label(), 0..3)),
        time(),
        time(),
    );
    (vec(one, 0..5), rest).prop_map(|(segments, (turns, speakers, duration, offset))| {
        let mut whole = document(vec![segment(0, "x", None, true)], 1);
        let model = whole.segments.remove(0);
        whole.segments = segments
            .into_iter()
            .map(|(start, end, text, words, speaker, overlap)| Segment {
                id: start,
                start: Seconds(start),
                end: Seconds(end),
                text,
                words,
                speaker,
                overlap,
                ..model.clone()
            })
            .collect();
        (whole.turns, whole.speakers, whole.duration) = (turns, speakers, Seconds(duration));
        whole.provenance.audio.offset = Seconds(offset);
        whole
    })
}

fn any_operation() -> impl Strategy<Value = Operation> {
    let time = || prop_oneof![0_u64..9_000, any::<u64>()];
    let neighbour = || proptest::option::of("(a|b|日)");
    let words = (time(), time(), "(a|b|日| ){0,3}", neighbour(), neighbour());
    let anchor = words.prop_map(|(start, end, text, before, after)| Anchor {
        start: Seconds(start),
        end: Seconds(end),
        text,
        task: None,
        before,
        after,
    });
    (any_change(), vec(anchor, 0..3)).prop_map(|(change, anchors)| Operation { change, anchors })
}

/// Laws of every document.
fn assert_sound(document: &Document) {
    let labels: BTreeSet<&String> = document.speakers.iter().flatten().collect();
    let mut end = Seconds(0);
    for (segment, id) in document.segments.iter().zip(0..) {
        assert_eq!(segment.id, id);
        assert!(segment.start >= end && segment.end >= segment.start, "{document:?}");
        assert!(
            !segment.text.is_empty() && segment.text.trim() == segment.text,
            "{segment:?}"
        );
        assert!(
            segment.speaker.iter().all(|speaker| labels.contains(speaker)),
            "{document:?}"
        );
        let words = segment.words.as_deref().unwrap_or_default();
        if !words.is_empty() {
            let joined: String = words.iter().map(|word| word.word.as_str()).collect();
            assert_eq!(joined.trim(), segment.text);
        }
        assert!(
            words.windows(2).all(|pair| pair[0].start <= pair[1].start),
            "{segment:?}"
        );
        assert!(words.iter().all(|word| word.speaker == segment.speaker), "{segment:?}");
        end = segment.end;
    }
    let turns = document.turns.as_deref().unwrap_or_default();
    assert!(turns.windows(2).all(|pair| pair[0].start <= pair[1].start), "{turns:?}");
    assert!(
        turns
            .iter()
            .all(|turn| labels.contains(&turn.speaker) && turn.start < turn.end),
        "{document:?}"
    );
    let listed = document.speakers.as_deref().unwrap_or_default();
    assert_eq!(listed.len(), labels.len(), "{listed:?}");
}

/// The history with those operations that are accepted, each as a revision.
fn accepted(document: &Document, changes: &[Change]) -> History {
    let mut history = History::default();
    for change in changes {
        let batch = [Operation::from(change.clone())];
        if let Ok((operations, _)) = check(Some(document), &history, &batch) {
            history.current += 1;
            history.revisions.push(Revision {
                revision: history.current,
                author: String::new(),
                created_ms: 0,
                operations,
            });
        }
    }
    history
}

/// Texts and times of all words with times.
fn timed_words(document: &Document) -> Vec<(String, u64, u64)> {
    let words = document
        .segments
        .iter()
        .flat_map(|segment| segment.words.iter().flatten());
    words
        .map(|word| (word.word.trim().to_owned(), word.start.0, word.end.0))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_document_and_no_operations_cause_a_panic(document in any_document(), operations in vec(any_operation(), 0..8)) {
        let edits = operations.iter().map(|operation| Edit { revision: 1, operation });
        let applied = apply(document.clone(), edits);
        serde_json::to_vec(&applied.document).unwrap();
        let _ = check(Some(&document), &History::default(), &operations);
        let _ = check(None, &History::default(), &operations);
    }

    #[test]
    fn undone_corrections_leave_the_bytes_of_before(
        document in sound_document(),
        first in vec(any_change(), 0..5),
        then in vec(any_change(), 1..5),
    ) {
        let before = accepted(&document, &first);
        let bytes = serde_json::to_vec(&before.apply(document.clone()).document).unwrap();
        let changes: Vec<Change> = then.into_iter().filter(|change| !matches!(change, Change::Undo { .. })).collect();
        let mut after = before.clone();
        for change in changes {
            if let Ok((operations, _)) = check(Some(&document), &after, &[change.into()]) {
                after.current += 1;
                after.revisions.push(Revision { revision: after.current, author: String::new(), created_ms: 0, operations });
            }
        }
        // Undone in the order of their making, so that later ones have to do without earlier ones.
        for revision in before.current + 1..=after.current {
            let batch = [Operation::from(Change::Undo { revision })];
            let (operations, applied) = check(Some(&document), &after, &batch).unwrap();
            prop_assert!(applied.is_some());
            let number = after.current + 1;
            after.revisions.push(Revision { revision: number, author: String::new(), created_ms: 0, operations });
            after.current = number;
        }
        prop_assert_eq!(serde_json::to_vec(&after.apply(document).document).unwrap(), bytes);
    }

    #[test]
    fn corrected_documents_are_sound(document in sound_document(), changes in vec(any_change(), 0..12)) {
        assert_sound(&document);
        let history = accepted(&document, &changes);
        let applied = history.apply(document);
        assert_sound(&applied.document);
    }

    #[test]
    fn times_of_other_words_stay(document in sound_document(), change in any_change()) {
        let named: BTreeSet<(u64, u64)> = match &change {
            Change::ReplaceWords { segment, word, count, .. } | Change::DeleteWords { segment, word, count } => {
                (0..*count.min(&100)).map(|number| (*segment, word.saturating_add(number))).collect()
            }
            _ => BTreeSet::new(),
        };
        let applied = forced(&document, std::slice::from_ref(&change));
        let has_joined_halves = matches!(change, Change::JoinSegments { .. });
        let after = timed_words(&applied.document);
        for segment in document.segments.iter().filter(|_| !has_joined_halves) {
            for (word, number) in segment.words.iter().flatten().zip(0..) {
                let before = (word.word.trim().to_owned(), word.start.0, word.end.0);
                if !named.contains(&(segment.id, number)) {
                    prop_assert!(after.contains(&before), "{:?} is missing from {:?}", before, after);
                }
            }
        }
    }

    #[test]
    fn accepted_operations_have_no_conflicts_and_the_same_result_again(
        document in sound_document(),
        changes in vec(any_change(), 0..8),
    ) {
        let changes: Vec<Change> = changes.into_iter().filter(|change| !matches!(change, Change::Undo { .. })).collect();
        let history = accepted(&document, &changes);
        let once = history.apply(document.clone());
        prop_assert_eq!(&once.conflicts, &[]);
        prop_assert_eq!(history.apply(document), once);
    }

    #[test]
    fn operations_survive_json(operation in any_operation()) {
        let mut operation = operation;
        for anchor in &mut operation.anchors {
            // Larger times are no times of a document.
            (anchor.start.0, anchor.end.0) = (anchor.start.0 % (1 << 49), anchor.end.0 % (1 << 49));
        }
        let json = serde_json::to_value(&operation).unwrap();
        prop_assert_eq!(serde_json::from_value::<Operation>(json).unwrap(), operation);
    }
}

#[test]
fn operations_without_anchors_have_no_such_field() {
    let operation = Operation::from(Change::JoinSegments { segment: 1 });
    assert_eq!(
        serde_json::to_value(operation).unwrap(),
        json!({ "op": "join_segments", "segment": 1 })
    );
}
