//! The texts of all tokens, in one piece: a vocabulary of 50,000 separate strings takes ten times as much.

/// Texts by number.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Texts {
    joined: String,
    /// The end of each text in `joined`.
    ends: Vec<usize>,
}

impl Texts {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The text of this number; empty if there is none.
    pub(super) fn get(&self, id: u32) -> &str {
        let id = id as usize;
        let start = if id == 0 {
            0
        } else {
            self.ends.get(id - 1).copied().unwrap_or_default()
        };
        self.ends.get(id).map_or("", |&end| &self.joined[start..end])
    }
}

impl<T: AsRef<str>> FromIterator<T> for Texts {
    fn from_iter<I: IntoIterator<Item = T>>(texts: I) -> Self {
        let mut all = Self::default();
        for text in texts {
            all.joined.push_str(text.as_ref());
            all.ends.push(all.joined.len());
        }
        all.joined.shrink_to_fit();
        all.ends.shrink_to_fit();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_text_is_found_by_its_number(texts: Vec<String>) {
            let all: Texts = texts.iter().collect();
            prop_assert_eq!(all.len(), texts.len());
            for (id, text) in (0_u32..).zip(&texts) {
                prop_assert_eq!(all.get(id), text);
            }
            prop_assert_eq!(all.get(u32::try_from(texts.len()).unwrap()), "");
            prop_assert_eq!(all.get(u32::MAX), "");
        }
    }
}
