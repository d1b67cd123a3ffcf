//! Hits of a search: selection, order and passages.

use cesar_base::Digest;

use super::{Library, document, source, titles};
use crate::{Entry, Filter, Presence, Search, Source};

#[test]
fn all_words_must_occur_in_one_document() {
    let library = Library::new();
    library.say("both", &["The harbour was quiet.", "Then the ferry came."]);
    library.say("one", &["The harbour was quiet."]);
    assert_eq!(library.titles("ferry harbour"), ["both"]);
    assert_eq!(library.titles("harbour").len(), 2);
    assert!(library.titles("harbour train").is_empty());
}

#[test]
fn phrases_continue_across_segments() {
    let library = Library::new();
    library.say("apart", &["A ferry, and later the harbour."]);
    library.say("phrase", &["We saw the harbour", "ferry leave."]);
    assert_eq!(library.titles("\"harbour ferry\""), ["phrase"]);
    let page = library.find("\"harbour ferry\"");
    let marked: Vec<_> = page.hits[0]
        .passages
        .iter()
        .map(|passage| passage.highlights.clone())
        .collect();
    assert_eq!(marked, [vec![[11, 18]], vec![[0, 5]]]);
}

#[test]
fn prefixes_and_inflections_are_found() {
    let library = Library::new();
    library.say("many", &["Two ferries left."]);
    assert_eq!(library.titles("ferr*"), ["many"]);
    assert!(library.titles("ferr").is_empty());
}

#[test]
fn words_near_each_other_come_first() {
    let library = Library::new();
    let filler = "and so on and so forth ".repeat(10);
    library.say("near", &["The harbour ferry", &filler, &filler]);
    library.say("far", &["The harbour", &filler, &filler, "the ferry"]);
    assert_eq!(library.titles("harbour ferry"), ["near", "far"]);
}

#[test]
fn newer_documents_come_first_among_equals() {
    let library = Library::new();
    for year in ["2026", "2024", "2025"] {
        library.store(
            year,
            &document(year, &format!("{year}-01-01T00:00:00Z"), &[("", "The ferry.")]),
        );
    }
    assert_eq!(library.titles("ferry"), ["2026", "2025", "2024"]);
}

#[test]
fn languages_with_and_without_spaces_are_found() {
    let library = Library::new();
    library.say("ja", &["明日の朝、東京タワーの前で会いましょう。"]);
    library.say("zh", &["我们明天早上在码头坐渡轮。"]);
    library.say("de", &["Die Fähre fährt durch die Straße."]);
    library.say("ar", &["وصلت العبّارة إلى المرفأ."]);
    library.say("ko", &["내일 서울에서 만나요."]);
    for (query, title) in [
        ("東京", "ja"),
        ("タワー", "ja"),
        ("京タ", "ja"),
        ("渡轮", "zh"),
        ("码头 渡轮", "zh"),
        ("fahre", "de"),
        ("FÄHRE", "de"),
        ("strasse", "de"),
        ("العبارة", "ar"),
        ("المرفأ", "ar"),
        ("서울*", "ko"),
    ] {
        assert_eq!(library.titles(query), [title], "{query}");
    }
    // The characters are there, in another order.
    assert!(library.titles("京東").is_empty());
    let page = library.find("東京タワー");
    assert_eq!(page.hits[0].passages[0].highlights, [[5, 10]]);
}

#[test]
fn filters_narrow_the_hits() {
    let library = Library::new();
    let said = [("Ann", "I missed the ferry."), ("Ben", "The harbour is closed.")];
    library.store("old", &document("old", "2025-03-31T23:00:00Z", &said));
    let mut german = document("new", "2026-04-01T00:00:00Z", &[("Ben", "The ferry.")]);
    german.language = Some("de".to_owned());
    library.store("new", &german);
    let found = |change: &dyn Fn(&mut Filter)| {
        let mut filter = Filter::default();
        change(&mut filter);
        library.titles_of("ferry", &filter)
    };
    assert_eq!(found(&|_| ()), ["new", "old"]);
    assert_eq!(found(&|filter| filter.speaker = Some("ann".to_owned())), ["old"]);
    // Ben speaks in the old one, but of something else.
    assert_eq!(found(&|filter| filter.speaker = Some("Ben".to_owned())), ["new"]);
    assert_eq!(found(&|filter| filter.language = Some("DE".to_owned())), ["new"]);
    assert_eq!(found(&|filter| filter.from = "2026-04-01".parse().ok()), ["new"]);
    assert_eq!(found(&|filter| filter.to = "2025-03-31".parse().ok()), ["old"]);
    assert_eq!(found(&|filter| filter.holder = Some("cache".to_owned())), [""; 0]);
    let both = Filter {
        speaker: Some("Ann".to_owned()),
        ..Filter::default()
    };
    assert!(
        library.titles_of("ferry harbour", &both).is_empty(),
        "Ann said one of them"
    );
}

