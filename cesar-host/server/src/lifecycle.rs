//! The threads of servers and workers, their signals and shutdown.
//!
//! Shutdown has three steps: no new work begins; running jobs finish or are handed back; no request waits any longer.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use axum::response::Response;
use cesar_cache::Cache;
use hyper::body::Incoming;
use tokio::signal::unix::{SignalKind, signal};

use crate::admission::listen;
use crate::api::info;
use crate::error::ServeError;
use crate::outbound::webhooks;
use crate::router;
use crate::setup::{Setup, bind, listen_at, prepare};
use crate::signals::Phase;
use crate::state::App;
use crate::state::jobs::StopReason;
use crate::work::indexing;
use crate::work::running::worker;
use crate::work::sweeping::{housekeeping, job_changes, plugin_watch};

/// Threads of the async runtime.
const ASYNC_THREADS: usize = 2;

/// Threads that deliver webhooks.
const WEBHOOK_THREADS: usize = 2;

/// Time for engines to stop, and connections to end, after running jobs were cancelled.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);

/// End of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It received one signal and has finished or handed back its jobs.
    Orderly,
    /// It received a second signal.
    AtOnce,
}

/// The addresses of a process that is ready.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// That of the server; `None` for a worker.
    pub server: Option<SocketAddr>,
    /// That of the figures.
    pub figures: Option<SocketAddr>,
}

/// Serves until the process receives a signal. `/health` and `/metrics` are also answered at the address `figures`, without a key. `ready` is
/// called once, when requests are answered.
///
/// # Errors
/// [`ServeError`], before a request was served.
pub fn serve(setup: Setup, figures: Option<&str>, ready: impl FnOnce(Addresses)) -> Result<Ended, ServeError> {
    let answer = Answer {
        listener: bind(&setup.settings)?,
        router: router::router,
        at_once: info::at_once,
    };
    let figures = figures.map(Answer::figures).transpose()?;
    let server = answer.address()?;
    let addresses = Addresses {
        server: Some(server),
        figures: figures.as_ref().map(Answer::address).transpose()?,
    };
    let shared = prepare(setup, Some(server))?;
    let threads = [workers, keepers, webhook_threads];
    live(&shared, &threads, [Some(answer), figures], || {
        tracing::info!(address = %server, "ready");
        ready(addresses);
    })
}

/// Runs the jobs of the store, without answering requests about them, until the process receives a signal. `/health` and `/metrics` are
/// answered at the address `figures`, if there is one. `ready` is called once, when jobs are claimed. Webhooks are left to servers.
///
/// # Errors
/// [`ServeError`], before a job was claimed.
pub fn work(setup: Setup, figures: Option<&str>, ready: impl FnOnce(Addresses)) -> Result<Ended, ServeError> {
    let figures = figures.map(Answer::figures).transpose()?;
    let addresses = Addresses {
        server: None,
        figures: figures.as_ref().map(Answer::address).transpose()?,
    };
    let shared = prepare(setup, None)?;
    live(&shared, &[workers, keepers], [None, figures], || {
        match worker::takes(&shared) {
            needs if needs.is_empty() => tracing::warn!(
                "this worker takes no jobs: it has no engine with a model; `cesar plugins list` and `cesar models list` show what is there"
            ),
            needs => tracing::info!(needs = needs.join(", "), "takes jobs that need these"),
        }
        tracing::info!("ready");
        ready(addresses);
    })
}

/// The answers of a process to requests.
struct Answer {
    listener: TcpListener,
    router: fn(&App) -> Router,
    at_once: fn(&App, &Request<Incoming>) -> Option<Response>,
}

impl Answer {
    /// The figures at this address.
    fn figures(address: &str) -> Result<Self, ServeError> {
        Ok(Self {
            listener: listen_at(address)?,
            router: router::figures,
            at_once: |_, _| None,
        })
    }

    fn address(&self) -> Result<SocketAddr, ServeError> {
        self.listener.local_addr().map_err(ServeError::System)
    }
}

/// Starts some threads of a process, and returns those to wait for at its end.
type StartThreads = fn(&App) -> io::Result<Vec<JoinHandle<()>>>;

