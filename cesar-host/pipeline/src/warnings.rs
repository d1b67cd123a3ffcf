//! Warnings of a plugin, stored with its result, so that those who get that result later are warned as well.

use parking_lot::Mutex;
use serde_json::{Value, json};

/// The field of an entry's details.
const FIELD: &str = "warnings";

/// The warnings of one run of a plugin.
#[derive(Debug, Default)]
pub(super) struct Warnings(Mutex<Vec<String>>);

impl Warnings {
    /// Keeps one, once.
    pub(super) fn keep(&self, message: &str) {
        let mut kept = self.0.lock();
        if kept.iter().all(|other| other != message) {
            kept.push(message.to_owned());
        }
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
        for message in ["a", "b", "a"] {
            warnings.keep(message);
        }
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
}
