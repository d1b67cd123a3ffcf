//! Corrections of one document on another one of the same recording.

use plugin_api::document::{Document, GlossaryProvenance, Seconds};
use serde_json::json;

use super::documents::*;

/// Another recognition: other times, other segments, another word.
fn rerun() -> Document {
    let mut document = document(
        vec![
            segment(0, "Well, the harbor was closed. Why is that?", None, true),
            segment(8, "Storms at sea.", None, true),
        ],
        20,
    );
    // Half a second earlier than before.
    for word in document.segments[0].words.as_mut().unwrap() {
        word.start = Seconds(word.start.0.saturating_sub(500));
        word.end = Seconds(word.end.0.saturating_sub(500));
    }
    document
}

#[test]
fn corrections_that_fit_another_recognition_are_kept() {
    let history = history(
        &dialogue(),
        json!([
            { "op": "replace_words", "segment": 0, "word": 1, "text": "harbour" },
            { "op": "replace_words", "segment": 2, "word": 0, "text": "A storm" },
        ]),
    );
    let applied = history.apply(rerun());
    assert_eq!(
        applied.document.segments[0].text,
        "Well, the harbour was closed. Why is that?"
    );
    assert_eq!(applied.applied, 1);
    let [conflict] = &applied.conflicts[..] else {
        panic!("{:?}", applied.conflicts)
    };
    assert_eq!(conflict.revision, 1);
    assert_eq!(conflict.operation.to_string(), "replace `Storm` by `A storm`");
    assert_eq!(
        conflict.reason,
        "`Storm` is not at 7.0 s, where the text is `Well, the harbour was closed. Why is that?`"
    );
}

#[test]
fn the_reason_names_the_end_of_a_segment_inside_the_words() {
    let spoken = document(
        vec![segment(
            4,
            "Please always keep your ticket until the end of the journey.",
            None,
            true,
        )],
        20,
    );
    let batch = json!([{ "op": "replace_words", "segment": 0, "word": 2, "count": 3, "text": "hold your ticket" }]);
    let history = history(&spoken, batch);
    for timed in [true, false] {
        let split = document(
            vec![
                segment(4, "Please always Keep", None, timed),
                segment(7, "your ticket, until the end of the journey.", None, timed),
            ],
            20,
        );
        let reason = &history.apply(split).conflicts[0].reason;
        assert_eq!(
            reason,
            "`keep your ticket` crosses the end of a segment at 6.0 s, between `Keep` and `your ticket,`"
        );
    }
}

/// Of a long segment, the words at the time.
#[test]
fn the_reason_quotes_the_text_at_the_place_of_the_words() {
    let text = "Well, when the tide is low you can walk across the sand to a small island where birds nest.";
    let spoken = document(vec![segment(0, text, None, true)], 30);
    let history = history(&spoken, json!([{ "op": "delete_words", "segment": 0, "word": 14 }]));
    let other = text.replace("to a small island", "to the harbour");
    let other = document(
        vec![segment(0, &other, None, true), segment(25, "Another one.", None, true)],
        30,
    );
    assert_eq!(
        history.apply(other).conflicts[0].reason,
        "`small` is not at 14.0 s, where the text is `…sand to the harbour where birds nest.`"
    );
    let silent = document(vec![segment(25, "Another one.", None, true)], 30);
    assert_eq!(
        history.apply(silent).conflicts[0].reason,
        "`small` is not at 14.0 s, where there is no text"
    );
}

#[test]
fn punctuation_and_case_do_not_matter() {
    let history = history(
        &dialogue(),
        json!([{ "op": "replace_words", "segment": 0, "word": 3, "text": "shut." }]),
    );
    let mut other = dialogue();
    other.segments[0].words.as_mut().unwrap()[3].word = " Closed,".to_owned();
    other.segments[0].text = "The harbor was Closed,".to_owned();
    assert_eq!(history.apply(other).document.segments[0].text, "The harbor was shut.");
}

#[test]
fn an_equal_word_far_away_is_another_one() {
    let history = history(&dialogue(), json!([{ "op": "delete_words", "segment": 0, "word": 0 }]));
    let other = document(vec![segment(0, "A harbor was closed by the storm.", None, true)], 20);
    let applied = history.apply(other.clone());
    assert_eq!((applied.applied, applied.conflicts.len()), (0, 1));
    assert_eq!(applied.document, other);
}

#[test]
fn a_text_that_is_right_already_is_no_conflict() {
    let history = history(
        &dialogue(),
        json!([{ "op": "replace_words", "segment": 0, "word": 1, "text": "harbour" }]),
    );
    let other = document(vec![segment(0, "The harbour was closed.", None, true)], 20);
    let applied = history.apply(other.clone());
    assert_eq!(
        (applied.document, applied.applied, applied.conflicts.len()),
        (other, 0, 0)
    );
}

