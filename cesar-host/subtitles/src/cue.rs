//! One subtitle as a viewer sees it.

use crate::measure::{columns, words};

/// Text that is shown together, without markup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cue {
    /// As the file numbers it, else its position, from 1.
    pub number: u64,
    /// In ms.
    pub start: u64,
    /// In ms; may precede the start in a faulty file.
    pub end: u64,
    /// Without empty lines.
    pub lines: Vec<String>,
}

impl Cue {
    /// Time on screen in ms; 0 where the times are reversed.
    #[must_use]
    pub fn duration(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Characters of all lines; a line break counts none.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.lines.iter().map(|line| columns(line)).sum()
    }

    /// Words of all lines.
    #[must_use]
    pub fn words(&self) -> usize {
        self.lines.iter().map(|line| words(line)).sum()
    }
}
