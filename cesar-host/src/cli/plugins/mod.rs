//! `cesar plugins …`: what there is, what it can do, why it is or is not used, and what its author needs.

use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};

mod check;
mod create;
mod list;
mod lookup;
mod show;
mod standing;
mod why;

use cesar_base::parse_duration;
use cesar_config::{Group, Settings, augment};
use cesar_runner::CancelToken;

use super::args::json;
use crate::cli::report::{Exit, Failure};

/// The command's shape.
pub(super) fn command() -> Command {
    let id = |help: &'static str| Arg::new("id").value_name("ID").required(true).help(help);
    let list = Command::new("list").about("List plugins, also those that are not used, with the reason");
    let show = Command::new("show")
        .about("Show a plugin's options; with --json, also as JSON Schema")
        .arg(id("A plugin's id, or id@version"));
    let why = Command::new("why")
        .about("Show, gate by gate, why a plugin is used or not")
        .arg(id("A plugin's id, id@version, or file"));
    let retry = Command::new("retry")
        .about("Lift the quarantine of a plugin that crashed or hung, and probe it again")
        .arg(id("A plugin's id, or id@version"));
    let trust = Command::new("trust")
        .about("Put a plugin's file, by its digest, on the list that `plugins.require_trusted` asks for")
        .arg(id("A plugin's id, or id@version").num_args(1..))
        .arg(
            Arg::new("remove")
                .long("remove")
                .action(ArgAction::SetTrue)
                .help("Take it off the list"),
        );
    let check = Command::new("check")
        .about("Check that a plugin keeps the contract, each case in a process of its own")
        .arg(
            id("A plugin's file, or its id")
                .value_name("FILE")
                .value_hint(ValueHint::FilePath),
        )
        .arg(
            Arg::new("option")
                .long("option")
                .value_name("NAME=VALUE")
                .action(ArgAction::Append)
                .help("An option to open it and ask it with; can be repeated"),
        )
        .arg(
            Arg::new("limit")
                .long("limit")
                .value_name("TIME")
                .value_parser(|text: &str| limit(text).ok_or("it must be a length of time such as `30 s`"))
                .help("How long one request may take, such as `30s`; 30 min unless given, with --quick a minute"),
        )
        .arg(
            Arg::new("quick")
                .long("quick")
                .action(ArgAction::SetTrue)
                .help("A minute of silence instead of an hour, 8 runs in a row instead of 100"),
        );
    let with_flags = |command: Command| augment(command.arg(json()), Group::Plugins);
    let commands = [list, show, why, retry, trust, check].map(with_flags);
    Command::new("plugins")
        .about("The plugins: what there is and what they can do")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(commands)
        .subcommand(create::command())
}

/// A length of time that is one, in ms.
fn limit(text: &str) -> Option<i64> {
    parse_duration(text).filter(|length_ms| *length_ms > 0)
}

/// Runs one of them.
pub(super) fn run(
    name: &str,
    matches: &ArgMatches,
    settings: &Settings,
    json: bool,
    cancel: &CancelToken,
) -> Result<Exit, Failure> {
    let id = || matches.get_one::<String>("id").map_or("", String::as_str);
    match name {
        "list" => list::run(settings, json),
        "show" => show::run(settings, id(), json),
        "why" => why::run(settings, id(), json),
        "retry" => standing::retry(settings, id(), json),
        "trust" => {
            let ids = matches.get_many::<String>("id").into_iter().flatten();
            standing::trust(settings, ids.map(String::as_str), matches.get_flag("remove"), json)
        }
        "check" => check::run(matches, settings, json, cancel),
        "new" => create::run(matches, json),
        other => Err(Failure::usage(format!(
            "`{other}` is not a command; see `cesar plugins --help`"
        ))),
    }
}
