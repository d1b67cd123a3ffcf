//! Sources of values.

use std::fmt;
use std::path::PathBuf;

/// The layers, from the lowest precedence to the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// The program.
    Default,
    /// The configuration file.
    File,
    /// The environment.
    Environment,
    /// The command line.
    Flags,
}

/// The source of a value; shown as `default`, `/home/a/.config/cesar/config.toml line 3`, `CESAR_ASR_PLUGIN` or `--asr-plugin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// It is not set.
    Default,
    /// A line of the configuration file, counted from 1.
    File(PathBuf, usize),
    /// An environment variable.
    Environment(String),
    /// A flag, without the dashes.
    Flag(&'static str),
}

impl Source {
    /// The layer it belongs to.
    #[must_use]
    pub fn layer(&self) -> Layer {
        match self {
            Self::Default => Layer::Default,
            Self::File(..) => Layer::File,
            Self::Environment(_) => Layer::Environment,
            Self::Flag(_) => Layer::Flags,
        }
    }

    /// The subject of a sentence about a value of `key` from this source.
    pub(super) fn subject(&self, key: &str) -> String {
        match self {
            Self::Default => format!("`{key}`"),
            Self::File(path, line) => format!("`{key}` in `{}` line {line}", path.display()),
            Self::Environment(_) | Self::Flag(_) => format!("`{self}`"),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File(path, line) => write!(formatter, "{} line {line}", path.display()),
            Self::Environment(name) => formatter.write_str(name),
            Self::Flag(long) => write!(formatter, "--{long}"),
        }
    }
}
