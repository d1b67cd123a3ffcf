//! State that all parts of a server share.

use std::sync::Arc;
use std::time::Instant;

use cesar_config::ServerSettings;
use cesar_corrections::Corrections;
use cesar_jobs::{JobStore, Uploads, Workers};
use cesar_pipeline::{Glossaries, Part, Pipeline, SpeakersRequest, StageRequest};
use cesar_search::Index;

use crate::admission::auth::Gate;
use crate::admission::refusal::Refusal;
use crate::figures::metrics::Metrics;
use crate::figures::snapshot::Snapshot;
use crate::outbound::address::AddressGuard;
use crate::signals::Signals;
use crate::work::events::Hub;
use crate::work::feed::Feed;
use crate::work::open_downloads::OpenDownloads;
use crate::work::pulls::{Pulls, Sources};
use crate::work::receiving::Receiving;
use crate::work::running::Running;
use crate::work::shares::Shares;
use crate::work::upload_space::UploadSpace;
use crate::work::waiters::Waiters;

/// State shared by all parts of a server.
pub(crate) struct Shared {
    pub(crate) settings: ServerSettings,
    pub(crate) pipeline: Pipeline,
    pub(crate) asr: StageRequest,
    pub(crate) speakers: SpeakersRequest,
    pub(crate) part: Part,
    pub(crate) glossaries: Glossaries,
    pub(crate) format: StageRequest,
    /// The search index, unless it is off.
    pub(crate) search: Option<Arc<Index>>,
    pub(crate) store: Arc<dyn JobStore>,
    pub(crate) corrections: Corrections,
    pub(crate) uploads: Uploads,
    pub(crate) upload_space: UploadSpace,
    pub(crate) model_sources: Sources,
    pub(crate) pulls: Pulls,
    pub(crate) shares: Shares,
    pub(crate) workers: Workers,
    pub(crate) gate: Gate,
    pub(crate) addresses: AddressGuard,
    pub(crate) webhook_secret: Vec<u8>,
    /// Whether it listens on a loopback address.
    pub(crate) loopback: bool,
    pub(crate) hub: Hub,
    pub(crate) feed: Feed,
    pub(crate) open_downloads: OpenDownloads,
    /// Held while a recording is decoded to draw it.
    pub(crate) drawing: Arc<tokio::sync::Mutex<()>>,
    pub(crate) receiving: Receiving,
    pub(crate) running: Running,
    pub(crate) waiters: Waiters,
    pub(crate) metrics: Metrics,
    pub(crate) snapshot: Snapshot,
    pub(crate) signals: Signals,
    pub(crate) began: Instant,
}

/// The server's state as endpoints receive it.
pub(crate) type App = Arc<Shared>;

/// The sender of a request: the id of the API key, or `local`.
#[derive(Debug, Clone)]
pub(crate) struct Client(pub(crate) String);

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    /// Runs blocking work on a thread for it.
    pub(crate) async fn block<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let shared = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || work(&shared)).await;
        done.map_err(|error| Refusal::internal(&error))
    }
}
