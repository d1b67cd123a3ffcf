//! Questions at the terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use crate::cli::report::Failure;

/// Asks before `what` is removed. Refuses without a terminal.
pub(super) fn confirm_removal(what: &str) -> Result<bool, Failure> {
    if !is_interactive() {
        return Err(Failure::usage(format!(
            "nothing removed: no terminal for the confirmation of {what}; use `--yes` to remove, or `--dry-run` to preview"
        )));
    }
    confirm(&format!("remove {what}?"))
}

/// Whether standard input is a terminal.
pub(super) fn is_interactive() -> bool {
    io::stdin().is_terminal()
}

/// Asks on standard error; only `y` and `yes` mean yes.
pub(super) fn confirm(question: &str) -> Result<bool, Failure> {
    let mut stderr = io::stderr().lock();
    let _ = write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush());
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(Failure::failed)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
