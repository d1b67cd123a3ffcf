use plugin_api::document::Word;
use proptest::prelude::*;

use super::*;

fn spoken(turns: &[(u64, u64, usize)]) -> Vec<Spoken> {
    let turn = |&(start_ms, end_ms, speaker): &(u64, u64, usize)| Spoken {
        start_ms,
        end_ms,
        speaker,
    };
    turns.iter().map(turn).collect()
}

fn segment(start: u64, end: u64, text: &str) -> Segment {
    serde_json::from_value(serde_json::json!({
        "id": 7, "start": start as f64 / 1000.0, "end": end as f64 / 1000.0, "text": text, "avg_logprob": null, "compression_ratio": null,
        "no_speech_prob": null, "temperature": null, "tokens": [1, 2, 3], "seek": null
    }))
    .unwrap()
}

/// A segment whose words have these consecutive times.
fn with_words(words: &[(u64, u64, &str)]) -> Segment {
    let text: String = words.iter().map(|(_, _, word)| *word).collect();
    let mut segment = segment(words[0].0, words[words.len() - 1].1, text.trim());
    let word = |&(start, end, word): &(u64, u64, &str)| Word {
        start: Seconds(start),
        end: Seconds(end),
        word: word.to_owned(),
        probability: None,
        speaker: None,
        timing: None,
    };
    segment.words = Some(words.iter().map(word).collect());
    segment
}

/// `speaker: text` of each piece.
fn speakers_and_text(attributed: &Attributed) -> Vec<String> {
    let line = |segment: &Segment| format!("{}: {}", segment.speaker.as_deref().unwrap_or("?"), segment.text);
    attributed.segments.iter().map(line).collect()
}

#[test]
fn a_segment_is_cut_where_the_speaker_changes() {
    let segment = with_words(&[
        (0, 400, " Is"),
        (400, 900, " it?"),
        (1000, 1300, " Yes,"),
        (1300, 1900, " it is."),
    ]);
    let attributed = attribute(vec![segment], &spoken(&[(0, 950, 0), (980, 2000, 1)]), &[]);
    assert_eq!(
        speakers_and_text(&attributed),
        ["Speaker 1: Is it?", "Speaker 2: Yes, it is."]
    );
    let [first, second] = &attributed.segments[..] else {
        panic!("two pieces")
    };
    assert_eq!(
        (first.start.0, first.end.0, second.start.0, second.end.0),
        (0, 900, 1000, 1900)
    );
    assert_eq!((first.id, second.id, &first.tokens), (0, 1, &None));
    let words = second.words.as_ref().unwrap();
    assert_eq!(words.len(), 2);
    assert!(words.iter().all(|word| word.speaker.as_deref() == Some("Speaker 2")));
    assert_eq!((first.overlap, second.overlap), (Some(false), Some(false)));
}

#[test]
fn without_word_times_they_are_interpolated() {
    let segments = vec![segment(0, 10_000, "aaaa, aaaa bbbb-b bbb.")];
    let attributed = attribute(segments, &spoken(&[(0, 5_000, 0), (5_000, 10_000, 1)]), &[]);
    assert_eq!(
        speakers_and_text(&attributed),
        ["Speaker 1: aaaa, aaaa", "Speaker 2: bbbb-b bbb."]
    );
    assert!(attributed.segments.iter().all(|segment| segment.words.is_none()));
}

#[test]
fn scripts_without_spaces_are_cut_between_characters() {
    let segments = vec![segment(0, 4_000, "你好再见")];
    let attributed = attribute(segments, &spoken(&[(0, 2_000, 0), (2_000, 4_000, 1)]), &[]);
    assert_eq!(speakers_and_text(&attributed), ["Speaker 1: 你好", "Speaker 2: 再见"]);
}

