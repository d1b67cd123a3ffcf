//! Warnings of a plugin, stored with its result, so that those who get that result later are warned as well.

use parking_lot::Mutex;
use serde_json::{Value, json};

/// The field of an entry's details.
const FIELD: &str = "warnings";

/// Maximum number of warnings of one run, and of characters of each.
const MOST: usize = 32;
const LONGEST: usize = 1_000;

/// The different warnings of one run of a plugin.
#[derive(Debug, Default)]
pub(super) struct Warnings(Mutex<Vec<String>>);

impl Warnings {
    /// Keeps one. Returns it if it is new, and not one too many.
    pub(super) fn keep(&self, message: &str) -> Option<String> {
        let message: String = message.chars().take(LONGEST).collect();
        let mut kept = self.0.lock();
        let is_new = kept.len() < MOST && !kept.contains(&message);
        is_new.then(|| {
            kept.push(message.clone());
            message
        })
    }

    /// `details` with the warnings; `None` without any.
    pub(super) fn in_details(self, details: Option<&str>) -> Option<String> {
        let kept = self.0.into_inner();
        let details = details.and_then(|details| serde_json::from_str(details).ok());
        let mut details: Value = details.unwrap_or_else(|| json!({}));
        (!kept.is_empty()).then(|| {
            details[FIELD] = kept.into();
            details.to_string()
        })
    }
}

/// The warnings in an entry's details.
pub(super) fn stored(details: Option<&str>) -> Vec<String> {
    let details = details.and_then(|details| serde_json::from_str::<Value>(details).ok());
    let list = details.and_then(|mut details| serde_json::from_value(details[FIELD].take()).ok());
    list.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_read_from_the_details_that_they_were_added_to() {
        let warnings = Warnings::default();
        let shown = ["a", "b", "a"].map(|message| warnings.keep(message));
        assert_eq!(shown, [Some("a".to_owned()), Some("b".to_owned()), None]);
        let details = warnings
            .in_details(Some(r#"{"models":{"model":"base"}}"#))
            .expect("two warnings");
        assert_eq!(stored(Some(&details)), ["a", "b"]);
        assert!(details.contains(r#""model":"base""#), "{details}");
        assert_eq!(Warnings::default().in_details(Some("{}")), None);
        for none in [None, Some("{}"), Some("no JSON"), Some(r#"{"warnings":3}"#)] {
            assert_eq!(stored(none), Vec::<String>::new());
        }
    }

    #[test]
    fn neither_number_nor_length_of_warnings_is_without_limit() {
        let warnings = Warnings::default();
        let long = "x".repeat(2 * LONGEST);
        assert_eq!(warnings.keep(&long).map(|kept| kept.len()), Some(LONGEST));
        let shown = (0..2 * MOST).filter_map(|number| warnings.keep(&number.to_string()));
        assert_eq!(shown.count(), MOST - 1);
    }
}
