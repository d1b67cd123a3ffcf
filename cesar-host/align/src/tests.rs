use plugin_api::asr;
use plugin_api::document::{Document, MismatchKind, Timing};
use proptest::prelude::*;

use crate::{Fit, Labels, NoFit, Origin, Script, times};

/// Least share in these tests, in percent.
const LEAST: u64 = 30;

/// A document in which each word lasts 300 ms, with 100 ms between words.
fn recognised(text: &str) -> Document {
    let words = text.split_whitespace().zip(0_u64..);
    let words: Vec<String> = words
        .map(|(word, index)| {
            let (start, end) = (index * 4, index * 4 + 3);
            format!(
                r#"{{"start":{}.{},"end":{}.{},"word":" {word}","probability":0.5}}"#,
                start / 10,
                start % 10,
                end / 10,
                end % 10
            )
        })
        .collect();
    let (count, text) = (words.len() as u64, text.trim());
    let duration = count * 4 / 10 + 1;
    let segment = format!(
        r#"{{"id":0,"start":0,"end":{duration},"text":"{text}","words":[{}],"avg_logprob":null,"compression_ratio":null,
        "no_speech_prob":null,"temperature":null,"tokens":null,"seek":null}}"#,
        words.join(",")
    );
    let segments = if count == 0 { String::new() } else { segment };
    let json = format!(
        r#"{{"schema":1,"language":"en","language_probability":1,"task":"transcribe","duration":{duration},"created":"",
        "segments":[{segments}],"provenance":{{"cesar":"1","audio":{{"media_sha256":"","pcm_sha256":"","codec":"","offset":0}},
        "asr":{{"plugin":"p","version":"1","plugin_sha256":"","model":null,"model_sha256":null,"options":{{}}}},"sampled":false}}}}"#
    );
    serde_json_of(&json)
}

fn serde_json_of(json: &str) -> Document {
    serde_json::from_str(json).expect("a document")
}

fn script(text: &str) -> Script {
    Script::parse(text.as_bytes(), Labels::Detect).expect("a text")
}

/// Text, start and end in ms, and source of each word.
fn aligned(text: &str, heard: &str) -> Vec<(String, u64, u64, Option<Timing>)> {
    let (script, document) = (script(text), recognised(heard));
    let fit = Fit::new(&script, &document, LEAST).expect("it fits");
    let document = fit.document(document, &[], Origin::default());
    let words = document
        .segments
        .into_iter()
        .flat_map(|segment| segment.words.unwrap_or_default());
    words
        .map(|word| (word.word, word.start.0, word.end.0, word.timing))
        .collect()
}

#[test]
fn recognised_words_keep_their_times_in_the_spelling_of_the_script() {
    assert_eq!(
        aligned("“Please” close\nthe Door!", "please close the door"),
        [
            (" “Please”".to_owned(), 0, 300, None),
            (" close".to_owned(), 400, 700, None),
            (" the".to_owned(), 800, 1100, None),
            (" Door!".to_owned(), 1200, 1500, None),
        ]
    );
    assert_eq!(
        aligned("a well-known color", "a well known colour"),
        [
            (" a".to_owned(), 0, 300, None),
            (" well-known".to_owned(), 400, 1100, None),
            (" color".to_owned(), 1200, 1500, None),
        ]
    );
}

#[test]
fn other_words_have_the_time_of_what_was_recognised_there() {
    let words = aligned(
        "we meet Siobhan O'Brien at the door",
        "we meet chevron oh brian at the door",
    );
    let interpolated = Some(Timing::Interpolated);
    assert_eq!(words[2], (" Siobhan".to_owned(), 800, 1500, interpolated));
    assert_eq!(words[3], (" O'Brien".to_owned(), 1600, 1900, None), "a similar word");
    assert_eq!(words[4].1, 2000);
}

/// Speech that the text of a part has nothing of.
const REST: &str =
    "when the tide is low you can walk across the sand to a small island where birds nest in the cliffs of the north";

