//! Each option of subtitles changes the cues as its text in the manifest says, in each format that the text names.

use std::collections::BTreeSet;

use cesar_plugin_format::{Format, MANIFEST, Request};
use cesar_subtitles::{Cue, parse};
use plugin_api::document::Document;
use plugin_api::manifest::Manifest;
use serde_json::{Value, json};

use crate::documents::{self, document, render};
use crate::ruled::spoken;

const CUES: &str = "srt, vtt, ass, lrc, ttml, imsc";

/// Three sentences: a pause of 300 ms, then one of 4 s.
fn talk() -> Document {
    document(
        20_000,
        vec![
            spoken(2000, 5000, "The ferry to the island leaves at noon."),
            spoken(5300, 8000, "It takes an hour and a half, and it is never late."),
            spoken(12_000, 12_400, "Thank you."),
        ],
    )
}

/// A request for this format with these options.
fn asked(format: &str, options: &[(&str, Value)], document: Document) -> Request {
    documents::asked(&[&[("format", json!(format))], options].concat(), document)
}

/// By the rules of `plain`, in which every option but the given one has an easy value.
fn cues(name: &str, value: Value) -> Vec<Cue> {
    let mut options = vec![("preset", json!("plain")), ("min_duration", json!(0))];
    options.retain(|(known, _)| *known != name);
    options.push((name, value));
    let request = asked("srt", &options, talk());
    parse(render(&request).as_bytes()).expect("a subtitle file").cues
}

fn times(cues: &[Cue]) -> Vec<(u64, u64)> {
    cues.iter().map(|cue| (cue.start, cue.end)).collect()
}

fn widest(cues: &[Cue]) -> usize {
    let lines = cues.iter().flat_map(|cue| &cue.lines);
    lines.map(|line| line.chars().count()).max().expect("a line")
}

fn most_lines(cues: &[Cue]) -> usize {
    cues.iter().map(|cue| cue.lines.len()).max().expect("a cue")
}

#[test]
fn cues_have_the_times_of_their_words() {
    let plain = cues("lead_in", json!(0));
    assert_eq!(times(&plain), [(2000, 5000), (5300, 8000), (12_000, 12_400)]);
    assert_eq!((widest(&plain), most_lines(&plain)), (39, 2));
}

#[test]
fn lead_in_begins_earlier_where_nothing_is_said() {
    let found = cues("lead_in", json!(0.5));
    assert_eq!(times(&found), [(1500, 5000), (5000, 8000), (11_500, 12_400)]);
    let found = cues("lead_in", json!(3));
    assert_eq!(
        times(&found),
        [(0, 5000), (5000, 8000), (9000, 12_400)],
        "not before the audio"
    );
}

#[test]
fn lead_out_stays_longer_where_there_is_room() {
    let found = cues("lead_out", json!(0.5));
    assert_eq!(times(&found), [(2000, 5300), (5300, 8500), (12_000, 12_900)]);
}

#[test]
fn min_gap_keeps_cues_apart() {
    let found = cues("min_gap", json!(0.5));
    assert_eq!(times(&found), [(2000, 4800), (5300, 8000), (12_000, 12_400)]);
}

#[test]
fn chain_gap_closes_shorter_pauses() {
    assert_eq!(times(&cues("chain_gap", json!(0.31)))[0], (2000, 5300));
    assert_eq!(times(&cues("chain_gap", json!(0.3)))[0], (2000, 5000));
}

#[test]
fn min_duration_extends_short_cues() {
    assert_eq!(times(&cues("min_duration", json!(1.5)))[2], (12_000, 13_500));
}

#[test]
fn max_duration_divides_long_cues() {
    let found = cues("max_duration", json!(1.5));
    assert!(found.len() > 4, "{found:?}");
    assert!(found.iter().all(|cue| cue.end - cue.start <= 1500), "{found:?}");
    assert_eq!(cues("max_duration", json!(0)).len(), 3, "no limit");
}

#[test]
fn max_cps_gives_time_to_read() {
    assert_eq!(
        times(&cues("max_cps", json!(20)))[2],
        (12_000, 12_500),
        "ten characters"
    );
    assert_eq!(times(&cues("max_cps", json!(0)))[2], (12_000, 12_400), "no limit");
}

#[test]
fn min_word_duration_gives_time_for_each_word() {
    assert_eq!(
        times(&cues("min_word_duration", json!(0.25)))[2],
        (12_000, 12_500),
        "two words"
    );
}

#[test]
fn lines_have_the_given_width_and_number() {
    for name in ["max_chars_per_line", "max_line_width"] {
        let found = cues(name, json!(20));
        assert!(widest(&found) <= 20 && found.len() > 3, "{name}: {found:?}");
    }
    for name in ["max_lines", "max_line_count"] {
        let found = cues(name, json!(1));
        assert!(most_lines(&found) == 1 && found.len() > 3, "{name}: {found:?}");
    }
}

/// What moves only the ends of the talk's cues.
const MOVES_ENDS: [&str; 7] = [
    "preset",
    "lead_out",
    "chain_gap",
    "min_gap",
    "min_duration",
    "min_word_duration",
    "max_cps",
];

/// A value that changes the cues of the talk.
fn changed(name: &str) -> Value {
    match name {
        "preset" => json!("bbc"),
        "max_line_width" | "max_chars_per_line" => json!(20),
        "max_line_count" | "max_lines" => json!(1),
        "max_cps" => json!(20),
        "min_word_duration" => json!(0.25),
        "min_duration" => json!(3),
        "max_duration" => json!(1.5),
        "min_gap" => json!(0.5),
        "chain_gap" | "lead_in" | "lead_out" => json!(0.6),
        other => panic!("{other} has no value here, and a test of its effect above"),
    }
}

#[test]
fn every_option_of_cues_changes_the_formats_that_it_names() {
    let manifest = Manifest::parse(MANIFEST).expect("the manifest is valid");
    let of_cues = manifest.options.iter().filter(|(_, option)| option.doc.contains(CUES));
    let names: BTreeSet<&String> = of_cues.map(|(name, _)| name).collect();
    assert_eq!(names.len(), 13, "{names:?}");
    for name in names {
        for format in CUES.split(", ") {
            // Lyrics have no ends.
            if format == "lrc" && MOVES_ENDS.contains(&name.as_str()) {
                continue;
            }
            let mut base = vec![("preset", json!("plain")), ("min_duration", json!(0))];
            base.retain(|(known, _)| known != name && name != "preset");
            let given = [&base[..], &[(name.as_str(), changed(name))]].concat();
            let [before, after] = [&base, &given].map(|options| render(&asked(format, options, talk())));
            assert_ne!(before, after, "{name} in {format}");
        }
    }
}

#[test]
fn every_format_of_cues_is_a_format() {
    let formats = CUES.split(", ").map(|format| asked(format, &[], talk()).format);
    let expected = [
        Format::Srt,
        Format::Vtt,
        Format::Ass,
        Format::Lrc,
        Format::Ttml,
        Format::Imsc,
    ];
    assert!(formats.eq(expected));
}