#[test]
fn parts_of_a_recording_share_their_corrections() {
    let history = history(
        &dialogue(),
        json!([
            { "op": "replace_words", "segment": 0, "word": 1, "text": "harbour" },
            { "op": "replace_words", "segment": 2, "word": 2, "text": "ocean." },
        ]),
    );
    // From second 7 of the recording.
    let mut part = document(vec![segment(0, "Storm at sea.", None, true)], 13);
    part.provenance.audio.offset = Seconds(7_000);
    let applied = history.apply(part);
    assert_eq!(applied.document.segments[0].text, "Storm at ocean.");
    assert_eq!(applied.conflicts, [], "the harbour is in another part");
}

#[test]
fn translations_do_not_get_corrections_of_the_transcript() {
    let history = history(
        &dialogue(),
        json!([
            { "op": "delete_words", "segment": 0, "word": 0 },
            { "op": "rename_speaker", "speaker": "Speaker 1", "name": "Ann" },
        ]),
    );
    let mut translation = dialogue();
    translation.task = "translate".to_owned();
    let applied = history.apply(translation);
    assert_eq!(applied.document.segments[0].text, "The harbor was closed.");
    assert_eq!(applied.document.speakers.unwrap(), ["Ann", "Speaker 2"]);
    assert_eq!(applied.conflicts, []);
}

#[test]
fn a_renamed_speaker_is_found_by_the_voice() {
    let history = history(
        &dialogue(),
        json!([{ "op": "rename_speaker", "speaker": "Speaker 1", "name": "Ann" }]),
    );
    // The labels are swapped.
    let swapped = document(
        vec![
            segment(0, "The harbor was closed.", Some("Speaker 2"), true),
            segment(4, "Why is that?", Some("Speaker 1"), true),
        ],
        20,
    );
    let applied = history.apply(swapped);
    assert_eq!(applied.document.segments[0].speaker.as_deref(), Some("Ann"));
    assert_eq!(applied.document.segments[1].speaker.as_deref(), Some("Speaker 1"));
    let applied = history.apply(plain());
    assert_eq!(
        applied.conflicts[0].reason,
        "there is no speaker `Speaker 1`; the transcript has no speakers"
    );
}

/// A part without the longest stretch of a speaker has another one.
#[test]
fn a_renamed_speaker_is_found_by_further_stretches() {
    let history = history(
        &dialogue(),
        json!([{ "op": "rename_speaker", "speaker": "Speaker 1", "name": "Ann" },
            { "op": "merge_speakers", "speakers": ["Speaker 2", "Ann"], "name": "All" }]),
    );
    let anchors: Vec<_> = (history.revisions[0].operations.iter())
        .flat_map(|operation| &operation.anchors)
        .map(|anchor| (anchor.start.0, anchor.text.as_str()))
        .collect();
    assert_eq!(
        anchors,
        [
            (0, "Speaker 1"),
            (7_000, "Speaker 1"),
            (4_000, "Speaker 2"),
            (0, "Ann"),
            (7_000, "Ann")
        ]
    );
    let mut part = document(
        vec![
            segment(0, "that?", Some("Speaker 1"), true),
            segment(1, "Storm at sea.", Some("Speaker 2"), true),
        ],
        14,
    );
    part.provenance.audio.offset = Seconds(6_000);
    let mut first = history.clone();
    first.revisions[0].operations.truncate(1);
    assert_eq!(
        first.apply(part.clone()).document.speakers.unwrap(),
        ["Speaker 1", "Ann"]
    );
    let applied = history.apply(part);
    assert_eq!(applied.conflicts, []);
    assert_eq!(applied.document.speakers.unwrap(), ["All"]);
}

#[test]
fn splits_and_joins_that_exist_are_no_conflicts() {
    let history = history(
        &dialogue(),
        json!([{ "op": "split_segment", "segment": 0, "word": 2 }, { "op": "join_segments", "segment": 1 }]),
    );
    let done = history.apply(dialogue()).document;
    let again = history.apply(plugin_api::document::Document {
        provenance: dialogue().provenance,
        ..done.clone()
    });
    assert_eq!((again.applied, again.conflicts.len()), (0, 0));
    assert_eq!(again.document.segments, done.segments);
}

