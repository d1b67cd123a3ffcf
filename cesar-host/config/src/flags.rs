//! Statements of the command line: the flags of the settings, added to clap commands and read back from their matches.

use cesar_base::names::lossless;
use clap::builder::{OsStringValueParser, PossibleValuesParser, TypedValueParser as _, ValueParser};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};

use super::setting::{Flag, Group, Kind, Setting};
use super::source::Source;
use super::statement::{RawValue, Statement};
use super::table::SETTINGS;

/// Adds the flags of the settings of one group. [`Group::Global`] is for the program itself; its flags then work everywhere.
#[must_use]
pub fn augment(command: Command, group: Group) -> Command {
    SETTINGS
        .iter()
        .filter_map(|setting| setting.flag.map(|flag| (setting, flag)))
        .filter(|(setting, flag)| {
            let global = flag.groups.contains(&Group::Global);
            match group {
                Group::Config => !global,
                Group::Render => setting.section() == "format" || setting.key == "output.formats",
                Group::Align => flag.groups.contains(&Group::Transcribe) && setting.section() != "diarize",
                Group::Watch => {
                    flag.groups.contains(&Group::Transcribe)
                        && !["download", "network"].contains(&setting.section())
                        && setting.key != "output.correct_extension"
                }
                group => flag.groups.contains(&group),
            }
        })
        .fold(command, |command, (setting, flag)| {
            let command = command.arg(argument(setting, flag));
            match flag.opposite {
                Some((long, doc)) => command.arg(opposite(setting, flag, (long, doc))),
                None => command,
            }
        })
}

/// `--config FILE`, for the program itself; not a setting, because it says where the settings are. Its value is a path, under the
/// id `config_file`.
#[must_use]
pub fn config_file_flag() -> Arg {
    Arg::new("config_file")
        .long("config")
        .value_name("FILE")
        .value_parser(clap::value_parser!(std::path::PathBuf))
        .value_hint(ValueHint::FilePath)
        .global(true)
        .help("Read this configuration file instead of the standard one")
        .long_help(
            "Read this configuration file instead of the standard one, which is `$XDG_CONFIG_HOME/cesar/config.toml` \
             (`~/.config/cesar/config.toml`).\n\nAlso: the variable `CESAR_CONFIG`.",
        )
}

fn argument(setting: &'static Setting, flag: Flag) -> Arg {
    let doc = flag.switch.map_or(setting.doc, |(_, doc)| doc);
    let mut argument = Arg::new(setting.key)
        .long(flag.long)
        .help(doc.trim_end_matches('.').to_owned())
        .long_help(format!(
            "{doc}\n\nAlso: `{}` in the configuration file, the variable `{}`.",
            setting.key,
            setting.variable()
        ))
        .help_heading(heading(setting.section()))
        .global(flag.groups.contains(&Group::Global));
    if let Some(letter) = flag.short {
        argument = argument.short(letter);
    }
    if flag.switch.is_some() {
        let argument = argument.action(ArgAction::SetTrue);
        return match flag.opposite {
            Some((long, _)) => argument.overrides_with(long),
            None => argument,
        };
    }
    let action = match setting.kind {
        Kind::Paths | Kind::Texts | Kind::Options | Kind::Durations => ArgAction::Append,
        _ => ArgAction::Set,
    };
    argument
        .action(action)
        .value_name(flag.value_name)
        .allow_negative_numbers(matches!(setting.kind, Kind::Integer { .. }))
        .value_hint(hint(setting.kind))
        .value_parser(parser(setting.kind))
}

/// The switch that sets the opposite value; its id is its name.
fn opposite(setting: &'static Setting, flag: Flag, (long, doc): (&'static str, &'static str)) -> Arg {
    Arg::new(long)
        .long(long)
        .action(ArgAction::SetTrue)
        .overrides_with(setting.key)
        .help(doc.trim_end_matches('.').to_owned())
        .help_heading(heading(setting.section()))
        .global(flag.groups.contains(&Group::Global))
}

fn heading(section: &str) -> &'static str {
    match section {
        "audio" => "Recordings",
        "asr" => "Speech recognition",
        "diarize" => "Speakers",
        "glossary" => "Glossary",
        "format" | "output" => "Output",
        "download" | "network" => "Network",
        "cache" => "Cache",
        "plugins" | "models" => "Plugins and models",
        "server" => "Server",
        _ => "Other settings",
    }
}

fn hint(kind: Kind) -> ValueHint {
    match kind {
        Kind::Path | Kind::Paths => ValueHint::DirPath,
        Kind::NameOrPath => ValueHint::AnyPath,
        _ => ValueHint::Other,
    }
}

/// Lets clap apply the check of the kind, so that a bad value is reported with the usage; the value stays text.
fn parser(kind: Kind) -> ValueParser {
    match kind {
        Kind::Choice(choices) => PossibleValuesParser::new(choices).into(),
        // Any bytes, kept as text.
        Kind::Path | Kind::Paths => OsStringValueParser::new()
            .try_map(move |path| {
                let text = lossless(&path);
                kind.read_text(&text)
                    .map(|_| text)
                    .ok_or_else(|| format!("it must be {}", kind.wanted()))
            })
            .into(),
        kind => ValueParser::new(move |text: &str| match kind.read_text(text) {
            Some(_) => Ok(text.to_owned()),
            None => Err(format!("it must be {}", kind.wanted())),
        }),
    }
}

/// The statements of a command line: each flag of a setting that the command has and that was given.
pub(super) fn read(matches: &ArgMatches) -> Vec<Statement> {
    let is_given = |id: &str| {
        matches.try_contains_id(id).unwrap_or(false) && matches.value_source(id) == Some(ValueSource::CommandLine)
    };
    let flags = SETTINGS
        .iter()
        .filter_map(|setting| setting.flag.map(|flag| (setting, flag)));
    let mut statements = Vec::new();
    for (setting, flag) in flags {
        let mut push = |long, texts| {
            statements.push(Statement {
                setting,
                source: Source::Flag(long),
                value: RawValue::Flag(texts),
            });
        };
        if is_given(setting.key) {
            let texts = match flag.switch {
                Some((sets, _)) => vec![sets.to_string()],
                None => (matches.get_many::<String>(setting.key).into_iter().flatten().cloned()).collect(),
            };
            push(flag.long, texts);
        }
        if let (Some((long, _)), Some((sets, _))) = (flag.opposite, flag.switch)
            && is_given(long)
        {
            push(long, vec![(!sets).to_string()]);
        }
    }
    statements
}
