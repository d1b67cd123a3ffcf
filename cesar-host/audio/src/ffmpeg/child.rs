//! A child process that is killed once the stop is requested, and when it is dropped.

use std::io;
use std::process::{Child, ChildStderr, ChildStdout, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;

use crate::stop;

/// Time between two looks at the child or at the request.
const INTERVAL: Duration = Duration::from_millis(50);

/// A running child; its output ends when it is killed.
pub(super) struct Watched {
    child: Arc<Mutex<Child>>,
    has_ended: Arc<AtomicBool>,
    watcher: Option<JoinHandle<()>>,
}

impl Watched {
    /// Watches a child for the request of this thread.
    pub(super) fn new(child: Child) -> Self {
        let (child, has_ended) = (Arc::new(Mutex::new(child)), Arc::new(AtomicBool::new(false)));
        let stop = stop::current();
        let watcher = stop.is_possible().then(|| {
            let (child, has_ended) = (Arc::clone(&child), Arc::clone(&has_ended));
            std::thread::spawn(move || {
                while !has_ended.load(Ordering::Acquire) {
                    if stop.is_requested() {
                        // It fails only if the child has ended.
                        let _ = child.lock().kill();
                        return;
                    }
                    std::thread::park_timeout(INTERVAL);
                }
            })
        });
        Self {
            child,
            has_ended,
            watcher,
        }
    }

    /// Standard output and standard error, if they are pipes that were not taken before.
    pub(super) fn pipes(&self) -> Option<(ChildStdout, ChildStderr)> {
        let mut child = self.child.lock();
        child.stdout.take().zip(child.stderr.take())
    }

    /// Waits for the end of the child; meanwhile it can be killed.
    pub(super) fn wait(&self) -> io::Result<ExitStatus> {
        loop {
            if let Some(status) = self.child.lock().try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(INTERVAL / 10);
        }
    }

    /// Kills and reaps the child; has no effect on one that has ended.
    pub(super) fn stop(&self) {
        let mut child = self.child.lock();
        // Both fail only if the child is gone.
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.has_ended.store(true, Ordering::Release);
        if let Some(watcher) = self.watcher.take() {
            watcher.thread().unpark();
            // A panic of the watcher has nothing to add.
            let _ = watcher.join();
        }
        self.stop();
    }
}
