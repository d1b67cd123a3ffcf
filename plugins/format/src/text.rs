//! White space: what ends a line, where a line may be divided, and what stays as it was written.

/// Text on one line, without white space at its ends. A run of white space that holds a tab or a line break becomes one space;
/// other spaces stay, no-break spaces among them.
pub(crate) fn one_line(text: &str) -> String {
    let (mut line, mut run) = (String::with_capacity(text.len()), String::new());
    for character in text.trim().chars() {
        if character.is_whitespace() {
            run.push(character);
            continue;
        }
        line.push_str(if run.chars().any(breaks_line) { " " } else { &run });
        run.clear();
        line.push(character);
    }
    line
}

/// Whether a reader of some format would begin a new line, or a new cell, after the character.
pub(crate) fn breaks_line(character: char) -> bool {
    matches!(character, '\t'..='\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether text may be divided at the character, which then disappears: white space other than no-break spaces.
pub(crate) fn divides(character: char) -> bool {
    character.is_whitespace() && !matches!(character, '\u{a0}' | '\u{2007}' | '\u{202f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_line_breaks_and_tabs_are_replaced() {
        assert_eq!(one_line(" a\tb \r\n c\u{2028}d "), "a b c d");
        assert_eq!(one_line("vingt\u{202f}%  oui\u{a0}!"), "vingt\u{202f}%  oui\u{a0}!");
        assert_eq!(one_line(" \n\t "), "");
    }
}
