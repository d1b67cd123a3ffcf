//! The texts of Moonshine's tokens: `tokenizer.bin`, or `tokenizer.json` of Hugging Face's tokenizers.
//!
//! `tokenizer.bin` is a list of entries, each a length and so many bytes. The length is one byte, or from 128 on two: the first holds it
//! modulo 128 plus 128, the second the rest divided by 128. `▁` stands for a space. Bytes that are no text have entries of their own.

use std::path::Path;

use plugin_api::{ErrorKind, StageError};
use serde::Deserialize;

/// Bytes of each token.
#[derive(Debug)]
pub(super) struct Vocabulary(Vec<Vec<u8>>);

/// The part of `tokenizer.json` that decoding needs.
#[derive(Deserialize)]
struct Json {
    model: Model,
}

#[derive(Deserialize)]
struct Model {
    vocab: std::collections::BTreeMap<String, usize>,
}

/// No vocabulary has more tokens.
const MOST: usize = 1 << 20;

impl Vocabulary {
    /// The vocabulary of a model's folder.
    pub(super) fn open(folder: &Path) -> Result<Self, StageError> {
        let refuse = |message: String| Err(StageError::new(ErrorKind::ModelMissing, message));
        let binary = folder.join("tokenizer.bin");
        if let Ok(content) = std::fs::read(&binary) {
            return match binary_entries(&content) {
                Some(entries) if entries.len() > 2 => Ok(Self(entries)),
                _ => refuse(format!("`{}` is damaged: pull the model again", binary.display())),
            };
        }
        let json = folder.join("tokenizer.json");
        let Ok(content) = std::fs::read(&json) else {
            return refuse(format!(
                "the Moonshine model in `{}` lacks `tokenizer.bin` or `tokenizer.json`: pull the model again",
                folder.display()
            ));
        };
        match json_entries(&content) {
            Some(entries) if entries.len() > 2 => Ok(Self(entries)),
            _ => refuse(format!(
                "`{}` is damaged or no tokenizer of Moonshine: pull the model again",
                json.display()
            )),
        }
    }

    /// The bytes of a token; none for a special one.
    pub(super) fn bytes(&self, id: u32) -> &[u8] {
        let entry = usize::try_from(id).ok().and_then(|id| self.0.get(id));
        entry.map_or(&[], Vec::as_slice)
    }
}

fn binary_entries(content: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut entries = Vec::new();
    let mut rest = content;
    while let Some((&first, after)) = rest.split_first() {
        let mut length = usize::from(first);
        rest = after;
        if length >= 128 {
            let (&second, after) = rest.split_first()?;
            length = usize::from(second) * 128 + length - 128;
            rest = after;
        }
        let (entry, after) = rest.split_at_checked(length)?;
        rest = after;
        entries.push(entry_bytes(entry));
    }
    Some(entries)
}

fn json_entries(content: &[u8]) -> Option<Vec<Vec<u8>>> {
    let Json { model } = serde_json::from_slice(content).ok()?;
    let length = model.vocab.values().max()? + 1;
    if length > MOST {
        return None;
    }
    let mut entries = vec![Vec::new(); length];
    for (token, id) in model.vocab {
        entries[id] = entry_bytes(token.as_bytes());
    }
    Some(entries)
}

/// The text of an entry: `<0x0A>` is a byte, `<s>` and other names in angle brackets have none.
fn entry_bytes(entry: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(entry).unwrap_or_default();
    let name = text
        .strip_prefix('<')
        .and_then(|text| text.strip_suffix('>'))
        .filter(|name| name.len() > 1 || *name == "s");
    match name {
        Some(name) => {
            let byte = name
                .strip_prefix("0x")
                .and_then(|digits| u8::from_str_radix(digits, 16).ok());
            byte.into_iter().collect()
        }
        None if text.contains('▁') => text.replace('▁', " ").into_bytes(),
        None => entry.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_forms_give_the_same_texts() {
        let mut binary = vec![];
        for entry in ["<unk>", "<s>", "</s>", "\n", "▁he", "llo"] {
            binary.push(u8::try_from(entry.len()).unwrap());
            binary.extend(entry.as_bytes());
        }
        let json = r#"{"model": {"vocab": {"<unk>": 0, "<s>": 1, "</s>": 2, "<0x0A>": 3, "▁he": 4, "llo": 5}}}"#;
        let entries = binary_entries(&binary).unwrap();
        assert_eq!(entries, json_entries(json.as_bytes()).unwrap());
        assert_eq!(entries[3..], [b"\n".to_vec(), b" he".to_vec(), b"llo".to_vec()]);
        assert_eq!(entries[1], b"");
    }

    #[test]
    fn a_long_entry_has_two_bytes_of_length() {
        let mut binary = vec![128 + 44, 2];
        binary.extend(std::iter::repeat_n(b'a', 300));
        assert_eq!(binary_entries(&binary).unwrap(), [vec![b'a'; 300]]);
    }

    proptest! {
        #[test]
        fn damaged_files_are_refused_or_read(content in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = json_entries(&content);
            if let Some(entries) = binary_entries(&content) {
                prop_assert!(entries.len() <= content.len());
            }
        }
    }
}
