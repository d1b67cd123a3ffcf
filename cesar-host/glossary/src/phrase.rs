//! Left sides of rules without a regular expression: words in a row, with the signs around and between them.

use std::ops::Range;

use crate::tokens::{Token, gap, tokens};

/// Words to find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Phrase {
    /// Signs before the first word, such as the `.` of `.NET`.
    before: String,
    /// The words without case.
    words: Vec<String>,
    /// Signs between them.
    gaps: Vec<String>,
    /// Signs after the last word, such as the `#` of `C#`.
    after: String,
}

impl Phrase {
    /// The phrase of a text without white space around it; none if it has no words.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let tokens = tokens(text);
        let (first, last) = (tokens.first()?, tokens.last()?);
        Some(Self {
            before: text[..first.range.start].to_owned(),
            gaps: gaps(text, &tokens).collect(),
            after: text[last.range.end..].to_owned(),
            words: tokens.iter().map(|token| token.folded.clone()).collect(),
        })
    }

    /// Its words without case, at least one.
    pub(crate) fn words(&self) -> &[String] {
        &self.words
    }

    /// Equal for phrases that find the same text; never begins with `/`, as no word does and no line with words.
    pub(crate) fn key(&self) -> String {
        let mut key = self.before.clone();
        for (word, gap) in self.words.iter().zip(self.gaps.iter().chain([&self.after])) {
            key.push_str(word);
            key.push_str(gap);
        }
        key
    }

    /// Its bytes in `text`, if it stands at the token `at`.
    pub(crate) fn find(&self, text: &str, tokens: &[Token], at: usize) -> Option<Range<usize>> {
        let here = tokens.get(at..at + self.words.len())?;
        let (first, last) = (here.first()?, here.last()?);
        let same_words = here.iter().zip(&self.words).all(|(token, word)| token.folded == *word);
        let found = same_words
            && first.may_begin
            && last.may_end
            && gaps(text, here).eq(self.gaps.iter().cloned())
            && text[..first.range.start].ends_with(&self.before)
            && text[last.range.end..].starts_with(&self.after);
        found.then(|| first.range.start - self.before.len()..last.range.end + self.after.len())
    }
}

fn gaps<'a>(text: &'a str, tokens: &'a [Token]) -> impl Iterator<Item = String> {
    let pairs = tokens.windows(2);
    pairs.map(|pair| gap(&text[pair[0].range.end..pair[1].range.start]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(phrase: &str, text: &'a str) -> Vec<&'a str> {
        let phrase = Phrase::new(phrase).unwrap();
        let tokens = tokens(text);
        let places = (0..tokens.len()).filter_map(|at| phrase.find(text, &tokens, at));
        places.map(|range| &text[range]).collect()
    }

    #[test]
    fn whole_words_are_found_whatever_their_case() {
        assert_eq!(found("kube", "Kube, cubes kubes KUBE's"), ["Kube", "KUBE"]);
        assert_eq!(
            found("new york", "New York new-york, New, York"),
            ["New York", "new-york"]
        );
        assert_eq!(found("wi-fi", "Wi Fi WiFi"), ["Wi Fi"]);
    }

    #[test]
    fn signs_are_part_of_a_phrase() {
        assert_eq!(found("c#", "C and C# c++"), ["C#"]);
        assert_eq!(found(".net", "on .NET, net"), [".NET"]);
        assert_eq!(found("c'est", "C’est"), ["C’est"]);
    }

    #[test]
    fn scripts_without_spaces_match_inside_a_row_of_characters() {
        assert_eq!(found("北京", "我在北京大学"), ["北京"]);
        assert_eq!(found("ソニ", "ソニーは"), Vec::<&str>::new());
    }

    #[test]
    fn a_text_without_words_is_no_phrase() {
        assert_eq!(Phrase::new("…!"), None);
    }
}
