//! The shape of the command line. What a setting is (see [`cesar_config`]) has its flag from there; here are the commands and what
//! is said anew for each run.

use std::path::PathBuf;

use cesar_base::{parse_duration, parse_size};
use cesar_config::{Group, augment, config_file_flag};
use cesar_pipeline::Stage;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Arg, ArgAction, Command, ValueHint, value_parser};

/// The command line, without what is not for people.
pub(super) fn command_for_people() -> Command {
    let command = Command::new("cesar")
        .about("Turns recordings into text, offline")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .arg(config_file_flag())
        .arg(switch("verbose", 'v', "Say what each stage does (-v), and log everything (-vv)").action(ArgAction::Count))
        .arg(switch("quiet", 'q', "Say nothing but errors").action(ArgAction::SetTrue).conflicts_with("verbose"))
        .after_help(
            "Exit codes: 0 done, 1 failed, 2 usage, 3 partial (a transcript without speakers, or of a recording of which sound is missing), 4 some of several inputs failed, \
             130 interrupted.",
        );
    augment(command, Group::Global)
        .subcommand(transcribe())
        .subcommand(super::plugins::command())
        .subcommand(super::models::command())
        .subcommand(cache())
        .subcommand(super::serve::command())
        .subcommand(super::jobs::command())
        .subcommand(config())
        .subcommand(completions())
}

fn switch(name: &'static str, letter: char, help: &'static str) -> Arg {
    Arg::new(name).short(letter).long(name).help(help).global(true)
}

pub(super) fn json() -> Arg {
    Arg::new("json")
        .long("json")
        .help("Write JSON, of a settled shape")
        .action(ArgAction::SetTrue)
}

fn transcribe() -> Command {
    let command =
        Command::new("transcribe").about("Transcribe recordings: files, folders, addresses, or `-` for standard input");
    work(command)
        .arg(
            Arg::new("refresh")
                .long("refresh")
                .action(ArgAction::SetTrue)
                .conflicts_with("cache.enabled")
                .help_heading("Cache")
                .help("Do all work again, and keep the new results"),
        )
        .arg(
            Arg::new("refresh-stage")
                .long("refresh-stage")
                .value_name("STAGE")
                .action(ArgAction::Append)
                .value_parser(PossibleValuesParser::new(Stage::ALL.map(Stage::name)).try_map(|name| name.parse::<Stage>()))
                .conflicts_with_all(["cache.enabled", "refresh"])
                .help_heading("Cache")
                .help("Do this stage again, and what follows when its result is another one; can be repeated"),
        )
        .arg(
            Arg::new("cache-info")
                .long("cache-info")
                .action(ArgAction::SetTrue)
                .conflicts_with("cache.enabled")
                .help_heading("Cache")
                .help("Show the cache and what it has of the recordings, and do nothing"),
        )
        .arg(json().requires("cache-info").help_heading("Cache"))
        .arg(
            Arg::new("overwrite")
                .long("overwrite")
                .action(ArgAction::SetTrue)
                .help_heading("Output")
                .help("Replace files of other recordings in the output folder, instead of writing under another name"),
        )
        .arg(
            Arg::new("keep-intermediate")
                .long("keep-intermediate")
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::DirPath)
                .help_heading("Output")
                .help("Write what each stage gave into this folder: audio, the engine's answer, who spoke when, the document"),
        )
}

/// What is to be transcribed and how, for those who do it and those who explain it.
fn work(command: Command) -> Command {
    let time = |name: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name("TIME")
            .value_parser(super::times::parse)
            .help_heading("Recordings")
            .help(help)
    };
    let command = command
        .arg(
            Arg::new("inputs")
                .value_name("INPUT")
                .required(true)
                .num_args(1..)
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::AnyPath)
                .help("Recordings, folders with recordings, addresses such as `https://example.org/talk.mp3`, or `-` for standard input"),
        )
        .arg(
            Arg::new("output")
                .short('o')
                .long("output")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::FilePath)
                .help_heading("Output")
                .help("Write to this file, or to standard output (`-`), as without this; without --format, the file's extension decides the format"),
        )
        .arg(time("start-time", "Begin here: seconds, or [HH:]MM:SS[.fff]"))
        .arg(time("end-time", "End here: seconds, or [HH:]MM:SS[.fff]"))
        .arg(
            time(
                "max-duration",
                "Transcribe at most this much: seconds, or [HH:]MM:SS[.fff]",
            )
            .conflicts_with("end-time"),
        );
    augment(command, Group::Transcribe)
}

