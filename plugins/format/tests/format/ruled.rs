//! Subtitles by the rules of a guide.

use cesar_plugin_format::{Format, Guide, Request};
use cesar_subtitles::{Cue, Overrides, Preset, Rule, check, parse};
use plugin_api::document::{Document, Segment, Word};

use crate::documents::{self, document, render, segment, word};

/// With the rules of a preset.
fn by(preset: Preset, format: Format, document: Document) -> Request {
    let guide = Guide {
        preset: Some(preset),
        rules: Overrides::default(),
    };
    Request {
        guide,
        ..documents::request(format, document)
    }
}

fn cues(request: &Request) -> Vec<Cue> {
    parse(render(request).as_bytes()).expect("a subtitle file").cues
}

fn lines(request: &Request) -> Vec<Vec<String>> {
    cues(request).into_iter().map(|cue| cue.lines).collect()
}

/// A segment whose words take equal times.
pub(crate) fn spoken(start: u64, end: u64, text: &str) -> Segment {
    let parts: Vec<&str> = text.split(' ').collect();
    let length = (end - start) / parts.len() as u64;
    let words: Vec<Word> = (0..)
        .zip(&parts)
        .map(|(index, part)| {
            word(
                start + index * length,
                start + (index + 1) * length,
                &format!(" {part}"),
            )
        })
        .collect();
    Segment {
        words: Some(words),
        ..segment(start, end, text)
    }
}

fn broken(preset: Preset, document: &Document) -> Vec<&'static str> {
    let cues = cues(&by(preset, Format::Srt, document.clone()));
    let rules = preset.rules(document.language.as_deref());
    check(&cues, &rules)
        .iter()
        .map(|violation| violation.rule.name())
        .collect()
}

#[test]
fn lines_break_at_clauses_and_are_balanced() {
    let text = "When the ferry had left the harbour, all of the passengers went up to the deck.";
    let document = document(9000, vec![spoken(0, 6000, text)]);
    assert_eq!(
        lines(&by(Preset::Netflix, Format::Srt, document)),
        [[
            "When the ferry had left the harbour,",
            "all of the passengers went up to the deck."
        ]]
    );
}

/// Text that takes just the time that the rule allows: each cue lacks some ms, which its neighbours have.
#[test]
fn cues_break_at_clauses_where_neighbours_have_time() {
    let segments = vec![
        segment(
            3440,
            7640,
            "The ferries leave before noon, and the light wind from the west will follow.",
        ),
        segment(7640, 10_720, "The ferry to the north island leaves after lunch."),
    ];
    let document = document(12_000, segments);
    assert_eq!(
        lines(&by(Preset::Bbc, Format::Srt, document.clone())),
        [
            vec!["The ferries leave before noon,"],
            vec!["and the light wind", "from the west will follow."],
            vec!["The ferry to the north island", "leaves after lunch."],
        ]
    );
    assert_eq!(broken(Preset::Bbc, &document), Vec::<&str>::new());
}

/// A segment of a speaker whose words take equal times.
fn said(speaker: &str, start: u64, end: u64, text: &str) -> Segment {
    Segment {
        speaker: Some(speaker.to_owned()),
        ..spoken(start, end, text)
    }
}

/// Words of one speaker come behind the later ones of another: no time is left for a cue of these alone.
#[test]
fn words_under_another_speaker_are_no_cue_without_time() {
    let segments = vec![
        said("Ann", 0, 4000, "I think we should go to the harbour now."),
        said("Bo", 1000, 3000, "No never in my life!"),
        said("Cy", 2000, 6000, "Wait both of you, please be quiet."),
    ];
    let document = document(8000, segments);
    for preset in [Preset::Netflix, Preset::Youtube] {
        let broken = broken(preset, &document);
        // There is more text than time.
        assert!(broken.iter().all(|rule| *rule == "max_cps"), "{broken:?}");
        assert!(broken.len() <= 1, "{broken:?}");
    }
}

