//! The tokens of a Whisper model as byte strings, out of its `tokenizer.json`.
//!
//! The file has GPT-2's spelling, in which every byte is a printable character: printable ones of Latin-1 stand for themselves, the
//! others, in order, for the characters from U+0100. whisper.cpp needs 50,257 text tokens; it adds the special ones itself.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::ConvertError;

/// The number of text tokens, including the end of text.
const TOKENS: u32 = 50_257;
const END: &str = "<|endoftext|>";
/// The end of text in English-only models, where the vocabulary has no word for it.
const LAST: u32 = 50_256;

#[derive(Deserialize)]
struct Tokenizer {
    added_tokens: Vec<Added>,
    model: Model,
}

#[derive(Deserialize)]
struct Added {
    id: u32,
    content: String,
}

#[derive(Deserialize)]
struct Model {
    vocab: HashMap<String, u32>,
}

/// The byte strings of the tokens, by number; `what` names the file in messages.
pub(super) fn tokens(what: &str, tokenizer: &[u8]) -> Result<Vec<Vec<u8>>, ConvertError> {
    let malformed = |reason: String| ConvertError::malformed(what, reason);
    let tokenizer: Tokenizer = serde_json::from_slice(tokenizer).map_err(|error| malformed(error.to_string()))?;
    let end = tokenizer.added_tokens.iter().find(|added| added.content == END);
    let end = end.ok_or_else(|| malformed(format!("it has no token `{END}`")))?.id;
    let bytes = byte_of_character();
    let mut by_id = BTreeMap::new();
    for (text, id) in tokenizer.model.vocab.iter().filter(|(_, id)| **id < end) {
        let token: Option<Vec<u8>> = text.chars().map(|letter| bytes.get(&letter).copied()).collect();
        by_id.insert(
            *id,
            token.ok_or_else(|| malformed(format!("the token `{text}` is not in GPT-2's spelling")))?,
        );
    }
    by_id.entry(LAST).or_insert_with(|| END.into());
    let all = (0..TOKENS).map(|id| by_id.remove(&id)).collect::<Option<Vec<_>>>();
    all.ok_or_else(|| malformed("tokens are missing".to_owned()))
}

fn byte_of_character() -> HashMap<char, u8> {
    let is_printable = |byte: u8| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let printable = (0..=255_u8)
        .filter(|byte| is_printable(*byte))
        .map(|byte| (char::from(byte), byte));
    let others = (0..=255_u8).filter(|byte| !is_printable(*byte));
    printable.chain(('\u{100}'..).zip(others)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_a_character() {
        let bytes = byte_of_character();
        assert_eq!(bytes.len(), 256);
        // The space is the 33rd byte that is not printable, `Ġ`.
        assert_eq!((bytes[&'A'], bytes[&'Ġ'], bytes[&'Ċ']), (b'A', b' ', b'\n'));
    }
}