#[test]
fn other_words_of_a_partial_text_last_as_long_as_words_do() {
    let spoken = "thank you both for coming";
    let behind = aligned(&format!("{spoken}. Zimbabwe!"), &format!("{spoken} {REST}"));
    let (_, start, end, timing) = &behind[5];
    assert_eq!(*timing, Some(Timing::Interpolated));
    assert!(*start == 2000 && (2200..3000).contains(end), "{start} to {end}");
    let before = aligned(&format!("Zimbabwe! {spoken}."), &format!("{REST} {spoken}"));
    let (first, next) = (&before[0], &before[1]);
    assert!(
        next.1 - first.2 <= 100 && (200..1000).contains(&(first.2 - first.1)),
        "{before:?}"
    );
    let between = aligned(
        &format!("{spoken}. Zimbabwe! We shall meet again on Wednesday"),
        &format!("{spoken} {REST} we shall meet again on wednesday"),
    );
    assert!((200..1000).contains(&(between[5].2 - between[5].1)), "{between:?}");
}

#[test]
fn other_words_at_an_edge_are_beside_the_nearest_match() {
    let mut document = recognised("thank you both for coming");
    let words = |document: &mut Document| document.segments[0].words.take().expect("words");
    let mut spoken = words(&mut document);
    for word in &mut spoken {
        (word.start.0, word.end.0) = (word.start.0 + 20_000, word.end.0 + 20_000);
    }
    document.segments[0].words = Some(spoken);
    document.duration.0 = 60_000;
    let script = script("Good evening. Thank you both for coming. Goodbye!");
    let fit = Fit::new(&script, &document, LEAST).expect("it fits");
    let document = fit.document(document, &[], Origin::default());
    let times: Vec<_> = document
        .segments
        .iter()
        .map(|segment| (segment.start.0, segment.end.0))
        .collect();
    assert!(
        (18_000..19_900).contains(&times[0].0) && times[0].1 == 20_000,
        "{times:?}"
    );
    assert!(
        times[2].0 == 21_900 && (22_000..23_500).contains(&times[2].1),
        "{times:?}"
    );
}

#[test]
fn words_without_room_at_an_edge_share_the_time_of_the_one_beside_them() {
    let before = aligned("Good day. Thank you both", "thank you both");
    assert!(
        before[..3].iter().all(|word| word.2 - word.1 >= 70) && before[2].2 == 300,
        "{before:?}"
    );
    let words = aligned("Thank you both for coming. Bye", "thank you both for coming");
    assert!(words.is_sorted_by(|one, other| one.2 <= other.1), "{words:?}");
}

#[test]
fn an_engine_is_asked_beside_the_match_where_the_recording_has_more() {
    let spoken = "thank you both for coming";
    let (script, document) = (
        script(&format!("{spoken}. Zimbabwe!")),
        recognised(&format!("{spoken} {REST}")),
    );
    let fit = Fit::new(&script, &document, LEAST).expect("it fits");
    let alignment = fit.alignment().expect("a word was not recognised");
    assert!(alignment.passages[0].end_ms < 6000, "{alignment:?}");
}

#[test]
fn words_without_room_share_the_time_of_those_beside_them() {
    let words = aligned("we have spent most of it", "we have spent of it");
    assert_eq!(words[3].3, Some(Timing::Interpolated));
    assert!(words[3].2 - words[3].1 >= 100, "{words:?}");
    assert!(words.is_sorted_by(|before, after| before.2 <= after.1), "{words:?}");
}

