//! md: the layout that the Python Cesar wrote.
//!
//! ```text
//! # Transcript
//!
//! **Speakers:** 2 detected
//! **Duration:** 1:05
//! **Created:** 2026-01-02
//!
//! ---
//!
//! ### Speaker 1
//! [00:00.0 - 00:02.5]
//! What was said.
//! ```
//!
//! The header says why speakers could not be identified. Differences: every segment is kept (it dropped those under half a second), the date is the document's own, and hours appear past
//! the first. Text that Markdown would take for structure, for an escape, or for HTML that vanishes, is escaped; emphasis is left alone. With
//! `mark_uncertain`, words of low probability stand between `==`.

use plugin_api::document::{Document, Seconds};

use crate::clock;
use crate::facts::facts;
use crate::speakers::Names;
use crate::words::{self, Piece};

/// Before and after words of low probability: a highlight for Obsidian, Pandoc and others, and readable elsewhere.
const MARK: &str = "==";

/// The whole file; the header alone for a transcript without text.
pub(crate) fn render(document: &Document, length: Seconds, wanted: bool, uncertain: Option<f64>) -> String {
    let (mut text, mut names) = (header(document, length, wanted), Names::new(document, wanted));
    let mut is_first = true;
    for segment in &document.segments {
        let line = words::line(segment);
        if line.is_empty() {
            continue;
        }
        if let Some(name) = names.before(segment).heading {
            let gap = if is_first { "" } else { "\n" };
            text.push_str(&format!("{gap}### {}\n", escaped(&name)));
        }
        is_first = false;
        let (start, end) = (clock::stamp(segment.start.0), clock::stamp(segment.end.0));
        let line = marked(&words::pieces(&line, segment), uncertain);
        text.push_str(&format!("[{start} - {end}]\n{}\n", escaped(&line)));
    }
    text
}

/// The line with each run of uncertain words between marks.
fn marked(pieces: &[Piece<'_>], uncertain: Option<f64>) -> String {
    let (mut text, mut space, mut is_open) = (String::new(), "", false);
    for piece in pieces {
        if piece.text.trim().is_empty() {
            space = piece.text;
            continue;
        }
        let is_uncertain = piece.is_uncertain(uncertain);
        if is_open && !is_uncertain {
            text.push_str(MARK);
        }
        text.push_str(std::mem::take(&mut space));
        if is_uncertain && !is_open {
            text.push_str(MARK);
        }
        is_open = is_uncertain;
        text.push_str(piece.text);
    }
    if is_open {
        text.push_str(MARK);
    }
    text
}

fn header(document: &Document, length: Seconds, wanted: bool) -> String {
    let mut text = "# Transcript\n\n".to_owned();
    for (name, value) in facts(document, length, wanted) {
        text.push_str(&format!("**{name}:** {}\n", escaped(&value)));
    }
    text.push_str("\n---\n\n");
    text
}

/// A line that follows a paragraph's first line, with what CommonMark would read as a block or as HTML taken literally.
fn escaped(line: &str) -> String {
    let mut text = literal(line);
    if let Some(position) = block_marker(&text) {
        text.insert(position, '\\');
    }
    text
}

/// A line without HTML, and with its backslashes and references kept.
fn literal(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line.chars();
    while let Some(character) = rest.next() {
        let is_escape = match character {
            '<' => true,
            // Before any other character it is text.
            '\\' => rest
                .as_str()
                .chars()
                .next()
                .is_none_or(|next| next.is_ascii_punctuation()),
            '&' => is_reference(rest.as_str()),
            _ => false,
        };
        if is_escape {
            text.push('\\');
        }
        text.push(character);
    }
    text
}

/// Whether the text after `&` makes a character reference of it.
fn is_reference(rest: &str) -> bool {
    let name = rest.split_once(';').map_or("", |(name, _)| name);
    let name = name.strip_prefix('#').unwrap_or(name);
    !name.is_empty() && name.chars().all(|character| character.is_ascii_alphanumeric())
}

/// The place for a backslash that keeps the line from ending its paragraph.
fn block_marker(line: &str) -> Option<usize> {
    let first = line.chars().next()?;
    let only = |wanted: char| line.chars().all(|character| character == wanted);
    let word = line.split(' ').next().unwrap_or_default();
    let starts_block = match first {
        '#' | '>' => true,
        '=' => only('='),
        '-' | '+' | '*' => word.len() == 1 || line.chars().all(|character| character == first || character == ' '),
        '_' => line.chars().all(|character| character == '_' || character == ' '),
        '`' | '~' => line.starts_with("```") || line.starts_with("~~~"),
        _ => false,
    };
    // Of numbered lists only those that begin with 1 interrupt a paragraph.
    let digits = line.len()
        - line
            .trim_start_matches(|character: char| character.is_ascii_digit())
            .len();
    let numbered = line[..digits].trim_start_matches('0') == "1" && matches!(&word[digits..], "." | ")");
    starts_block.then_some(0).or_else(|| numbered.then_some(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_structure_is_escaped() {
        for (line, wanted) in [
            ("# one", "\\# one"),
            ("> said he", "\\> said he"),
            ("- yes", "\\- yes"),
            ("-5 degrees", "-5 degrees"),
            ("---", "\\---"),
            ("* * *", "\\* * *"),
            ("===", "\\==="),
            ("= 4", "= 4"),
            ("*laughs*", "*laughs*"),
            ("1. first", "1\\. first"),
            ("2. second", "2. second"),
            ("1.5 litres", "1.5 litres"),
            ("1", "1"),
            ("```", "\\```"),
            ("a <b> & c", "a \\<b> & c"),
            ("a \\<b>", "a \\\\\\<b>"),
            ("a\\", "a\\\\"),
            ("C:\\dir \\* d", "C:\\dir \\\\* d"),
            ("a &lt; b &#60; c & d; e", "a \\&lt; b \\&#60; c & d; e"),
        ] {
            assert_eq!(escaped(line), wanted);
        }
    }
}
