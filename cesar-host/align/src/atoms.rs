//! The comparable parts of words: runs of letters and digits in lower case, without accents and apostrophes. Scripts without spaces have
//! one for each character, so that `well-known` matches `well known`, and `cafés` matches `Cafés,`.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::script::is_unspaced;

/// The texts of atoms by number; equal numbers are equal texts.
#[derive(Debug, Default)]
pub(crate) struct Lexicon {
    numbers: HashMap<String, u32>,
    /// Characters of each atom.
    texts: Vec<Vec<char>>,
}

/// One atom of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Atom {
    /// Its text in the lexicon.
    pub(crate) key: u32,
    /// Number of the word.
    pub(crate) word: usize,
    /// Characters before it in the word, and those of all its atoms.
    pub(crate) before: usize,
    pub(crate) total: usize,
}

impl Lexicon {
    /// The atoms of words, in order.
    pub(crate) fn atoms<'a>(&mut self, words: impl IntoIterator<Item = &'a str>) -> Vec<Atom> {
        let mut atoms = Vec::new();
        for (word, text) in words.into_iter().enumerate() {
            let texts = split(text);
            let total = texts.iter().map(|text| text.chars().count()).sum();
            let mut before = 0;
            for text in texts {
                let length = text.chars().count();
                let key = self.number(text);
                atoms.push(Atom {
                    key,
                    word,
                    before,
                    total,
                });
                before += length;
            }
        }
        atoms
    }

    pub(crate) fn text(&self, key: u32) -> &[char] {
        &self.texts[key as usize]
    }

    pub(crate) fn length(&self, key: u32) -> usize {
        self.text(key).len()
    }

    fn number(&mut self, text: String) -> u32 {
        if let Some(number) = self.numbers.get(&text) {
            return *number;
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.texts.push(text.chars().collect());
        self.numbers.insert(text, number);
        number
    }
}

fn split(word: &str) -> Vec<String> {
    let mut atoms = vec![String::new()];
    let folded = word.nfkd().filter(|character| !is_combining_mark(*character));
    for character in folded.flat_map(char::to_lowercase) {
        match character {
            _ if is_unspaced(character) => atoms.extend([character.to_string(), String::new()]),
            _ if character.is_alphanumeric() => atoms.last_mut().into_iter().for_each(|atom| atom.push(character)),
            '\'' | '’' | '‘' | 'ʼ' => {}
            _ => atoms.push(String::new()),
        }
    }
    atoms.retain(|atom| !atom.is_empty());
    atoms
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn words_are_compared_without_case_marks_and_accents() {
        assert_eq!(split(" “Don’t"), ["dont"]);
        assert_eq!(split(" well-known,"), ["well", "known"]);
        assert_eq!(split(" CAFÉS ﬁn"), ["cafes", "fin"]);
        assert_eq!(split("東京2"), ["東", "京", "2"]);
        assert_eq!(split(" — "), [""; 0]);
    }
}