#[test]
fn passages_have_times_speakers_and_matches() {
    let library = Library::new();
    let said = [
        ("Ann", "Hello."),
        ("Ben", "A ferry is no ferry-boat."),
        ("Ann", "The ferry."),
    ];
    library.store("talk", &document("talk", "2026-01-01T00:00:00Z", &said));
    let page = library.find("ferry");
    let hit = &page.hits[0];
    assert_eq!((hit.matches, hit.title.as_str(), hit.duration_ms), (2, "talk", 30_000));
    let passage = &hit.passages[0];
    assert_eq!((passage.segment, passage.start_ms, passage.end_ms), (1, 10_000, 19_000));
    assert_eq!(
        (passage.speaker.as_deref(), passage.text.as_str()),
        (Some("Ben"), "A ferry is no ferry-boat.")
    );
    assert_eq!(passage.highlights, [[2, 7], [14, 19]]);
}

#[test]
fn long_segments_are_cut_around_the_match() {
    let library = Library::new();
    let long = format!("{} the ferry {}", "waiting ".repeat(100), "at last ".repeat(100));
    library.say("long", &[&long]);
    let page = library.find("ferry");
    let passage = &page.hits[0].passages[0];
    let [start, end] = passage.highlights[0];
    let marked: String = passage.text.chars().skip(start).take(end - start).collect();
    assert_eq!(marked, "ferry");
    assert!(passage.text.starts_with('…') && passage.text.ends_with('…'));
    assert!(passage.text.chars().count() <= 242, "{}", passage.text);
}

#[test]
fn one_recording_is_one_hit() {
    let library = Library::new();
    library.store(
        "first",
        &document("same", "2026-01-01T00:00:00Z", &[("", "The ferry came.")]),
    );
    library.store(
        "second",
        &document("same", "2026-02-01T00:00:00Z", &[("", "The ferry came.")]),
    );
    assert_eq!(library.titles("ferry"), ["second"]);
    // The date is that of the recognition, which a document after another glossary shares with the one before.
    library.store(
        "third",
        &document("same", "2025-01-01T00:00:00Z", &[("", "The fairy came.")]),
    );
    assert_eq!(library.titles("fairy"), ["third"]);
    assert!(library.titles("ferry").is_empty());
}

#[test]
fn each_holder_has_its_own_last_document_of_a_recording() {
    let library = Library::new();
    let talk = |text| document("talk", "2026-01-01T00:00:00Z", &[("", text)]);
    library.store("job", &talk("The ferry came."));
    let cached = Source {
        holder: "cache".to_owned(),
        id: "1".to_owned(),
    };
    let document = talk("The Katamaran came.");
    let entry = Entry {
        key: Digest::of(b"cached"),
        document: &document,
        source: &cached,
        title: "talk.wav",
        given_ms: 0,
    };
    library.index.store(&entry).unwrap();
    let count = |holder: Option<&str>, words: &str| {
        let filter = Filter {
            holder: holder.map(str::to_owned),
            ..Filter::default()
        };
        library.titles_of(words, &filter).len()
    };
    assert_eq!((count(None, "ferry"), count(None, "katamaran")), (0, 1));
    assert_eq!((count(Some("jobs"), "ferry"), count(Some("jobs"), "katamaran")), (1, 0));
    // A job that is answered with the cached document.
    assert!(library.index.give(&entry.key, &source("later"), "talk.wav", 0).unwrap());
    assert_eq!((count(Some("jobs"), "ferry"), count(Some("jobs"), "katamaran")), (0, 1));
    library.index.remove(&[source("later")]).unwrap();
    assert_eq!((count(Some("jobs"), "ferry"), count(Some("jobs"), "katamaran")), (1, 0));
    assert_eq!((count(None, "ferry"), count(None, "katamaran")), (0, 1));
}

#[test]
fn the_document_last_given_is_searched() {
    let library = Library::new();
    let talk = |text| document("talk", "2026-01-01T00:00:00Z", &[("", text)]);
    let (plain, spelled) = (talk("The door is closed."), talk("The window is closed."));
    let [first, second] = ["first", "second"].map(|name| Digest::of(name.as_bytes()));
    library.store_as(first, "first", &plain);
    library.store_as(second, "second", &spelled);
    let found = || (library.titles("door").len(), library.titles("window").len());
    assert_eq!(found(), (0, 1));
    // Again from the cache; by a clock that stands still.
    assert!(library.index.give(&first, &source("first"), "first", 0).unwrap());
    assert_eq!(found(), (1, 0));
    // A correction of both stores them again in any order, and shows none of them.
    library.store_as(first, "first", &plain);
    library.store_as(second, "second", &spelled);
    library.index.add_source(&second, &source("second"), "renamed").unwrap();
    assert_eq!(found(), (1, 0));
    assert!(library.index.give(&second, &source("second"), "second", -5).unwrap());
    assert_eq!(found(), (0, 1));
    assert!(
        !library
            .index
            .give(&Digest::of(b"unknown"), &source("third"), "", 0)
            .unwrap()
    );
}

