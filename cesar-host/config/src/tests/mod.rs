//! Shared fixtures: a home folder with a configuration file, and a command line resolved through all layers.

mod errors;
mod layers;
mod options;
mod show;

use std::path::PathBuf;

use super::{ConfigError, Group, Layers, Resolved, augment, config_file_flag};

/// A home folder, optionally with a configuration file, and an environment.
struct Home {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let variables = vec![("HOME".to_owned(), folder.path().to_str().unwrap().to_owned())];
        Self { folder, variables }
    }

    fn with_file(self, toml: &str) -> Self {
        std::fs::create_dir_all(self.file().parent().unwrap()).unwrap();
        std::fs::write(self.file(), toml).unwrap();
        self
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join(".config/cesar/config.toml")
    }

    /// Resolves with this command line, in a program where one command has all the flags.
    fn resolve(&self, flags: &[&str]) -> Result<Resolved, ConfigError> {
        let matches = augment(clap::Command::new("cesar").arg(config_file_flag()), Group::Global)
            .subcommand(augment(clap::Command::new("config"), Group::Config))
            .try_get_matches_from(["cesar", "config"].iter().chain(flags))
            .unwrap_or_else(|error| panic!("{error}"));
        let (_, matches) = matches.subcommand().unwrap();
        let file = matches.get_one::<PathBuf>("config_file");
        Layers::load(file.map(PathBuf::as_path), self.variables.clone())?
            .with_flags(matches)
            .resolve()
    }

    /// The error message of a refused configuration, with the home folder written as `HOME`.
    fn refusal(&self, flags: &[&str]) -> String {
        let error = self.resolve(flags).expect_err("this configuration is wrong");
        error.to_string().replace(self.folder.path().to_str().unwrap(), "HOME")
    }
}
