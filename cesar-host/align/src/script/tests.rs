use super::*;

fn script(text: &str) -> Vec<(Option<String>, String)> {
    let script = Script::parse(text.as_bytes(), Labels::Detect).expect("a text");
    let segments = script.segments.into_iter();
    segments
        .map(|segment| (segment.speaker, segment.words.join("|")))
        .collect()
}

fn texts(text: &str) -> Vec<String> {
    script(text).into_iter().map(|(_, words)| words).collect()
}

#[test]
fn sentences_of_paragraphs_are_segments() {
    assert_eq!(
        texts("Mr. Smith came\nhome. He was “late”.\n\nSo what? Nothing. —\n"),
        [
            " Mr.| Smith| came| home.",
            " He| was| “late”.",
            " So| what?",
            " Nothing. —"
        ]
    );
    assert_eq!(texts("— Hi\r\n\r\n***\r\n\r\nBye"), [" — Hi", " Bye"]);
}

#[test]
fn lines_with_names_are_turns_of_speakers() {
    let ann = || Some("Ann".to_owned());
    let bo = || Some("Dr. Bo".to_owned());
    assert_eq!(
        script("Ann: At 12:30?\nDr. Bo: Yes.\nNow.\n\nOr later.\nAnn:\nFine."),
        [
            (ann(), " At| 12:30?".into()),
            (bo(), " Yes.".into()),
            (bo(), " Now.".into()),
            (bo(), " Or| later.".into()),
            (ann(), " Fine.".into()),
        ]
    );
}

#[test]
fn single_labels_are_text() {
    assert_eq!(
        script("Note: this is text.\nAnd more."),
        [(None, " Note:| this| is| text.".into()), (None, " And| more.".into())]
    );
    let script = Script::parse(b"Ann: Hi.\nBo: Hi.", Labels::Ignore).expect("a text");
    assert_eq!(script.segments[0].words, [" Ann:", " Hi."]);
}

#[test]
fn cues_are_segments_without_their_times() {
    let srt =
        "1\n00:00:01,000 --> 00:00:02,000\n<i>One two.\nThree</i>\n\n2\n00:00:03,000 --> 00:00:04,000\nfour. Five.\n";
    assert_eq!(texts(srt), [" One| two.| Three", " four.| Five."]);
    assert_eq!(
        texts("WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ann>Fish &amp; chips\n"),
        [" Fish &| chips"]
    );
}

#[test]
fn scripts_without_spaces_are_split_at_characters() {
    assert_eq!(texts("東京は、\n「晴れ」です。"), ["東|京|は、|「晴|れ」|で|す。"]);
    assert_eq!(texts("東京 2024年 ok"), ["東|京| 2024|年| ok"]);
}

#[test]
fn unusable_texts_are_refused_in_one_sentence() {
    let refused = |bytes: &[u8]| Script::parse(bytes, Labels::Detect).unwrap_err();
    assert_eq!(refused(b"one\ncaf\xe9"), ScriptError::Encoding { line: 2 });
    assert_eq!(refused(b"PK\x03\x04\0\0"), ScriptError::Encoding { line: 1 });
    let mistyped = "1\n00:00:01,000 --> 00:00:02,000\nOne.\n\n2\n00:00:03 -> 00:00:04\nTwo.\n";
    let ScriptError::Subtitles { line, text } = refused(mistyped.as_bytes()) else {
        panic!("the words of a cue would be lost");
    };
    assert_eq!((line, &*text), (6, "00:00:03 -> 00:00:04"));
    for empty in ["", " \n", "*** --\n", "WEBVTT\n", "\u{feff}"] {
        assert_eq!(refused(empty.as_bytes()), ScriptError::Empty, "{empty:?}");
    }
}

#[test]
fn layout_is_no_part_of_the_canonical_text() {
    let canonical = |text: &str| {
        Script::parse(text.as_bytes(), Labels::Detect)
            .expect("a text")
            .canonical()
    };
    assert_eq!(canonical("One two.\nThree."), canonical("\u{feff}One  two. Three.\r\n"));
    assert_ne!(canonical("One two.\n"), canonical("One. Two.\n"));
    assert_ne!(canonical("A: One.\nB: Two."), canonical("B: One.\nA: Two."));
}
