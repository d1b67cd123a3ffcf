//! Laws of glossaries, for any rules and any document.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use cesar_glossary::{Glossary, Origin};
use plugin_api::document::{Document, Seconds, Segment, Word};
use proptest::prelude::*;

/// A document with these segments, by its JSON: most fields do not matter here.
fn document(segments: Vec<Segment>) -> Document {
    let json = r#"{"schema":1,"language":"en","language_probability":null,"task":"transcribe","duration":1000.0,
        "created":"2026-01-02T03:04:05Z","segments":[],"provenance":{"cesar":"1.0.0","sampled":false,
        "audio":{"media_sha256":"","pcm_sha256":"","codec":"flac","offset":0.0},
        "asr":{"plugin":"ct2","version":"1.0.0","plugin_sha256":"","model":null,"model_sha256":null,"options":{}}}}"#;
    let mut document: Document = serde_json::from_str(json).unwrap();
    document.segments = segments;
    document
}

/// Pieces of text that rules and words are made of: letters that fold, signs, spaces, scripts without spaces.
fn piece() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(vec![
        "a", "A", "b", "ab", "Ab", "ABC", "ß", "İ", "’", "'s", "-", ".", ",", "#", " ", "  ", "北京", "京", "ソ", "é",
        "e\u{301}", "9", "$1", "(", "\u{200d}", "ก", "👍", "l'",
    ]);
    prop_oneof![8 => fixed.prop_map(str::to_owned), 1 => "\\PC{0,4}"]
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 1..6).prop_map(|pieces| pieces.concat())
}

fn segment(words: Vec<(u64, u64, String, bool)>, start: u64, has_words: bool) -> Segment {
    let mut time = start;
    let words = words.into_iter().map(|(gap, length, word, second)| {
        time += gap;
        Word {
            start: Seconds(time),
            end: Seconds(time + length),
            word: format!(" {word}"),
            probability: Some(0.5),
            speaker: second.then(|| "B".to_owned()),
            timing: None,
        }
    });
    let words: Vec<Word> = words.collect();
    let joined: String = words.iter().map(|word| word.word.as_str()).collect();
    let mut segment: Segment = serde_json::from_str(
        r#"{"id":0,"start":0.0,"end":0.0,"text":"","avg_logprob":null,"compression_ratio":null,
            "no_speech_prob":null,"temperature":null,"tokens":null,"seek":null}"#,
    )
    .unwrap();
    segment.start = Seconds(start);
    segment.end = words.iter().map(|word| word.end).max().unwrap_or_default();
    segment.text = joined.trim().to_owned();
    segment.words = has_words.then_some(words);
    segment
}

fn documents() -> impl Strategy<Value = Document> {
    let word = (0..300_u64, 0..500_u64, text(), prop::bool::weighted(0.1));
    let segment_of = (
        prop::collection::vec(word, 0..8),
        0..1_000_u64,
        prop::bool::weighted(0.8),
    );
    prop::collection::vec(segment_of, 0..4).prop_map(|segments| {
        let segments = segments
            .into_iter()
            .map(|(words, start, has)| segment(words, start, has));
        document(segments.collect())
    })
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (text(), text()).prop_map(|(left, right)| format!("{left} => {right}")),
        2 => text(),
        2 => (text(), text()).prop_map(|(left, right)| format!("/{left}/ => {right}")),
        1 => (prop::sample::select(vec![".", r"\b", r"\s*", ".+", "(a)|b", r"\w+ ?\w*", "^", "$"]), text())
            .prop_map(|(left, right)| format!("/{left}/ => {right}")),
    ]
}

/// A glossary of those lines that are rules.
fn glossaries() -> impl Strategy<Value = Glossary> {
    prop::collection::vec(line(), 0..8).prop_map(|lines| {
        let mut good = String::new();
        for line in lines {
            let longer = format!("{good}{line}\n");
            if Glossary::parse(longer.as_bytes(), &Origin::Request).is_ok() {
                good = longer;
            }
        }
        Glossary::parse(good.as_bytes(), &Origin::Request).unwrap()
    })
}

