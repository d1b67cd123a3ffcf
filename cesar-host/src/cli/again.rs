//! The command that does the same once more: what is stored is not done again, so after a stage has failed it does that stage alone.

use std::ffi::OsString;

/// The command line that this program was called with.
pub(super) fn command() -> String {
    of(std::env::args_os())
}

/// Without what asks for work that was done.
fn of(words: impl Iterator<Item = OsString>) -> String {
    let mut kept = Vec::new();
    let mut words = words.map(|word| word.to_string_lossy().into_owned());
    while let Some(word) = words.next() {
        match word.as_str() {
            "--refresh" => {}
            "--refresh-stage" => drop(words.next()),
            word if word.starts_with("--refresh-stage=") => {}
            word => kept.push(quoted(word)),
        }
    }
    kept.join(" ")
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=,+@%".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_asks_for_nothing_that_is_done() {
        let words = [
            "cesar",
            "transcribe",
            "Ann's talk.mp3",
            "--refresh",
            "--refresh-stage",
            "asr",
            "--refresh-stage=merge",
            "-f",
            "md",
        ];
        let command = of(words.map(OsString::from).into_iter());
        assert_eq!(command, r"cesar transcribe 'Ann'\''s talk.mp3' -f md");
    }
}
