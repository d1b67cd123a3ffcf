//! lrc: lyrics with times, as music players show them: `[MM:SS.xx]` and a line of text for each caption.
//!
//! With `highlight_words`, the time of each word stands before it (`<MM:SS.xx>`, the enhanced form, which A2 introduced). Lyrics have no end
//! times: a line stays until the next one. The name of a speaker stands before the first line of a turn.

use crate::subtitles::{Caption, CaptionLine, with_names};
use crate::{Request, clock};

/// The whole file; its tags alone for a transcript without text.
pub(crate) fn render(request: &Request) -> String {
    let document = &request.document;
    let mut text = "[re:Cesar]\n".to_owned();
    if document.duration.0 > 0 {
        let seconds = document.duration.0 / 1000;
        text.push_str(&format!("[length:{:02}:{:02}]\n", seconds / 60, seconds % 60));
    }
    for caption in with_names(request) {
        text.push_str(&line(&caption, request.highlight_words));
    }
    text
}

fn line(caption: &Caption, with_words: bool) -> String {
    let start = minutes(clock::hundredths(caption.start));
    let words = |line: &CaptionLine| if with_words { timed(line) } else { line.text() };
    let lines: Vec<_> = caption.lines.iter().map(words).collect();
    format!("[{start}]{}\n", lines.join(" "))
}

fn timed(line: &CaptionLine) -> String {
    let mut text = String::new();
    for word in &line.words {
        if word.is_spaced {
            text.push(' ');
        }
        if let Some((start, _)) = word.time {
            text.push_str(&format!("<{}>", minutes(clock::hundredths(start))));
        }
        text.push_str(&word.text);
    }
    text
}

/// `MM:SS.xx`; minutes grow past 99.
fn minutes(hundredths: u64) -> String {
    let seconds = hundredths / 100;
    format!("{:02}:{:02}.{:02}", seconds / 60, seconds % 60, hundredths % 100)
}
