//! Recordings of all inputs, failed inputs and skipped files.

use std::fmt;
use std::path::PathBuf;

use cesar_base::names::shown;

use super::recording::{InputError, Recording};
use crate::cli::humanize::count;

/// Recordings and failures of all inputs.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    pub(crate) recordings: Vec<Recording>,
    /// Inputs without a recording; the others still run.
    pub(crate) failed: Vec<Unusable>,
    /// A sentence for each entry of a folder that cannot be read.
    pub(crate) skipped: Vec<String>,
    pub(crate) passed_over: Vec<PassedOver>,
}

/// An input without a recording, with the reason.
#[derive(Debug)]
pub(crate) struct Unusable {
    /// As [`Recording::input`].
    pub(crate) input: String,
    pub(crate) error: InputError,
}

/// Skipped files of a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PassedOver {
    pub(super) folder: PathBuf,
    pub(super) hidden: usize,
    pub(super) unfinished: usize,
    pub(super) others: usize,
}

impl PassedOver {
    pub(super) fn some(self) -> Option<Self> {
        (self.hidden + self.unfinished + self.others > 0).then_some(self)
    }
}

impl fmt::Display for PassedOver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.hidden, "hidden file", "hidden files"),
            (self.unfinished, "unfinished download", "unfinished downloads"),
            (self.others, "other file", "other files"),
        ];
        let counts = counts.into_iter().filter(|(number, ..)| *number > 0);
        let counts: Vec<_> = counts
            .map(|(number, one, many)| count(number as u64, one, many))
            .collect();
        write!(formatter, "skipped in `{}`: {}", shown(&self.folder), counts.join(", "))
    }
}
