//! The two expensive parts, each shared among threads: segmentation of windows, and voices of chunks.
//!
//! Every thread has its own networks, which compute only on that thread. The result for a window or chunk depends on nothing else,
//! so the number of threads changes no result. The calling thread collects results, reports progress and checks for a cancel
//! meanwhile; the other threads check after every window.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use cesar_plugin_common::wait;
use plugin_api::{ErrorKind, StageError};

use crate::embedding::Embedder;
use crate::memory;
use crate::options::Options;
use crate::report::Report;
use crate::segmentation::Segmentation;

/// The networks of one thread.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) segmentation: Segmentation,
    pub(crate) embedder: Embedder,
}

/// The networks of all threads.
#[derive(Debug)]
pub(crate) struct Workers(Vec<Worker>);

impl Workers {
    pub(crate) fn open(options: &Options) -> Result<Self, StageError> {
        let segmentation = named(options.segmentation_model.as_ref(), "segmentation_model")?;
        let embedding = named(options.embedding_model.as_ref(), "embedding_model")?;
        let first = Segmentation::open(segmentation)?;
        let mut workers = Vec::new();
        for _ in 1..options.thread_count() {
            let segmentation = first.again(segmentation)?;
            workers.push(Worker {
                segmentation,
                embedder: Embedder::open(embedding)?,
            });
        }
        workers.push(Worker {
            segmentation: first,
            embedder: Embedder::open(embedding)?,
        });
        Ok(Self(workers))
    }

    /// Runs `job` for 0, 1, 2, … up to `count`, on all threads, and returns the results in that order. `progress` receives the
    /// number of finished ones.
    pub(crate) fn all<T: Send>(
        &mut self,
        count: usize,
        job: impl Fn(&mut Worker, usize) -> Result<T, StageError> + Sync,
        host: &mut dyn Report,
        mut progress: impl FnMut(&mut dyn Report, usize),
    ) -> Result<Vec<T>, StageError> {
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let (sender, receiver) = mpsc::channel();
        std::thread::scope(|scope| {
            for worker in &mut self.0 {
                let (sender, next, stop, job) = (sender.clone(), &next, &stop, &job);
                let body = move || {
                    while !stop.load(Ordering::Relaxed) {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        if index >= count || sender.send((index, job(worker, index))).is_err() {
                            break;
                        }
                    }
                };
                if std::thread::Builder::new().spawn_scoped(scope, body).is_err() {
                    // A thread needs memory for its stack.
                    stop.store(true, Ordering::Relaxed);
                    return Err(memory::exhausted());
                }
            }
            drop(sender);
            let outcome = collect(count, &receiver, host, &mut progress);
            stop.store(true, Ordering::Relaxed);
            outcome
        })
    }
}

fn collect<T>(
    count: usize,
    receiver: &mpsc::Receiver<(usize, Result<T, StageError>)>,
    host: &mut dyn Report,
    progress: &mut impl FnMut(&mut dyn Report, usize),
) -> Result<Vec<T>, StageError> {
    let mut results: Vec<Option<T>> = (0..count).map(|_| None).collect();
    let mut done = 0;
    while done < count {
        // Without a message a thread has panicked; leaving the scope passes its panic on.
        let Some((index, result)) = wait::next(receiver, || host.checkpoint())? else {
            break;
        };
        results[index] = Some(result?);
        done += 1;
        progress(host, done);
    }
    let complete: Option<Vec<T>> = results.into_iter().collect();
    complete.ok_or_else(|| StageError::new(ErrorKind::Internal, "a thread of the plugin `pyannote` ended early"))
}

fn named<'a>(model: Option<&'a PathBuf>, option: &str) -> Result<&'a PathBuf, StageError> {
    model.ok_or_else(|| {
        let message =
            format!("`{option}` names no model: run `cesar models list` to see which there are, and name one");
        StageError::new(ErrorKind::ModelMissing, message)
    })
}