#[test]
fn an_overlapped_word_goes_to_the_current_speaker() {
    let segment = with_words(&[
        (0, 500, " one"),
        (500, 1000, " two"),
        (1000, 1500, " three"),
        (1500, 2000, " four"),
    ]);
    let attributed = attribute(vec![segment], &spoken(&[(0, 1500, 0), (500, 2000, 1)]), &[]);
    assert_eq!(
        speakers_and_text(&attributed),
        ["Speaker 1: one two three", "Speaker 2: four"]
    );
    assert_eq!(attributed.segments[0].overlap, Some(true));
    assert_eq!(attributed.segments[1].overlap, Some(false));
}

#[test]
fn unknown_speech_is_kept() {
    let near = with_words(&[(1_000, 1_300, " near")]);
    let far = with_words(&[(9_000, 9_300, " far")]);
    let mixed = with_words(&[
        (20_000, 20_100, " and"),
        (21_000, 21_200, " then"),
        (29_000, 29_100, " no one"),
    ]);
    let attributed = attribute(
        vec![near, far, mixed],
        &spoken(&[(0, 800, 0), (21_000, 22_000, 0)]),
        &[],
    );
    assert_eq!(
        speakers_and_text(&attributed),
        ["Speaker 1: near", "?: far", "Speaker 1: and then no one"]
    );
}

#[test]
fn labels_follow_the_first_turn_and_names_replace_them() {
    let turns = spoken(&[(5_000, 6_000, 2), (0, 1_000, 0), (2_000, 3_000, 1)]);
    let attributed = attribute(Vec::new(), &turns, &["Ann".into(), "Bo".into()]);
    assert_eq!(attributed.speakers, ["Ann", "Bo", "Speaker 3"]);
    let labels: Vec<_> = attributed.turns.iter().map(|turn| turn.speaker.as_str()).collect();
    assert_eq!(labels, ["Ann", "Bo", "Speaker 3"]);
}

/// An engine may write numbers as digits and time them as words.
#[test]
fn words_that_are_not_the_text_are_shared_out_by_time() {
    let mut odd = with_words(&[(0, 400, " twenty"), (400, 900, " two."), (1000, 1300, " Yes.")]);
    odd.text = "22. Yes.".to_owned();
    let attributed = attribute(vec![odd], &spoken(&[(0, 900, 0), (900, 1300, 1)]), &[]);
    let spoken: Vec<_> = attributed
        .segments
        .iter()
        .flat_map(|piece| piece.words.iter().flatten())
        .collect();
    assert_eq!(spoken.len(), 3, "no word is lost");
    assert_eq!(speakers_and_text(&attributed).len(), 2);
}

#[test]
fn a_speaker_who_is_not_the_first_keeps_the_number() {
    let attributed = attribute(
        Vec::new(),
        &spoken(&[(0, 500, 1), (600, 900, 0)]),
        &["Ann".into(), "Bo".into()],
    );
    assert_eq!(attributed.speakers, ["Bo", "Ann"]);
}

#[test]
fn text_without_turns_is_unchanged() {
    let attributed = attribute(vec![segment(0, 1_000, "text")], &[], &[]);
    assert_eq!(speakers_and_text(&attributed), ["?: text"]);
    assert_eq!(attributed.segments[0].tokens, Some(vec![1, 2, 3]));
    assert!(attributed.speakers.is_empty() && attributed.turns.is_empty());
}

proptest! {
    /// No text is lost, pieces keep the order and the bounds of their segment, labels are those of the turns.
    #[test]
    fn splitting_a_segment_loses_no_text(
        texts in prop::collection::vec("[a-d ,.'你好-]{1,20}", 1..6),
        turns in prop::collection::vec((0_u64..8_000, 1_u64..3_000, 0_usize..4), 0..12),
    ) {
        let segments: Vec<_> = texts
            .iter()
            .zip(0_u64..)
            .map(|(text, index)| segment(index * 1_500, index * 1_500 + 1_400, text.trim()))
            .collect();
        let turns: Vec<_> = turns.iter().map(|&(start, length, speaker)| (start, start + length, speaker)).collect();
        let attributed = attribute(segments.clone(), &spoken(&turns), &[]);
        let letters = |segments: &[Segment]| -> String {
            segments.iter().flat_map(|segment| segment.text.chars()).filter(|letter| !letter.is_whitespace()).collect()
        };
        prop_assert_eq!(letters(&segments), letters(&attributed.segments));
        let mut end = 0;
        for (piece, id) in attributed.segments.iter().zip(0..) {
            prop_assert_eq!(piece.id, id);
            prop_assert!(piece.start.0 >= end && piece.end >= piece.start, "{:?}", piece);
            prop_assert!(piece.speaker.as_ref().is_none_or(|speaker| attributed.speakers.contains(speaker)));
            end = piece.end.0;
        }
        prop_assert!(attributed.turns.is_sorted_by_key(|turn| turn.start));
        for piece in &attributed.segments {
            prop_assert!(!piece.text.is_empty() || segments.iter().any(|segment| segment.text.is_empty()));
        }
    }
}

