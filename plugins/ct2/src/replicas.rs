//! Several windows decoded in parallel: in parts of a few windows, each part on a replica with a share of the cores.
//!
//! A second thread gains little for the small matrices of decoding, a second replica the full factor. The replicas are models with
//! their own threads and shared weights (`native/ctranslate2/model_loading.cpp`). The division of windows depends only on their
//! number and the options, so the number of threads does not change the text.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use ct2rs::sys::{Device, StorageView, Whisper, WhisperGenerationResult, WhisperOptions};
use plugin_api::StageError;

use crate::engine::{Encoded, Engine};
use crate::mel::WINDOW_FRAMES;
use crate::model;
use crate::options::Options;
use crate::report::Report;

/// Maximum number of windows in a part, for the number of candidates of each. A token's weights are read once for a part, nearly as
/// fast for one row as for ten; more rows gain nothing, and the keys and values of each window's text are most of a batch's memory.
fn most(candidates: usize) -> usize {
    const ROWS: usize = 10;
    (ROWS / candidates.max(1)).clamp(2, 4)
}

/// The number of windows in each part of `windows`: as equal as possible, and at least two parts for two windows.
fn sizes(windows: usize, candidates: usize) -> impl ExactSizeIterator<Item = usize> {
    let parts = windows.div_ceil(most(candidates)).max(windows.min(2));
    (0..parts).map(move |part| windows * (part + 1) / parts - windows * part / parts)
}

/// Encoded windows of a batch.
pub struct Part {
    /// Its windows of the batch.
    pub windows: Range<usize>,
    /// Output of the encoder for them.
    pub encoded: Encoded,
}

/// The replicas, opened on first use.
pub struct Replicas {
    folder: PathBuf,
    options: Options,
    open: Vec<Engine>,
}

impl Replicas {
    /// Replicas for the model of this folder, not opened yet.
    #[must_use]
    pub fn new(folder: PathBuf, options: Options) -> Self {
        Self {
            folder,
            options,
            open: Vec::new(),
        }
    }

    /// The windows of each part; a graphics card gets all of them at once.
    fn parts(&self, windows: usize, candidates: usize) -> Result<Vec<usize>, StageError> {
        let device = self.options.device()?;
        Ok(if device == Device::CPU {
            sizes(windows, candidates).collect()
        } else {
            vec![windows]
        })
    }

    /// Opens as many replicas as there are threads or `parts`, whichever is less; none for one.
    fn open(&mut self, parts: usize) -> Result<(), StageError> {
        let threads = self.options.thread_count();
        let wanted = threads.min(parts);
        if wanted <= 1 || self.open.len() >= wanted {
            return Ok(());
        }
        let options = Options {
            threads: threads / wanted,
            ..self.options.clone()
        };
        self.open.clear();
        for _ in 0..wanted {
            self.open.push(Engine::new(model::load(&self.folder, &options)?)?);
        }
        Ok(())
    }

    /// Encodes windows of log-mel features, one after the other in `features`, in parts for the number of candidates of each
    /// window's text. Work without a replica runs on `engine`.
    ///
    /// # Errors
    /// Errors of [`model::load`] and [`Engine::call`].
    pub fn encode(
        &mut self,
        engine: &mut Engine,
        features: &[f32],
        candidates: usize,
        ctx: &dyn Report,
    ) -> Result<Vec<Part>, StageError> {
        let n_mels = engine.n_mels();
        let window = n_mels * WINDOW_FRAMES;
        let parts = self.parts(features.len() / window, candidates)?;
        self.open(parts.len())?;
        let mut rest = features;
        let jobs = parts.into_iter().map(|count| {
            let part;
            (part, rest) = rest.split_at(count * window);
            let mut part = part.to_vec();
            move |whisper: &Whisper| {
                let shape = [count, n_mels, WINDOW_FRAMES];
                let view = StorageView::new(&shape, &mut part, Device::CPU).map_err(|error| error.to_string())?;
                let encoded = whisper.encode(&view, false).map_err(|error| error.to_string())?;
                Ok((shape[0], Arc::new(encoded)))
            }
        });
        let mut begin = 0;
        let part = |(count, encoded): (usize, Encoded)| {
            let windows = begin..begin + count;
            begin = windows.end;
            Part { windows, encoded }
        };
        Ok(self.run(engine, jobs, ctx)?.into_iter().map(part).collect())
    }

