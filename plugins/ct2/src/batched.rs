//! Several stretches of speech decoded side by side, as faster-whisper's `BatchedInferencePipeline` does.
//!
//! The speech (or the clips asked for) is gathered into chunks of at most 30 s. Each chunk has a spectrogram of its own, is shown
//! nothing but the initial prompt and hot words, and is decoded once by beam search: neither temperatures nor thresholds apply, and
//! unless timestamps are asked for each chunk becomes one segment. `batch_size` chunks go through the model at a time.

use std::ops::Range;

use plugin_api::{ErrorKind, StageError};

use crate::decode::{Decoded, compression_ratio};
use crate::detect::{self, Language};
use crate::encoder::{Encoded, Encoder};
use crate::mel::{HOP, LogMel, SAMPLE_RATE, WINDOW_FRAMES};
use crate::prompt::{self, Parts, Prompt};
use crate::report::Report;
use crate::timestamps::{self, FRAMES_A_SECOND, Split, Window};
use crate::track::Track;
use crate::transcribe::{Job, clip_points};
use crate::transcript::{Facts, Transcript};
use crate::words::align::{Aligned, Aligner};

/// Log-mel of no sound at all, as faster-whisper appends one frame of when it asks for the language.
const SILENT_FRAME: f32 = -1.5;

/// What is decoded as one.
#[derive(Debug, Clone)]
pub(crate) struct Chunk<'a> {
    track: Track<'a>,
    /// Where it begins, in seconds.
    offset: f64,
}

impl Chunk<'_> {
    fn frames(&self) -> usize {
        self.track.len() / HOP
    }

    fn window(&self) -> Window {
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

    /// The frame that its segments are told to come from.
    fn seek(&self) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "within the audio"
        )]
        let seek = (self.offset * FRAMES_A_SECOND) as usize;
        seek
    }
}

#[expect(clippy::cast_precision_loss, reason = "2^53 samples are eighteen thousand years")]
fn time(samples: usize) -> f64 {
    samples as f64 / SAMPLE_RATE as f64
}

/// Gathers parts that follow each other on `track` into chunks of at most `longest` samples.
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

/// The clips asked for, each a chunk.
///
/// # Errors
/// [`ErrorKind::InvalidOptions`] when they do not rise.
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