fn applied(glossary: &Glossary, document: &Document) -> Document {
    let mut applied = document.clone();
    glossary.apply(&mut applied, None, String::new());
    applied
}

fn joined(words: &[Word]) -> String {
    words.iter().map(|word| word.word.as_str()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn times_and_order_of_words_are_kept(glossary in glossaries(), before in documents()) {
        let after = applied(&glossary, &before);
        prop_assert_eq!(before.segments.len(), after.segments.len());
        for (before, after) in before.segments.iter().zip(&after.segments) {
            prop_assert_eq!((before.id, before.start, before.end), (after.id, after.start, after.end));
            prop_assert_eq!(before.words.is_some(), after.words.is_some());
            let (Some(old), Some(new)) = (&before.words, &after.words) else { continue };
            let text = joined(new);
            prop_assert_eq!(text.trim(), &after.text);
            prop_assert!(!after.text.is_empty() || before.text.is_empty());
            prop_assert!(new.windows(2).all(|pair| pair[0].start <= pair[1].start), "{:?}", new);
            prop_assert!(new.iter().all(|word| word.start <= word.end), "{:?}", new);
            prop_assert_eq!(old.first().map(|word| word.start), new.first().map(|word| word.start));
            let end = |words: &[Word]| words.iter().map(|word| word.end).max();
            prop_assert_eq!(end(old), end(new));
            prop_assert_eq!(old.is_empty(), new.is_empty());
            // Speakers keep their words: the same speakers in the same order.
            let speakers = |words: &[Word]| {
                let mut speakers: Vec<_> = words.iter().map(|word| word.speaker.clone()).collect();
                speakers.dedup();
                speakers
            };
            prop_assert_eq!(speakers(old), speakers(new));
        }
    }

    /// Words that no rule touches are the same ones, with the same times.
    #[test]
    fn words_beside_replaced_ones_are_untouched(words in prop::collection::vec("[a-d]{1,3}|v{1,4}", 1..12)) {
        let glossary = Glossary::parse(b"/v+/ => yy zz", &Origin::Request).unwrap();
        let timed = words.into_iter().map(|word| (10, 20, word, false));
        let before = document(vec![segment(timed.collect(), 0, true)]);
        let after = applied(&glossary, &before);
        let others = |document: &Document| {
            let words = document.segments.iter().flat_map(|segment| segment.words.clone().unwrap_or_default());
            words.filter(|word| word.word.contains(['a', 'b', 'c', 'd'])).collect::<Vec<_>>()
        };
        prop_assert_eq!(others(&after), others(&before));
        let replaced = |document: &Document, part: &str| {
            let words = document.segments.iter().flat_map(|segment| segment.words.clone().unwrap_or_default());
            words.filter(|word| word.word.contains(part)).map(|word| (word.start, word.end)).collect::<Vec<_>>()
        };
        let spans = replaced(&before, "v");
        let first = replaced(&after, "yy");
        prop_assert_eq!(spans.len(), first.len());
        let last = replaced(&after, "zz");
        for (span, (first, last)) in spans.iter().zip(first.iter().zip(&last)) {
            prop_assert_eq!((first.0, last.1), *span);
        }
    }

    /// Rules whose right sides are no left sides: the second time there is nothing to replace.
    #[test]
    fn a_second_application_changes_nothing(
        rules in prop::collection::btree_map("[a-d]{1,2}( [a-d]{1,2})?", "[p-tP-T]{1,3}( [p-t]{1,3})?", 1..6),
        words in prop::collection::vec("[a-dA-D]{1,2}[,.]?", 1..20),
    ) {
        let lines: String = rules.iter().map(|(left, right)| format!("{left} => {right}\n")).collect();
        let glossary = Glossary::parse(lines.as_bytes(), &Origin::Request).unwrap();
        let timed = words.into_iter().map(|word| (10, 20, word, false));
        let before = document(vec![segment(timed.collect(), 0, true)]);
        let once = applied(&glossary, &before);
        let twice = applied(&glossary, &once);
        prop_assert_eq!(&twice.segments, &once.segments);
        prop_assert!(twice.provenance.glossary.unwrap().replacements.is_empty());
    }

    #[test]
    fn any_text_is_a_glossary_or_a_sentence(text in "(\\PC|[/=>#$\n ]){0,80}") {
        match Glossary::parse(text.as_bytes(), &Origin::Request) {
            Ok(glossary) => {
                let again = Glossary::parse(glossary.canonical().as_bytes(), &Origin::Request).unwrap();
                prop_assert_eq!(again.canonical(), glossary.canonical());
            }
            Err(error) => {
                let sentence = error.to_string();
                prop_assert!(sentence.contains("`glossary_rules`") && !sentence.contains('\n'), "{}", sentence);
            }
        }
    }
}

#[test]
fn replacements_are_counted_by_rule_and_text() {
    let glossary = Glossary::parse(
        b"iPhone\nkube => Kubernetes\n/(\\d+) percent/ => $1 %",
        &Origin::Request,
    )
    .unwrap();
    let said = |text: &str| {
        let timed = text.split(' ').map(|word| (0, 100, word.to_owned(), false));
        segment(timed.collect(), 0, true)
    };
    let segments = vec![said("Kube, kube, iPhone iphone"), said("kube 5 percent")];
    let mut document = document(segments);
    glossary.apply(&mut document, Some("terms.txt".to_owned()), "ab".to_owned());
    assert_eq!(document.segments[0].text, "Kubernetes, Kubernetes, iPhone iPhone");
    assert_eq!(document.segments[1].text, "Kubernetes 5 %");
    let provenance = serde_json::to_value(document.provenance.glossary.unwrap()).unwrap();
    assert_eq!(
        provenance,
        serde_json::json!({ "name": "terms.txt", "sha256": "ab", "replacements": [
            { "rule": 1, "from": "iphone", "to": "iPhone", "count": 1 },
            { "rule": 2, "from": "Kube", "to": "Kubernetes", "count": 1 },
            { "rule": 2, "from": "kube", "to": "Kubernetes", "count": 2 },
            { "rule": 3, "from": "5 percent", "to": "5 %", "count": 1 },
        ] })
    );
}

#[test]
fn the_list_of_replacements_is_bounded() {
    let glossary = Glossary::parse(br"/\d+/ => x", &Origin::Request).unwrap();
    let timed = (0..300).map(|number| (1, 1, number.to_string(), false));
    let after = applied(&glossary, &document(vec![segment(timed.collect(), 0, true)]));
    let provenance = after.provenance.glossary.unwrap();
    assert_eq!((provenance.replacements.len(), provenance.omitted), (200, 100));
}

#[test]
fn a_match_belongs_to_one_segment_and_one_speaker() {
    let glossary = Glossary::parse(b"new york => NYC", &Origin::Request).unwrap();
    let of = |words: &[(&str, bool)], start| {
        let timed = words.iter().map(|(word, second)| (10, 20, (*word).to_owned(), *second));
        segment(timed.collect(), start, true)
    };
    let before = document(vec![
        of(&[("in", false), ("new", false)], 0),
        of(&[("york", false), ("new", false), ("york", true)], 100),
    ]);
    assert_eq!(applied(&glossary, &before).segments, before.segments);
}

#[test]
fn words_that_are_not_the_text_are_left_alone() {
    let glossary = Glossary::parse(b"kube => Kubernetes", &Origin::Request).unwrap();
    let mut odd = segment(vec![(0, 10, "kube".to_owned(), false)], 0, true);
    odd.text = "other kube".to_owned();
    let before = document(vec![odd]);
    assert_eq!(applied(&glossary, &before).segments, before.segments);
}