#[test]
fn an_engine_aligns_the_words_that_were_not_recognised() {
    let (script, document) = (
        script("One two three four nine six seven eight."),
        recognised("one two three four five six seven eight"),
    );
    let fit = Fit::new(&script, &document, LEAST).expect("it fits");
    let alignment = fit.alignment().expect("a word was not recognised");
    assert_eq!(alignment.language.as_deref(), Some("en"));
    let [passage] = alignment.passages.as_slice() else {
        panic!("{alignment:?}");
    };
    assert_eq!((passage.start_ms, passage.words.len()), (0, 8));
    let word = |(index, word): (usize, &String)| asr::Word {
        start_ms: index as u64 * 400 + 10,
        end_ms: index as u64 * 400 + 110,
        word: word.clone(),
        probability: Some(0.25),
    };
    let mut answer = vec![asr::Segment {
        words: Some(passage.words.iter().enumerate().map(word).collect()),
        ..asr::Segment::default()
    }];
    assert_eq!(fit.check(&answer), Ok(()));
    let aligned = fit.document(document, &answer, Origin::default());
    let words = aligned.segments[0].words.as_deref().expect("words");
    assert_eq!(
        (words[4].start.0, words[4].end.0, words[4].timing),
        (1610, 1710, Some(Timing::Aligned))
    );
    assert_eq!((words[3].start.0, words[3].end.0, words[3].timing), (1200, 1500, None));
    let provenance = aligned.provenance.align.expect("provenance");
    let counts = (
        provenance.words,
        provenance.matched,
        provenance.aligned,
        provenance.interpolated,
        provenance.unmatched,
    );
    assert_eq!(counts, (8, 7, 1, 0, 1));

    if let Some(words) = &mut answer[0].words {
        words[2].start_ms = 0;
    }
    assert!(
        fit.check(&answer)
            .is_err_and(|defect| defect.starts_with("in passage 0, "))
    );
    assert!(fit.check(&[]).is_err());
}

#[test]
fn texts_of_other_recordings_are_refused_with_their_share() {
    let refused = |text: &str, heard: &str| Fit::new(&script(text), &recognised(heard), LEAST).unwrap_err();
    let other =
        "The committee approved the annual budget after a long debate about the cost of new computers for all schools";
    let heard = "when the tide is low you can walk across the sand to a small island where birds nest in the cliffs of the north";
    let NoFit::Share {
        of_text,
        of_recording,
        least,
    } = refused(other, heard)
    else {
        panic!("it is another text");
    };
    assert!(
        of_text < 15 && of_recording < 15 && least == LEAST,
        "{of_text} {of_recording}"
    );
    assert_eq!(refused(other, ""), NoFit::Silence);
    let nothing = Fit::new(&script("unrelated"), &recognised(heard), 0).unwrap_err();
    assert_eq!(nothing, NoFit::Nothing);
}

#[test]
fn parts_that_are_missing_are_reported() {
    let spoken = "when the tide is low you can walk across the sand to a small island";
    let more = "and there are no trees anywhere because of the storms";
    let mismatches = |text: &str, heard: &str| {
        let (script, document) = (script(text), recognised(heard));
        let fit = Fit::new(&script, &document, LEAST).expect("it fits");
        let align = fit
            .document(document, &[], Origin::default())
            .provenance
            .align
            .expect("provenance");
        let mismatch =
            |mismatch: &plugin_api::document::Mismatch| (mismatch.kind, mismatch.words, mismatch.text.clone());
        align.mismatches.iter().map(mismatch).collect::<Vec<_>>()
    };
    assert_eq!(mismatches(spoken, spoken), []);
    let expected = |kind| vec![(kind, 10, "and there are no trees anywhere".to_owned())];
    let long = format!("{spoken} {more}");
    assert_eq!(mismatches(&long, spoken), expected(MismatchKind::NotSpoken));
    assert_eq!(mismatches(spoken, &long), expected(MismatchKind::NotWritten));
}

#[test]
fn speakers_of_the_script_are_those_of_the_document() {
    let (script, document) = (
        script("Ann: One two.\nBo: Three four. Five.\nAnn: Six."),
        recognised("one two three four five six"),
    );
    let fit = Fit::new(&script, &document, LEAST).expect("it fits");
    let document = fit.document(document, &[], Origin::default());
    assert_eq!(document.speakers, Some(vec!["Ann".to_owned(), "Bo".to_owned()]));
    let turns = document.turns.expect("turns");
    let turns: Vec<_> = turns
        .iter()
        .map(|turn| (turn.speaker.as_str(), turn.start.0, turn.end.0))
        .collect();
    assert_eq!(turns, [("Ann", 0, 700), ("Bo", 800, 1900), ("Ann", 2000, 2300)]);
}

