//! The command that retries this run: results in the cache are reused, so it repeats only the failed stage.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

/// The command line of this program.
pub(super) fn command() -> String {
    without_refresh(std::env::args_os())
}

/// The command line without the flags for recomputation.
fn without_refresh(words: impl Iterator<Item = OsString>) -> String {
    let mut kept = Vec::new();
    let mut words = words;
    while let Some(word) = words.next() {
        match word.to_str() {
            Some("--refresh") => {}
            Some("--refresh-stage") => drop(words.next()),
            Some(word) if word.starts_with("--refresh-stage=") => {}
            _ => kept.push(quoted(&word).into_owned()),
        }
    }
    kept.join(" ")
}

/// A word quoted for a shell, on one line and in UTF-8; `$'…'` works in bash, zsh, ksh and POSIX 2024.
fn quoted(word: &OsStr) -> Cow<'_, str> {
    let printable = word.to_str().filter(|word| !word.contains(char::is_control));
    let quoted = printable.and_then(|word| shlex::try_quote(word).ok());
    quoted.unwrap_or_else(|| format!("$'{}'", word.as_bytes().escape_ascii()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refresh_flags_are_dropped() {
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
        let command = without_refresh(words.map(OsString::from).into_iter());
        assert_eq!(command, r#"cesar transcribe "Ann's talk.mp3" -f md"#);
    }

    #[test]
    fn names_of_any_bytes_are_quoted_so_that_a_shell_reads_them_back() {
        for name in [
            &b"latin1_\xe9 '\\.wav"[..],
            b"new\nline.wav",
            b"\x1b[31m\x80",
            b"'\\ \xc3\xa9",
        ] {
            let command = format!("printf %s {}", quoted(OsStr::from_bytes(name)));
            let shell = std::process::Command::new("bash")
                .arg("-c")
                .arg(&command)
                .output()
                .unwrap();
            assert_eq!(shell.stdout, name, "{command}");
        }
    }
}
