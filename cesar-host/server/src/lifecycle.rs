//! The server's threads, signals and shutdown.
//!
//! Shutdown has three steps: no new work begins; running jobs finish or are handed back; no request waits any longer.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use cesar_cache::Cache;
use tokio::signal::unix::{SignalKind, signal};

use crate::admission::listen;
use crate::api::info;
use crate::error::ServeError;
use crate::outbound::webhooks;
use crate::router;
use crate::setup::{Setup, bind, prepare};
use crate::signals::Phase;
use crate::state::App;
use crate::state::jobs::StopReason;
use crate::work::indexing;
use crate::work::running::worker;
use crate::work::sweeping::{housekeeping, plugin_watch};

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

/// Serves until the process receives a signal. `ready` is called once, when requests are answered.
///
/// # Errors
/// [`ServeError`], before a request was served.
pub fn serve(setup: Setup, ready: impl FnOnce(SocketAddr)) -> Result<Ended, ServeError> {
    let listener = bind(&setup.settings)?;
    let address = listener.local_addr().map_err(ServeError::System)?;
    let shared = prepare(setup, address)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(ASYNC_THREADS)
        .enable_all()
        .build()
        .map_err(ServeError::System)?;
    let threads = start_threads(&shared).map_err(ServeError::System)?;
    let ended = runtime.block_on(run(&shared, listener, address, ready));
    if let Ok(Ended::Orderly) = ended {
        shared.signals.enter(Phase::Stopped);
        for thread in threads {
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

/// Starts workers and housekeeping, whose threads are joined at the end, and webhooks, whose threads are not: a delivery may take long.
fn start_threads(shared: &App) -> std::io::Result<Vec<JoinHandle<()>>> {
    let start = |name: &str, work: fn(&App)| {
        let shared = shared.clone();
        let thread = std::thread::Builder::new().name(name.to_owned());
        thread.spawn(move || work(&shared))
    };
    let workers = (0..shared.settings.workers).map(|_| start("worker", worker::run));
    let mut threads = workers.collect::<std::io::Result<Vec<_>>>()?;
    threads.push(start("housekeeping", housekeeping::run)?);
    threads.push(start("plugins", plugin_watch::run)?);
    if shared.transcripts.search.is_some() {
        threads.push(start("search", indexing::run)?);
    }
    for _ in 0..WEBHOOK_THREADS {
        start("webhooks", webhooks::run)?;
    }
    Ok(threads)
}

/// Serves until the first signal, then until jobs are finished or handed back.
async fn run(
    shared: &App,
    listener: TcpListener,
    address: SocketAddr,
    ready: impl FnOnce(SocketAddr),
) -> Result<Ended, ServeError> {
    let listener = tokio::net::TcpListener::from_std(listener).map_err(ServeError::System)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::System)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::System)?;
    let limits = listen::Limits {
        connections: shared.settings.max_connections,
        idle: shared.settings.idle_timeout,
    };
    let app = shared.clone();
    let server = tokio::spawn(listen::serve(
        listener,
        router::router(shared),
        Arc::new(move |request| info::at_once(&app, request)),
        limits,
        shared.signals.phases(),
    ));
    tracing::info!(%address, "ready");
    ready(address);
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
        // Waiting requests have their answer by now; a client that reads nothing is disconnected.
        let _ = tokio::time::timeout(CANCEL_TIMEOUT, server).await;
    };
    tokio::select! {
        () = wind_down => Ok(Ended::Orderly),
        () = signalled() => Ok(Ended::AtOnce),
    }
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
