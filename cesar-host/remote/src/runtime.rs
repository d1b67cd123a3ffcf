//! The executor of the client: one thread, so that blocking callers need none of their own.

use std::future::Future;
use std::sync::mpsc;
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use super::error::{RemoteError, Result};

/// Threads for requests. Those that hang end by the time limits of `transport.rs`.
const THREADS: usize = 16;

/// A running executor. Dropping it stops its tasks without waiting for them.
#[derive(Debug)]
pub(crate) struct Runtime {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
}

impl Runtime {
    pub(crate) fn start() -> Result<Self> {
        let fault = |error: std::io::Error| RemoteError::Client {
            detail: error.to_string(),
        };
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(THREADS)
            .thread_name("cesar-remote")
            .build()
            .map_err(fault)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        thread::Builder::new()
            .name("cesar-remote".to_owned())
            .spawn(move || {
                // An error means that the other half was dropped, which is the other way to stop.
                let _ = runtime.block_on(stopped);
                runtime.shutdown_background();
            })
            .map_err(fault)?;
        Ok(Self {
            handle,
            stop: Some(stop),
        })
    }

    /// Runs a task that nothing waits for.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> tokio::task::AbortHandle {
        self.handle.spawn(task).abort_handle()
    }

    /// The output of a task, which bounds its own time; `None` when it panics or the executor stops.
    pub(crate) fn wait<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let (done, output) = mpsc::sync_channel(1);
        self.handle.spawn(async move {
            // The receiver waits for it.
            let _ = done.send(task.await);
        });
        output.recv().ok()
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}
