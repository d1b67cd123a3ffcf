//! Words of a text in the form in which they are indexed.
//!
//! A word is a run of letters, digits and their marks; everything else separates words. Scripts without spaces (Chinese, Japanese, Thai,
//! Lao, Burmese, Khmer) have one token per character, so that a query of several characters is a phrase and matches inside a sentence.
//! Folding removes case, compatibility forms, and the diacritics of European scripts, Arabic and Hebrew; the vowel signs of Indic scripts
//! stay. The index stores what this module makes of a text: a change needs a new [`VERSION`].

use std::ops::Range;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Changes with the tokens of any text.
pub(crate) const VERSION: i64 = 1;

/// Longer tokens are cut.
const MAX_CHARS: usize = 64;

/// A token and its place in the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    /// In characters (Unicode scalar values).
    pub(crate) chars: Range<usize>,
    /// Whether it is a character of a script without spaces.
    pub(crate) unspaced: bool,
}

/// The tokens of a text, in order.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut open: Option<Open> = None;
    for (index, character) in text.chars().enumerate() {
        // The table of marks is searched for each other character, which takes long.
        let is_mark = !character.is_ascii() && is_combining_mark(character);
        let continues = match &open {
            Some(open) => is_mark || character == SOFT_HYPHEN || (!open.unspaced && is_spaced_letter(character)),
            None => false,
        };
        match &mut open {
            Some(word) if continues => word.push(index, character),
            _ => {
                tokens.extend(open.take().and_then(Open::close));
                if character.is_alphanumeric() && !is_mark {
                    open = Some(Open::new(index, character));
                }
            }
        }
    }
    tokens.extend(open.and_then(Open::close));
    tokens
}

/// The tokens of a text, joined by spaces: the text that SQLite indexes.
pub(crate) fn folded(text: &str) -> String {
    let texts: Vec<String> = tokens(text).into_iter().map(|token| token.text).collect();
    texts.join(" ")
}

const SOFT_HYPHEN: char = '\u{ad}';

/// A token that is being read.
struct Open {
    raw: String,
    chars: Range<usize>,
    unspaced: bool,
}

impl Open {
    fn new(index: usize, character: char) -> Self {
        Self {
            raw: character.into(),
            chars: index..index + 1,
            unspaced: is_unspaced(character),
        }
    }

    fn push(&mut self, index: usize, character: char) {
        if character != SOFT_HYPHEN {
            self.raw.push(character);
        }
        self.chars.end = index + 1;
    }

    fn close(self) -> Option<Token> {
        let text = fold(self.raw);
        (!text.is_empty()).then_some(Token {
            text,
            chars: self.chars,
            unspaced: self.unspaced,
        })
    }
}

fn is_spaced_letter(character: char) -> bool {
    character.is_alphanumeric() && !is_unspaced(character)
}

/// Whether a character belongs to a script that writes no spaces between words.
fn is_unspaced(character: char) -> bool {
    matches!(character,
        '\u{e00}'..='\u{eff}'        // Thai, Lao
        | '\u{1000}'..='\u{109f}'    // Burmese
        | '\u{1780}'..='\u{17ff}'    // Khmer
        | '\u{3005}'..='\u{3007}'    // ideographic iteration mark, closing mark, zero
        | '\u{3040}'..='\u{30ff}'    // Hiragana, Katakana
        | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}'    // Han
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9f}'    // Katakana of half width
        | '\u{20000}'..='\u{3ffff}')
}

/// A word without case, compatibility forms and diacritics.
fn fold(mut word: String) -> String {
    if word.is_ascii() {
        word.truncate(MAX_CHARS);
        word.make_ascii_lowercase();
        return word;
    }
    let letters = word.nfkd().filter(|character| !is_diacritic(*character));
    let letters = letters.flat_map(char::to_lowercase).flat_map(plain);
    let letters = letters.filter(|character| character.is_alphanumeric() || is_combining_mark(*character));
    letters.nfc().take(MAX_CHARS).collect()
}

/// The marks that people leave out when they type: those of European scripts, of Arabic and of Hebrew.
fn is_diacritic(character: char) -> bool {
    matches!(character,
        '\u{300}'..='\u{36f}'
        | '\u{591}'..='\u{5c7}'
        | '\u{610}'..='\u{61a}'
        | '\u{640}'                  // tatweel
        | '\u{64b}'..='\u{65f}'
        | '\u{670}'
        | '\u{6d6}'..='\u{6ed}')
}

/// Letters that decompose by custom and not by Unicode.
fn plain(character: char) -> impl Iterator<Item = char> {
    let (first, second) = match character {
        'ß' => ('s', Some('s')),
        'æ' => ('a', Some('e')),
        'œ' => ('o', Some('e')),
        'ø' => ('o', None),
        'ł' => ('l', None),
        'đ' => ('d', None),
        'ı' => ('i', None),
        'ς' => ('σ', None),
        'ى' => ('ي', None),
        'ة' => ('ه', None),
        other => (other, None),
    };
    std::iter::once(first).chain(second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_diacritics_are_folded() {
        assert_eq!(folded("Straße STRASSE Łódź Ørsted"), "strasse strasse lodz orsted");
        assert_eq!(folded("Café cafe\u{301} İstanbul"), "cafe cafe istanbul");
        assert_eq!(folded("ΟΔΟΣ οδός"), "οδοσ οδοσ");
        assert_eq!(folded("مُحَمَّد أحمد"), "محمد احمد");
        assert_eq!(folded("ﬁne Ｃesar"), "fine cesar");
    }

    #[test]
    fn punctuation_separates_words() {
        assert_eq!(folded("can't l’eau 3.14, e-mail!"), "can t l eau 3 14 e mail");
        assert_eq!(folded("co\u{ad}operate"), "cooperate");
        assert_eq!(folded(" …\u{301} \u{0}"), "");
    }

    #[test]
    fn scripts_without_spaces_have_one_token_per_character() {
        assert_eq!(folded("東京タワーtokyo"), "東 京 タ ワ ー tokyo");
        assert_eq!(folded("がか\u{3099}"), "が が");
        assert_eq!(folded("서울에서 만나요"), "서울에서 만나요");
        // A vowel or tone mark belongs to its consonant.
        assert_eq!(tokens("หนึ่ง").len(), 3);
    }

    #[test]
    fn vowel_signs_of_indic_scripts_stay() {
        assert_eq!(folded("हिन्दी"), "हिन्दी");
    }

    #[test]
    fn places_are_counted_in_characters() {
        let ranges: Vec<_> = tokens("Die Fähre, 東京").into_iter().map(|token| token.chars).collect();
        assert_eq!(ranges, [0..3, 4..9, 11..12, 12..13]);
    }
}
