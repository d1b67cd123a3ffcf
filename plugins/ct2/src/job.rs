//! Everything that stays the same during one request.

use plugin_api::{ErrorKind, StageError};

use crate::decode::Decoder;
use crate::encoder::Encoder;
use crate::mel::{SAMPLE_RATE, WINDOW_FRAMES};
use crate::options::Request;
use crate::prompt;
use crate::report::Report;
use crate::tokenizer::Tokenizer;
use crate::words::align::Aligner;

/// The length of a window of the model, in seconds.
const WINDOW_SECONDS: usize = 30;

/// The constants of a request.
pub(crate) struct Job<'a> {
    /// The request.
    pub(crate) request: &'a Request,
    /// Text to tokens and back.
    pub(crate) tokenizer: &'a Tokenizer,
    /// Threads for the spectrogram.
    pub(crate) threads: usize,
    /// The frame from which the language is detected, if that is not the beginning.
    pub(crate) detect_from: Option<usize>,
}

impl<'a> Job<'a> {
    /// `text` as it follows other text; empty for none.
    pub(crate) fn spaced(&self, text: Option<&str>) -> Result<Vec<u32>, StageError> {
        match text.map(str::trim) {
            None | Some("") => Ok(Vec::new()),
            Some(text) => Ok(self.tokenizer.encode(&format!(" {text}"))?),
        }
    }

    /// The aligner of windows that begin with the tokens `start`, in the language of this code.
    pub(crate) fn aligner<'b>(&'b self, start: &'b [u32], language: &'b str) -> Aligner<'b> {
        Aligner {
            tokenizer: self.tokenizer,
            request: self.request,
            start,
            language,
        }
    }

    /// Warns if the prompt is longer than the model's limit.
    pub(crate) fn warn_of_excess(&self, initial_prompt: &[u32], hotwords: &[u32], report: &mut dyn Report) {
        // A prefix replaces hot words.
        let hotwords = if self.request.prefix.is_none() {
            hotwords.len()
        } else {
            0
        };
        if let Some(message) = prompt::excess(initial_prompt.len(), hotwords) {
            report.warn(&message);
        }
    }

    /// The first tokens of a transcript in this language.
    pub(crate) fn start(&self, encoder: &Encoder<'_>, code: &str) -> Result<Vec<u32>, StageError> {
        let multilingual = encoder.is_multilingual();
        let language = self.tokenizer.language(code).filter(|_| multilingual);
        if multilingual && language.is_none() {
            let message = format!("this model does not know the language `{code}`: choose a newer model");
            return Err(StageError::new(ErrorKind::InvalidOptions, message));
        }
        Ok(self.tokenizer.start_sequence(language, self.request.task))
    }

    pub(crate) fn decoder(&self) -> Result<Decoder<'a>, StageError> {
        Ok(Decoder {
            tokenizer: self.tokenizer,
            request: self.request,
            suppressed: self.tokenizer.suppressed(&self.request.suppress_tokens)?,
        })
    }

    /// The maximum length of a window, in frames.
    pub(crate) fn window_frames(&self) -> usize {
        self.request.chunk_length.unwrap_or(WINDOW_SECONDS) * WINDOW_FRAMES / WINDOW_SECONDS
    }

    /// The same in samples.
    pub(crate) fn window_samples(&self) -> usize {
        self.request.chunk_length.unwrap_or(WINDOW_SECONDS) * SAMPLE_RATE
    }
}

/// The requested clips, in seconds.
///
/// # Errors
/// [`ErrorKind::InvalidOptions`] if they do not rise.
pub(crate) fn clip_points(seconds: &[f64]) -> Result<&[f64], StageError> {
    if seconds.is_sorted() {
        return Ok(seconds);
    }
    let message = "`clip_timestamps` must rise: start,end,start,end,… in seconds";
    Err(StageError::new(ErrorKind::InvalidOptions, message))
}
