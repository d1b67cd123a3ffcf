//! Words of a text by Unicode's rules (UAX #29), in a form that ignores case.
//!
//! Text in scripts without spaces (Chinese, Japanese, Thai) has one token for each character, so a rule for several of them matches wherever
//! they stand. An English `'s` and a French or Italian article before an apostrophe are tokens of their own: the word beside them is whole
//! without them.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization as _;
use unicode_segmentation::UnicodeSegmentation as _;

/// Prefixes before an apostrophe that are no part of the word behind it.
const ELIDED: [&str; 21] = [
    "all", "c", "coll", "d", "dall", "dell", "j", "jusqu", "l", "lorsqu", "m", "n", "nell", "puisqu", "qu", "quell",
    "quoiqu", "s", "sull", "t", "un",
];

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// Its bytes in the text.
    pub(crate) range: Range<usize>,
    /// Its letters without case and variants of width.
    pub(crate) folded: String,
    /// Whether a match may begin with it.
    pub(crate) may_begin: bool,
    /// Whether a match may end with it.
    pub(crate) may_end: bool,
}

/// The words of a text.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (start, word) in text.unicode_word_indices() {
        push_parts(start, word, &mut tokens);
    }
    tokens
}

fn push_parts(start: usize, word: &str, tokens: &mut Vec<Token>) {
    let part = |from: usize, to: usize, may_begin: bool, may_end: bool| Token {
        range: start + from..start + to,
        folded: fold(&word[from..to]),
        may_begin,
        may_end,
    };
    let mut from = 0;
    let mut to = word.len();
    if let Some((place, apostrophe)) = word.char_indices().find(|(_, letter)| is_apostrophe(*letter))
        && ELIDED.contains(&&*fold(&word[..place]))
        && place + apostrophe.len_utf8() < word.len()
    {
        tokens.push(part(0, place, true, false));
        from = place + apostrophe.len_utf8();
    }
    let mut possessive = None;
    if let Some((place, apostrophe)) = word.char_indices().rfind(|(_, letter)| is_apostrophe(*letter))
        && place > from
        && matches!(&word[place + apostrophe.len_utf8()..], "s" | "S")
    {
        to = place;
        possessive = Some(part(place + apostrophe.len_utf8(), word.len(), false, true));
    }
    tokens.push(part(from, to, true, true));
    tokens.extend(possessive);
}

fn is_apostrophe(letter: char) -> bool {
    matches!(letter, '\'' | '\u{2019}')
}

/// A word without case: equal for spellings that differ in case, width, composition or the kind of apostrophe.
pub(crate) fn fold(word: &str) -> String {
    let straight = word
        .nfkc()
        .map(|letter| if is_apostrophe(letter) { '\'' } else { letter });
    straight.collect::<String>().to_lowercase().nfkc().collect()
}

/// The gap between two words: white space and hyphens are alike.
pub(crate) fn gap(text: &str) -> String {
    let joins = |letter: char| letter.is_whitespace() || matches!(letter, '-' | '\u{2010}' | '\u{2011}');
    if !text.is_empty() && text.chars().all(joins) {
        return " ".to_owned();
    }
    let straight = text
        .chars()
        .map(|letter| if is_apostrophe(letter) { '\'' } else { letter });
    straight.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        tokens(text).into_iter().map(|token| &text[token.range]).collect()
    }

    #[test]
    fn words_follow_the_rules_of_unicode() {
        assert_eq!(words(" Wi-Fi, don't (C++)."), ["Wi", "Fi", "don't", "C"]);
        assert_eq!(words("北京大学"), ["北", "京", "大", "学"]);
        assert_eq!(words("example.com 3.14"), ["example.com", "3.14"]);
    }

    #[test]
    fn possessives_and_elided_articles_are_apart() {
        assert_eq!(words("Ann's dog’s it"), ["Ann", "s", "dog", "s", "it"]);
        assert_eq!(words("l'hôpital d’Airbus"), ["l", "hôpital", "d", "Airbus"]);
        assert_eq!(words("we're O'Brien rock'n'roll"), ["we're", "O'Brien", "rock'n'roll"]);
        let tokens = tokens("l'Ann's");
        let flags: Vec<_> = tokens.iter().map(|token| (token.may_begin, token.may_end)).collect();
        assert_eq!(flags, [(true, false), (true, true), (false, true)]);
    }

    #[test]
    fn case_width_and_composition_do_not_matter() {
        assert_eq!(fold("ＫＵＢＥ"), fold("kube"));
        assert_eq!(fold("Cafe\u{301}"), fold("CAFÉ"));
        assert_eq!(fold("don’t"), fold("DON'T"));
        assert_eq!((gap(" - "), gap("-"), gap(", ")), (" ".into(), " ".into(), ", ".into()));
    }
}
