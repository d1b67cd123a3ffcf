//! From the tokens of one window to segments: times, and where the next window begins.
//!
//! Whisper writes timestamps in steps of 20 ms from the start of the window, two in a row between segments. Everything up to the
//! last such pair is kept; what follows it is unfinished, and the next window begins there. A window that ends in one single
//! timestamp holds nothing more, and one without any pair is a segment of its own: both are passed over whole.
//! The rules are those of OpenAI's `transcribe` and of faster-whisper.

/// Length of one frame, in ms.
pub const FRAME_MS: u64 = 10;
/// Length of one timestamp step, in ms.
const STEP_MS: u64 = 20;
/// Frames in one timestamp step.
const STEP_FRAMES: usize = 2;

/// Where a window lies, in frames from the start of the audio.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// First frame.
    pub seek: usize,
    /// Number of frames with audio, at most 3000.
    pub frames: usize,
}

impl Window {
    /// Where it begins, in ms.
    #[must_use]
    pub fn start_ms(self) -> u64 {
        self.seek as u64 * FRAME_MS
    }

    /// The frame after it.
    #[must_use]
    pub fn end(self) -> usize {
        self.seek + self.frames
    }
}

/// One segment of a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// From the start of the audio, in ms; the end may lie beyond the audio.
    pub start_ms: u64,
    /// Not before the start unless the model wrote such timestamps.
    pub end_ms: u64,
    /// Text and timestamps.
    pub tokens: Vec<u32>,
}

/// What became of a window.
#[derive(Debug, PartialEq, Eq)]
pub struct Split {
    /// In the order they were written.
    pub pieces: Vec<Piece>,
    /// First frame of the next window.
    pub next_seek: usize,
    /// The last timestamp written when the window was passed over whole, in ms from the start of the audio.
    pub covered_ms: u64,
}

/// Splits the tokens of a window; ids from `timestamp_begin` on are timestamps.
#[must_use]
pub fn split(tokens: &[u32], timestamp_begin: u32, window: Window) -> Split {
    let position = |token: u32| u64::from(token.saturating_sub(timestamp_begin));
    let time = |token: u32| window.start_ms() + position(token) * STEP_MS;
    let is_timestamp = |token: u32| token >= timestamp_begin;
    let last_timestamp = tokens.iter().rev().copied().find(|&token| is_timestamp(token));
    let covered_ms = last_timestamp.map_or(window.start_ms(), time);

    let mut cuts: Vec<usize> = (1..tokens.len())
        .filter(|&index| is_timestamp(tokens[index - 1]) && is_timestamp(tokens[index]))
        .collect();
    if cuts.is_empty() {
        let written = last_timestamp.filter(|&token| token != timestamp_begin);
        let end_ms = written.map_or(window.end() as u64 * FRAME_MS, time);
        let whole = Piece {
            start_ms: window.start_ms(),
            end_ms,
            tokens: tokens.to_vec(),
        };
        return Split {
            pieces: vec![whole],
            next_seek: window.end(),
            covered_ms,
        };
    }

    let ends_in_one = matches!(tokens, [.., before, last] if !is_timestamp(*before) && is_timestamp(*last));
    if ends_in_one {
        cuts.push(tokens.len());
    }
    let starts = std::iter::once(0).chain(cuts.iter().copied());
    let pieces = starts.zip(&cuts).map(|(start, &end)| Piece {
        start_ms: time(tokens[start]),
        end_ms: time(tokens[end - 1]),
        tokens: tokens[start..end].to_vec(),
    });
    let pieces = pieces.collect();
    let last_cut = cuts.last().copied().unwrap_or(tokens.len());
    let next_seek = if ends_in_one {
        window.end()
    } else {
        #[expect(clippy::cast_possible_truncation, reason = "at most the size of the vocabulary")]
        let steps = position(tokens[last_cut - 1]) as usize;
        window.seek + steps * STEP_FRAMES
    };
    Split {
        pieces,
        next_seek,
        covered_ms,
    }
}

#[cfg(test)]
mod tests;
