//! Rows of jobs that cannot be read, each of which is logged once.

use std::collections::BTreeSet;

use parking_lot::Mutex;

/// The most rows that are remembered; further ones are not logged.
const LIMIT: usize = 1_000;

/// The rows of a store that this process has logged.
#[derive(Default)]
pub(super) struct Unreadable(Mutex<BTreeSet<String>>);

impl Unreadable {
    /// Logs a row that a list leaves out; returns whether it was logged by this call.
    pub(super) fn log(&self, id: &str, reason: &str) -> bool {
        let mut logged = self.0.lock();
        if logged.len() >= LIMIT || !logged.insert(id.to_owned()) {
            return false;
        }
        tracing::warn!(
            job = id,
            "job `{id}` is left out of lists ({reason}); restore its row from a backup, or use the Cesar that wrote it"
        );
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_logged_once_and_rows_without_end_are_not() {
        let unreadable = Unreadable::default();
        assert!(unreadable.log("0", "the column `request` cannot be read"));
        assert!(!unreadable.log("0", "the column `request` cannot be read"));
        let logged = (1..2 * LIMIT).filter(|number| unreadable.log(&number.to_string(), "the same"));
        assert_eq!(logged.count(), LIMIT - 1);
    }
}