    /// Generates text after a prompt for each window of the encoded parts.
    ///
    /// # Errors
    /// Errors of [`Engine::call`].
    pub fn generate(
        &mut self,
        engine: &mut Engine,
        parts: &[Part],
        prompts: &[Vec<String>],
        options: &WhisperOptions,
        ctx: &dyn Report,
    ) -> Result<Vec<WhisperGenerationResult>, StageError> {
        let jobs = parts.iter().map(|part| {
            let (prompts, options) = (prompts[part.windows.clone()].to_vec(), options.clone());
            let encoded = Arc::clone(&part.encoded);
            move |whisper: &Whisper| {
                let results = whisper.generate(&encoded, &prompts, &options);
                let results = results.map_err(|error| error.to_string())?;
                if results.len() == prompts.len() {
                    Ok(results)
                } else {
                    let (given, asked) = (results.len(), prompts.len());
                    Err(format!("it gave {given} results for {asked} prompts"))
                }
            }
        });
        Ok(self.run(engine, jobs, ctx)?.concat())
    }

    /// Runs the jobs, each on the next replica, and returns their answers in order; a single one runs on `engine`, with all cores.
    fn run<T, F>(
        &mut self,
        engine: &mut Engine,
        jobs: impl ExactSizeIterator<Item = F>,
        ctx: &dyn Report,
    ) -> Result<Vec<T>, StageError>
    where
        T: Send + 'static,
        F: FnOnce(&Whisper) -> Result<T, String> + Send + 'static,
    {
        if self.open.is_empty() || jobs.len() < 2 {
            return jobs.map(|job| engine.call(ctx, job)).collect();
        }
        ctx.checkpoint()?;
        let replicas = self.open.len();
        let started: Vec<_> = jobs
            .enumerate()
            .map(|(index, job)| (index % replicas, self.open[index % replicas].start(job)))
            .collect();
        let answers = started
            .iter()
            .map(|(replica, pending)| self.open[*replica].wait(pending, ctx));
        let answers: Result<_, _> = answers.collect();
        if answers.is_err() {
            self.open.iter_mut().for_each(Engine::abandon);
        }
        answers
    }
}

#[cfg(test)]
mod tests {
    use super::{most, sizes};
    use proptest::prelude::*;

    #[test]
    fn parts_are_equal_and_small() {
        let all = |windows| sizes(windows, 5).collect::<Vec<_>>();
        assert_eq!(all(0), Vec::<usize>::new());
        assert_eq!(all(1), [1]);
        assert_eq!(all(2), [1, 1]);
        assert_eq!(all(5), [1, 2, 2]);
        assert_eq!(all(8), [2, 2, 2, 2]);
        let greedy = |windows| sizes(windows, 1).collect::<Vec<_>>();
        assert_eq!(greedy(5), [2, 3]);
        assert_eq!(greedy(8), [4, 4]);
    }

    proptest! {
        #[test]
        fn parts_cover_all_windows(windows in 0_usize..100, candidates in 0_usize..20) {
            let all: Vec<_> = sizes(windows, candidates).collect();
            prop_assert_eq!(all.iter().sum::<usize>(), windows);
            prop_assert!(all.iter().all(|size| (1..=most(candidates)).contains(size)));
            prop_assert!(all.iter().max().unwrap_or(&0) - all.iter().min().unwrap_or(&0) <= 1);
        }
    }
}
