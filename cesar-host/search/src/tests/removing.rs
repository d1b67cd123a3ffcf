//! Words of removed documents are gone from the files.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use cesar_base::Digest;

use super::{Library, document, source};
use crate::Entry;

/// Whether any file of the folder has these bytes.
fn occurs(folder: &Path, text: &str) -> bool {
    let mut files = fs::read_dir(folder)
        .unwrap()
        .map(|file| fs::read(file.unwrap().path()).unwrap());
    let has = |bytes: Vec<u8>| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    files.any(has)
}

#[test]
fn removed_documents_leave_no_words_in_the_files() {
    let library = Library::new();
    for number in 0..200 {
        let common = format!("the meeting number{number:04} began and the ferry left the harbour");
        library.say(&format!("kept {number}"), &[&common]);
    }
    let secret = "Xylophonist whispered quincunxial nonsense";
    library.store(
        "secret",
        &document("secret", "2026-01-01T00:00:00Z", &[("Zaphodine", secret)]),
    );
    let traces = ["ylophonist", "uincunxial", "aphodine", "whispered"];
    library.index.retain("none", &HashSet::new()).unwrap();
    for trace in traces {
        assert!(occurs(library.path(), trace), "{trace} is there before");
    }
    library.index.remove(&[source("secret")]).unwrap();
    for trace in traces {
        assert!(!occurs(library.path(), trace), "{trace} is left");
    }
    assert_eq!(library.titles("ferry").len(), 20);
    assert_eq!(library.titles("number0199").len(), 1);
}

#[test]
fn words_of_many_removed_documents_are_gone_too() {
    let library = Library::new();
    // Words of their own, so that many pages begin with one of them.
    for number in 0..300 {
        let words: Vec<String> = (0..40).map(|word| format!("zq{number:03}x{word:02}w")).collect();
        library.say(&format!("{number}"), &[&words.join(" ")]);
    }
    let odd: Vec<_> = (0..300)
        .filter(|number| number % 3 != 0)
        .map(|number| source(&number.to_string()))
        .collect();
    library.index.remove(&odd).unwrap();
    let left: Vec<usize> = (0..300)
        .filter(|number| number % 3 != 0 && occurs(library.path(), &format!("{number:03}x")))
        .collect();
    assert_eq!(left, [0_usize; 0]);
    assert_eq!(library.titles("zq003x07w"), ["3"]);
    // Each removal rewrites a small index, also one that has just been rewritten.
    let even: Vec<_> = (0..300)
        .filter(|number| number % 2 == 0)
        .map(|number| source(&number.to_string()))
        .collect();
    library.index.remove(&even).unwrap();
    let left = |number: &usize| {
        (!number.is_multiple_of(3) || number.is_multiple_of(2)) && occurs(library.path(), &format!("{number:03}x"))
    };
    assert_eq!((0..300).filter(left).collect::<Vec<_>>(), [0_usize; 0]);
    assert_eq!(library.titles("zq003x07w"), ["3"]);
}

#[test]
fn a_large_index_is_rewritten_by_its_maintenance() {
    let library = Library::new();
    let documents: Vec<_> = (0..1_100)
        .map(|number| {
            let words: Vec<String> = (0..10).map(|word| format!("zq{number:04}x{word:02}w")).collect();
            let name = number.to_string();
            (
                document(&name, "2026-01-01T00:00:00Z", &[("", &words.join(" "))]),
                source(&name),
            )
        })
        .collect();
    let entries = documents.iter().map(|(document, source)| Entry {
        key: Digest::of(source.id.as_bytes()),
        document,
        source,
        title: &source.id,
        given_ms: 0,
    });
    library.index.store_all(&entries.collect::<Vec<_>>()).unwrap();
    let gone: Vec<_> = (0..50).map(|number| source(&number.to_string())).collect();
    library.index.remove(&gone).unwrap();
    library.index.maintain().unwrap();
    let left = |number: &usize| occurs(library.path(), &format!("zq{number:04}x"));
    assert_eq!((0..50).filter(left).collect::<Vec<_>>(), [0_usize; 0]);
    assert_eq!(library.titles("zq0050x07w"), ["50"]);
}

#[test]
fn an_emptied_index_holds_no_words() {
    let library = Library::new();
    library.say("talk", &["Embarrassing zyzzyva"]);
    library.index.remove(&[source("talk")]).unwrap();
    assert!(!occurs(library.path(), "zyzzyva") && !occurs(library.path(), "mbarrassing"));
    library.say("talk", &["Embarrassing zyzzyva"]);
    assert_eq!(library.titles("zyzzyva"), ["talk"]);
}

#[test]
fn a_replaced_text_is_gone() {
    let library = Library::new();
    let key = library.store(
        "talk",
        &document("talk", "2026-01-01T00:00:00Z", &[("", "Embarrassing zyzzyva")]),
    );
    library.store_as(
        key,
        "talk",
        &document("talk", "2026-01-01T00:00:00Z", &[("", "Harmless")]),
    );
    assert!(!occurs(library.path(), "zyzzyva"));
}

#[test]
fn a_document_stays_while_another_source_holds_it() {
    let library = Library::new();
    let key = library.store(
        "job 1",
        &document("talk", "2026-01-01T00:00:00Z", &[("", "The ferry.")]),
    );
    library.index.add_source(&key, &source("job 2"), "job 2").unwrap();
    library.index.remove(&[source("job 1")]).unwrap();
    assert_eq!(library.titles("ferry"), ["job 2"]);
    let gone = library.index.retain("jobs", &HashSet::new()).unwrap();
    assert_eq!((gone, library.index.count().unwrap()), (1, 0));
}

#[test]
fn the_earlier_document_is_searched_when_the_newest_is_removed() {
    let library = Library::new();
    library.store(
        "first",
        &document("same", "2026-01-01T00:00:00Z", &[("", "The fairy.")]),
    );
    library.store(
        "second",
        &document("same", "2026-02-01T00:00:00Z", &[("", "The ferry.")]),
    );
    library.index.remove(&[source("second")]).unwrap();
    assert_eq!(library.titles("fairy"), ["first"]);
    assert!(library.titles("ferry").is_empty());
}

#[test]
fn only_the_named_holder_is_compared() {
    let library = Library::new();
    library.say("talk", &["The ferry."]);
    assert_eq!(library.index.retain("cache", &HashSet::new()).unwrap(), 0);
    let present = HashSet::from(["talk".to_owned()]);
    assert_eq!(library.index.retain("jobs", &present).unwrap(), 0);
    assert_eq!(library.titles("ferry"), ["talk"]);
}
