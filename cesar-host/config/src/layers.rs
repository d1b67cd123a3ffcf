//! Layers: the statements of the file, the environment and the flags.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use cesar_base::Folders;
use clap::ArgMatches;

use super::environment::{self, CONFIG_FILE};
use super::error::ConfigError;
use super::file::Reader;
use super::flags;
use super::resolved::Resolved;
use super::statement::Statement;

/// The statements of each layer, from the lowest precedence to the highest.
#[derive(Debug, Clone)]
pub struct Layers {
    statements: Vec<Statement>,
    warnings: Vec<String>,
    folders: Folders,
    /// The configuration file, and whether it exists.
    file: Option<(PathBuf, bool)>,
}

impl Layers {
    /// Reads the configuration file and the environment. `config_file` is the value of `--config`; without it `CESAR_CONFIG`, else
    /// the standard place. Only a file in the standard place may be absent. For the process's own environment pass
    /// `std::env::vars_os()`.
    ///
    /// # Errors
    /// A file that cannot be read or is not TOML, a key that does not exist, a value of the wrong kind; a variable that is not UTF-8.
    pub fn load<Name: Into<OsString>, Text: Into<OsString>>(
        config_file: Option<&Path>,
        environment: impl IntoIterator<Item = (Name, Text)>,
    ) -> Result<Self, ConfigError> {
        let environment: BTreeMap<OsString, OsString> = environment
            .into_iter()
            .map(|(name, text)| (name.into(), text.into()))
            .collect();
        let variable = |name: &str| environment.get(OsString::from(name).as_os_str()).cloned();
        let folders = Folders::new(variable);
        let named = config_file.map(Path::to_owned).or_else(|| {
            variable(CONFIG_FILE)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        });
        let must_exist = named.is_some();
        let mut layers = Self {
            statements: Vec::new(),
            warnings: Vec::new(),
            file: None,
            folders,
        };
        if let Some(path) = named.or_else(|| layers.folders.config_file()) {
            layers.read_file(path, must_exist)?;
        }
        let (statements, warnings) = environment::read(&environment)?;
        layers.statements.extend(statements);
        layers.warnings = warnings;
        Ok(layers)
    }

    fn read_file(&mut self, path: PathBuf, must_exist: bool) -> Result<(), ConfigError> {
        // Absolute, because paths in the file are relative to its folder.
        let path = std::path::absolute(&path).unwrap_or(path);
        let exists = match std::fs::read_to_string(&path) {
            Ok(text) => {
                let reader = Reader {
                    path: &path,
                    home: self.folders.home.as_deref(),
                    text: &text,
                };
                self.statements.extend(reader.read()?);
                true
            }
            Err(error) if is_absent(&error) && !must_exist => false,
            Err(reason) => return Err(ConfigError::Read { path, reason }),
        };
        self.file = Some((path, exists));
        Ok(())
    }

    /// Adds the flags of a command line; `matches` are those of the subcommand, which has the program's own as well.
    #[must_use]
    pub fn with_flags(mut self, matches: &ArgMatches) -> Self {
        self.statements.extend(flags::read(matches));
        self
    }

    /// Checks the statements and resolves every setting.
    ///
    /// # Errors
    /// A value of the wrong kind, or one option of a plugin set twice by one layer.
    pub fn resolve(self) -> Result<Resolved, ConfigError> {
        Resolved::new(self.statements, self.warnings, self.folders, self.file)
    }
}

/// Whether there is no such file, or not even its folder (`HOME=/dev/null`).
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
