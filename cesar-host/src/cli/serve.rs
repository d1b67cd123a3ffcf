//! `cesar serve` and `cesar serve key …`.

use std::io;
use std::path::PathBuf;

use cesar_base::{Clock as _, SystemClock};
use cesar_cache::Mode;
use cesar_config::{Group, Settings, augment};
use cesar_pipeline::AddressPolicy;
use cesar_server::{Ended, KeyFile, Setup};
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::json;
use tracing_subscriber::EnvFilter;

use super::args;
use crate::cli::columns::aligned;
use crate::cli::report::{Exit, Failure, note, print, print_json};
use crate::cli::{host, parallel};

/// The command's shape.
pub(super) fn command() -> Command {
    let command = Command::new("serve")
        .about("Serve an HTTP API: jobs, and what OpenAI's clients speak")
        .args_conflicts_with_subcommands(true)
        .arg(
            Arg::new("ready-json")
                .long("ready-json")
                .help("Write `{\"status\":\"ready\",\"port\":N}` to standard output once requests are answered")
                .action(ArgAction::SetTrue),
        )
        .subcommand(key_command());
    augment(command, Group::Serve)
}

fn key_command() -> Command {
    let name = Arg::new("name")
        .value_name("NAME")
        .required(true)
        .help("What to call the key");
    let id = Arg::new("id")
        .value_name("ID")
        .required(true)
        .help("The key's id, as listed");
    Command::new("key")
        .about("API keys, for servers that others can reach")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(Command::new("add").about("Make a key and show it, this once").arg(name))
        .subcommand(Command::new("list").about("List the keys").arg(args::json()))
        .subcommand(
            Command::new("revoke")
                .about("Remove a key; running servers notice")
                .arg(id),
        )
}

/// The folder of jobs, uploads and keys.
pub(super) fn data_folder(settings: &Settings) -> Result<PathBuf, Failure> {
    settings.folders.data().ok_or_else(|| {
        Failure::usage(
            "there is no folder for jobs, because neither `XDG_DATA_HOME` nor `HOME` is set; set one of them",
        )
    })
}

/// Serves until it is asked to stop.
pub(super) fn run(matches: &ArgMatches, settings: &Settings, verbosity: i8) -> Result<Exit, Failure> {
    log(settings.log.json, verbosity);
    let mode = if settings.cache.enabled {
        Mode::ReadWrite
    } else {
        Mode::Bypass
    };
    let data = data_folder(settings)?;
    // Clients name the addresses.
    let addresses = if settings.server.allow_private_addresses {
        AddressPolicy::Any
    } else {
        AddressPolicy::PublicOnly
    };
    let host = host::build(settings, mode, addresses).map_err(Failure::failed)?;
    for warning in &host.warnings {
        tracing::warn!("{warning}");
    }
    let pipeline = host.pipeline;
    let mut asr = host::stage(&settings.asr);
    parallel::share_cores(&pipeline, &mut asr, settings.server.workers);
    let setup = Setup {
        settings: settings.server.clone(),
        pipeline,
        asr,
        speakers: host::speakers(&settings.diarize),
        part: host::part(settings),
        format: host::stage(&settings.format),
        data,
    };
    if let Some(why) = setup.pipeline.why_no_speakers(&setup.speakers) {
        tracing::warn!("no speakers: {why}");
    }
    let ready_json = matches.get_flag("ready-json");
    let ended = cesar_server::serve(setup, |address| {
        if ready_json {
            print(&format!("{{\"status\":\"ready\",\"port\":{}}}\n", address.port()));
        } else if verbosity >= 0 {
            note(&format!("listening on http://{address}; see http://{address}/docs"));
        }
    });
    match ended.map_err(Failure::failed)? {
        Ended::Orderly => Ok(Exit::Done),
        Ended::AtOnce => Ok(Exit::Interrupted),
    }
}

fn log(json: bool, verbosity: i8) {
    let level = match verbosity {
        ..=-1 => "error",
        0 => "warn,cesar=info",
        1 => "info,cesar=debug",
        _ => "debug",
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(level))
        .with_writer(io::stderr)
        .with_ansi(false);
    // Fails only when called twice in one process.
    let _ = if json {
        builder.json().flatten_event(true).try_init()
    } else {
        builder.with_target(false).try_init()
    };
}

/// `cesar serve key add|list|revoke`.
pub(super) fn key(matches: &ArgMatches, settings: &Settings) -> Result<Exit, Failure> {
    let file = KeyFile::new(&data_folder(settings)?);
    let text = |matches: &ArgMatches, name: &str| matches.get_one::<String>(name).cloned().unwrap_or_default();
    match matches.subcommand() {
        Some(("add", matches)) => {
            let (key, stored) = file
                .add(&text(matches, "name"), SystemClock.now_ms())
                .map_err(Failure::failed)?;
            note(&format!("key {} is shown this once; keep it safe", stored.id));
            print(&format!("{key}\n"));
        }
        Some(("revoke", matches)) => {
            let removed = file.revoke(&text(matches, "id")).map_err(Failure::failed)?;
            note(&format!("key {} ({}) is revoked", removed.id, removed.name));
        }
        Some(("list", matches)) => {
            let keys = file.list().map_err(Failure::failed)?;
            if matches.get_flag("json") {
                let rows = keys
                    .iter()
                    .map(|key| json!({ "id": key.id, "name": key.name, "created_ms": key.created_ms }));
                print_json(&json!({ "keys": rows.collect::<Vec<_>>() }));
            } else {
                let rows: Vec<_> = keys.iter().map(|key| [key.id.clone(), key.name.clone()]).collect();
                print(&aligned(&rows));
            }
        }
        _ => {
            return Err(Failure::usage(
                "name what to do with keys; see `cesar serve key --help`",
            ));
        }
    }
    Ok(Exit::Done)
}
