//! Division of clean speech into chunks of about two seconds, from which voices are computed.
//!
//! Segmentation misses changes of speaker, above all in rooms with distant microphones: a local speaker of ten seconds may be two
//! people. A vector of all its speech would lie between the two and hide that. Two seconds are long enough for a vector to
//! distinguish speakers and short enough for mostly one speaker; chunks overlap by half, so that each frame is in two.

use crate::stitch::Stretch;
use crate::windows::{FRAMES, SAMPLE_RATE, WINDOW, frame_start};

/// Frames of a chunk: 2 s.
const CHUNK: usize = (2 * SAMPLE_RATE * FRAMES).div_ceil(WINDOW);
/// A stretch up to this length (2.7 s) is one chunk.
const LONGEST: usize = CHUNK + CHUNK / 3;
/// Fewer frames than this (0.2 s) do not identify a voice.
const SHORTEST: usize = 12;

/// A part of a stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// The index of the stretch.
    pub(crate) stretch: usize,
    /// Its first frame, as an index into the stretch.
    pub(crate) start: usize,
    /// The index after its last frame.
    pub(crate) end: usize,
    /// Frames of the stretch.
    pub(crate) frames: usize,
    /// The number of chunks of the stretch.
    pub(crate) siblings: usize,
}

impl Chunk {
    /// Its length in frames.
    pub(crate) fn len(self) -> usize {
        self.end - self.start
    }
}

/// The chunks of all stretches, in order; stretches that are too short have none.
pub(crate) fn chunks(stretches: &[Stretch]) -> Vec<Chunk> {
    stretches
        .iter()
        .enumerate()
        .flat_map(|(index, stretch)| of_one(index, stretch.len()))
        .collect()
}

/// Chunks of equal length, spread evenly, the first at the beginning and the last at the end.
fn of_one(stretch: usize, frames: usize) -> Vec<Chunk> {
    if frames < SHORTEST {
        return Vec::new();
    }
    let length = if frames <= LONGEST { frames } else { CHUNK };
    let steps = (frames - length).div_ceil(CHUNK / 2);
    let start = |number: usize| {
        if steps == 0 {
            0
        } else {
            (2 * number * (frames - length) + steps) / (2 * steps)
        }
    };
    let chunk = |number| Chunk {
        stretch,
        start: start(number),
        end: start(number) + length,
        frames,
        siblings: steps + 1,
    };
    (0..=steps).map(chunk).collect()
}

/// The samples of a chunk.
pub(crate) fn samples(chunk: Chunk, stretches: &[Stretch], audio: &[f32]) -> Vec<f32> {
    let frames = &stretches[chunk.stretch][chunk.start..chunk.end];
    let of = |frame: &usize| &audio[frame_start(*frame)..frame_start(frame + 1).min(audio.len())];
    frames.iter().flat_map(of).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn short_speech_is_one_chunk_and_shorter_is_none() {
        assert_eq!(of_one(3, SHORTEST - 1), []);
        assert_eq!(
            of_one(3, SHORTEST),
            [Chunk {
                stretch: 3,
                start: 0,
                end: SHORTEST,
                frames: SHORTEST,
                siblings: 1
            }]
        );
        assert_eq!(of_one(0, LONGEST).len(), 1);
    }

    #[test]
    fn samples_of_frames_that_are_apart_are_joined() {
        let audio: Vec<f32> = (0..4000).map(|n| n as f32).collect();
        let chunk = Chunk {
            stretch: 0,
            start: 1,
            end: 3,
            frames: 3,
            siblings: 1,
        };
        let joined = samples(chunk, &[vec![0, 2, 5]], &audio);
        assert_eq!((joined.len(), joined[0], joined[271]), (542, 679.0, 1494.0));
    }

    proptest! {
        #[test]
        fn every_frame_of_a_stretch_is_in_a_chunk(frames in SHORTEST..5000_usize) {
            let chunks = of_one(0, frames);
            prop_assert_eq!((chunks[0].start, chunks[chunks.len() - 1].end), (0, frames));
            prop_assert!(chunks.iter().all(|chunk| chunk.siblings == chunks.len() && chunk.len() == chunks[0].len()));
            prop_assert!(chunks.windows(2).all(|pair| pair[0].start < pair[1].start && pair[1].start - pair[0].start <= CHUNK / 2));
        }
    }
}
