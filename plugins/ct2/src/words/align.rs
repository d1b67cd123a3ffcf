//! Words of whole windows: alignment by the model, repair, assignment to the segments.

use cesar_plugin_common::words;
use plugin_api::StageError;

use super::{Durations, assign, split, timings};
use crate::encoder::Encoder;
use crate::engine::Encoded;
use crate::options::Request;
use crate::report::Report;
use crate::timestamps::Piece;
use crate::tokenizer::Tokenizer;

/// The segments of one window and its position.
pub struct Aligned<'a> {
    /// The segments, which receive their words.
    pub pieces: &'a mut [Piece],
    /// Frames of the window that are audio.
    pub frames: usize,
    /// Start of the window, in seconds.
    pub offset: f64,
}

/// The constants of all windows in one language.
#[derive(Clone, Copy)]
pub struct Aligner<'a> {
    /// For the texts of words.
    pub tokenizer: &'a Tokenizer,
    /// For the marks that are merged.
    pub request: &'a Request,
    /// The first tokens of the transcript: start, language, task.
    pub start: &'a [u32],
    /// Code of that language.
    pub language: &'a str,
}

impl Aligner<'_> {
    /// Adds the words to the windows of `encoded`; `last_speech` is the end of the previous word, in seconds, and the new one is
    /// returned.
    ///
    /// # Errors
    /// Errors of [`Engine::call`](crate::engine::Engine::call).
    pub fn align(
        self,
        encoder: &mut Encoder<'_>,
        encoded: &Encoded,
        windows: &mut [Aligned<'_>],
        mut last_speech: f64,
        ctx: &dyn Report,
    ) -> Result<f64, StageError> {
        let text_of = |piece: &Piece| self.tokenizer.text_tokens(&piece.tokens);
        let texts = |window: &Aligned<'_>| window.pieces.iter().map(text_of).collect::<Vec<_>>();
        let texts: Vec<Vec<Vec<u32>>> = windows.iter().map(texts).collect();
        let joined: Vec<Vec<u32>> = texts.iter().map(|texts| texts.concat()).collect();
        if joined.iter().all(Vec::is_empty) {
            return Ok(last_speech);
        }
        let frames = windows.iter().map(|window| window.frames).collect();
        let alignments = encoder.align(encoded, self.start, &joined, frames, ctx)?;
        for (((window, alignment), texts), joined) in windows.iter_mut().zip(alignments).zip(texts).zip(joined) {
            let mut timings = timings(&alignment, split::words(self.tokenizer, &joined, self.language));
            let durations = Durations::of(&timings);
            durations.trim_sentence_ends(&mut timings);
            let request = self.request;
            words::join_punctuation(
                &mut timings,
                &request.prepend_punctuations,
                &request.append_punctuations,
            );
            let counts: Vec<usize> = texts.iter().map(Vec::len).collect();
            last_speech = assign(window.pieces, &counts, &timings, durations, window.offset, last_speech);
        }
        Ok(last_speech)
    }

    /// Aligns only the pieces that are `wanted`, with all text of their windows around them. Without any it does nothing.
    ///
    /// # Errors
    /// As [`Aligner::align`].
    pub fn align_some(
        self,
        encoder: &mut Encoder<'_>,
        encoded: &Encoded,
        windows: &mut [Aligned<'_>],
        last_speech: f64,
        wanted: &dyn Fn(&Piece) -> bool,
        ctx: &dyn Report,
    ) -> Result<(), StageError> {
        if !windows.iter().any(|window| window.pieces.iter().any(wanted)) {
            return Ok(());
        }
        let mut copies: Vec<Vec<Piece>> = windows.iter().map(|window| window.pieces.to_vec()).collect();
        let copied = copies.iter_mut().zip(windows.iter()).map(|(pieces, window)| Aligned {
            pieces,
            frames: window.frames,
            offset: window.offset,
        });
        self.align(encoder, encoded, &mut copied.collect::<Vec<_>>(), last_speech, ctx)?;
        for (window, copies) in windows.iter_mut().zip(copies) {
            let pairs = window.pieces.iter_mut().zip(copies);
            pairs
                .filter(|(piece, _)| wanted(piece))
                .for_each(|(piece, copy)| *piece = copy);
        }
        Ok(())
    }
}
