//! ass: Advanced SubStation Alpha 4.00+, as Aegisub, libass, mpv and VLC read it.
//!
//! The captions are those of srt. Each speaker has a style with a colour of its own and is the actor of the line; each word with
//! known times is a syllable of karaoke (`\k`), which turns from the secondary to the primary colour when it is spoken. Times are in
//! hundredths of a second, and a caption lasts at least one. `{` and `}` are escaped, and a backslash is followed by a word joiner (U+2060),
//! so that no text is an override. A word joiner also stands between `{` and a backslash behind it: ffmpeg takes both together for the
//! start of an override, also where the brace is escaped.

use super::subtitles::{Caption, CaptionLine, with_voices};
use crate::clock::hundredths;
use crate::markup;
use crate::settings::Settings;
use crate::speakers;

const HEAD: &str = "[Script Info]
; Made by Cesar
ScriptType: v4.00+
PlayResX: 1920
PlayResY: 1080
WrapStyle: 0
ScaledBorderAndShadow: yes

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
";

const EVENTS: &str = "
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
";

/// Of lines without a speaker.
const DEFAULT: &str = "Default";

/// The whole file; the head alone for a transcript without text.
pub(crate) fn render(settings: &Settings<'_>) -> String {
    let voices = speakers::labels(settings.document);
    let voices = if settings.speakers { voices } else { Vec::new() };
    let mut text = HEAD.to_owned();
    text.push_str(&style(DEFAULT, speakers::colour(0)));
    for number in 0..voices.len() {
        text.push_str(&style(&style_name(number), speakers::colour(number)));
    }
    text.push_str(EVENTS);
    for caption in with_voices(settings) {
        text.push_str(&dialogue(&caption, &voices));
    }
    text
}

fn style(name: &str, colour: &str) -> String {
    // Blue, green, red.
    let primary = format!("&H00{}{}{}", &colour[4..6], &colour[2..4], &colour[0..2]);
    format!(
        "Style: {name},Arial,64,{primary},&H00A0A0A0,&H00000000,&H80000000,0,0,0,0,100,100,0,0,1,3,1,2,96,96,54,1\n"
    )
}

fn style_name(number: usize) -> String {
    format!("Voice {}", number + 1)
}

fn dialogue(caption: &Caption, voices: &[String]) -> String {
    let style_of = |line: &CaptionLine| {
        let number = line
            .voice
            .as_ref()
            .and_then(|voice| voices.iter().position(|one| one == voice));
        number.map_or_else(|| DEFAULT.to_owned(), style_name)
    };
    let (start, end) = (hundredths(caption.start), hundredths(caption.end));
    let style = caption.lines.first().map_or_else(|| DEFAULT.to_owned(), &style_of);
    let actor = caption
        .lines
        .first()
        .and_then(|line| line.voice.as_deref())
        .unwrap_or_default();
    let actor = markup::xml_characters(actor).replace(',', ";");
    let (mut text, mut current, mut now) = (String::new(), style.clone(), start);
    for (index, line) in caption.lines.iter().enumerate() {
        if index > 0 {
            text.push_str("\\N");
        }
        let wanted = style_of(line);
        if wanted != current {
            text.push_str(&format!("{{\\r{wanted}}}"));
            current = wanted;
        }
        text.push_str(&karaoke(line, &mut now));
    }
    let (start, end) = (time(start), time(end.max(start + 1)));
    format!("Dialogue: 0,{start},{end},{style},{actor},0,0,0,,{text}\n")
}

/// The words of a line, each after its length; `now` is when the last syllable ended, in hundredths of a second.
fn karaoke(line: &CaptionLine, now: &mut u64) -> String {
    let mut text = String::new();
    for word in &line.words {
        let space = if word.is_spaced { " " } else { "" };
        if let Some((start, end)) = word.time {
            let (start, end) = (hundredths(start).max(*now), hundredths(end).max(*now));
            let end = end.max(start);
            // A pause is a syllable with the space that stands there anyway.
            if start > *now {
                text.push_str(&format!("{{\\k{}}}", start - *now));
            }
            text.push_str(&format!("{space}{{\\k{}}}{}", end - start, escaped(&word.text)));
            *now = end;
        } else {
            text.push_str(space);
            text.push_str(&escaped(&word.text));
        }
    }
    text
}

fn escaped(text: &str) -> String {
    let text = markup::xml_characters(text);
    let mut escaped = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => escaped.push_str("\\\u{2060}"),
            '{' => {
                escaped.push_str("\\{");
                // What follows the text may begin with a backslash as well.
                if characters.peek().is_none_or(|next| matches!(next, '{' | '}' | '\\')) {
                    escaped.push('\u{2060}');
                }
            }
            '}' => escaped.push_str("\\}"),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// `H:MM:SS.cc`.
fn time(hundredths: u64) -> String {
    let seconds = hundredths / 100;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours}:{minutes:02}:{:02}.{:02}", seconds % 60, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_no_override() {
        assert_eq!(escaped(r"{\b1}"), "\\{\u{2060}\\\u{2060}b1\\}");
        assert_eq!(escaped("{a} {}"), "\\{a\\} \\{\u{2060}\\}");
    }

    proptest! {
        /// ffmpeg reads an override from `{\` to the next `}`, and also knows `\N`, `\n` and `\h`.
        #[test]
        fn ffmpeg_finds_no_override(text in r"[{}\\Nnha ]{0,8}", other in r"[{}\\Nnha ]{0,8}") {
            let joined = escaped(&text) + &escaped(&other) + "\\N";
            prop_assert!(!joined.contains("{\\"), "{joined}");
            let shown = joined.replace('\u{2060}', "").replace("\\{", "{").replace("\\}", "}");
            prop_assert_eq!(shown, text + &other + "\\N");
            let breaks = ["\\N", "\\n", "\\h"].iter().map(|sign| joined.matches(sign).count()).sum::<usize>();
            prop_assert_eq!(breaks, 1);
        }
    }
}