#[test]
fn words_behind_those_of_another_speaker_last_into_the_silence() {
    let segments = vec![
        said("Ann", 0, 5000, "Ann says a very long thing here that runs on and on."),
        said(
            "Bo",
            2000,
            9000,
            "Bo interrupts her with something else entirely, really.",
        ),
        said("Ann", 3000, 3200, "What? I said that we ought to do it now at once."),
    ];
    let document = document(30_000, segments);
    // By `bbc`, the three texts need more time than they have until the last one is a second late.
    for preset in [Preset::Netflix, Preset::Youtube, Preset::Plain] {
        assert_eq!(broken(preset, &document), [""; 0], "{}", preset.name());
    }
}

#[test]
fn a_cue_behind_others_comes_later_where_these_lack_time() {
    let segments = vec![
        said("Ann", 0, 5000, "Ann says a very long thing here that runs on and on."),
        said("Bo", 500, 1000, "No!"),
        said("Cy", 600, 900, "Yes!"),
        said(
            "Bo",
            2000,
            9000,
            "Bo interrupts her with something else entirely, really.",
        ),
        said("Ann", 3000, 3200, "What? I said that we ought to do it now at once."),
    ];
    // Of the first cue the next one has the words of Bo, who does not wait so long.
    assert_eq!(broken(Preset::Netflix, &document(10_000, segments)), ["max_cps"]);
}

#[test]
fn a_text_without_time_breaks_no_rule_but_those_of_time() {
    let word = "x".repeat(300);
    let segments = vec![
        spoken(0, 2000, &format!("{word} end {word}")),
        spoken(2000, 3000, "No more."),
    ];
    let broken = broken(Preset::Netflix, &document(3000, segments));
    assert!(
        broken.iter().all(|rule| ["max_cps", "min_duration"].contains(rule)),
        "{broken:?}"
    );
}

#[test]
fn a_break_under_another_speaker_counts_on_the_time_that_is_there() {
    let segments = vec![
        said("Ann", 0, 4000, "I think we should all go down to the harbour now."),
        said("Bo", 1000, 3000, "No never in my life!"),
    ];
    let document = document(30_000, segments);
    let unnamed = Request {
        speakers: false,
        ..by(Preset::Bbc, Format::Srt, document)
    };
    assert_eq!(check(&cues(&unnamed), &Preset::Bbc.rules(Some("en"))), []);
}

#[test]
fn lines_divide_neither_names_nor_articles() {
    let text = "We travelled last summer together with Mr. Anders Lindqvist from the old harbour.";
    let document = document(9000, vec![spoken(0, 6000, text)]);
    for preset in Preset::ALL {
        for line in lines(&by(preset, Format::Srt, document.clone())).concat() {
            for ending in ["Mr.", "Anders", " the", " with", " from"] {
                assert!(!line.ends_with(ending), "{}: {line}", preset.name());
            }
        }
    }
}

/// A pause is a good place, but not behind an article.
#[test]
fn a_hesitation_parts_no_article_from_its_noun() {
    let said = |pause: u64, first: &str, second: &str| {
        let mut segment = spoken(0, 3000, first);
        let later = spoken(3000 + pause, 5000 + pause, second);
        segment.end = later.end;
        segment.text = format!("{first} {second}");
        segment.words.as_mut().unwrap().extend(later.words.unwrap());
        lines(&by(Preset::Netflix, Format::Srt, document(9000, vec![segment]))).concat()
    };
    let hesitates = said(1500, "We saw the harbour of the", "island on that morning.");
    assert!(!hesitates.iter().any(|line| line.ends_with(" the")), "{hesitates:?}");
    assert_eq!(
        said(1500, "We saw the harbour", "beautiful that morning."),
        ["We saw the harbour", "beautiful that morning."]
    );
}

#[test]
fn short_cues_last_into_the_silence_behind() {
    let document = document(9000, vec![spoken(1000, 1300, "Yes."), spoken(5000, 5200, "No.")]);
    let found = cues(&by(Preset::Netflix, Format::Srt, document));
    let times: Vec<_> = found.iter().map(|cue| (cue.start, cue.end)).collect();
    assert_eq!(times, [(1000, 1833), (5000, 5833)]);
}

