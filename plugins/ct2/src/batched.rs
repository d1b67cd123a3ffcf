//! Several stretches of speech decoded in parallel, as in faster-whisper's `BatchedInferencePipeline`.
//!
//! The speech (or the requested clips) is gathered into chunks of at most 30 s. Each chunk has its own spectrogram, sees only the
//! initial prompt and hot words, and is decoded once by beam search: neither temperatures nor thresholds apply, and unless
//! timestamps are requested each chunk becomes one segment. `batch_size` chunks go through the model at a time.

use plugin_api::StageError;

use crate::decode::{Decoded, compression_ratio};
use crate::detect;
use crate::encoder::Encoder;
use crate::job::Job;
use crate::language::Language;
use crate::mel::WINDOW_FRAMES;
use crate::prompt::{self, Parts, Prompt};
use crate::replicas::Part;
use crate::report::Report;
use crate::timestamps::{self, Piece, Split};
use crate::transcript::{Facts, Transcript};
use crate::words::align::Aligned;

mod chunk;

use chunk::{Chunk, features, features_of, joined, time};
pub(crate) use chunk::{clips, gather, single};

/// Transcribes the chunks into `transcript`; returns the language, unless there is no audio.
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
    let texts = [&job.request.initial_prompt, &job.request.hotwords].map(|text| job.spaced(text.as_deref()));
    let [initial_prompt, hotwords] = texts;
    job.warn_of_excess(&initial_prompt?, &hotwords?, ctx);
    let n_mels = batches.encoder.n_mels();
    let mut rest = chunks.chunks(job.request.batch_size.max(1)).peekable();
    let mut ready = None;
    while let Some(batch) = rest.next() {
        ctx.checkpoint()?;
        let features = ready.take().unwrap_or_else(|| features(batch, n_mels, job.threads));
        // The next batch's spectrograms are computed while this one is decoded.
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

/// The language of the joined chunks, detected by the model if necessary.
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

/// The constants of all batches, and the model and the transcript.
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
        let parts = self.encoder.encode_batch(&features, self.job.request.beam_size, ctx)?;
        drop(features);
        let prompts = self.prompts(&parts, batch.len(), ctx)?;
        let decoder = self.job.decoder()?;
        let decoded = decoder.decode_batch(self.encoder, &parts, &prompts, ctx)?;
        let begin = self.job.tokenizer.timestamp_begin();
        let mut splits: Vec<Split> = batch
            .iter()
            .zip(&decoded)
            .map(|(chunk, decoded)| timestamps::split(&decoded.tokens, begin, chunk.window()))
            .collect();
        self.align(&parts, batch, &mut splits, ctx)?;
        for ((chunk, split), decoded) in batch.iter().zip(splits).zip(&decoded) {
            self.keep(chunk, split, decoded, ctx);
        }
        Ok(())
    }

    /// The same prompt for every window except its language, if that may change.
    fn prompts(&mut self, parts: &[Part], count: usize, ctx: &dyn Report) -> Result<Vec<Prompt>, StageError> {
        let request = self.job.request;
        let mut starts = vec![self.start.clone(); count];
        if request.multilingual && self.encoder.is_multilingual() {
            let mut answers = Vec::new();
            for part in parts {
                answers.extend(self.encoder.most_probable_languages(&part.encoded, ctx)?);
            }
            for (start, answer) in starts.iter_mut().zip(answers) {
                if let Some(language) = answer {
                    *start = self.job.start(self.encoder, &language.code)?;
                }
            }
        }
        let tokenizer = self.job.tokenizer;
        // As in faster-whisper: without the space before it that the loop over windows adds.
        let previous = request.initial_prompt.as_deref().map(|text| tokenizer.encode(text));
        let previous = previous.transpose()?.unwrap_or_default();
        let hotwords = self.job.spaced(request.hotwords.as_deref())?;
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

    /// Finds the words, if requested, else those of segments that long silence was left out of, which are split there.
    fn align(
        &mut self,
        parts: &[Part],
        batch: &[Chunk<'_>],
        splits: &mut [Split],
        ctx: &dyn Report,
    ) -> Result<(), StageError> {
        let aligner = self.job.aligner(&self.start, &self.language.code);
        let windows = batch.iter().zip(splits.iter_mut()).map(|(chunk, split)| Aligned {
            pieces: &mut split.pieces,
            frames: chunk.window().frames,
            offset: timestamps::seconds(chunk.seek()),
        });
        let mut windows: Vec<Aligned<'_>> = windows.collect();
        for part in parts {
            let windows = &mut windows[part.windows.clone()];
            if self.job.request.word_timestamps {
                self.last_speech = aligner.align(self.encoder, &part.encoded, windows, self.last_speech, ctx)?;
            } else {
                let transcript = &*self.transcript;
                let spans = |piece: &Piece| transcript.spans_silence(piece);
                aligner.align_some(self.encoder, &part.encoded, windows, self.last_speech, &spans, ctx)?;
            }
        }
        Ok(())
    }

    fn keep(&mut self, chunk: &Chunk<'_>, split: Split, decoded: &Decoded, ctx: &mut dyn Report) {
        let window = chunk.window();
        let end = window.offset + window.duration;
        let limit = window.offset + timestamps::seconds(WINDOW_FRAMES);
        for mut piece in split.pieces {
            let text = self.job.tokenizer.decode(&piece.tokens);
            if text.trim().is_empty() {
                continue;
            }
            let no_speech = (decoded.no_speech_prob, self.job.request.no_speech_threshold);
            if self.transcript.is_invented(&piece, &text, no_speech) {
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
            let tokenizer = self.job.tokenizer;
            for piece in self.transcript.split(piece, &|tokens| tokenizer.decode(tokens)) {
                let text = tokenizer.decode(&piece.tokens);
                self.transcript.add(piece, text, facts, ctx);
            }
        }
        if decoded.cut && split.covered < end {
            self.transcript.cut(split.covered, end, "max_length");
        } else if limit < end {
            self.transcript.cut(limit, end, "chunk_length");
        }
    }
}

/// Rounds to three decimals, as faster-whisper does for batches.
fn thousandths(seconds: f64) -> f64 {
    format!("{seconds:.3}").parse().unwrap_or(seconds)
}
