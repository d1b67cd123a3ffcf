//! Words of a segment, as documents have them: each with its leading space and its punctuation, joined they are the text.

use unicode_segmentation::UnicodeSegmentation as _;

/// Whether the script of this character is written without spaces between words: every character is a word, as engines have it.
pub(crate) fn is_unspaced(character: char) -> bool {
    matches!(character as u32,
        // Thai, Lao, Myanmar, Khmer.
        0x0e00..=0x0eff | 0x1000..=0x109f | 0x1780..=0x17ff
        // Kana, and Chinese characters; Hangul has spaces.
        | 0x3040..=0x30ff | 0x31f0..=0x31ff | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x3ffff)
}

/// Lines of one paragraph as one; lines of a script without spaces join without one.
pub(super) fn joined_lines(lines: &[&str]) -> String {
    let mut text = String::new();
    for line in lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()) {
        let full = |character: Option<char>| {
            character.is_some_and(|character| is_unspaced(character) || is_wide_mark(character))
        };
        let touches = full(text.chars().next_back()) && full(line.chars().next());
        if !(text.is_empty() || touches) {
            text.push(' ');
        }
        text.push_str(line);
    }
    text
}

fn is_wide_mark(character: char) -> bool {
    matches!(character as u32, 0x3000..=0x303f | 0xff00..=0xff65)
}

/// The words of a text. Marks that stand alone join the word before them, else the one after them; none without a letter or digit.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut lead = String::new();
    for token in text.split_whitespace() {
        for (index, part) in parts(token).into_iter().enumerate() {
            let is_first = words.is_empty() && lead.is_empty();
            let unspaced = part.chars().next().is_some_and(is_unspaced);
            let space = if index == 0 && !(is_first && unspaced) { " " } else { "" };
            let has_sound = part.chars().any(char::is_alphanumeric);
            match (has_sound, words.last_mut()) {
                (true, _) => words.push(format!("{}{space}{part}", std::mem::take(&mut lead))),
                (false, Some(last)) => last.extend([space, part]),
                (false, None) => lead.extend([space, part]),
            }
        }
    }
    words
}

/// A token without spaces, cut around every character of a script without spaces; marks stay with the part before them.
fn parts(token: &str) -> Vec<&str> {
    let (mut parts, mut from, mut before) = (Vec::new(), 0, None);
    for (at, cluster) in token.grapheme_indices(true) {
        let Some(first) = cluster.chars().next() else { continue };
        let unspaced = is_unspaced(first);
        if !first.is_alphanumeric() && !unspaced {
            continue;
        }
        // A letter after a letter of the same kind continues a word; opening marks stay with the word after them.
        let cut = match before {
            Some(true) => true,
            Some(false) => unspaced,
            None => false,
        };
        if cut {
            let opening =
                token[from..at].trim_end_matches(['(', '[', '{', '「', '『', '（', '【', '《', '“', '"', '¿', '¡']);
            let at = if opening.is_empty() { at } else { from + opening.len() };
            parts.push(&token[from..at]);
            from = at;
        }
        before = Some(unspaced);
    }
    parts.push(&token[from..]);
    parts
}