#[test]
fn a_moved_turn_is_found_by_its_time() {
    let history = history(
        &dialogue(),
        json!([{ "op": "set_speaker", "segment": 1, "speaker": "Bo" }]),
    );
    let other = document(
        vec![
            segment(0, "The harbor is closed.", Some("S1"), true),
            segment(4, "Why that?", Some("S1"), true),
            segment(6, "Hm.", Some("S1"), true),
        ],
        20,
    );
    let moved = history.apply(other).document;
    let speakers: Vec<_> = moved
        .segments
        .iter()
        .map(|segment| segment.speaker.clone().unwrap())
        .collect();
    assert_eq!(speakers, ["S1", "Bo", "Bo"]);
}

/// The dialogue after a glossary with `harbor => haven` and `storm => gale`: other words, and the times of before.
fn respelled() -> Document {
    let mut document = dialogue();
    for (index, word, text) in [(0, 1, " haven"), (2, 0, " Gale")] {
        document.segments[index].words.as_mut().unwrap()[word].word = text.to_owned();
    }
    document.segments[0].text = "The haven was closed.".to_owned();
    document.segments[2].text = "Gale at sea.".to_owned();
    document
}

#[test]
fn corrections_of_words_that_a_glossary_respells_are_kept() {
    let history = history(
        &dialogue(),
        json!([
            { "op": "replace_words", "segment": 0, "word": 1, "text": "old harbour" },
            { "op": "split_segment", "segment": 0, "word": 1 },
            { "op": "insert_words", "segment": 3, "word": 0, "text": "A" },
        ]),
    );
    let applied = history.apply(respelled());
    assert_eq!((applied.applied, applied.conflicts), (3, Vec::new()));
    let texts: Vec<_> = applied
        .document
        .segments
        .iter()
        .map(|segment| segment.text.as_str())
        .collect();
    assert_eq!(
        texts,
        ["The", "old harbour was closed.", "Why is that?", "A Gale at sea."]
    );
}

#[test]
fn corrections_of_respelled_words_without_times_are_kept() {
    let operations = json!([{ "op": "replace_words", "segment": 0, "word": 1, "text": "old harbour" }]);
    let history = history(&plain(), operations);
    let mut other = plain();
    other.segments[0].text = "The boat was closed.".to_owned();
    assert_eq!(
        history.apply(other.clone()).conflicts.len(),
        1,
        "no glossary explains another word"
    );
    other.provenance.glossary = Some(GlossaryProvenance::default());
    let applied = history.apply(other.clone());
    assert_eq!(applied.document.segments[0].text, "The old harbour was closed.");
    // Too far for another spelling.
    other.segments[0].text = "Unquestionably everything was closed.".to_owned();
    assert_eq!(history.apply(other).conflicts.len(), 1);
}

#[test]
fn a_correction_that_a_glossary_makes_as_well_is_no_conflict() {
    let history = history(
        &dialogue(),
        json!([{ "op": "replace_words", "segment": 0, "word": 1, "text": "haven" }]),
    );
    let applied = history.apply(respelled());
    assert_eq!((applied.applied, applied.conflicts), (0, Vec::new()));
    assert_eq!(applied.document, respelled());
}

#[test]
fn other_words_in_the_time_of_deleted_ones_stay() {
    let history = history(&dialogue(), json!([{ "op": "delete_words", "segment": 0, "word": 1 }]));
    let applied = history.apply(respelled());
    assert_eq!((applied.applied, applied.conflicts.len()), (0, 1));
}

#[test]
fn speakers_of_segments_without_a_length_are_renamed() {
    let mut document = dialogue();
    for (index, speaker) in [(1, "Bo"), (2, "Cy")] {
        let segment = &mut document.segments[index];
        (segment.end, segment.speaker) = (segment.start, Some(speaker.to_owned()));
        segment.words = None;
    }
    // As `set_speaker` leaves it: a segment without a length has no turn.
    document
        .turns
        .as_mut()
        .unwrap()
        .retain(|turn| turn.speaker == "Speaker 1");
    document.speakers = Some(vec!["Speaker 1".into(), "Bo".into(), "Cy".into()]);
    let history = history(
        &document,
        json!([
            { "op": "rename_speaker", "speaker": "Bo", "name": "Bob" },
            { "op": "merge_speakers", "speakers": ["Speaker 1", "Cy"], "name": "Ann" },
            { "op": "set_speaker", "segment": 1, "speaker": "Dan" },
        ]),
    );
    let applied = history.apply(document);
    assert_eq!((applied.applied, applied.conflicts), (3, Vec::new()));
    let speakers: Vec<_> = applied
        .document
        .segments
        .iter()
        .map(|segment| segment.speaker.as_deref())
        .collect();
    assert_eq!(speakers, [Some("Ann"), Some("Dan"), Some("Ann")]);
}

