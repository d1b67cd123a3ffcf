//! Errors of a configuration.

use std::path::PathBuf;

/// The reason why a configuration is refused; each message is one sentence.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file that was named, or exists in the standard place, cannot be read.
    #[error("cannot read the configuration file `{}` ({reason}); fix it or name another with `--config`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's words.
        reason: std::io::Error,
    },
    /// The file is not TOML.
    #[error("`{}` line {line} is not valid TOML ({reason}); fix that line", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The parser's words.
        reason: String,
    },
    /// The file has a key or section that does not exist.
    #[error("`{key}` in `{}` line {line} is not a setting; {hint}", path.display())]
    UnknownKey {
        /// The key as written, with its sections.
        key: String,
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The nearest name there is, or where to find the names.
        hint: String,
    },
    /// A value of the wrong kind or out of range.
    #[error("{subject} must be {wanted}, not `{given}`")]
    Value {
        /// The setting, and where it was set.
        subject: String,
        /// The accepted values.
        wanted: String,
        /// The value given.
        given: String,
    },
    /// A variable whose value is not UTF-8.
    #[error("`{variable}` is not valid UTF-8; set it to text")]
    Encoding {
        /// The variable.
        variable: String,
    },
    /// One option of a plugin, set in two ways by one layer.
    #[error("{first} and {second} both set the plugin's option `{option}`; keep one of them")]
    Twice {
        /// The short form, and where it was set.
        first: String,
        /// The form in the table, and where it was set.
        second: String,
        /// The option.
        option: String,
    },
    /// The cache is enabled, but no folder for it is known.
    #[error(
        "there is no folder for the cache, because neither `XDG_CACHE_HOME` nor `HOME` is set; name one with `CESAR_CACHE_DIR` or `--cache-dir`, or use `--no-cache`"
    )]
    NoCacheFolder,
}