/// Transcribes the chunks into `transcript`; the language, unless there is nothing to hear.
///
/// # Errors
/// As [`transcribe`](crate::transcribe::transcribe).
pub(crate) fn transcribe(
    job: &Job<'_>,
    encoder: &mut Encoder<'_>,
    chunks: &[Chunk<'_>],
    transcript: &mut Transcript,
    ctx: &mut dyn Report,
) -> Result<Option<Language>, StageError> {
    let Some(language) = language(job, encoder, chunks, ctx)? else {
        return Ok(None);
    };
    let mut batches = Batches {
        start: job.start(encoder, &language.code)?,
        job,
        encoder,
        language: &language,
        transcript,
        last_speech: 0.0,
    };
    let n_mels = batches.encoder.n_mels();
    let mut rest = chunks.chunks(job.request.batch_size.max(1)).peekable();
    let mut ready = None;
    while let Some(batch) = rest.next() {
        ctx.checkpoint()?;
        let features = ready.take().unwrap_or_else(|| features(batch, n_mels, job.threads));
        // The next batch's spectrograms are made while this one is decoded.
        std::thread::scope(|scope| {
            let ahead = rest.peek().map(|next| scope.spawn(|| features_of(next, n_mels)));
            batches.transcribe(batch, features, ctx)?;
            ready = ahead.map(|ahead| ahead.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            Ok::<_, StageError>(())
        })?;
        if let Some(last) = batch.last() {
            batches.transcript.progress(last.offset + time(last.track.len()), ctx);
        }
    }
    Ok(Some(language))
}

/// The spectrograms of a batch, one after the other, made by several threads.
fn features(batch: &[Chunk<'_>], n_mels: usize, threads: usize) -> Vec<f32> {
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

fn features_of(chunks: &[Chunk<'_>], n_mels: usize) -> Vec<f32> {
    let of_chunk = |chunk: &Chunk<'_>| LogMel::of_chunk(chunk.track.clone(), n_mels, HOP, WINDOW_FRAMES);
    chunks.iter().flat_map(of_chunk).collect()
}

/// The language of the chunks, asked of the model where it must be, as if they followed each other.
fn language(
    job: &Job<'_>,
    encoder: &mut Encoder<'_>,
    chunks: &[Chunk<'_>],
    ctx: &dyn Report,
) -> Result<Option<Language>, StageError> {
    if chunks.is_empty() {
        return Ok(None);
    }
    if let Some(language) = detect::known(job.request, encoder.is_multilingual()) {
        return Ok(Some(language));
    }
    let n_mels = encoder.n_mels();
    let total: usize = chunks.iter().map(Chunk::frames).sum::<usize>() + 1;
    let end = total.min(job.request.language_detection_segments * WINDOW_FRAMES);
    let windows = (0..end).step_by(WINDOW_FRAMES).map(|from| {
        let to = (from + WINDOW_FRAMES).min(end);
        joined(chunks, from..to, n_mels, job.threads)
    });
    detect::detect(encoder, windows, job.request, ctx)
}

/// Frames of the spectrograms of the chunks, one after the other, and one silent frame after them.
fn joined(chunks: &[Chunk<'_>], wanted: Range<usize>, n_mels: usize, threads: usize) -> Vec<f32> {
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

/// What stays the same from batch to batch, and the model and the transcript.
struct Batches<'a, 'e> {
    job: &'a Job<'a>,
    encoder: &'a mut Encoder<'e>,
    transcript: &'a mut Transcript,
    language: &'a Language,
    start: Vec<u32>,
    last_speech: f64,
}

impl Batches<'_, '_> {
    fn transcribe(&mut self, batch: &[Chunk<'_>], features: Vec<f32>, ctx: &mut dyn Report) -> Result<(), StageError> {
        let (_, encoded) = self.encoder.encode_batch(features, batch.len(), ctx)?;
        let prompts = self.prompts(&encoded, batch.len(), ctx)?;
        let decoder = self.job.decoder()?;
        let decoded = decoder.decode_batch(self.encoder, &encoded, &prompts, ctx)?;
        let begin = self.job.tokenizer.timestamp_begin();
        let mut splits: Vec<Split> = batch
            .iter()
            .zip(&decoded)
            .map(|(chunk, decoded)| timestamps::split(&decoded.tokens, begin, chunk.window()))
            .collect();
        if self.job.request.word_timestamps {
            self.align(&encoded, batch, &mut splits, ctx)?;
        }
        for ((chunk, split), decoded) in batch.iter().zip(splits).zip(&decoded) {
            self.keep(chunk, split, decoded, ctx);
        }
        Ok(())
    }

    /// The same prompt for every window but for its language, where that may change.
    fn prompts(&mut self, encoded: &Encoded, count: usize, ctx: &dyn Report) -> Result<Vec<Prompt>, StageError> {
        let request = self.job.request;
        let mut starts = vec![self.start.clone(); count];
        if request.multilingual && self.encoder.is_multilingual() {
            let answers = self.encoder.most_probable_languages(encoded, ctx)?;
            for (start, answer) in starts.iter_mut().zip(answers) {
                if let Some(language) = answer {
                    *start = self.job.start(self.encoder, &language.code)?;
                }
            }
        }
        let tokenizer = self.job.tokenizer;
        // As faster-whisper: without the space before it that the loop over windows adds.
        let previous = request
            .initial_prompt
            .as_deref()
            .map_or_else(Vec::new, |text| tokenizer.encode(text));
        let hotwords = self.job.spaced(request.hotwords.as_deref());
        let prompt = |start: &Vec<u32>| {
            let parts = Parts {
                previous: &previous,
                hotwords: &hotwords,
                start,
                prefix: &[],
                without_timestamps: request.without_timestamps.unwrap_or(true),
                max_new_tokens: request.max_new_tokens,
            };
            prompt::build(parts, tokenizer)
        };
        Ok(starts.iter().map(prompt).collect())
    }

    fn align(
        &mut self,
        encoded: &Encoded,
        batch: &[Chunk<'_>],
        splits: &mut [Split],
        ctx: &dyn Report,
    ) -> Result<(), StageError> {
        let aligner = Aligner {
            tokenizer: self.job.tokenizer,
            request: self.job.request,
            start: &self.start,
            language: &self.language.code,
        };
        let windows = batch.iter().zip(splits.iter_mut()).map(|(chunk, split)| Aligned {
            pieces: &mut split.pieces,
            frames: chunk.window().frames,
            offset: timestamps::seconds(chunk.seek()),
        });
        let mut windows: Vec<Aligned<'_>> = windows.collect();
        self.last_speech = aligner.align(self.encoder, encoded, &mut windows, self.last_speech, ctx)?;
        Ok(())
    }

    fn keep(&mut self, chunk: &Chunk<'_>, split: Split, decoded: &Decoded, ctx: &mut dyn Report) {
        let window = chunk.window();
        let end = window.offset + window.duration;
        let heard = window.offset + timestamps::seconds(WINDOW_FRAMES);
        for mut piece in split.pieces {
            let text = self.job.tokenizer.decode(&piece.tokens);
            if text.trim().is_empty() {
                continue;
            }
            let facts = Facts {
                avg_logprob: decoded.avg_logprob,
                compression_ratio: compression_ratio(&text),
                no_speech_prob: decoded.no_speech_prob,
                temperature: decoded.temperature,
                seek: chunk.seek(),
            };
            piece.start = thousandths(piece.start);
            piece.end = thousandths(piece.end);
            self.transcript.add(piece, text, facts, ctx);
        }
        if decoded.cut && split.covered < end {
            self.transcript.cut(split.covered, end, "max_length");
        } else if heard < end {
            self.transcript.cut(heard, end, "chunk_length");
        }
    }
}

/// Rounds to three decimals, as faster-whisper does what a batch gave.
fn thousandths(seconds: f64) -> f64 {
    format!("{seconds:.3}").parse().unwrap_or(seconds)
}

/// Refuses what cannot be cut into chunks.
///
/// # Errors
/// [`ErrorKind::InvalidOptions`] without VAD and without clips, for audio longer than one chunk.
pub(crate) fn single(length: usize, longest: usize) -> Result<(), StageError> {
    if length < longest {
        return Ok(());
    }
    let message = "`batch_size` above 1 needs to know where somebody speaks: set `vad_filter`, or name the parts with `clip_timestamps`";
    Err(StageError::new(ErrorKind::InvalidOptions, message))
}

#[cfg(test)]
mod tests;