/// The document with some words respelled: their times stay.
fn with_spelling(mut document: Document, changes: &[(usize, &str)]) -> Document {
    let segment = &mut document.segments[0];
    let words = segment.words.as_mut().unwrap();
    for &(word, text) in changes {
        words[word].word = format!(" {text}");
    }
    segment.text = words
        .iter()
        .map(|word| word.word.as_str())
        .collect::<String>()
        .trim()
        .to_owned();
    document.provenance.glossary = Some(GlossaryProvenance::default());
    document
}

fn bridge() -> Document {
    document(
        vec![segment(0, "The bridge, it was wide and it lasted.", None, true)],
        20,
    )
}

/// The word of the correction is respelled, and an equal one stands half a second later.
#[test]
fn an_equal_word_nearby_is_not_the_respelled_one() {
    let operations = [
        (
            json!({ "op": "replace_words", "segment": 0, "word": 2, "text": "which" }),
            "The bridge, which was wide and it lasted.",
        ),
        (
            json!({ "op": "insert_words", "segment": 0, "word": 2, "text": "this" }),
            "The bridge, this that was wide and it lasted.",
        ),
    ];
    for (operation, expected) in operations {
        let history = history(&bridge(), json!([operation]));
        let applied = history.apply(with_spelling(bridge(), &[(2, "that")]));
        assert_eq!(
            (applied.document.segments[0].text.as_str(), applied.applied),
            (expected, 1)
        );
    }
    let history = history(&bridge(), json!([{ "op": "delete_words", "segment": 0, "word": 2 }]));
    let applied = history.apply(with_spelling(bridge(), &[(2, "that")]));
    assert_eq!((applied.applied, applied.conflicts.len()), (0, 1));
}

/// A glossary joins the word with its neighbour; an equal one stands a second later.
#[test]
fn an_equal_word_with_other_neighbours_is_another_one() {
    let whole = || document(vec![segment(0, "Shall we begin? Have we spent it?", None, true)], 20);
    let mut joined = whole();
    let words = joined.segments[0].words.as_mut().unwrap();
    let end = words.remove(1).end;
    (words[0].word, words[0].end) = (" Shallwe".to_owned(), end);
    joined.segments[0].text = "Shallwe begin? Have we spent it?".to_owned();
    joined.provenance.glossary = Some(GlossaryProvenance::default());
    for operation in [
        json!({ "op": "delete_words", "segment": 0, "word": 1 }),
        json!({ "op": "insert_words", "segment": 0, "word": 1, "text": "now" }),
        json!({ "op": "replace_words", "segment": 0, "word": 1, "text": "spent" }),
    ] {
        let applied = history(&whole(), json!([operation])).apply(joined.clone());
        assert_eq!(applied.document, joined, "{operation}");
        assert_eq!(applied.conflicts.len(), 1, "{operation}");
    }
}

/// Without word times, an equal word of the segment is seconds away.
#[test]
fn without_word_times_a_respelled_word_is_found_by_its_number() {
    let text = "morning, and welcome to a long talk about ships, before noon, and the light.";
    let plain = document(vec![segment(0, text, None, false)], 40);
    let history = history(
        &plain,
        json!([{ "op": "replace_words", "segment": 0, "word": 1, "text": "so" }]),
    );
    let mut other = plain.clone();
    other.segments[0].text = text.replacen("and", "plus", 1);
    other.provenance.glossary = Some(GlossaryProvenance::default());
    let applied = history.apply(other);
    assert_eq!(applied.document.segments[0].text, text.replacen("and", "so", 1));
}

/// Corrections of earlier versions have no neighbours.
#[test]
fn anchors_without_neighbours_fit_as_before() {
    let operation = json!({
        "op": "replace_words", "segment": 0, "word": 9, "text": "harbour",
        "anchors": [{ "start": 0.5, "end": 1.0, "text": "harbor" }],
    });
    let applied = history(&dialogue(), json!([operation])).apply(rerun());
    assert_eq!(applied.applied, 1);
}

/// The label stands in the message of one who speaks elsewhere, too.
#[test]
fn a_renamed_speaker_who_is_silent_at_the_time_is_no_unknown_one() {
    let history = history(
        &dialogue(),
        json!([{ "op": "rename_speaker", "speaker": "Speaker 1", "name": "Ann" }]),
    );
    let mut part = dialogue();
    part.turns = None;
    part.segments.retain(|segment| segment.start.0 == 4_000);
    for segment in &mut part.segments {
        segment.speaker = Some("Speaker 1".to_owned());
    }
    let conflicts = history.apply(part).conflicts;
    assert_eq!(
        conflicts[0].reason,
        "no speaker has most of the time from 0.0 to 4.0 s, where `Speaker 1` spoke"
    );
}