fn cache() -> Command {
    let info = Command::new("info")
        .about("Show where the cache is, what it holds and what it has saved")
        .arg(json());
    let explain = Command::new("explain").about(
        "Show what the cache has of a recording, what each stage's key is made of, and what has changed since the nearest earlier \
         run. Takes the options of `transcribe`, and does nothing",
    );
    Command::new("cache")
        .about("The cache of results")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(augment(info, Group::Cache))
        .subcommand(work(explain).arg(json()))
        .subcommand(augment(cache_list(), Group::Cache))
        .subcommand(augment(cache_verify(), Group::Cache))
        .subcommand(augment(cache_prune(), Group::Cache))
        .subcommand(augment(cache_clear(), Group::Cache))
}

fn cache_list() -> Command {
    let sort = Arg::new("sort")
        .long("sort")
        .value_name("BY")
        .value_parser(["used", "created", "size", "cost", "worth"])
        .default_value("used")
        .help("What comes first: used or created last, the largest, the dearest to make, or the last to be evicted");
    let limit = Arg::new("limit")
        .long("limit")
        .value_name("N")
        .value_parser(value_parser!(u64))
        .help("Show at most this many; 50 unless given, with --json all");
    Command::new("list")
        .about("List results, the last used first")
        .arg(stage("Only results of this stage, such as `asr`"))
        .arg(sort)
        .arg(limit)
        .arg(json())
}

fn cache_verify() -> Command {
    let repair = Arg::new("repair")
        .long("repair")
        .action(ArgAction::SetTrue)
        .help("Set damaged results aside, so that they are computed again");
    Command::new("verify")
        .about("Read every result and compare it with its digest")
        .arg(repair)
        .arg(json())
}

fn cache_prune() -> Command {
    let older_than = Arg::new("older_than")
        .long("older-than")
        .value_name("TIME")
        .value_parser(|text: &str| parse_duration(text).ok_or("it must be a length of time such as `30 d` or `12 h`"))
        .help("Results that have not been used for this long, such as `30d`");
    let max_size = Arg::new("max_size")
        .long("max-size")
        .value_name("SIZE")
        .value_parser(|text: &str| parse_size(text).ok_or("it must be a size such as `5 GB`"))
        .help("The results least worth keeping, until the cache is no larger than this, such as `5GB`");
    let expired = Arg::new("expired")
        .long("expired")
        .action(ArgAction::SetTrue)
        .help("Results that have expired");
    let command = Command::new("prune")
        .about("Remove results: those that fit every condition given; without one, what the settings say")
        .arg(older_than)
        .arg(max_size)
        .arg(stage("Results of this stage, such as `asr`"))
        .arg(expired);
    with_care(command)
}

fn cache_clear() -> Command {
    with_care(Command::new("clear").about("Remove all results but those that running jobs need"))
}

fn stage(help: &'static str) -> Arg {
    Arg::new("stage").long("stage").value_name("STAGE").help(help)
}

/// The arguments of commands that remove something.
pub(super) fn with_care(command: Command) -> Command {
    let dry_run = Arg::new("dry_run")
        .long("dry-run")
        .action(ArgAction::SetTrue)
        .help("Only say what would be removed");
    let yes = Arg::new("yes")
        .short('y')
        .long("yes")
        .action(ArgAction::SetTrue)
        .help("Remove without asking");
    command.arg(dry_run).arg(yes).arg(json())
}

fn config() -> Command {
    let show = Command::new("show")
        .about("Show each setting's value and where it came from")
        .arg(json());
    Command::new("config")
        .about("The settings")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(augment(show, Group::Config))
}

fn completions() -> Command {
    let shell = Arg::new("shell")
        .value_name("SHELL")
        .required(true)
        .value_parser(value_parser!(clap_complete::Shell));
    Command::new("completions")
        .about("Write a completion script for a shell to standard output")
        .arg(shell.help("The shell"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::command_for_people().debug_assert();
    }
}