#[test]
fn a_cue_at_the_end_of_the_audio_begins_earlier() {
    let document = document(5200, vec![spoken(5000, 5200, "No.")]);
    let found = cues(&by(Preset::Netflix, Format::Srt, document));
    assert_eq!((found[0].start, found[0].end), (4367, 5200));
}

#[test]
fn long_speech_is_divided_at_word_times() {
    let text = "one two three four five six seven eight nine ten";
    let document = document(30_000, vec![spoken(0, 20_000, text)]);
    assert_eq!(broken(Preset::Netflix, &document), [""; 0]);
    let found = cues(&by(Preset::Netflix, Format::Srt, document));
    assert!(found.len() >= 3, "{found:?}");
    assert!(found.iter().all(|cue| cue.start % 2000 == 0), "{found:?}");
}

#[test]
fn short_pauses_are_closed() {
    let document = document(
        9000,
        vec![spoken(0, 2000, "The first."), spoken(2300, 4000, "The second.")],
    );
    let found = cues(&by(Preset::Netflix, Format::Srt, document.clone()));
    assert_eq!((found[0].end, found[1].start), (2217, 2300));
    let found = cues(&by(Preset::Bbc, Format::Srt, document.clone()));
    assert_eq!((found[0].end, found[1].start), (2300, 2300));
    let found = cues(&by(Preset::Plain, Format::Srt, document));
    assert_eq!((found[0].end, found[1].start), (2000, 2300));
}

#[test]
fn short_neighbours_share_a_cue_where_that_keeps_the_rules() {
    let said = vec![
        spoken(0, 300, "Yes."),
        spoken(300, 600, "I know."),
        spoken(600, 2000, "That is all."),
    ];
    let document = document(2000, said);
    assert_eq!(broken(Preset::Netflix, &document), [""; 0]);
    assert!(cues(&by(Preset::Netflix, Format::Srt, document)).len() < 3);
}

#[test]
fn text_that_is_too_fast_is_the_only_violation_left() {
    let text =
        "This is far more text than a viewer can read or a speaker say in a single second of time, whatever the rule.";
    let document = document(1000, vec![spoken(0, 1000, text)]);
    let found = broken(Preset::Youtube, &document);
    let speed = [Rule::MaxCps.name(), Rule::MinDuration.name()];
    assert!(
        !found.is_empty() && found.iter().all(|rule| speed.contains(rule)),
        "{found:?}"
    );
}

#[test]
fn single_rules_replace_those_of_the_preset() {
    let text = "When the ferry had left the harbour, all of the passengers went up to the deck.";
    let document = document(9000, vec![spoken(0, 6000, text)]);
    let rules = Overrides {
        max_chars_per_line: Some(20),
        max_lines: Some(3),
        lead_out: Some(0.5),
        ..Overrides::default()
    };
    let request = by(Preset::Netflix, Format::Vtt, document.clone());
    let guide = Guide { rules, ..request.guide };
    let found = cues(&Request { guide, ..request });
    assert!(
        found
            .iter()
            .all(|cue| cue.lines.len() <= 3 && cue.lines.iter().all(|line| line.len() <= 20))
    );
    assert_eq!(found.last().expect("a cue").end, 6500);
    // Without a preset, the other rules are those of `plain`.
    let guide = Guide { preset: None, rules };
    assert!(
        cues(&Request {
            guide,
            ..documents::request(Format::Srt, document)
        })
        .len()
            > 1
    );
}

#[test]
fn limits_of_whisper_replace_those_of_the_preset() {
    let text = "When the ferry had left the harbour, all of the passengers went up to the deck.";
    let document = document(9000, vec![spoken(0, 6000, text)]);
    let request = Request {
        max_line_width: std::num::NonZeroUsize::new(30),
        ..by(Preset::Plain, Format::Srt, document)
    };
    assert!(lines(&request).concat().iter().all(|line| line.len() <= 30));
}

