//! Any text is stored, and any query is answered or refused.

use proptest::prelude::*;

use super::{Library, document};
use crate::{Filter, Query};

/// Text of many scripts, with what SQLite and JSON could take for syntax.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-zA-Z\"'*^:(){}+\\-, ANDORT]{0,40}",
        "[äöüßéñøłA-Za-z ]{0,40}",
        "[\u{600}-\u{6ff} ]{0,30}",
        "[\u{900}-\u{97f} ]{0,30}",
        "[\u{3040}-\u{30ff}\u{4e00}-\u{4eff}a-z ]{0,30}",
        "[\u{0}-\u{ff}]{0,30}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_query_on_any_document_is_answered(texts in prop::collection::vec(text(), 0..6), queries in prop::collection::vec(text(), 1..20)) {
        let library = Library::new();
        let said: Vec<(&str, &str)> = texts.iter().map(|text| ("Ann", text.as_str())).collect();
        library.store("talk", &document("talk", "2026-01-01T00:00:00Z", &said));
        for query in queries {
            if query.parse::<Query>().is_err() {
                continue;
            }
            let filter = Filter { speaker: Some(query.clone()), language: Some(query.clone()), ..Filter::default() };
            library.titles_of(&query, &filter);
            for hit in library.find(&query).hits {
                for passage in hit.passages {
                    let length = passage.text.chars().count();
                    let mut before = 0;
                    for [start, end] in passage.highlights {
                        prop_assert!(before <= start && start < end && end <= length);
                        before = end;
                    }
                }
            }
        }
        library.index.remove(&[super::source("talk")]).unwrap();
        prop_assert_eq!(library.index.count().unwrap(), 0);
    }

    #[test]
    fn every_word_of_a_document_finds_it(texts in prop::collection::vec(text(), 1..6)) {
        let library = Library::new();
        let segments: Vec<&str> = texts.iter().map(String::as_str).collect();
        library.say("talk", &segments);
        for word in texts.iter().flat_map(|text| text.split_whitespace()) {
            // Quotes separate words of a query; a word of punctuation is none.
            let Ok(query) = word.parse::<Query>() else { continue };
            prop_assert_eq!(library.titles(word), ["talk"], "{:?} as {:?}", word, query);
        }
    }

    #[test]
    fn every_part_of_a_text_without_spaces_finds_it(text in "[\u{3041}-\u{3096}\u{4e00}-\u{9fff}]{2,20}", start in 0_usize..18, length in 1_usize..8) {
        let library = Library::new();
        library.say("talk", &[&text]);
        let part: String = text.chars().skip(start).take(length).collect();
        if !part.is_empty() {
            prop_assert_eq!(library.titles(&part), ["talk"]);
        }
    }
}