/// Runs the threads, and the server of each answer, until the process receives a signal.
fn live(
    shared: &App,
    threads: &[StartThreads],
    answers: [Option<Answer>; 2],
    ready: impl FnOnce(),
) -> Result<Ended, ServeError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(ASYNC_THREADS)
        .enable_all()
        .build()
        .map_err(ServeError::System)?;
    let started: io::Result<Vec<_>> = threads.iter().map(|start| start(shared)).collect();
    let threads = started.map_err(ServeError::System)?;
    let ended = runtime.block_on(run(shared, answers, ready));
    if let Ok(Ended::Orderly) = ended {
        shared.signals.enter(Phase::Stopped);
        for thread in threads.into_iter().flatten() {
            // A panic was logged; the shutdown continues.
            let _ = thread.join();
        }
        // Webhook threads may hold the cache open until the process ends.
        if let Some(Err(error)) = shared.pipeline.cache().map(Cache::flush) {
            tracing::warn!("cannot store the cache's counters: {error}");
        }
        runtime.shutdown_timeout(Duration::from_secs(1));
    } else {
        runtime.shutdown_background();
    }
    ended
}

fn start(shared: &App, name: &str, work: fn(&App)) -> io::Result<JoinHandle<()>> {
    let shared = shared.clone();
    let thread = std::thread::Builder::new().name(name.to_owned());
    thread.spawn(move || work(&shared))
}

fn workers(shared: &App) -> io::Result<Vec<JoinHandle<()>>> {
    let workers = (0..shared.settings.workers).map(|_| start(shared, "worker", worker::run));
    workers.collect()
}

/// Housekeeping, and the search index.
fn keepers(shared: &App) -> io::Result<Vec<JoinHandle<()>>> {
    let mut threads = vec![
        start(shared, "housekeeping", housekeeping::run)?,
        start(shared, "plugins", plugin_watch::run)?,
        start(shared, "changes", job_changes::run)?,
    ];
    if shared.transcripts.search.is_some() {
        threads.push(start(shared, "search", indexing::run)?);
    }
    Ok(threads)
}

/// They are not waited for: a delivery may take long.
fn webhook_threads(shared: &App) -> io::Result<Vec<JoinHandle<()>>> {
    for _ in 0..WEBHOOK_THREADS {
        start(shared, "webhooks", webhooks::run)?;
    }
    Ok(Vec::new())
}

/// Serves until the first signal, then until jobs are finished or handed back.
async fn run(shared: &App, answers: [Option<Answer>; 2], ready: impl FnOnce()) -> Result<Ended, ServeError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::System)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::System)?;
    let servers = answers
        .into_iter()
        .flatten()
        .map(|answer| answer_requests(shared, answer));
    let servers: Vec<_> = servers.collect::<Result<_, _>>()?;
    ready();
    let mut signalled = async || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    signalled().await;
    tracing::info!(
        "stopping; running jobs have {} s to finish",
        shared.settings.shutdown_grace.as_secs()
    );
    let wind_down = async {
        wind_down(shared).await;
        for server in servers {
            // Waiting requests have their answer by now; a client that reads nothing is disconnected.
            let _ = tokio::time::timeout(CANCEL_TIMEOUT, server).await;
        }
    };
    tokio::select! {
        () = wind_down => Ok(Ended::Orderly),
        () = signalled() => Ok(Ended::AtOnce),
    }
}

fn answer_requests(shared: &App, answer: Answer) -> Result<tokio::task::JoinHandle<()>, ServeError> {
    let Answer {
        listener,
        router,
        at_once,
    } = answer;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(ServeError::System)?;
    let limits = listen::Limits {
        connections: shared.settings.max_connections,
        idle: shared.settings.idle_timeout,
    };
    let app = shared.clone();
    Ok(tokio::spawn(listen::serve(
        listener,
        router(shared),
        Arc::new(move |request| at_once(&app, request)),
        limits,
        shared.signals.phases(),
    )))
}

/// Waits for running jobs, then cancels them.
async fn wind_down(shared: &App) {
    shared.signals.enter(Phase::Stopping);
    if !idle_within(shared, shared.settings.shutdown_grace).await {
        for run in shared.jobs.running.all() {
            run.stop(StopReason::Stopping);
        }
        idle_within(shared, CANCEL_TIMEOUT).await;
    }
    shared.signals.enter(Phase::Halting);
}

async fn idle_within(shared: &App, timeout: Duration) -> bool {
    let idle = async {
        while shared.jobs.running.count() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(timeout, idle).await.is_ok()
}
