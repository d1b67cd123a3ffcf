//! Right-to-left marks.
//!
//! A player that lays out a line from left to right moves a mark at its end, or a number at its start, to the wrong side. A line with more
//! letters of Hebrew or Arabic script than others therefore begins and ends with U+200F (RIGHT-TO-LEFT MARK), unless such a letter
//! stands there: the mark keeps its neighbour on its side, and gives the line its direction in players that look at its first letter
//! (WebVTT). Embeddings (U+202B) would need a closing mark on every line, which players show as a box more often.

use crate::formats::subtitles::layout::Cue;

const MARK: char = '\u{200f}';

/// Marks the lines that need it.
pub(super) fn mark(cues: &mut [Cue<'_>]) {
    for line in cues.iter_mut().flat_map(|cue| &mut cue.lines) {
        let letters = || {
            line.units
                .iter()
                .flat_map(|unit| unit.text.chars())
                .filter(|letter| letter.is_alphabetic())
        };
        if letters().filter(|letter| is_right_to_left(*letter)).count() * 2 <= letters().count() {
            continue;
        }
        if let Some(first) = line
            .units
            .first_mut()
            .filter(|unit| !unit.text.starts_with(is_right_to_left))
        {
            first.text = format!("{MARK}{}", first.text).into();
        }
        if let Some(last) = line
            .units
            .last_mut()
            .filter(|unit| !unit.text.ends_with(is_right_to_left))
        {
            last.text = format!("{}{MARK}", last.text).into();
        }
    }
}

/// Letters of Hebrew, Arabic, Syriac, Thaana, N'Ko and their presentation forms; not their digits, which run from left to right.
fn is_right_to_left(character: char) -> bool {
    let script = matches!(character, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}');
    script && character.is_alphabetic() || character == MARK
}
