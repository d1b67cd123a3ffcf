//! Properties of the rendering of any document.

use cesar_plugin_format::{Format, Request};
use cesar_subtitles::Preset;
use plugin_api::document::{Document, Seconds, Segment, Turn, Word};
use proptest::prelude::*;
use unicode_width::UnicodeWidthStr;

use crate::documents::{self, BASIC, EXPORTS, render, wrapped};

/// Text with everything that means something to some format.
fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => "[a-z]{1,9}",
        3 => Just(" ".to_owned()),
        1 => "[ \\t\\n\\r\u{a0}\u{2028}]{1,3}",
        1 => "[<>&\",#=_*`.-]{1,4}",
        1 => r"[{}|/\\N\u{2060}\u{e000}\[\]]{1,4}",
        1 => Just("-->".to_owned()),
        1 => "[今日はー、。「」ッ한국]{1,8}",
        1 => "[👨👩👧🇪🇺\u{200d}\u{301}שלום]{1,5}",
        1 => any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

/// Mostly within 20 s, sometimes at the extremes.
fn time(most: u64) -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0..20_000_u64, 2 => 0..50_u64, 1 => 0..=most]
}

fn words(most: u64) -> impl Strategy<Value = Vec<Word>> {
    let word = (time(most), time(most), text()).prop_map(|(start, end, text)| documents::word(start, end, &text));
    proptest::collection::vec(word, 0..6)
}

fn segment(most: u64) -> impl Strategy<Value = Segment> {
    let speaker = proptest::option::of(prop_oneof![
        Just("Speaker 1".to_owned()),
        Just("B & <C>".to_owned()),
        text()
    ]);
    let times = (time(most), time(most), any::<bool>());
    (times, text(), speaker, proptest::option::of(words(most)), any::<bool>()).prop_map(
        |((start, other, ordered), text, speaker, words, made_up)| {
            let end = if ordered {
                start.saturating_add(other % 5000)
            } else {
                other
            };
            let joined = words
                .as_deref()
                .map(|words| words.iter().map(|word| word.word.as_str()).collect::<String>());
            let text = joined
                .filter(|_| made_up)
                .map_or(text, |joined| joined.trim().to_owned());
            Segment {
                speaker,
                words,
                ..documents::segment(start, end, &text)
            }
        },
    )
}

/// Any document with times up to `most` ms.
pub(crate) fn document(most: u64) -> impl Strategy<Value = Document> {
    let segments = proptest::collection::vec(segment(most), 0..8);
    (
        segments,
        time(most),
        any::<bool>(),
        text(),
        proptest::option::of(-10.0..1.0_f64),
    )
        .prop_map(|(segments, duration, diarized, label, probability)| {
            let mut document = documents::document(duration, segments);
            document.language_probability = probability;
            document.speakers = diarized.then(|| vec![label.clone()]);
            document.turns = diarized.then(|| {
                vec![Turn {
                    start: Seconds(1),
                    end: Seconds(2),
                    speaker: label,
                }]
            });
            document
        })
}

/// Any options of a subtitle format.
fn subtitles() -> impl Strategy<Value = Request> {
    let limits = (proptest::option::of(1..50_usize), proptest::option::of(1..4_usize));
    (document(u64::MAX), limits, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(document, (width, count), speakers, highlight_words, vtt)| Request {
            speakers,
            highlight_words,
            ..wrapped(
                if vtt { Format::Vtt } else { Format::Srt },
                document,
                width.unwrap_or(0),
                count.unwrap_or(0),
            )
        },
    )
}

/// A cue as a reader of the file finds it.
struct Cue {
    start: u64,
    end: u64,
    lines: Vec<String>,
}

fn parse_time(text: &str) -> u64 {
    let parts: Vec<u64> = text
        .split([':', ',', '.'])
        .map(|part| part.parse().expect("a number"))
        .collect();
    ((parts[0] * 60 + parts[1]) * 60 + parts[2]) * 1000 + parts[3]
}

