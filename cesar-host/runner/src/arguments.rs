//! The arguments of `cesar __runner`, written by the host and by the supervisor, read before any other setup.
//!
//! They are not for users, so they bypass the command line's parser, which would cost each start some milliseconds.

use std::ffi::OsString;
use std::path::PathBuf;

/// The hidden command.
pub const COMMAND: &str = "__runner";

/// The arguments of a runner, read before it loads its plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// The plugin's file.
    pub(crate) plugin: PathBuf,
    /// Its memory limit, in bytes.
    pub(crate) memory: Option<u64>,
    /// The file for the plugin's standard output, instead of standard error.
    pub(crate) stdout: Option<PathBuf>,
    /// Whether this process loads the plugin (worker) or watches it (supervisor).
    pub(crate) worker: bool,
}

impl Arguments {
    /// The words of a command line, the hidden command first.
    pub(crate) fn words(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec![COMMAND.into(), "--plugin".into(), self.plugin.clone().into()];
        if let Some(memory) = self.memory {
            words.extend(["--memory".into(), memory.to_string().into()]);
        }
        if let Some(stdout) = &self.stdout {
            words.extend(["--stdout".into(), stdout.clone().into()]);
        }
        if self.worker {
            words.push("--worker".into());
        }
        words
    }

    /// Reads the words after the hidden command.
    ///
    /// # Errors
    /// The invalid word.
    pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Self, String> {
        let (mut words, mut read) = (words.into_iter(), Self::default());
        while let Some(word) = words.next() {
            let mut value = || {
                words
                    .next()
                    .ok_or_else(|| format!("`{}` needs a value", word.display()))
            };
            match word.to_str() {
                Some("--plugin") => read.plugin = value()?.into(),
                Some("--stdout") => read.stdout = Some(value()?.into()),
                Some("--memory") => {
                    let text = value()?;
                    let number = text.to_str().and_then(|text| text.parse().ok());
                    read.memory = Some(number.ok_or_else(|| format!("`{}` is not a number of bytes", text.display()))?);
                }
                Some("--worker") => read.worker = true,
                _ => return Err(format!("`{}` is not for a runner", word.display())),
            }
        }
        if read.plugin.as_os_str().is_empty() {
            return Err("a runner needs `--plugin`".to_owned());
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_as_they_were_written() {
        let all = Arguments {
            plugin: "/a b/libc.so".into(),
            memory: Some(5),
            stdout: Some("/x".into()),
            worker: true,
        };
        let few = Arguments {
            plugin: "p".into(),
            ..Arguments::default()
        };
        for arguments in [all, few] {
            assert_eq!(Arguments::parse(arguments.words().into_iter().skip(1)), Ok(arguments));
        }
        for words in [
            &["--plugin"][..],
            &["--memory", "x"],
            &["--plugin", "p", "--wroker"],
            &[],
        ] {
            assert!(Arguments::parse(words.iter().map(OsString::from)).is_err(), "{words:?}");
        }
    }
}
