//! The rules by which tokens become words, as in OpenAI's Whisper and faster-whisper.
//!
//! Tokens are parts of UTF-8 text, so an engine first joins them until whole characters are there. A word begins with a space or is
//! punctuation; in languages written without spaces every character is a word. Punctuation then joins its neighbour: opening marks the
//! word after them, closing marks the word before them.

/// Languages written without spaces between words.
const WITHOUT_SPACES: [&str; 6] = ["zh", "ja", "th", "lo", "my", "yue"];
/// Python's `string.punctuation`; a text that occurs in it is punctuation.
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/// Whether a language is written with spaces between words.
#[must_use]
pub fn has_spaces(language: &str) -> bool {
    !WITHOUT_SPACES.contains(&language)
}

/// Whether `text` begins a word in a language with spaces.
#[must_use]
pub fn begins_word(text: &str) -> bool {
    text.starts_with(' ') || PUNCTUATION.contains(text.trim())
}

/// Appends to each part that begins a word the following parts that do not.
pub fn group<T>(
    parts: impl IntoIterator<Item = T>,
    mut begins: impl FnMut(&T) -> bool,
    append: impl Fn(&mut T, T),
) -> Vec<T> {
    let mut words: Vec<T> = Vec::new();
    for part in parts {
        let begins = begins(&part);
        match words.last_mut() {
            Some(word) if !begins => append(word, part),
            _ => words.push(part),
        }
    }
    words
}

/// A word that can take over its neighbour's text.
pub trait Word {
    /// Its text.
    fn text(&self) -> &str;
    /// Moves the text of `other` to the front.
    fn take_before(&mut self, other: &mut Self);
    /// Moves the text of `other` to the end.
    fn take_after(&mut self, other: &mut Self);
}

/// Joins punctuation to its neighbours: marks of `opening` to the word after them, marks of `closing` to the word before them. A
/// word is a mark if it occurs in the list. Words whose text was moved stay, without text.
pub fn join_punctuation<T: Word>(words: &mut [T], opening: &str, closing: &str) {
    let mut following = words.len().saturating_sub(1);
    for index in (0..following).rev() {
        let (before, after) = words.split_at_mut(following);
        let text = before[index].text();
        if text.starts_with(' ') && opening.contains(text.trim()) {
            after[0].take_before(&mut before[index]);
        } else {
            following = index;
        }
    }
    let mut previous = 0;
    for index in 1..words.len() {
        let (before, after) = words.split_at_mut(index);
        if !before[previous].text().ends_with(' ') && closing.contains(after[0].text()) {
            before[previous].take_after(&mut after[0]);
        } else {
            previous = index;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Word for String {
        fn text(&self) -> &str {
            self
        }

        fn take_before(&mut self, other: &mut Self) {
            self.insert_str(0, &std::mem::take(other));
        }

        fn take_after(&mut self, other: &mut Self) {
            self.push_str(&std::mem::take(other));
        }
    }

    fn joined(words: &[&str]) -> Vec<String> {
        let mut words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        join_punctuation(&mut words, "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、");
        words
    }

    #[test]
    fn marks_join_their_neighbours_and_leave_empty_words() {
        assert_eq!(
            joined(&[" (", "Hello", ",", " \"", "you", "\"", "!", " end"]),
            ["", " (Hello,", "", "", " \"you\"!", "", "", " end"]
        );
        assert_eq!(joined(&[]), [""; 0]);
    }

    #[test]
    fn parts_that_begin_no_word_are_appended() {
        let parts = [" Hel", "lo", ",", " wor", "ld"].map(str::to_owned);
        let words = group(parts, |part| begins_word(part), |word, part| word.push_str(&part));
        assert_eq!(words, [" Hello", ",", " world"]);
        assert!(has_spaces("en") && !has_spaces("ja"));
    }
}
