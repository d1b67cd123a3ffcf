//! lrc: lyrics with times, as music players show them: `[MM:SS.xx]` and a line of text for each caption.
//!
//! With `highlight_words`, the time of each word stands before it (`<MM:SS.xx>`, the enhanced form, which A2 introduced). Lyrics have no end
//! times: a line stays until the next one. The name of a speaker stands before the first line of a turn. The format has no escapes: in text that a
//! player would take for a tag, a word joiner (U+2060) follows the bracket.

use super::subtitles::{Caption, CaptionLine, with_names};
use crate::clock;
use crate::settings::Settings;

/// Has no width, and is part of no tag.
const JOINER: char = '\u{2060}';

/// The whole file; its tags alone for a transcript without text.
pub(crate) fn render(settings: &Settings<'_>) -> String {
    let document = settings.document;
    let mut text = "[re:Cesar]\n".to_owned();
    if document.duration.0 > 0 {
        let seconds = document.duration.0 / 1000;
        text.push_str(&format!("[length:{:02}:{:02}]\n", seconds / 60, seconds % 60));
    }
    for caption in with_names(settings) {
        text.push_str(&line(&caption, settings.highlight_words));
    }
    text
}

fn line(caption: &Caption, with_words: bool) -> String {
    let start = minutes(clock::hundredths(caption.start));
    let words = |line: &CaptionLine| match with_words {
        true => timed(line),
        false => escaped(&line.text(), String::new),
    };
    let lines: Vec<_> = caption.lines.iter().map(words).collect();
    format!("[{start}]{}\n", lines.join(" "))
}

fn timed(line: &CaptionLine) -> String {
    let mut text = String::new();
    for (index, word) in line.words.iter().enumerate() {
        if word.is_spaced {
            text.push(' ');
        }
        if let Some((start, _)) = word.time {
            text.push_str(&format!("<{}>", minutes(clock::hundredths(start))));
        }
        let behind = || line.words[index + 1..].iter().map(|word| word.text.as_str()).collect();
        text.push_str(&escaped(&word.text, behind));
    }
    text
}

/// The text with [`JOINER`] after each bracket that begins a tag, such as `[00:01.00]`, `<00:01.00>` and `[ar:Ann]`; `behind` follows it.
fn escaped(text: &str, behind: impl Fn() -> String) -> String {
    if !text.contains(['[', '<']) {
        return text.to_owned();
    }
    let whole = format!("{text}{}", behind());
    let mut escaped = String::with_capacity(text.len());
    for (index, character) in text.char_indices() {
        escaped.push(character);
        let rest = &whole[index + character.len_utf8()..];
        let is_tag = match character {
            '[' => begins_tag(rest, ']'),
            '<' => begins_tag(rest, '>'),
            _ => false,
        };
        if is_tag {
            escaped.push(JOINER);
        }
    }
    escaped
}

/// Whether there is a colon before the closing bracket.
fn begins_tag(rest: &str, close: char) -> bool {
    rest.split_once(close).is_some_and(|(tag, _)| tag.contains(':'))
}

/// `MM:SS.xx`; minutes grow past 99.
fn minutes(hundredths: u64) -> String {
    let seconds = hundredths / 100;
    format!("{:02}:{:02}.{:02}", seconds / 60, seconds % 60, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_tag() {
        assert_eq!(escaped("[00:01.00] now", String::new), "[\u{2060}00:01.00] now");
        assert_eq!(escaped("a <00:01.00>b", String::new), "a <\u{2060}00:01.00>b");
        assert_eq!(escaped("[ar:", || "Ann]".to_owned()), "[\u{2060}ar:");
        for text in ["[laughs] a < b: c", "a [1] b", "x <- y"] {
            assert_eq!(escaped(text, String::new), text);
        }
    }
}
