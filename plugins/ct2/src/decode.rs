//! One window: decode at rising temperatures until the text is neither repetitive nor improbable.
//!
//! Temperature 0 is a beam search; above it `best_of` candidates are sampled. A decode is accepted if zlib does not shrink its
//! text by more than `compression_ratio_threshold` and its mean log-probability reaches `log_prob_threshold`, or if the window is
//! probably without speech. If none is accepted, the most probable one that is not repetitive (else of all) is used, and counts as
//! decoded at the last temperature.

use std::io::Write;

use ct2rs::sys::{WhisperGenerationResult, WhisperOptions};
use plugin_api::StageError;

use crate::encoder::Encoder;
use crate::engine::Encoded;
use crate::options::Request;
use crate::prompt::Prompt;
use crate::replicas::Part;
use crate::report::Report;
use crate::tokenizer::Tokenizer;

/// The text of one window.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// Text and timestamps, without the end.
    pub tokens: Vec<u32>,
    /// Sum of the log-probabilities over the number of tokens, the end included.
    pub avg_logprob: f64,
    /// Length of the text over its compressed length.
    pub compression_ratio: f64,
    /// Probability that the window holds no speech.
    pub no_speech_prob: f64,
    /// The temperature of the decode, or the last one tried.
    pub temperature: f64,
    /// Whether it was cut at the maximum length.
    pub cut: bool,
}

/// The constants of all windows of a request.
pub struct Decoder<'a> {
    /// To measure the repetitiveness of the text.
    pub tokenizer: &'a Tokenizer,
    /// Thresholds and search options.
    pub request: &'a Request,
    /// Ids that are never written.
    pub suppressed: Vec<i32>,
}

impl Decoder<'_> {
    /// Decodes the window of `encoded`.
    ///
    /// # Errors
    /// Errors of [`Engine::call`](crate::engine::Engine::call).
    pub fn decode(
        &self,
        encoder: &mut Encoder<'_>,
        encoded: &Encoded,
        prompt: &Prompt,
        ctx: &dyn Report,
    ) -> Result<Decoded, StageError> {
        let mut tried: Vec<Decoded> = Vec::new();
        for &temperature in &self.request.temperature {
            let options = self.search(temperature, prompt);
            let names = self.tokenizer.names(&prompt.tokens);
            let result = encoder.generate(encoded, names, options, ctx)?;
            let decoded = self.read(&result, temperature, prompt);
            if Rules(self.request).is_acceptable(&decoded) {
                return Ok(decoded);
            }
            tracing::debug!(temperature, decoded.avg_logprob, decoded.compression_ratio, "not taken");
            tried.push(decoded);
        }
        Ok(Rules(self.request).best_of_failed(tried))
    }

    /// Decodes the windows of encoded parts in parallel, each once by beam search, without checks of the result.
    ///
    /// # Errors
    /// Errors of [`Engine::call`](crate::engine::Engine::call).
    pub fn decode_batch(
        &self,
        encoder: &mut Encoder<'_>,
        parts: &[Part],
        prompts: &[Prompt],
        ctx: &dyn Report,
    ) -> Result<Vec<Decoded>, StageError> {
        let Some(prompt) = prompts.first() else {
            return Ok(Vec::new());
        };
        let options = WhisperOptions {
            // faster-whisper's value for a batch.
            max_initial_timestamp_index: WhisperOptions::default().max_initial_timestamp_index,
            ..self.search(0.0, prompt)
        };
        let names = prompts.iter().map(|prompt| self.tokenizer.names(&prompt.tokens));
        let results = encoder.generate_batch(parts, &names.collect::<Vec<_>>(), &options, ctx)?;
        // Reported, although nothing is sampled.
        let temperature = self.request.temperature[0];
        Ok(results
            .iter()
            .map(|result| self.read(result, temperature, prompt))
            .collect())
    }

    fn read(&self, result: &WhisperGenerationResult, temperature: f64, prompt: &Prompt) -> Decoded {
        let first = result.sequences_ids.first().map_or(&[][..], Vec::as_slice);
        let tokens: Vec<u32> = first.iter().filter_map(|&id| u32::try_from(id).ok()).collect();
        let score = result.scores.first().copied().map_or(0.0, f64::from);
        let text = self.tokenizer.decode(&tokens);
        Decoded {
            avg_logprob: average(score, tokens.len(), f64::from(self.request.length_penalty)),
            compression_ratio: compression_ratio(text.trim()),
            no_speech_prob: f64::from(result.no_speech_prob),
            temperature,
            cut: tokens.len() >= prompt.limit,
            tokens,
        }
    }

    fn search(&self, temperature: f64, prompt: &Prompt) -> WhisperOptions {
        let request = self.request;
        let sampling = temperature > 0.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to 1500 by the option table"
        )]
        let max_initial_timestamp_index = (request.max_initial_timestamp / 0.02).round_ties_even() as usize;
        #[expect(clippy::cast_possible_truncation, reason = "CTranslate2 takes f32")]
        let sampling_temperature = if sampling { temperature as f32 } else { 1.0 };
        WhisperOptions {
            beam_size: if sampling { 1 } else { request.beam_size },
            patience: if sampling { 1.0 } else { request.patience },
            num_hypotheses: if sampling { request.best_of } else { 1 },
            sampling_topk: usize::from(!sampling),
            sampling_temperature,
            length_penalty: request.length_penalty,
            repetition_penalty: request.repetition_penalty,
            no_repeat_ngram_size: request.no_repeat_ngram_size,
            max_length: prompt.max_length,
            return_scores: true,
            return_no_speech_prob: true,
            suppress_blank: request.suppress_blank,
            suppress_tokens: self.suppressed.clone(),
            max_initial_timestamp_index,
            ..WhisperOptions::default()
        }
    }
}