/// Reads a file by blank lines, as players do.
fn parse(request: &Request) -> Vec<Cue> {
    let text = render(request);
    let body = if request.format == Format::Vtt {
        text.strip_prefix("WEBVTT\n\n").expect("the header")
    } else {
        &text
    };
    let mut cues = Vec::new();
    for (index, block) in body.split_terminator("\n\n").enumerate() {
        let mut lines = block.split('\n');
        if request.format == Format::Srt {
            assert_eq!(lines.next(), Some((index + 1).to_string().as_str()));
        }
        let (start, end) = lines.next().expect("times").split_once(" --> ").expect("an arrow");
        let lines = lines.map(str::to_owned).collect();
        cues.push(Cue {
            start: parse_time(start),
            end: parse_time(end),
            lines,
        });
    }
    cues
}

/// Visible text of a line.
fn visible(line: &str, request: &Request) -> String {
    if request.format == Format::Srt {
        let tags = request.highlight_words;
        return if tags {
            line.replace("<u>", "").replace("</u>", "")
        } else {
            line.to_owned()
        };
    }
    let mut text = String::new();
    for (index, part) in line.split('<').enumerate() {
        text.push_str(if index == 0 {
            part
        } else {
            part.split_once('>').expect("a closed tag").1
        });
    }
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Without white space, and with arrows as SRT has them.
pub(crate) fn bare(text: &str) -> String {
    let mut text: String = text.chars().filter(|character| !character.is_whitespace()).collect();
    while text.contains("-->") {
        text = text.replace("-->", "->");
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn cues_are_ordered_and_inside_the_audio(request in subtitles()) {
        let mut last = 0;
        for cue in parse(&request) {
            prop_assert!(cue.start >= last && cue.end > cue.start, "{} to {} after {last}", cue.start, cue.end);
            last = cue.end;
        }
        let duration = request.document.duration.0;
        prop_assert!(duration == 0 || last <= duration, "{last} after {duration}");
    }

    #[test]
    fn cues_hold_neither_arrows_nor_empty_lines(request in subtitles()) {
        for line in parse(&request).iter().flat_map(|cue| &cue.lines) {
            prop_assert!(!line.contains("-->") && !visible(line, &request).trim().is_empty(), "{line:?}");
            prop_assert_eq!(line.trim_matches(' '), line);
        }
    }

    #[test]
    fn all_text_is_shown(request in subtitles()) {
        // In SRT the names would be text.
        let speakers = request.speakers && request.format == Format::Vtt;
        let request = Request { speakers, highlight_words: false, ..request };
        let limit = request.document.duration.0;
        let mut segments: Vec<_> = request.document.segments.iter().collect();
        segments.sort_by_key(|segment| if limit == 0 { segment.start.0 } else { segment.start.0.min(limit) });
        let said: String = segments.into_iter().map(|segment| segment.text.as_str()).collect();
        let cues = parse(&request);
        let lines = cues.iter().flat_map(|cue| &cue.lines);
        let shown: String = lines.map(|line| visible(line, &request)).collect();
        prop_assert_eq!(bare(&shown), bare(&said));
    }

    #[test]
    fn highlighting_changes_no_text(request in subtitles()) {
        let plain = parse(&Request { highlight_words: false, ..request.clone() });
        let request = Request { highlight_words: true, ..request };
        let mut shown = parse(&request).into_iter().peekable();
        let unmarked = |text: String| text.replace("<u>", "").replace("</u>", "");
        for cue in plain {
            let wanted = unmarked(cue.lines.join("\n"));
            let mut now = cue.start;
            while let Some(state) = shown.next_if(|state| state.end <= cue.end) {
                prop_assert_eq!(state.start, now);
                prop_assert_eq!(&bare(&unmarked(state.lines.join("\n"))), &bare(&wanted));
                now = state.end;
            }
            prop_assert_eq!(now, cue.end);
        }
        prop_assert!(shown.next().is_none());
    }

    #[test]
    fn limits_are_kept(request in subtitles()) {
        let cues = parse(&request);
        let joined = (request.document.duration.0 as usize) < 1000;
        for cue in &cues {
            let count = request.max_line_count.map_or(usize::MAX, usize::from);
            prop_assert!(joined || cue.lines.len() <= count, "{:?}", cue.lines);
            for line in cue.lines.iter().map(|line| visible(line, &request)) {
                let width = request.max_line_width.map_or(usize::MAX, usize::from);
                prop_assert!(line.width() <= width || line.chars().count() == 1 || width < 4, "{line:?}");
            }
        }
    }

    #[test]
    fn every_basic_format_renders_any_document_to_the_same_bytes(document in document(u64::MAX)) {
        for format in BASIC {
            let request = documents::request(format, document.clone());
            let text = render(&request);
            prop_assert_eq!(&text, &render(&request));
            prop_assert!(text.is_empty() || text.ends_with('\n'));
        }
    }

    #[test]
    fn lines_of_text_and_tables_stay_lines(document in document(u64::MAX)) {
        let spoken = document.segments.iter().filter(|segment| !segment.text.trim().is_empty()).count();
        let lines = |format| render(&documents::request(format, document.clone())).split_terminator('\n').count();
        prop_assert_eq!(lines(Format::Txt), spoken);
        prop_assert_eq!(lines(Format::Tsv), document.segments.len() + 1);
    }

    /// Greek, because no format writes Greek of its own.
    #[test]
    fn no_format_loses_a_letter(document in document(u64::MAX), preset in proptest::option::of(0..Preset::ALL.len()), highlight in any::<bool>()) {
        let greek = |text: &str| -> String {
            let offset = |letter: char| letter as u32 - 'a' as u32 + 'α' as u32;
            text.chars()
                .map(|letter| match letter {
                    'a'..='p' => char::from_u32(offset(letter)).unwrap_or(letter),
                    other => other,
                })
                .collect()
        };
        let mut document = document;
        for segment in &mut document.segments {
            segment.text = greek(&segment.text);
            for word in segment.words.iter_mut().flatten() {
                word.word = greek(&word.word);
            }
        }
        let count = |text: &str| {
            let mut letters: Vec<char> = text.chars().filter(|letter| ('α'..='π').contains(letter)).collect();
            letters.sort_unstable();
            letters
        };
        let said: String = document.segments.iter().map(|segment| segment.text.as_str()).collect();
        for format in BASIC.into_iter().chain(EXPORTS) {
            if matches!(format, Format::Rttm | Format::Docx) {
                continue; // One has no text, the other is read back by programs.
            }
            let mut request = documents::request(format, document.clone());
            request.guide.preset = preset.map(|index| Preset::ALL[index]);
            request.highlight_words = highlight;
            let (wanted, mut written) = (count(&said), count(&render(&request)));
            // Each letter as often as it is said, or more often.
            for letter in wanted {
                let found = written.binary_search(&letter);
                prop_assert!(found.is_ok(), "{format:?} lacks `{letter}`");
                written.remove(found.unwrap_or_default());
            }
        }
    }

    #[test]
    fn csv_is_read_back(document in document(u64::MAX)) {
        let text = render(&documents::request(Format::Csv, document.clone()));
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let rows: Vec<_> = reader.records().collect::<Result<_, _>>().expect("valid rows");
        prop_assert_eq!(rows.len(), document.segments.len());
        for (row, segment) in rows.iter().zip(&document.segments) {
            prop_assert_eq!(&row[3], segment.text.replace("\r\n", "\n").replace('\r', "\n"));
        }
    }

    #[test]
    fn json_round_trips(document in document(1_000_000_000_000)) {
        let text = render(&documents::request(Format::Json, document.clone()));
        let read: Document = serde_json::from_str(&text).expect("a document");
        prop_assert_eq!(&read, &document);
        prop_assert_eq!(render(&documents::request(Format::Json, read)), text);
    }
}
