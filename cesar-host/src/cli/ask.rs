//! Questions to whoever sits at the terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use crate::cli::report::Failure;

/// Asks before `what` is removed. Without a terminal nobody can answer, and that is a refusal.
pub(super) fn agreed(what: &str) -> Result<bool, Failure> {
    if !is_anybody_there() {
        return Err(Failure::usage(format!(
            "nothing removed: no terminal for the confirmation of {what}; use `--yes` to remove, or `--dry-run` to preview"
        )));
    }
    yes(&format!("remove {what}?"))
}

/// Whether there is a terminal at which somebody can answer.
pub(super) fn is_anybody_there() -> bool {
    io::stdin().is_terminal()
}

/// Asks on standard error; only `y` and `yes` mean yes.
pub(super) fn yes(question: &str) -> Result<bool, Failure> {
    let mut stderr = io::stderr().lock();
    let _ = write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush());
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(Failure::failed)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
