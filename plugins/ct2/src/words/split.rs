//! Tokens to words, the units with times.
//!
//! A word is a run of tokens that begins with a space, a mark of punctuation, or the first; in languages that write no spaces every
//! character is one. A character in several tokens is never split: tokens are gathered until they decode without a replacement
//! character, unless the whole text has one in that place as well.

use cesar_plugin_common::words as rules;

use crate::tokenizer::Tokenizer;

const REPLACEMENT: char = '\u{fffd}';

/// The words of `tokens`, without timestamps, each with its number of tokens.
#[must_use]
pub fn words(tokenizer: &Tokenizer, tokens: &[u32], language: &str) -> Vec<(String, usize)> {
    let end_of_text = tokenizer.end_of_text();
    // The end is included, as in faster-whisper: it may gather bytes that never became a character, which are left out with it.
    let ended: Vec<u32> = tokenizer.text_tokens(tokens).into_iter().chain([end_of_text]).collect();
    let characters = characters(&ended, |tokens| tokenizer.decode(tokens));
    let mut words = if rules::has_spaces(language) {
        joined(characters, &ended, end_of_text)
    } else {
        characters
    };
    words.pop();
    words
}

/// The shortest runs of tokens that are whole characters.
fn characters(tokens: &[u32], decode: impl Fn(&[u32]) -> String) -> Vec<(String, usize)> {
    let whole: Vec<char> = decode(tokens).chars().collect();
    let (mut found, mut from, mut offset) = (Vec::new(), 0, 0);
    for to in 1..=tokens.len() {
        let text = decode(&tokens[from..to]);
        let broken = text.chars().position(|character| character == REPLACEMENT);
        if broken.is_none_or(|position| whole.get(offset + position) == Some(&REPLACEMENT)) {
            offset += text.chars().count();
            found.push((text, to - from));
            from = to;
        }
    }
    found
}

fn joined(characters: Vec<(String, usize)>, tokens: &[u32], end_of_text: u32) -> Vec<(String, usize)> {
    let mut from = 0;
    let begins = |(text, count): &(String, usize)| {
        let special = tokens[from] >= end_of_text;
        from += count;
        special || rules::begins_word(text)
    };
    let append = |word: &mut (String, usize), (text, count): (String, usize)| {
        word.0.push_str(&text);
        word.1 += count;
    };
    rules::group(characters, begins, append)
}

#[cfg(test)]
mod tests {
    use super::words;
    use crate::testing::model;
    use crate::tokenizer::Tokenizer;

    fn of(name: &str, language: &str, text: &str) -> Vec<String> {
        let tokenizer = Tokenizer::open(&model(name)).expect("the tokenizer opens");
        let tokens = tokenizer.encode(text).expect("the file is still there");
        let words = words(&tokenizer, &tokens, language);
        assert_eq!(words.iter().map(|(_, count)| count).sum::<usize>(), tokens.len());
        words.into_iter().map(|(word, _)| word).collect()
    }

    #[test]
    fn words_begin_with_a_space_and_punctuation_stands_alone() {
        assert_eq!(
            of("base", "en", " Hello, unbelievable \"world."),
            [" Hello", ",", " unbelievable", " \"world", "."]
        );
        assert_eq!(of("base", "de", "Grüße aus Köln"), ["Grüße", " aus", " Köln"]);
    }

    #[test]
    fn languages_without_spaces_are_split_at_characters() {
        assert_eq!(of("tiny.en", "zh", "東京"), ["東", "京"]);
        assert_eq!(of("base", "en", ""), Vec::<String>::new());
    }

    #[test]
    fn bytes_that_are_no_character_do_not_panic() {
        let tokenizer = Tokenizer::open(&model("base")).expect("the tokenizer opens");
        let broken: Vec<u32> = tokenizer
            .encode("a東京")
            .expect("the file is still there")
            .into_iter()
            .rev()
            .collect();
        for end in 0..=broken.len() {
            for language in ["en", "ja"] {
                let words = words(&tokenizer, &broken[..end], language);
                assert!(words.iter().map(|(_, count)| count).sum::<usize>() <= end);
            }
        }
    }
}
