//! Texts that show a model what to expect.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};

/// Maximum number of equal words in a row. A model continues a longer row instead of writing what is said: with 223 tokens of one word a
/// sentence of two seconds was lost.
const MOST_IN_A_ROW: usize = 8;

/// Reads a text, without words that only repeat the ones before.
///
/// # Errors
/// For what is no text.
pub fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.map(|text| match without_rows(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(shorter) => shorter,
    }))
}

fn without_rows(text: &str) -> Cow<'_, str> {
    let (mut kept, mut last, mut row) = (Vec::new(), None, 0);
    let mut is_shorter = false;
    for word in text.split_whitespace() {
        row = if last == Some(word) { row + 1 } else { 1 };
        last = Some(word);
        match row <= MOST_IN_A_ROW {
            true => kept.push(word),
            false => is_shorter = true,
        }
    }
    match is_shorter {
        true => Cow::Owned(kept.join(" ")),
        false => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_one_word_is_shortened_and_nothing_else() {
        let long = format!("Harbour, {}and the  ferry", "door ".repeat(3_000));
        assert_eq!(
            without_rows(&long),
            format!("Harbour, {}and the ferry", "door ".repeat(8))
        );
        for text in ["", " two  spaces", "no no no", &"one two ".repeat(500)] {
            assert_eq!(without_rows(text), text);
        }
    }
}
