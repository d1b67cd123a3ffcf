//! Properties of subtitles by rules, for any document and any rules.

use cesar_plugin_format::{Format, Guide, Request};
use cesar_subtitles::{Overrides, Preset, Rule, check, parse};
use plugin_api::document::{Document, Segment};
use proptest::prelude::*;

use crate::documents::{self, render};
use crate::laws::{bare, document};
use crate::ruled::spoken;

fn seconds() -> impl Strategy<Value = Option<f64>> {
    proptest::option::of(prop_oneof![4 => 0.0..10.0_f64, 1 => 0.0..1e12_f64])
}

fn rules() -> impl Strategy<Value = Overrides> {
    let counts = (proptest::option::of(1..60_usize), proptest::option::of(1..8_usize));
    let times = (
        seconds(),
        seconds(),
        seconds(),
        seconds(),
        seconds(),
        seconds(),
        seconds(),
    );
    (counts, proptest::option::of(0.0..50.0_f64), times).prop_map(
        |((chars, lines), max_cps, (word, shortest, longest, gap, chain, lead_in, lead_out))| Overrides {
            max_chars_per_line: chars,
            max_lines: lines,
            max_cps,
            min_word_duration: word,
            min_duration: shortest,
            max_duration: longest,
            min_gap: gap,
            chain_gap: chain,
            lead_in,
            lead_out,
        },
    )
}

/// Any document in any subtitle format, by any rules.
fn subtitles() -> impl Strategy<Value = Request> {
    let language = proptest::sample::select(["en", "de", "ja", "he", "xx"].as_slice());
    let guide = (
        proptest::option::of(proptest::sample::select(Preset::ALL.as_slice())),
        rules(),
    );
    (document(u64::MAX), guide, language, any::<bool>(), any::<bool>()).prop_map(
        |(mut document, (preset, rules), language, speakers, vtt)| {
            document.language = Some(language.to_owned());
            Request {
                guide: Guide {
                    preset: preset.or(Some(Preset::Plain).filter(|_| !rules.any())),
                    rules,
                },
                speakers,
                ..documents::request(if vtt { Format::Vtt } else { Format::Srt }, document)
            }
        },
    )
}

/// Speakers who talk over each other at up to so many characters a second each, as on channels of their own.
fn conversation(fastest: u64) -> impl Strategy<Value = Document> {
    let turn = (0..3000_u64, 300..6000_u64, 8..fastest);
    let speakers = proptest::collection::vec(proptest::collection::vec(turn, 1..6), 2..4);
    speakers.prop_map(|speakers| {
        let mut segments = Vec::new();
        for (speaker, turns) in speakers.iter().enumerate() {
            let mut now = 0;
            for (pause, length, speed) in turns {
                let start = now + pause;
                now = start + length;
                let words = (length * speed / 6000).max(1);
                let text = vec!["harbo"; usize::try_from(words).expect("a few words")].join(" ");
                segments.push(Segment {
                    speaker: Some(format!("Speaker {}", speaker + 1)),
                    ..spoken(start, now, &text)
                });
            }
        }
        segments.sort_by_key(|segment| segment.start.0);
        let end = segments.iter().map(|segment| segment.end.0).sum();
        documents::document(end, segments)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn cues_never_overlap_and_stay_inside_the_audio(request in subtitles()) {
        let mut last = 0;
        for cue in parse(render(&request).as_bytes()).expect("a subtitle file").cues {
            prop_assert!(cue.start >= last && cue.end > cue.start, "{} to {} after {last}", cue.start, cue.end);
            last = cue.end;
        }
        let duration = request.document.duration.0;
        prop_assert!(duration == 0 || last <= duration, "{last} after {duration}");
    }

    #[test]
    fn no_text_is_lost_or_moved(request in subtitles()) {
        // Without names, tags and arrows, the text alone is left.
        let request = Request { speakers: false, ..request };
        // The reader of cues needs no numbers; a text may be one.
        let written = |request: &Request| {
            let text = render(&Request { format: Format::Vtt, ..request.clone() });
            let lines = text.lines().filter(|line| !line.contains(" --> "));
            bare(&lines.collect::<String>()).replace('\u{200f}', "")
        };
        let by_rules = written(&request);
        let plain = written(&Request { guide: Guide::default(), ..request });
        prop_assert_eq!(by_rules, plain);
    }

    #[test]
    fn the_same_rules_give_the_same_bytes(request in subtitles()) {
        prop_assert_eq!(render(&request), render(&request));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, ..ProptestConfig::default() })]

    #[test]
    fn only_reading_speed_suffers_where_speakers_overlap(
        document in conversation(20),
        preset in proptest::sample::select(Preset::ALL.as_slice()),
        speakers in any::<bool>(),
    ) {
        let rules = preset.rules(None);
        let request = Request {
            guide: Guide { preset: Some(preset), rules: Overrides::default() },
            speakers,
            ..documents::request(Format::Srt, document)
        };
        let cues = parse(render(&request).as_bytes()).expect("a subtitle file").cues;
        let broken = check(&cues, &rules).into_iter();
        let others: Vec<_> = broken.filter(|broken| !matches!(broken.rule, Rule::MaxCps | Rule::MinWordDuration)).collect();
        prop_assert!(others.is_empty(), "{others:?}");
    }

    #[test]
    fn text_that_is_too_fast_has_no_silence_behind(
        document in conversation(90),
        preset in proptest::sample::select(Preset::ALL.as_slice()),
        speakers in any::<bool>(),
    ) {
        let (rules, limit) = (preset.rules(None), document.duration.0);
        let request = Request {
            guide: Guide { preset: Some(preset), rules: Overrides::default() },
            speakers,
            ..documents::request(Format::Srt, document)
        };
        let cues = parse(render(&request).as_bytes()).expect("a subtitle file").cues;
        for broken in check(&cues, &rules) {
            let index = cues.iter().position(|cue| cue.number == broken.cue).expect("a cue");
            let cue = &cues[index];
            let until = cues.get(index + 1).map_or(limit, |next| next.start - rules.min_gap);
            let is_longest = rules.max_duration.is_some_and(|most| cue.end - cue.start >= most);
            prop_assert!(cue.end == until || is_longest, "{broken:?}: {} to {}, next {until}", cue.start, cue.end);
        }
    }
}