#[test]
fn japanese_lines_have_sixteen_full_width_characters() {
    let mut document = document(
        20_000,
        vec![segment(
            0,
            12_000,
            "今日はとてもいい天気ですから、みんなで近くのコンピューター博物館まで散歩に行きましょう。",
        )],
    );
    document.language = Some("ja".into());
    let found = lines(&by(Preset::Netflix, Format::Srt, document)).concat();
    assert!(found.iter().all(|line| line.chars().count() <= 16), "{found:?}");
    assert!(found.iter().any(|line| line.contains("コンピューター")), "{found:?}");
    assert!(
        !found.iter().any(|line| line.starts_with(['、', '。', 'は', 'を'])),
        "{found:?}"
    );
}

/// A segment of these words, without spaces between them.
fn unspaced(start: u64, end: u64, words: &[&str]) -> Segment {
    let mut segment = spoken(start, end, &words.join(" "));
    segment.text = words.concat();
    for word in segment.words.iter_mut().flatten() {
        word.word = word.word.trim().to_owned();
    }
    segment
}

#[test]
fn words_without_spaces_stay_whole() {
    let thai = [
        "สวัสดีครับ",
        "วันนี้",
        "เราจะมาพูดถึง",
        "เรื่องการเดินทาง",
        "ไปต่างประเทศ",
        "และการใช้ภาษาอังกฤษ",
        "ในชีวิตประจำวัน",
    ];
    let japanese = [
        "新しい",
        "コンピューター",
        "ゲーム",
        "を",
        "買いました",
        "から",
        "一緒に",
        "遊びましょう",
    ];
    for (language, words) in [("th", thai.as_slice()), ("ja", &japanese)] {
        let mut document = document(12_000, vec![unspaced(0, 8000, words)]);
        document.language = Some(language.into());
        for preset in Preset::ALL {
            let mut rest = words;
            for line in lines(&by(preset, Format::Srt, document.clone())).concat() {
                let count = (1..=rest.len()).find(|count| rest[..*count].concat() == line);
                let count = count.unwrap_or_else(|| panic!("{line} ends in a word of {rest:?}"));
                rest = &rest[count..];
            }
            assert!(rest.is_empty(), "{rest:?}");
        }
    }
}

#[test]
fn lines_from_right_to_left_are_marked_at_their_ends() {
    let mut document = document(
        9000,
        vec![
            segment(0, 3000, "שלום עולם."),
            segment(4000, 6000, "3 ספרים"),
            segment(7000, 8000, "Hello!"),
        ],
    );
    document.language = Some("he".into());
    let found = lines(&by(Preset::Plain, Format::Vtt, document.clone())).concat();
    assert_eq!(found, ["שלום עולם.\u{200f}", "\u{200f}3 ספרים", "Hello!"]);
    // Without a preset, nothing changes.
    assert!(!render(&documents::request(Format::Vtt, document)).contains('\u{200f}'));
}

#[test]
fn speakers_have_cues_of_their_own_where_there_is_time() {
    let request = by(Preset::Netflix, Format::Vtt, documents::dialogue());
    insta::assert_snapshot!(render(&request));
}

#[test]
fn the_name_of_a_speaker_stays_with_the_text() {
    let said = |start, end, speaker: &str, text| Segment {
        speaker: Some(speaker.to_owned()),
        ..spoken(start, end, text)
    };
    let segments = vec![
        said(0, 900, "Speaker 1", "Shall we begin with the list of all ferries?"),
        said(900, 1500, "Speaker 2", "Of course."),
        said(1500, 2400, "Speaker 1", "Then let us begin with the oldest of them."),
    ];
    let document = document(2400, segments);
    for preset in Preset::ALL {
        for line in lines(&by(preset, Format::Srt, document.clone())).concat() {
            assert!(
                !line.ends_with("Speaker") && !line.ends_with(':'),
                "{}: {line}",
                preset.name()
            );
        }
    }
}
