//! `cesar serve`: the pipeline as a service, for jobs and for clients of OpenAI.
//!
//! ```text
//! clients ──► listen ──► guard (id, log, origin, key) ──► endpoints ──► store ◄── workers ──► pipeline
//!                                                            ▲            ▲          │
//!                                                            └── events ◄─┼──────────┘
//!                                                                       clerk, webhooks
//! ```
//! One way in: [`serve`]. What a request asks for becomes a job in the store ([`cesar_jobs`]) before it is acknowledged; worker threads do jobs
//! with the same [`Pipeline`] as the command line.
//!
//! **Threads.** Requests are handled by an async runtime with two threads that never block: the store, files, hashing, resolving and
//! rendering run on threads that may (`Shared::block`), decoding and the engines in workers and their child processes. `/health` reads
//! memory only, and is answered before the router (`info::at_once`). Workers, the clerk (progress, recovery, retention, figures) and webhooks have threads of their own.
//!
//! **Stopping.** The first SIGTERM (or Ctrl-C) stops accepting and claiming; running jobs have `server.shutdown_grace_s` to finish, then they
//! are told to stop and handed back, and the server ends well. The second one ends it at once; the store recovers whatever was running.
//!
//! | module | what |
//! |---|---|
//! | `listen`, `guard`, `auth`, `refusal`, `problem` | connections, admission, refusals |
//! | `upload`, `multipart`, `form`, `submit`, `work`, `speakers`, `idempotency` | from a request to a queued job |
//! | `jobs`, `sse`, `info`, `view`, `openapi` | own endpoints and what they show |
//! | `openai` | the OpenAI-compatible ones |
//! | `plugins` | plugins that come, go and are replaced while the server runs |
//! | `worker`, `observer`, `running`, `failure`, `clerk`, `waiters`, `events` | doing jobs, and telling about them |
//! | `webhooks`, `signature`, `address` | telling others, and where the server may connect to |
//! | `snapshot`, `metrics` | figures |
//! | `life` | threads, signals and the end |

use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

mod address;
mod auth;
mod clerk;
mod events;
mod failure;
mod form;
#[cfg(test)]
mod fuzz;
mod guard;
mod idempotency;
mod info;
mod jobs;
mod life;
mod listen;
mod metrics;
pub(crate) mod multipart;
mod observer;
mod openai;
mod openapi;
mod plugins;
mod problem;
mod refusal;
mod router;
mod running;
mod secret;
mod signature;
mod snapshot;
mod speakers;
mod sse;
mod submit;
mod upload;
mod view;
mod waiters;
mod webhooks;
mod work;
mod worker;

pub use auth::{KeyError, KeyFile, StoredKey};
pub use openapi::text as openapi_text;

use cesar_cache::Cache;
use cesar_config::ServerSettings;
use cesar_jobs::{Disk, JobStore, JobsError, Options, Policy, SqliteJobs, SystemRandom, Uploads, Workers};
use cesar_pipeline::{Part, Pipeline, SpeakersRequest, StageRequest};

use refusal::Refusal;

/// The largest body that is not a form.
const JSON_LIMIT: usize = 1_000_000;

/// Threads of the async runtime.
const ASYNC_THREADS: usize = 2;

/// What a server needs.
#[derive(Debug)]
pub struct Setup {
    /// The settings.
    pub settings: ServerSettings,
    /// Where jobs are done.
    pub pipeline: Pipeline,
    /// The engine and its options where a request says nothing.
    pub asr: StageRequest,
    /// Speakers where a request says nothing.
    pub speakers: SpeakersRequest,
    /// What of a recording is transcribed where a request says nothing.
    pub part: Part,
    /// Options of the formats where a request says nothing.
    pub format: StageRequest,
    /// Where jobs, uploads and keys are kept: `$XDG_DATA_HOME/cesar`.
    pub data: PathBuf,
}

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was asked to stop, and has finished or handed back its jobs.
    Orderly,
    /// It was asked twice.
    AtOnce,
}

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be used.
    #[error("the server cannot listen on `{address}` ({source}); choose another with --host and --port")]
    Bind {
        /// The address.
        address: String,
        /// The system's words.
        source: std::io::Error,
    },
    /// Nobody may use it.
    #[error(
        "`{0}` can be reached by others and there is no API key; make one with `cesar serve key add NAME`, or say --insecure to let everybody in"
    )]
    NoKeys(String),
    /// The jobs cannot be used.
    #[error(transparent)]
    Jobs(#[from] JobsError),
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The secret of webhooks cannot be kept.
    #[error("the webhook secret `{}` cannot be kept ({source}); check the folder's permissions", path.display())]
    Secret {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// The system gives no threads or signals.
    #[error("the server cannot start: {0}")]
    System(std::io::Error),
}

/// How far the end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Not begun.
    Running,
    /// Nothing new is begun.
    Stopping,
    /// Nobody waits any longer.
    Halting,
    /// Nothing runs any more.
    Stopped,
}

