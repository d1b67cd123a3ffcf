//! Stretches of a track that are decoded in parallel, and their spectrograms.

use std::ops::Range;

use plugin_api::{ErrorKind, StageError};

use crate::job::clip_points;
use crate::mel::{HOP, LogMel, SAMPLE_RATE, WINDOW_FRAMES};
use crate::timestamps::{FRAMES_A_SECOND, Window};
use crate::track::Track;

/// Log-mel of silence; faster-whisper appends one frame of it for language detection.
const SILENT_FRAME: f32 = -1.5;

/// A unit of decoding.
#[derive(Debug, Clone)]
pub(crate) struct Chunk<'a> {
    /// Its samples.
    pub(crate) track: Track<'a>,
    /// Its start, in seconds.
    pub(crate) offset: f64,
}

impl Chunk<'_> {
    /// Frames with sound.
    pub(crate) fn frames(&self) -> usize {
        self.track.len() / HOP
    }

    /// As a window of the model.
    pub(crate) fn window(&self) -> Window {
        let duration = time(self.track.len());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a few tens of seconds"
        )]
        let frames = (duration.ceil() * FRAMES_A_SECOND) as usize;
        Window {
            seek: 0,
            frames: frames.min(WINDOW_FRAMES),
            offset: self.offset,
            duration,
        }
    }

    /// The frame that its segments report as their `seek`.
    pub(crate) fn seek(&self) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "within the audio"
        )]
        let seek = (self.offset * FRAMES_A_SECOND) as usize;
        seek
    }
}

/// The length of this many samples, in seconds.
#[expect(clippy::cast_precision_loss, reason = "2^53 samples are eighteen thousand years")]
pub(crate) fn time(samples: usize) -> f64 {
    samples as f64 / SAMPLE_RATE as f64
}

/// Gathers consecutive parts of `track` into chunks of at most `longest` samples.
pub(crate) fn gather<'a>(track: &Track<'a>, lengths: impl Iterator<Item = usize>, longest: usize) -> Vec<Chunk<'a>> {
    let mut chunks = Vec::new();
    let mut current = 0..0;
    let mut close = |range: Range<usize>| {
        chunks.push(Chunk {
            offset: time(range.start),
            track: track.part(range),
        });
    };
    for length in lengths {
        if current.end - current.start + length > longest && !current.is_empty() {
            close(current.clone());
            current.start = current.end;
        }
        current.end += length;
    }
    if !current.is_empty() {
        close(current);
    }
    chunks
}

/// The requested clips, each a chunk.
///
/// # Errors
/// [`ErrorKind::InvalidOptions`] if they do not rise.
pub(crate) fn clips<'a>(track: &Track<'a>, seconds: &[f64]) -> Result<Vec<Chunk<'a>>, StageError> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "saturates, and is cut to the audio"
    )]
    let sample = |seconds: &f64| ((seconds * SAMPLE_RATE as f64) as usize).min(track.len());
    let mut points: Vec<usize> = clip_points(seconds)?.iter().map(sample).collect();
    if points.len() % 2 == 1 {
        points.push(track.len());
    }
    let chunk = |clip: &[usize]| Chunk {
        track: track.part(clip[0]..clip[1]),
        offset: time(clip[0]),
    };
    Ok(points
        .chunks_exact(2)
        .filter(|clip| clip[0] < clip[1])
        .map(chunk)
        .collect())
}

/// The spectrograms of a batch, one after the other, computed by several threads.
pub(crate) fn features(batch: &[Chunk<'_>], n_mels: usize, threads: usize) -> Vec<f32> {
    let share = batch.len().div_ceil(threads.max(1)).max(1);
    std::thread::scope(|scope| {
        let workers: Vec<_> = batch
            .chunks(share)
            .map(|chunks| scope.spawn(move || features_of(chunks, n_mels)))
            .collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, Vec<f32>>| {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        workers.into_iter().flat_map(join).collect()
    })
}

/// The same by one thread.
pub(crate) fn features_of(chunks: &[Chunk<'_>], n_mels: usize) -> Vec<f32> {
    let of_chunk = |chunk: &Chunk<'_>| LogMel::of_chunk(chunk.track.clone(), n_mels, HOP, WINDOW_FRAMES);
    chunks.iter().flat_map(of_chunk).collect()
}

/// Frames of the spectrograms of the chunks, one after the other, followed by one silent frame.
pub(crate) fn joined(chunks: &[Chunk<'_>], wanted: Range<usize>, n_mels: usize, threads: usize) -> Vec<f32> {
    let mut out = vec![0.0; n_mels * WINDOW_FRAMES];
    let mut first = 0;
    for chunk in chunks {
        let count = chunk.frames();
        let (from, to) = (wanted.start.max(first), wanted.end.min(first + count));
        if from < to {
            let mel = LogMel::new(chunk.track.clone(), n_mels, HOP, threads);
            let part = mel.window(from - first, to - from, to - from);
            for (row, values) in part.chunks_exact(to - from).enumerate() {
                let column = row * WINDOW_FRAMES + from - wanted.start;
                out[column..column + values.len()].copy_from_slice(values);
            }
        }
        first += count;
    }
    if wanted.contains(&first) {
        for row in out.chunks_exact_mut(WINDOW_FRAMES) {
            row[first - wanted.start] = SILENT_FRAME;
        }
    }
    out
}

/// Refuses audio that cannot be divided into chunks.
///
/// # Errors
/// [`ErrorKind::InvalidOptions`] without VAD and without clips, for audio longer than one chunk.
pub(crate) fn single(length: usize, longest: usize) -> Result<(), StageError> {
    if length < longest {
        return Ok(());
    }
    let message = "`batch_size` above 1 needs to know where there is speech: set `vad_filter`, or name the parts with `clip_timestamps`";
    Err(StageError::new(ErrorKind::InvalidOptions, message))
}

#[cfg(test)]
mod tests;
