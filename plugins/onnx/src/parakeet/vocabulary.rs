//! `vocab.txt`: a token and its number in each line, `<blk>` among them.

use std::path::Path;

use plugin_api::{ErrorKind, StageError};

/// The texts of the tokens.
#[derive(Debug)]
pub(super) struct Vocabulary {
    texts: Vec<Vec<u8>>,
    blank: usize,
}

impl Vocabulary {
    /// The vocabulary of a model's folder.
    pub(super) fn open(folder: &Path) -> Result<Self, StageError> {
        let path = folder.join("vocab.txt");
        let refuse = |message: String| StageError::new(ErrorKind::ModelMissing, message);
        let content = std::fs::read_to_string(&path).map_err(|_| {
            let shown = folder.display();
            refuse(format!(
                "the Parakeet model in `{shown}` lacks `vocab.txt`: pull the model again"
            ))
        })?;
        Self::parse(&content).ok_or_else(|| {
            let shown = path.display();
            refuse(format!("`{shown}` is damaged or has no `<blk>`: pull the model again"))
        })
    }

    fn parse(content: &str) -> Option<Self> {
        let mut texts = Vec::new();
        let mut blank = None;
        for (index, line) in content.lines().enumerate() {
            let (token, number) = line.rsplit_once(' ')?;
            if number.parse() != Ok(index) {
                return None;
            }
            if token == "<blk>" {
                blank = Some(index);
            }
            let is_special = token.len() > 2 && token.starts_with('<') && token.ends_with('>');
            let text = if is_special {
                String::new()
            } else {
                token.replace('▁', " ")
            };
            texts.push(text.into_bytes());
        }
        Some(Self { texts, blank: blank? })
    }

    /// The token that stands for nothing.
    pub(super) fn blank(&self) -> usize {
        self.blank
    }

    /// Number of tokens.
    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    /// The text of a token; none for a special one.
    pub(super) fn bytes(&self, token: usize) -> &[u8] {
        self.texts.get(token).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vocabulary_without_a_blank_or_out_of_order_is_refused() {
        let good = Vocabulary::parse("<unk> 0\n▁the 1\n. 2\n<blk> 3\n").unwrap();
        assert_eq!((good.len(), good.blank(), good.bytes(1)), (4, 3, &b" the"[..]));
        assert_eq!(good.bytes(0), b"");
        assert!(Vocabulary::parse("<unk> 0\n▁the 1\n").is_none());
        assert!(Vocabulary::parse("<unk> 0\n▁the 2\n<blk> 1\n").is_none());
    }
}
