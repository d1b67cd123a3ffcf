//! The model's own calls, each on its thread: encode, detect the language, generate, align.

use std::sync::Arc;

use ct2rs::sys::{Device, StorageView, WhisperGenerationResult, WhisperOptions};
use plugin_api::StageError;

use crate::engine::{Encoded, Engine};
use crate::language::Language;
use crate::mel::WINDOW_FRAMES;
use crate::replicas::{Part, Replicas};
use crate::report::Report;

/// Width of the median filter over the attention.
const MEDIAN_FILTER_WIDTH: i64 = 7;

/// The model's alignment of the text of one window.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Alignment {
    /// Token and frame (of 20 ms) along the path, both rising.
    pub path: Vec<(i64, i64)>,
    /// Probability of each text token.
    pub probabilities: Vec<f32>,
}

/// The model, with the output of its encoder for the last window: the first window is used for language detection and then decoded.
pub struct Encoder<'a> {
    engine: &'a mut Engine,
    replicas: &'a mut Replicas,
    last: Option<(Vec<f32>, Encoded)>,
}

impl<'a> Encoder<'a> {
    /// Starts without an encoded window.
    #[must_use]
    pub fn new(engine: &'a mut Engine, replicas: &'a mut Replicas) -> Self {
        let last = None;
        Self { engine, replicas, last }
    }

    /// Number of mel bands of the model.
    #[must_use]
    pub fn n_mels(&self) -> usize {
        self.engine.n_mels()
    }

    /// Whether the model is multilingual.
    #[must_use]
    pub fn is_multilingual(&self) -> bool {
        self.engine.is_multilingual()
    }

    /// Encodes one window of log-mel features.
    ///
    /// # Errors
    /// Errors of [`Engine::call`].
    pub fn encode(&mut self, features: Vec<f32>, ctx: &dyn Report) -> Result<Encoded, StageError> {
        if let Some((_, encoded)) = self.last.as_ref().filter(|(last, _)| *last == features) {
            return Ok(Arc::clone(encoded));
        }
        let shape = [1, self.n_mels(), WINDOW_FRAMES];
        let (features, encoded) = self.engine.call(ctx, move |whisper| {
            let mut features = features;
            let view = StorageView::new(&shape, &mut features, Device::CPU).map_err(|error| error.to_string())?;
            let encoded = whisper.encode(&view, false).map_err(|error| error.to_string())?;
            drop(view);
            Ok((features, Arc::new(encoded)))
        })?;
        self.last = Some((features, Arc::clone(&encoded)));
        Ok(encoded)
    }

    /// Encodes several windows, one after the other in `features`, in parts for `candidates` candidates each.
    ///
    /// # Errors
    /// Errors of [`Replicas::encode`].
    pub fn encode_batch(
        &mut self,
        features: &[f32],
        candidates: usize,
        ctx: &dyn Report,
    ) -> Result<Vec<Part>, StageError> {
        self.replicas.encode(self.engine, features, candidates, ctx)
    }

    /// Generates text after a prompt for each window of the encoded parts.
    ///
    /// # Errors
    /// Errors of [`Replicas::generate`].
    pub fn generate_batch(
        &mut self,
        parts: &[Part],
        prompts: &[Vec<String>],
        options: &WhisperOptions,
        ctx: &dyn Report,
    ) -> Result<Vec<WhisperGenerationResult>, StageError> {
        self.replicas.generate(self.engine, parts, prompts, options, ctx)
    }

    /// The language of each encoded window; `None` if the model names none.
    ///
    /// # Errors
    /// Errors of [`Engine::call`].
    pub fn most_probable_languages(
        &mut self,
        encoded: &Encoded,
        ctx: &dyn Report,
    ) -> Result<Vec<Option<Language>>, StageError> {
        let encoded = Arc::clone(encoded);
        let answers = self.engine.call(ctx, move |whisper| {
            whisper.detect_language(&encoded).map_err(|error| error.to_string())
        })?;
        let best = |answers: Vec<ct2rs::sys::DetectionResult>| {
            answers.into_iter().next().map(|best| Language {
                code: best.language.trim_matches(['<', '|', '>']).to_owned(),
                probability: f64::from(best.probability),
            })
        };
        Ok(answers.into_iter().map(best).collect())
    }

    /// Generates text after a prompt for one encoded window.
    ///
    /// # Errors
    /// Errors of [`Engine::call`].
    pub fn generate(
        &mut self,
        encoded: &Encoded,
        prompt: Vec<String>,
        options: WhisperOptions,
        ctx: &dyn Report,
    ) -> Result<WhisperGenerationResult, StageError> {
        let encoded = Arc::clone(encoded);
        self.engine.call(ctx, move |whisper| {
            let results = whisper.generate(&encoded, &[prompt], &options);
            let result = results.map_err(|error| error.to_string())?.pop();
            result.ok_or_else(|| "it gave no result for a prompt".to_owned())
        })
    }

    /// Aligns text with each encoded window, given its number of frames of audio.
    ///
    /// # Errors
    /// Errors of [`Engine::call`].
    pub fn align(
        &mut self,
        encoded: &Encoded,
        start: &[u32],
        text: &[Vec<u32>],
        frames: Vec<usize>,
        ctx: &dyn Report,
    ) -> Result<Vec<Alignment>, StageError> {
        let encoded = Arc::clone(encoded);
        let ids = |tokens: &[u32]| tokens.iter().map(|&token| token as usize).collect::<Vec<_>>();
        let (start, text) = (ids(start), text.iter().map(|text| ids(text)).collect::<Vec<_>>());
        let results = self.engine.call(ctx, move |whisper| {
            let results = whisper.align(&encoded, &start, &text, &frames, MEDIAN_FILTER_WIDTH);
            results.map_err(|error| error.to_string())
        })?;
        let alignment = |result: ct2rs::sys::WhisperAlignmentResult| Alignment {
            path: result
                .alignments
                .iter()
                .map(|pair| (pair.token_x, pair.frame_x))
                .collect(),
            probabilities: result.text_token_probs,
        };
        Ok(results.into_iter().map(alignment).collect())
    }
}
