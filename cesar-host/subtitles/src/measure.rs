//! Length of text, the same for layout and checker.

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// Columns of a terminal: 2 for a full-width character, 0 for a combining or directional mark.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.graphemes(true).map(|cluster| cluster.width()).sum()
}

/// Parts between white space that hold a letter or digit.
#[must_use]
pub fn words(text: &str) -> usize {
    text.split_whitespace()
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_width_characters_take_two_columns_and_marks_none() {
        assert_eq!(columns("abc"), 3);
        assert_eq!(columns("日本語"), 6);
        assert_eq!(columns("e\u{301}\u{200f}"), 1);
        assert_eq!(columns("שלום\u{200f}"), 4);
    }

    #[test]
    fn punctuation_alone_is_no_word() {
        assert_eq!(words("Well - yes, 3 of them…"), 5);
    }
}
