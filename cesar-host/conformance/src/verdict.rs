//! The verdict of a case.

/// The observation where the contract is kept, or the reason why the case was skipped.
pub(super) enum Seen {
    Fine(String),
    Skipped(String),
}

pub(super) type Verdict = Result<Seen, String>;
