//! The user's folders, by the XDG Base Directory Specification 0.8: a variable counts only when it holds an absolute path.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The user's configuration, data and cache folders; `None` where neither the variable nor `HOME` is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folders {
    /// `$HOME`.
    pub home: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME`, else `~/.config`.
    pub config: Option<PathBuf>,
    /// `$XDG_DATA_HOME`, else `~/.local/share`.
    pub data: Option<PathBuf>,
    /// `$XDG_CACHE_HOME`, else `~/.cache`.
    pub cache: Option<PathBuf>,
    /// `$XDG_STATE_HOME`, else `~/.local/state`.
    pub state: Option<PathBuf>,
}

impl Folders {
    /// The folders for an environment; for the process's own, pass `|name| std::env::var_os(name)`.
    pub fn new(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = absolute("HOME");
        let below = |folder: &str| home.as_deref().map(|home: &Path| home.join(folder));
        Self {
            config: absolute("XDG_CONFIG_HOME").or_else(|| below(".config")),
            data: absolute("XDG_DATA_HOME").or_else(|| below(".local/share")),
            cache: absolute("XDG_CACHE_HOME").or_else(|| below(".cache")),
            state: absolute("XDG_STATE_HOME").or_else(|| below(".local/state")),
            home,
        }
    }

    /// The configuration file's standard place.
    #[must_use]
    pub fn config_file(&self) -> Option<PathBuf> {
        self.config.as_deref().map(|folder| folder.join("cesar/config.toml"))
    }

    /// Cesar's folder for the user's data: models, plugins, jobs; `None` if neither the variable nor `HOME` is set.
    #[must_use]
    pub fn data(&self) -> Option<PathBuf> {
        self.data.as_deref().map(|folder| folder.join("cesar"))
    }

    /// Cesar's folder for state kept between runs.
    #[must_use]
    pub fn state(&self) -> Option<PathBuf> {
        self.state.as_deref().map(|folder| folder.join("cesar"))
    }
}