fn text() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..30_usize, 0..60)
}

const VOCABULARY: [&str; 30] = [
    "the",
    "of",
    "and",
    "to",
    "a",
    "in",
    "harbour",
    "ferry",
    "coffee",
    "machine",
    "is",
    "it",
    "broken",
    "again.",
    "Wednesday,",
    "afternoon",
    "budget?",
    "well-known",
    "don't",
    "“server”",
    "東京",
    "2024",
    "we",
    "ship",
    "release!",
    "—",
    "later",
    "wrong",
    "I",
    "us",
];

proptest! {
    #[test]
    fn all_words_are_there_in_order_with_rising_times(text in text(), heard in text(), shared in text(), aligns: bool) {
        let join = |words: &[usize]| words.iter().map(|word| VOCABULARY[*word]).collect::<Vec<_>>().join(" ");
        let shared = join(&shared);
        let (text, heard) = (format!("harbour {} {shared}", join(&text)), format!("{shared} {} harbour", join(&heard)));
        let script = script(&text);
        let document = recognised(&heard);
        let duration = document.duration;
        let Ok(fit) = Fit::new(&script, &document, 0) else { return Ok(()) };
        let alignment = fit.alignment().filter(|_| aligns).unwrap_or_default();
        let answer: Vec<asr::Segment> = alignment.passages.iter().map(|passage| {
            prop_assert!(passage.end_ms - passage.start_ms <= plugin_api::align::LONGEST_MS);
            prop_assert!(passage.start_ms <= passage.end_ms && passage.end_ms <= duration.0);
            let length = passage.end_ms - passage.start_ms;
            let count = passage.words.len() as u64;
            let word = |(word, index): (&String, u64)| asr::Word {
                start_ms: passage.start_ms + length * index / count,
                end_ms: passage.start_ms + length * (index + 1) / count,
                word: word.clone(),
                probability: None,
            };
            Ok(asr::Segment { words: Some(passage.words.iter().zip(0..).map(word).collect()), ..asr::Segment::default() })
        }).collect::<Result<_, TestCaseError>>()?;
        if aligns {
            prop_assert_eq!(fit.check(&answer), Ok(()));
        }
        let document = fit.document(document, &answer, Origin::default());
        let words: Vec<_> = document.segments.iter().flat_map(|segment| segment.words.iter().flatten()).collect();
        let joined: String = words.iter().map(|word| word.word.as_str()).collect();
        let spaceless = |text: &str| text.split_whitespace().collect::<String>();
        prop_assert_eq!(spaceless(&joined), spaceless(&text));
        prop_assert!(words.iter().all(|word| word.start <= word.end && word.end <= duration));
        prop_assert!(words.is_sorted_by(|before, after| before.end <= after.start));
        prop_assert!(document.segments.is_sorted_by(|before, after| before.end <= after.start));
        for segment in &document.segments {
            let own: String = segment.words.iter().flatten().map(|word| word.word.as_str()).collect();
            prop_assert_eq!(own.trim(), &segment.text);
        }
        // Neither pauses nor the speech of others are filled; a few words may share the time of two others.
        for run in words.chunk_by(|one, other| (one.timing == Some(Timing::Interpolated)) == (other.timing == Some(Timing::Interpolated))) {
            let letters: usize = run.iter().map(|word| word.word.chars().count()).sum();
            let length = run[run.len() - 1].end.0 - run[0].start.0;
            let most = times::LONGEST * 200 * letters as u64 + 1000;
            prop_assert!(run[0].timing != Some(Timing::Interpolated) || length <= most, "{length} ms for {run:?}");
        }
        let align = document.provenance.align.expect("provenance");
        prop_assert_eq!(align.words as usize, words.len());
        prop_assert!(align.matched <= align.words && align.aligned + align.interpolated >= align.words - align.matched);
    }
}
