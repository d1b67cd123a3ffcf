//! Arguments that several commands share.
//!
//! Commands and their own arguments are derived; the flags of settings come from the table of [`cesar_config`], by [`SettingFlags`].

use std::fmt::Display;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::str::FromStr;

use cesar_config::{Group, augment, config_file_flag};
use clap::error::Error;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};

/// `--config`.
pub(crate) struct ConfigFile {
    pub(crate) path: Option<PathBuf>,
}

impl FromArgMatches for ConfigFile {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let path = matches.get_one("config_file").cloned();
        Ok(Self { path })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for ConfigFile {
    fn augment_args(command: Command) -> Command {
        command.arg(config_file_flag())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// The flags of the settings of a group. Their values are read by [`cesar_config::Layers::with_flags`].
pub(crate) struct SettingFlags<G> {
    matches: ArgMatches,
    group: PhantomData<G>,
}

impl<G> SettingFlags<G> {
    /// The settings that were given on the command line, not by the file or the environment.
    pub(crate) fn given(&self) -> Given<'_> {
        Given(&self.matches)
    }
}

/// Settings that were given on the command line.
#[derive(Clone, Copy)]
pub(crate) struct Given<'a>(&'a ArgMatches);

impl Given<'_> {
    /// Whether this one was.
    pub(crate) fn has(self, setting: &str) -> bool {
        let is_known = self.0.try_contains_id(setting).is_ok();
        is_known && self.0.value_source(setting) == Some(ValueSource::CommandLine)
    }
}

impl<G> FromArgMatches for SettingFlags<G> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        Ok(Self {
            matches: matches.clone(),
            group: PhantomData,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl<G: SettingGroup> Args for SettingFlags<G> {
    fn augment_args(command: Command) -> Command {
        augment(command, G::GROUP)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// A [`Group`] as a type.
pub(crate) trait SettingGroup {
    const GROUP: Group;
}

/// Types for the groups of settings.
pub(crate) mod group {
    use super::{Group, SettingGroup};

    macro_rules! groups {
        ($($name:ident)*) => {
            $(
                pub(crate) enum $name {}

                impl SettingGroup for $name {
                    const GROUP: Group = Group::$name;
                }
            )*
        };
    }

    groups!(Global Transcribe Align Watch Render Cache Config Models Plugins Pull Serve Worker);
}

/// `--json`.
#[derive(clap::Args)]
pub(crate) struct JsonFlag {
    /// Print JSON (stable schema)
    #[arg(long)]
    pub(crate) json: bool,
}

/// The arguments of commands that remove something.
#[derive(clap::Args)]
pub(crate) struct RemovalArgs {
    /// Show what would be removed, without removing it
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Remove without confirmation
    #[arg(short, long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) json: JsonFlag,
}

/// A reader of whole numbers between two bounds.
pub(crate) fn whole<T>(least: T, most: Option<T>) -> impl Fn(&str) -> Result<T, String> + Clone
where
    T: FromStr + PartialOrd + Copy + Display,
{
    move |text| {
        let number = text.parse::<T>().ok();
        let fits = |number: &T| *number >= least && most.is_none_or(|most| *number <= most);
        number.filter(fits).ok_or_else(|| match most {
            Some(most) => format!("it must be a whole number from {least} to {most}"),
            None => format!("it must be a whole number of at least {least}"),
        })
    }
}

/// The code of a language, however it is written.
pub(crate) fn language_code(text: &str) -> Result<String, String> {
    let code = cesar_language::code(text).ok_or("it names no language")?;
    Ok(code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_have_bounds() {
        let (percent, lines) = (whole(0_u64, Some(100)), whole(1_u64, None));
        assert_eq!((percent("25"), lines("7")), (Ok(25), Ok(7)));
        for text in ["0.9", "101", "-1", ""] {
            assert_eq!(percent(text), Err("it must be a whole number from 0 to 100".to_owned()));
        }
        assert_eq!(lines("0"), Err("it must be a whole number of at least 1".to_owned()));
    }
}