/// At or below this, `log_prob_threshold` has no effect: no mean of log-probabilities is as low.
const NO_THRESHOLD: f64 = -1000.0;

/// Acceptance of decodes, by the thresholds of a request.
#[derive(Clone, Copy)]
pub struct Rules<'a>(pub &'a Request);

impl Rules<'_> {
    fn is_repetitive(self, decoded: &Decoded) -> bool {
        decoded.compression_ratio > self.0.compression_ratio_threshold
    }

    fn is_improbable(self, decoded: &Decoded) -> bool {
        decoded.avg_logprob < self.0.log_prob_threshold
    }

    fn is_acceptable(self, decoded: &Decoded) -> bool {
        let silent = decoded.no_speech_prob > self.0.no_speech_threshold && self.is_improbable(decoded);
        silent || !(self.is_repetitive(decoded) || self.is_improbable(decoded))
    }

    /// Whether the window is skipped because it probably has no speech.
    #[must_use]
    pub fn is_silent(self, decoded: &Decoded) -> bool {
        let improbable = decoded.avg_logprob <= self.0.log_prob_threshold || self.0.log_prob_threshold <= NO_THRESHOLD;
        decoded.no_speech_prob > self.0.no_speech_threshold && improbable
    }

    fn best_of_failed(self, tried: Vec<Decoded>) -> Decoded {
        let last = tried.last().map_or(0.0, |decoded| decoded.temperature);
        let any_plain = tried.iter().any(|decoded| !self.is_repetitive(decoded));
        let candidates = tried
            .into_iter()
            .filter(|decoded| !any_plain || !self.is_repetitive(decoded));
        let best = candidates.reduce(|best, next| {
            if next.avg_logprob > best.avg_logprob {
                next
            } else {
                best
            }
        });
        let best = best.expect("`Request::check` refuses an empty list of temperatures");
        Decoded {
            temperature: last,
            ..best
        }
    }
}

/// CTranslate2 divides the sum by a power of the length without the end; Whisper's mean counts the end.
#[expect(clippy::cast_precision_loss, reason = "at most 448 tokens")]
fn average(score: f64, tokens: usize, length_penalty: f64) -> f64 {
    score * (tokens as f64).powf(length_penalty) / (tokens as f64 + 1.0)
}

/// Length of `text` in UTF-8 over its length compressed by zlib at its default level.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a few hundred bytes")]
pub fn compression_ratio(text: &str) -> f64 {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
    let compressed = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    let length = compressed.expect("writing to memory cannot fail").len();
    text.len() as f64 / length as f64
}

#[cfg(test)]
mod tests;