/// What all parts of a server share.
pub(crate) struct Shared {
    pub(crate) settings: ServerSettings,
    pub(crate) pipeline: Pipeline,
    pub(crate) asr: StageRequest,
    pub(crate) speakers: SpeakersRequest,
    pub(crate) part: Part,
    pub(crate) format: StageRequest,
    pub(crate) store: Arc<dyn JobStore>,
    pub(crate) uploads: Uploads,
    pub(crate) workers: Workers,
    pub(crate) gate: auth::Gate,
    pub(crate) guard: address::Guard,
    pub(crate) webhook_secret: Vec<u8>,
    /// Whether it listens on a loopback address.
    pub(crate) loopback: bool,
    pub(crate) hub: events::Hub,
    pub(crate) running: running::Running,
    pub(crate) waiters: waiters::Waiters,
    pub(crate) metrics: metrics::Metrics,
    pub(crate) snapshot: snapshot::Snapshot,
    /// Rung when there may be a job to do.
    pub(crate) bell: worker::Bell,
    pub(crate) clerk_bell: worker::Bell,
    pub(crate) webhook_bell: worker::Bell,
    pub(crate) stop: watch::Sender<Phase>,
    pub(crate) began: Instant,
}

/// The server, as endpoints have it.
pub(crate) type App = Arc<Shared>;

/// Who sends a request: the id of the API key, or `local`.
#[derive(Debug, Clone)]
pub(crate) struct Client(pub(crate) String);

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    /// Does something that blocks, where that is allowed.
    pub(crate) async fn block<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let shared = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || work(&shared)).await;
        done.map_err(|error| Refusal::internal(&error))
    }

    fn phase(&self) -> Phase {
        *self.stop.borrow()
    }

    /// Whether nothing new may begin.
    pub(crate) fn stopping(&self) -> bool {
        self.phase() >= Phase::Stopping
    }

    /// Whether nobody may wait any longer.
    pub(crate) fn halting(&self) -> bool {
        self.phase() >= Phase::Halting
    }

    /// Whether nothing runs any more.
    pub(crate) fn stopped(&self) -> bool {
        self.phase() >= Phase::Stopped
    }

    /// Goes on towards the end, and wakes whoever sleeps.
    pub(crate) fn enter(&self, phase: Phase) {
        self.stop.send_replace(phase);
        for bell in [&self.bell, &self.clerk_bell, &self.webhook_bell] {
            bell.ring();
        }
    }
}

/// Serves until the process is asked to stop. `ready` is called once, when requests are answered.
///
/// # Errors
/// [`ServeError`], before anything was served.
pub fn serve(setup: Setup, ready: impl FnOnce(SocketAddr)) -> Result<Ended, ServeError> {
    let listener = bind(&setup.settings)?;
    let address = listener.local_addr().map_err(ServeError::System)?;
    let shared = Arc::new(prepare(setup, address)?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(ASYNC_THREADS)
        .enable_all()
        .build()
        .map_err(ServeError::System)?;
    let threads = life::start_threads(&shared).map_err(ServeError::System)?;
    let ended = runtime.block_on(life::run(&shared, listener, address, ready));
    if let Ok(Ended::Orderly) = ended {
        shared.enter(Phase::Stopped);
        for thread in threads {
            // A panic was logged; the end goes on.
            let _ = thread.join();
        }
        // Threads that tell webhooks may hold the cache open until the very end.
        if let Some(Err(error)) = shared.pipeline.cache().map(Cache::flush) {
            tracing::warn!("the cache's counters are not kept: {error}");
        }
        runtime.shutdown_timeout(Duration::from_secs(1));
    } else {
        runtime.shutdown_background();
    }
    ended
}

fn bind(settings: &ServerSettings) -> Result<TcpListener, ServeError> {
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

/// Opens everything, and brings the jobs of earlier servers in order.
fn prepare(setup: Setup, address: SocketAddr) -> Result<Shared, ServeError> {
    let Setup {
        settings,
        pipeline,
        asr,
        speakers,
        part,
        format,
        data,
    } = setup;
    let loopback = address.ip().is_loopback();
    let gate = auth::Gate::new(KeyFile::new(&data), !loopback && !settings.insecure)?;
    if !loopback && !settings.insecure && !gate.has_keys() {
        return Err(ServeError::NoKeys(address.to_string()));
    }
    let policy = Policy {
        max_queued: settings.max_queue,
        ..Policy::default()
    };
    let options = Options {
        policy,
        ..Options::default()
    };
    let store: Arc<dyn JobStore> = Arc::new(SqliteJobs::open(&data, options)?);
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
    let webhook_secret = secret::of(settings.webhook_secret.as_deref(), &data)?;
    let guard = address::Guard {
        allow_private: settings.allow_private_addresses,
    };
    let shared = Shared {
        settings,
        pipeline,
        asr,
        speakers,
        part,
        format,
        store,
        uploads,
        workers,
        gate,
        guard,
        webhook_secret,
        loopback,
        hub: events::Hub::default(),
        running: running::Running::default(),
        waiters: waiters::Waiters::default(),
        metrics: metrics::Metrics::default(),
        snapshot: snapshot::Snapshot::default(),
        bell: worker::Bell::default(),
        clerk_bell: worker::Bell::default(),
        webhook_bell: worker::Bell::default(),
        stop: watch::Sender::new(Phase::Running),
        began: Instant::now(),
    };
    clerk::prune(&shared);
    shared.snapshot.count(&shared);
    shared.snapshot.look_at_engines(&shared);
    Ok(shared)
}
