//! The threads of a server, and its end: first nothing new, then running jobs finish or are handed back, then nobody waits any more.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::running::Why;
use super::{App, Ended, Phase, ServeError, clerk, info, listen, plugins, router, webhooks, worker};

/// Threads that tell webhooks.
const WEBHOOK_THREADS: usize = 2;

/// How long engines have to stop, and connections to end, once running jobs were told to.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

/// The workers and the clerk. Webhooks may be in the middle of a call that takes long; nobody waits for their threads.
pub(crate) fn start_threads(shared: &App) -> std::io::Result<Vec<JoinHandle<()>>> {
    let start = |name: &str, work: fn(&App)| {
        let shared = Arc::clone(shared);
        let thread = std::thread::Builder::new().name(name.to_owned());
        thread.spawn(move || work(&shared))
    };
    let workers = (0..shared.settings.workers).map(|_| start("worker", worker::run));
    let mut threads = workers.collect::<std::io::Result<Vec<_>>>()?;
    threads.push(start("clerk", clerk::run)?);
    threads.push(start("plugins", plugins::watch)?);
    for _ in 0..WEBHOOK_THREADS {
        start("webhooks", webhooks::run)?;
    }
    Ok(threads)
}

/// Serves until the process is asked to stop, and then until its jobs are done or handed back.
pub(crate) async fn run(
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
    let watched = Arc::clone(shared);
    let server = tokio::spawn(listen::serve(
        listener,
        router::router(shared),
        Arc::new(move |request| info::at_once(&watched, request)),
        limits,
        shared.stop.subscribe(),
    ));
    tracing::info!(%address, "ready");
    ready(address);
    let mut asked = async || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    asked().await;
    tracing::info!(
        "stopping; running jobs have {} s to finish",
        shared.settings.shutdown_grace.as_secs()
    );
    let wind_down = async {
        wind_down(shared).await;
        // Connections have heard the end by now; those that do not listen are cut.
        let _ = tokio::time::timeout(LAST_PATIENCE, server).await;
    };
    tokio::select! {
        () = wind_down => Ok(Ended::Orderly),
        () = asked() => Ok(Ended::AtOnce),
    }
}

/// Lets running jobs finish, then tells them to stop.
async fn wind_down(shared: &App) {
    shared.enter(Phase::Stopping);
    if !idle_within(shared, shared.settings.shutdown_grace).await {
        for run in shared.running.all() {
            run.stop(Why::Stopping);
        }
        idle_within(shared, LAST_PATIENCE).await;
    }
    shared.enter(Phase::Halting);
}

async fn idle_within(shared: &App, patience: Duration) -> bool {
    let idle = async {
        while shared.running.count() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(patience, idle).await.is_ok()
}
