//! From the tokens of one window to segments: times, and the start of the next window.
//!
//! Whisper writes timestamps in steps of 20 ms from the start of the window, two in a row between segments. Everything up to the
//! last such pair is kept; the rest is unfinished, and the next window begins there. A window that ends in a single timestamp
//! has nothing more, and one without any pair is a single segment: both use up the whole window. The rules are those of OpenAI's
//! `transcribe` and of faster-whisper.

/// Frames per second.
pub const FRAMES_A_SECOND: f64 = 100.0;
/// Length of one frame, in seconds.
const FRAME: f64 = 0.01;
/// Length of one timestamp step, in seconds.
const STEP: f64 = 0.02;
/// Frames in one timestamp step.
const STEP_FRAMES: usize = 2;

/// A unit of decoding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// First frame.
    pub seek: usize,
    /// Number of frames with audio, at most 3000.
    pub frames: usize,
    /// Its start, in seconds from the start of the audio.
    pub offset: f64,
    /// Its length in seconds.
    pub duration: f64,
}

impl Window {
    /// The window of `frames` frames that begins at frame `seek`.
    #[must_use]
    pub fn new(seek: usize, frames: usize) -> Self {
        Self {
            seek,
            frames,
            offset: seconds(seek),
            duration: seconds(frames),
        }
    }

    /// The frame after it.
    #[must_use]
    pub fn end(self) -> usize {
        self.seek + self.frames
    }
}

/// The time of a frame.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "2^53 frames are three million years")]
pub fn seconds(frame: usize) -> f64 {
    frame as f64 * FRAME
}

/// The frame nearest to a time; the even one of two.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, and callers cut it to the audio"
)]
pub fn frame(seconds: f64) -> usize {
    (seconds * FRAMES_A_SECOND).round_ties_even() as usize
}

/// One segment of a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// In seconds from the start of the audio.
    pub start: f64,
    /// Not before the start unless the model wrote such timestamps; may lie beyond the audio.
    pub end: f64,
    /// Text and timestamps.
    pub tokens: Vec<u32>,
    /// Empty unless requested and found.
    pub words: Vec<Word>,
}

/// One word, in seconds from the start of the audio.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    /// Its start.
    pub start: f64,
    /// Its end; rarely before the start.
    pub end: f64,
    /// With its leading space and the punctuation around it.
    pub word: String,
    /// Mean of the probabilities of its tokens.
    pub probability: f64,
}

/// The segments of a window, and its end.
#[derive(Debug, PartialEq)]
pub struct Split {
    /// In the order they were written.
    pub pieces: Vec<Piece>,
    /// First frame of the next window.
    pub next_seek: usize,
    /// Whether the window ended in a single timestamp, after which nothing is said.
    pub closed: bool,
    /// The last timestamp written if the whole window was used up, in seconds from the start of the audio.
    pub covered: f64,
}

/// Splits the tokens of a window; ids from `timestamp_begin` on are timestamps.
#[must_use]
pub fn split(tokens: &[u32], timestamp_begin: u32, window: Window) -> Split {
    let position = |token: u32| f64::from(token.saturating_sub(timestamp_begin));
    let time = |token: u32| window.offset + position(token) * STEP;
    let is_timestamp = |token: u32| token >= timestamp_begin;
    let last_timestamp = tokens.iter().rev().copied().find(|&token| is_timestamp(token));
    let covered = last_timestamp.map_or(window.offset, time);
    let closed = matches!(tokens, [.., before, last] if !is_timestamp(*before) && is_timestamp(*last));
    let piece = |start: f64, end: f64, tokens: &[u32]| Piece {
        start,
        end,
        tokens: tokens.to_vec(),
        words: Vec::new(),
    };

    let mut cuts: Vec<usize> = (1..tokens.len())
        .filter(|&index| is_timestamp(tokens[index - 1]) && is_timestamp(tokens[index]))
        .collect();
    if cuts.is_empty() {
        let written = last_timestamp.filter(|&token| token != timestamp_begin);
        let duration = written.map_or(window.duration, |token| position(token) * STEP);
        return Split {
            pieces: vec![piece(window.offset, window.offset + duration, tokens)],
            next_seek: window.end(),
            closed,
            covered,
        };
    }

    cuts.extend(closed.then_some(tokens.len()));
    let starts = std::iter::once(0).chain(cuts.iter().copied());
    let pieces = starts.zip(&cuts).map(|(start, &end)| {
        let tokens = &tokens[start..end];
        piece(time(tokens[0]), time(tokens[tokens.len() - 1]), tokens)
    });
    let pieces = pieces.collect();
    let last_cut = cuts.last().copied().unwrap_or(tokens.len());
    let next_seek = if closed {
        window.end()
    } else {
        let steps = tokens[last_cut - 1].saturating_sub(timestamp_begin);
        window.seek + steps as usize * STEP_FRAMES
    };
    Split {
        pieces,
        next_seek,
        closed,
        covered,
    }
}

#[cfg(test)]
mod tests;
