//! The decoded audio: a recording, or pieces of it with silence between them, read as one without being copied.

use std::ops::Range;

/// The position of each piece of a recording in the decoded audio; silence elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pieces {
    places: Vec<(usize, Range<usize>)>,
    length: usize,
}

impl Pieces {
    /// All of `length` samples.
    pub(crate) fn whole(length: usize) -> Self {
        let mut pieces = Self::default();
        pieces.push(0..length);
        pieces
    }

    /// Appends a piece of the recording.
    pub(crate) fn push(&mut self, piece: Range<usize>) {
        let start = self.length;
        self.length += piece.len();
        self.places.push((start, piece));
    }

    /// Appends silence.
    pub(crate) fn silence(&mut self, samples: usize) {
        self.length += samples;
    }

    /// Number of samples.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Fills `out` with the audio from `start` on, and with silence behind the end.
    pub(crate) fn read(&self, recording: &[f32], start: usize, out: &mut [f32]) {
        out.fill(0.0);
        let end = start + out.len();
        let first = self.places.partition_point(|(at, piece)| at + piece.len() <= start);
        for (at, piece) in self.places[first..].iter().take_while(|(at, _)| *at < end) {
            let (from, to) = (start.max(*at), end.min(at + piece.len()));
            let source = piece.start + from - at..piece.start + to - at;
            out[from - start..to - start].copy_from_slice(&recording[source]);
        }
    }
}

/// Pieces of a recording that it owns or shares.
pub(crate) struct Sound {
    recording: Box<dyn AsRef<[f32]> + Send + Sync>,
    pieces: Pieces,
}

impl Sound {
    /// These pieces of `recording`.
    pub(crate) fn new(recording: impl AsRef<[f32]> + Send + Sync + 'static, pieces: Pieces) -> Self {
        Self {
            recording: Box::new(recording),
            pieces,
        }
    }

    /// Number of samples.
    pub(crate) fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Fills `out` with the audio from `start` on, and with silence behind the end.
    pub(crate) fn read(&self, start: usize, out: &mut [f32]) {
        self.pieces.read((*self.recording).as_ref(), start, out);
    }

    /// The first samples, at most `most`.
    pub(crate) fn beginning(&self, most: usize) -> Vec<f32> {
        let mut beginning = vec![0.0; self.len().min(most)];
        self.read(0, &mut beginning);
        beginning
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Pieces of a recording, each given by its start, its length and the silence behind it, and their joined samples.
    pub(crate) fn pieces(recording: &[f32], parts: Vec<(usize, usize, usize)>) -> (Pieces, Vec<f32>) {
        let (mut pieces, mut joined) = (Pieces::default(), Vec::new());
        for (from, length, silence) in parts {
            pieces.push(from..from + length);
            pieces.silence(silence);
            joined.extend_from_slice(&recording[from..from + length]);
            joined.resize(joined.len() + silence, 0.0);
        }
        (pieces, joined)
    }

    proptest! {
        #[test]
        fn reading_equals_the_joined_pieces(
            parts in prop::collection::vec((0..90_usize, 0..20_usize, 0..5_usize), 0..8),
            start in 0..150_usize,
            count in 0..150_usize,
        ) {
            let recording: Vec<f32> = (1..=110_u8).map(f32::from).collect();
            let (pieces, mut joined) = pieces(&recording, parts);
            let sound = Sound::new(recording, pieces);
            prop_assert_eq!(sound.len(), joined.len());
            prop_assert_eq!(&sound.beginning(60), &joined[..joined.len().min(60)]);
            joined.resize(300, 0.0);
            let mut out = vec![7.0; count];
            sound.read(start, &mut out);
            prop_assert_eq!(&out, &joined[start..start + count]);
        }
    }
}
