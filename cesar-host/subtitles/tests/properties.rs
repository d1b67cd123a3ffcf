//! Properties of parser and checker, for any file.

use cesar_subtitles::{Cue, FileKind, Overrides, Preset, check, parse};
use proptest::prelude::*;

/// Lines that mean something to the parser, and some that do not.
fn file() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        3 => "[0-9]{1,3}:[0-9]{2}[,.][0-9]{0,4} --> [0-9]{1,3}:[0-9]{2}:[0-9]{2}( .{0,9})?",
        2 => Just(String::new()),
        2 => "[0-9]{1,25}",
        1 => Just("WEBVTT".to_owned()),
        1 => Just("NOTE".to_owned()),
        3 => "[a-z <>/&;{}\\\\.-]{0,30}",
        1 => ".{0,20}",
    ];
    proptest::collection::vec(line, 0..20).prop_map(|lines| lines.join("\n"))
}

fn preset() -> impl Strategy<Value = Preset> {
    proptest::sample::select(Preset::ALL.as_slice())
}

/// Cues as a program writes them; a number is never the first line, where it would be ambiguous.
fn cues() -> impl Strategy<Value = Vec<Cue>> {
    let line = "[a-zäß今](( ?[a-z0-9.,!?]){0,20})";
    let cue = (0..360_000_000_u64, 0..10_000_u64, proptest::collection::vec(line, 1..4));
    proptest::collection::vec(cue, 0..12).prop_map(|cues| {
        let numbered = (1..).zip(cues);
        numbered
            .map(|(number, (start, length, lines))| Cue {
                number,
                start,
                end: start + length,
                lines,
            })
            .collect()
    })
}

fn time(milliseconds: u64, mark: char) -> String {
    let (seconds, fraction) = (milliseconds / 1000, milliseconds % 1000);
    format!(
        "{:02}:{:02}:{:02}{mark}{fraction:03}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

fn written(cues: &[Cue], kind: FileKind, newline: &str) -> String {
    let mut text = String::new();
    let mark = if kind == FileKind::Vtt { '.' } else { ',' };
    if kind == FileKind::Vtt {
        text.push_str(&format!("WEBVTT{newline}{newline}"));
    }
    for cue in cues {
        let (start, end) = (time(cue.start, mark), time(cue.end, mark));
        text.push_str(&format!("{}{newline}{start} --> {end}{newline}", cue.number));
        text.push_str(&format!("{}{newline}{newline}", cue.lines.join(newline)));
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn written_cues_are_read_back(cues in cues(), crlf in any::<bool>(), vtt in any::<bool>()) {
        let kind = if vtt { FileKind::Vtt } else { FileKind::Srt };
        let text = written(&cues, kind, if crlf { "\r\n" } else { "\n" });
        let read = parse(text.as_bytes()).expect("a subtitle file");
        prop_assert_eq!(read.kind, kind);
        prop_assert_eq!(read.cues, cues);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300), preset in preset()) {
        if let Ok(read) = parse(&bytes) {
            let _ = check(&read.cues, &preset.rules(None));
        }
    }

    #[test]
    fn any_lines_are_read_or_refused(text in file(), preset in preset(), utf16 in any::<bool>()) {
        let bytes = if utf16 {
            [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
        } else {
            text.into_bytes()
        };
        if let Ok(read) = parse(&bytes) {
            for cue in &read.cues {
                prop_assert!(!cue.lines.is_empty() && cue.lines.iter().all(|line| !line.trim().is_empty()));
            }
            for violation in check(&read.cues, &preset.rules(Some("ja"))) {
                prop_assert!(violation.measured.is_finite() && violation.allowed.is_finite());
                prop_assert!(read.cues.iter().any(|cue| cue.number == violation.cue));
            }
        }
    }

    #[test]
    fn any_limits_are_applied(limit in any::<f64>(), count in any::<usize>(), cues in cues(), preset in preset()) {
        let given = Overrides {
            max_chars_per_line: Some(count),
            max_lines: Some(count),
            max_cps: Some(limit),
            min_word_duration: Some(limit),
            min_duration: Some(limit),
            max_duration: Some(limit),
            min_gap: Some(limit),
            chain_gap: Some(limit),
            lead_in: Some(limit),
            lead_out: Some(limit),
        };
        let _ = check(&cues, &given.apply(preset.rules(None)));
    }
}
