//! `cesar serve` and `cesar serve key …`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cesar_audio::ffmpeg_is_confined;
use cesar_base::{Clock as _, SystemClock};
use cesar_cache::Mode;
use cesar_config::Settings;
use cesar_models::HubSettings;
use cesar_pipeline::{AddressPolicy, PipelineError};
use cesar_search::Index;
use cesar_server::{Ended, KeyFile, Setup};
use serde_json::json;
use tracing_subscriber::EnvFilter;

use super::args::{JsonFlag, SettingFlags, group};
use crate::cli::columns::aligned;
use crate::cli::report::{Exit, Failure, note, print, print_json};
use crate::cli::{host, parallel};

/// The command's arguments.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    /// Print `{"status":"ready","port":N}` when the server accepts requests
    #[arg(long)]
    ready_json: bool,
    #[command(flatten)]
    settings: SettingFlags<group::Serve>,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// The commands below `cesar serve`.
#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Manage API keys
    #[command(subcommand)]
    Key(KeyCommand),
}

/// The commands of API keys.
#[derive(clap::Subcommand)]
pub(super) enum KeyCommand {
    /// Create a key and print it (only once)
    Add {
        /// Name of the key
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// List keys
    List {
        #[command(flatten)]
        json: JsonFlag,
    },
    /// Revoke a key; running servers reject it within a second
    Revoke {
        /// Key id, as listed
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// Runs the server, or a command about its keys.
pub(super) fn run(args: Args, settings: &Settings, verbosity: i8) -> Result<Exit, Failure> {
    match args.command {
        None => serve(args.ready_json, settings, verbosity),
        Some(Command::Key(command)) => key(command, settings),
    }
}

/// The folder of jobs, uploads and keys.
pub(super) fn data_folder(settings: &Settings) -> Result<PathBuf, Failure> {
    settings.folders.data().ok_or_else(|| {
        Failure::usage("no folder for jobs, because neither `XDG_DATA_HOME` nor `HOME` is set; set one of them")
    })
}

/// Serves until it is stopped.
fn serve(ready_json: bool, settings: &Settings, verbosity: i8) -> Result<Exit, Failure> {
    log(settings.log.json, verbosity);
    let mode = if settings.cache.enabled {
        Mode::ReadWrite
    } else {
        Mode::Bypass
    };
    let data = data_folder(settings)?;
    let glossaries = host::glossaries(settings);
    // Each job reads it again.
    glossaries.of_settings().map_err(PipelineError::from)?;
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
    pipeline.check_format_options(&host::stage(&settings.format))?;
    let mut asr = host::stage(&settings.asr);
    parallel::share_cores(&pipeline, &mut asr, settings.server.workers);
    let search = (settings.search && pipeline.cache().is_some())
        .then(|| open_index(&data))
        .flatten();
    let setup = Setup {
        settings: settings.server.clone(),
        pipeline,
        asr,
        speakers: host::speakers(&settings.diarize),
        part: host::part(settings),
        glossaries,
        format: host::stage(&settings.format),
        hub: HubSettings::new(|name| std::env::var_os(name)),
        python: settings.models.python.clone(),
        search,
        data,
    };
    if host::ffmpeg(settings).is_some() && !ffmpeg_is_confined() {
        tracing::warn!(
            "ffmpeg is not confined to the recording: this kernel has no Landlock (Linux 5.13, `lsm=…,landlock`)"
        );
    }
    if let Some(why) = setup.pipeline.why_no_speakers(&setup.speakers) {
        tracing::warn!("no speakers: {why}");
    }
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

/// The search index. A server without it still transcribes.
fn open_index(folder: &Path) -> Option<Arc<Index>> {
    match Index::open(folder) {
        Ok(index) => Some(Arc::new(index)),
        Err(error) => {
            tracing::warn!("no search: {error}");
            None
        }
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
fn key(command: KeyCommand, settings: &Settings) -> Result<Exit, Failure> {
    let file = KeyFile::new(&data_folder(settings)?);
    match command {
        KeyCommand::Add { name } => {
            let (key, stored) = file.add(&name, SystemClock.now_ms()).map_err(Failure::failed)?;
            note(&format!("key {} created; it is not shown again", stored.id));
            print(&format!("{key}\n"));
        }
        KeyCommand::Revoke { id } => {
            let removed = file.revoke(&id).map_err(Failure::failed)?;
            note(&format!("key {} ({}) revoked", removed.id, removed.name));
        }
        KeyCommand::List { json } => {
            let keys = file.list().map_err(Failure::failed)?;
            if json.json {
                let rows = keys
                    .iter()
                    .map(|key| json!({ "id": key.id, "name": key.name, "created_ms": key.created_ms }));
                print_json(&json!({ "keys": rows.collect::<Vec<_>>() }));
            } else {
                let rows: Vec<_> = keys.iter().map(|key| [key.id.clone(), key.name.clone()]).collect();
                print(&aligned(&rows));
            }
        }
    }
    Ok(Exit::Done)
}