/// An engine's segments extend into pauses, and lengths of letters are not lengths of sounds.
#[test]
fn interpolated_changes_go_to_the_ends_of_sentences_and_segments() {
    let segments = vec![
        segment(0, 4_000, "How did the two of you meet?"),
        segment(
            4_000,
            12_000,
            "We shared one microscope. That is a polite way to say it.",
        ),
    ];
    let turns = spoken(&[(400, 3_400, 0), (3_930, 6_900, 1), (7_500, 11_900, 0)]);
    let attributed = attribute(segments, &turns, &[]);
    assert_eq!(
        speakers_and_text(&attributed),
        [
            "Speaker 1: How did the two of you meet?",
            "Speaker 2: We shared one microscope.",
            "Speaker 1: That is a polite way to say it."
        ]
    );
}

/// Two changes that move to the same place keep the text around them.
#[test]
fn a_piece_without_a_sentence_of_its_own_goes_with_what_is_around_it() {
    let segments = vec![segment(0, 8_000, "one two three four five six seven. eight nine ten")];
    let turns = spoken(&[(0, 5_300, 0), (5_300, 5_900, 1), (5_900, 8_000, 2)]);
    let attributed = attribute(segments, &turns, &[]);
    assert_eq!(
        speakers_and_text(&attributed),
        [
            "Speaker 1: one two three four five six seven.",
            "Speaker 3: eight nine ten"
        ]
    );
}

#[test]
fn an_answer_of_one_word_inside_the_turn_of_another_is_a_segment() {
    let segment = with_words(&[
        (0, 500, " Is"),
        (500, 1000, " it?"),
        (1000, 1400, " Yes."),
        (1400, 2000, " Good,"),
        (2000, 2500, " then."),
    ]);
    let turns = spoken(&[(0, 2500, 0), (1050, 1350, 1)]);
    let attributed = attribute(vec![segment], &turns, &[]);
    assert_eq!(
        speakers_and_text(&attributed),
        ["Speaker 1: Is it?", "Speaker 2: Yes.", "Speaker 1: Good, then."]
    );
    assert_eq!(attributed.turns.len(), 2);
}

#[test]
fn a_word_inside_a_sentence_stays_with_its_speaker() {
    let segment = with_words(&[
        (0, 500, " We"),
        (500, 1000, " may"),
        (1000, 1400, " yes"),
        (1400, 2000, " go."),
    ]);
    let turns = spoken(&[(0, 2000, 0), (1050, 1350, 1)]);
    let attributed = attribute(vec![segment], &turns, &[]);
    assert_eq!(speakers_and_text(&attributed), ["Speaker 1: We may yes go."]);
}

#[test]
fn an_edge_inside_a_word_moves_and_short_turns_without_words_are_left_out() {
    let segment = with_words(&[(0, 500, " one"), (500, 1100, " two"), (1200, 2000, " three")]);
    let turns = spoken(&[(0, 1000, 0), (1000, 2000, 1), (3000, 3200, 0)]);
    let attributed = attribute(vec![segment], &turns, &[]);
    let found: Vec<_> = attributed.turns.iter().map(|turn| (turn.start.0, turn.end.0)).collect();
    assert_eq!(found, [(0, 1100), (1100, 2000)]);
}