#[test]
fn documents_are_stored_in_any_order_of_their_times() {
    let library = Library::new();
    for (name, given_ms) in [("door", 5), ("window", 9), ("garden", 7)] {
        let entry = Entry {
            key: Digest::of(name.as_bytes()),
            document: &document("talk", "2026-01-01T00:00:00Z", &[("", name)]),
            source: &source(name),
            title: name,
            given_ms,
        };
        library.index.store(&entry).unwrap();
    }
    let found = ["door", "window", "garden"].map(|word| library.titles(word).len());
    assert_eq!(found, [0, 1, 0]);
}

#[test]
fn giving_the_document_that_is_searched_writes_nothing() {
    let library = Library::new();
    let key = library.store("talk", &document("talk", "2026-01-01T00:00:00Z", &[("", "The ferry.")]));
    let changes = || {
        let version = |connection: &rusqlite::Connection| {
            connection.pragma_query_value(None, "data_version", |row| row.get::<_, i64>(0))
        };
        library.index.read(version).unwrap()
    };
    let before = changes();
    assert!(library.index.give(&key, &source("talk"), "talk", 99).unwrap());
    assert_eq!(changes(), before);
    assert!(library.index.give(&key, &source("talk"), "renamed", 99).unwrap());
    assert_ne!(changes(), before);
}

#[test]
fn a_corrected_document_replaces_its_text() {
    let library = Library::new();
    let key = library.store(
        "talk",
        &document("talk", "2026-01-01T00:00:00Z", &[("", "The fairy came.")]),
    );
    library.store_as(
        key,
        "talk",
        &document("talk", "2026-01-01T00:00:00Z", &[("Ann", "The ferry came.")]),
    );
    assert_eq!(library.titles("ferry"), ["talk"]);
    assert!(library.titles("fairy").is_empty());
    assert_eq!(library.index.count().unwrap(), 1);
}

#[test]
fn several_sources_of_one_document_are_one_hit() {
    let library = Library::new();
    let document = document("talk", "2026-01-01T00:00:00Z", &[("", "The ferry.")]);
    let key = library.store("job 1", &document);
    assert!(library.index.add_source(&key, &source("job 2"), "renamed").unwrap());
    let page = library.find("ferry");
    assert_eq!(titles(&page), ["renamed"]);
    assert_eq!(page.hits[0].sources, [source("job 2"), source("job 1")]);
    let unknown = cesar_base::Digest::of(b"unknown");
    assert!(!library.index.add_source(&unknown, &source("job 3"), "").unwrap());
}

#[test]
fn pages_have_each_hit_once() {
    let library = Library::new();
    for number in 0..25 {
        library.say(&format!("{number}"), &["The ferry.", &"word ".repeat(number)]);
    }
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = library.page("ferry", &Filter::default(), 10, after);
        assert!(page.hits.len() <= 10);
        all.extend(titles(&page));
        after = page.next.map(|next| next.to_string().parse().unwrap());
        if after.is_none() {
            break;
        }
    }
    assert_eq!(all.len(), 25);
    let whole = titles(&library.page("ferry", &Filter::default(), 100, None));
    assert_eq!(all, whole);
}

#[test]
fn documents_that_their_holder_removed_are_not_found() {
    let library = Library::new();
    library.say("kept", &["The ferry."]);
    library.say("gone", &["The ferry."]);
    library.say("elsewhere", &["The ferry."]);
    let query = "ferry".parse().unwrap();
    let search = Search {
        query: &query,
        filter: &Filter::default(),
        limit: 20,
        after: None,
    };
    let presence = |source: &crate::Source| match source.id.as_str() {
        "kept" => Presence::Present,
        "gone" => Presence::Gone,
        _ => Presence::Unknown,
    };
    assert_eq!(titles(&library.index.find(&search, &presence).unwrap()), ["kept"]);
    assert_eq!(library.titles("ferry").len(), 2, "what is gone was removed");
}

#[test]
fn a_source_that_holds_another_document_lets_go_of_the_first() {
    let library = Library::new();
    library.store("job", &document("talk", "2026-01-01T00:00:00Z", &[("", "The fairy.")]));
    library.store("job", &document("talk", "2026-01-02T00:00:00Z", &[("", "The ferry.")]));
    assert_eq!(library.titles("ferry"), ["job"]);
    assert_eq!(library.index.count().unwrap(), 1);
}
