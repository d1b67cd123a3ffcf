//! `cesar serve` and `cesar serve key …`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cesar_audio::ffmpeg_is_confined;
use cesar_base::{Clock as _, SystemClock};
use cesar_cache::Mode;
use cesar_config::{ServerSettings, Settings};
use cesar_jobs::Location;
use cesar_models::HubSettings;
use cesar_pipeline::{AddressPolicy, PipelineError};
use cesar_search::Index;
use cesar_server::{Addresses, Ended, Keys, ServeError, Setup};
use serde_json::json;
use tracing_subscriber::EnvFilter;

use super::args::{JsonFlag, SettingFlags, group};
use crate::cli::columns::aligned;
use crate::cli::report::{Exit, Failure, note, print, print_json};
use crate::cli::shared_cache::SharedCache;
use crate::cli::{blobs, host, parallel, trace_export};

/// The command's arguments.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    /// Answer /metrics (for Prometheus) and /health also at this address, such as 127.0.0.1:9090, where no key is needed
    #[arg(long, value_name = "HOST:PORT")]
    metrics: Option<String>,
    /// Print `{"status":"ready","port":N}` when the server accepts requests, with `metrics_port` after --metrics
    #[arg(long)]
    ready_json: bool,
    /// Run no jobs in this process: leave them to `cesar worker`
    #[arg(long, conflicts_with = "server.workers")]
    no_workers: bool,
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
        None => serve(&args, settings, verbosity),
        Some(Command::Key(command)) => key(command, settings),
    }
}

/// The line of JSON of a process that is ready.
pub(super) fn ready_json(addresses: Addresses) -> String {
    let Addresses { server, figures } = addresses;
    let mut line = "{\"status\":\"ready\"".to_owned();
    for (name, address) in [("port", server), ("metrics_port", figures)] {
        line.extend(address.map(|address| format!(",\"{name}\":{}", address.port())));
    }
    line + "}\n"
}

/// The folder of jobs, uploads and keys.
pub(super) fn data_folder(settings: &Settings) -> Result<PathBuf, Failure> {
    settings.folders.data().ok_or_else(|| {
        Failure::usage("no folder for jobs, because neither `XDG_DATA_HOME` nor `HOME` is set; set one of them")
    })
}

/// Serves until it is stopped.
fn serve(args: &Args, settings: &Settings, verbosity: i8) -> Result<Exit, Failure> {
    log(settings.log.json, verbosity);
    let workers = if args.no_workers { 0 } else { settings.server.workers };
    let prepared = prepare(settings, workers, None)?;
    prepared.run("cesar-serve", |setup| {
        cesar_server::serve(setup, args.metrics.as_deref(), |addresses| {
            if args.ready_json {
                print(&ready_json(addresses));
            } else if let Some(address) = addresses.server.filter(|_| verbosity >= 0) {
                note(&format!("listening on http://{address}; see http://{address}/docs"));
            }
        })
    })
}

/// A server or worker before its start.
pub(super) struct Prepared {
    setup: Setup,
    shared_cache: Option<SharedCache>,
}

impl Prepared {
    /// Runs it to its end as this service of traces, and returns the exit code.
    pub(super) fn run(
        self,
        service: &'static str,
        live: impl FnOnce(Setup) -> Result<Ended, ServeError>,
    ) -> Result<Exit, Failure> {
        let traces = trace_export::start(service)?;
        let ended = live(self.setup).map_err(Failure::failed)?;
        if ended == Ended::Orderly {
            traces.finish();
        }
        let shared = self.shared_cache;
        let left = shared.and_then(|shared| shared.finish(&|| ended == Ended::AtOnce));
        left.iter().for_each(|note| tracing::warn!("{note}"));
        Ok(match ended {
            Ended::Orderly => Exit::Done,
            Ended::AtOnce => Exit::Interrupted,
        })
    }
}

/// The parts of a server, or of a worker with labels, that runs this number of jobs at a time.
pub(super) fn prepare(settings: &Settings, workers: usize, labels: Option<Vec<String>>) -> Result<Prepared, Failure> {
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
    let host = host::build_sharing(settings, mode, addresses)?;
    for warning in &host.warnings {
        tracing::warn!("{warning}");
    }
    let (pipeline, shared_cache) = (host.pipeline, host.shared_cache);
    pipeline.check_format_options(&host::stage(&settings.format))?;
    let mut asr = host::stage(&settings.asr);
    parallel::share_cores(&pipeline, &mut asr, workers);
    let search = (settings.search && pipeline.cache().is_some())
        .then(|| open_index(&data))
        .flatten();
    let setup = Setup {
        settings: ServerSettings {
            workers,
            ..settings.server.clone()
        },
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
        labels,
        blobs: blobs::open(&settings.server)?,
    };
    if host::ffmpeg(settings).is_some() && !ffmpeg_is_confined() {
        tracing::warn!(
            "ffmpeg is not confined to the recording: this kernel has no Landlock (Linux 5.13, `lsm=…,landlock`)"
        );
    }
    // A worker reports what it takes by itself.
    if setup.labels.is_none()
        && workers > 0
        && let Err(why) = setup.pipeline.model_name(&setup.asr)
    {
        tracing::warn!("no recognition with default settings: {why}");
    }
    if let Some(why) = setup.pipeline.why_no_speakers(&setup.speakers) {
        tracing::warn!("no speakers: {why}");
    }
    Ok(Prepared { setup, shared_cache })
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

/// The log of a server or worker.
pub(super) fn log(json: bool, verbosity: i8) {
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
    let data = data_folder(settings)?;
    let location = Location::new(data.clone(), settings.server.jobs.clone());
    let records = location.records().map_err(Failure::failed)?;
    let keys = Keys::new(&data, records.as_ref());
    match command {
        KeyCommand::Add { name } => {
            let (key, stored) = keys.add(&name, SystemClock.now_ms()).map_err(Failure::failed)?;
            note(&format!("key {} created; it is not shown again", stored.id));
            print(&format!("{key}\n"));
        }
        KeyCommand::Revoke { id } => {
            let removed = keys.revoke(&id).map_err(Failure::failed)?;
            note(&format!("key {} ({}) revoked", removed.id, removed.name));
        }
        KeyCommand::List { json } => {
            let keys = keys.list().map_err(Failure::failed)?;
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
