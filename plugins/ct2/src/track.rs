//! The audio to transcribe: a recording, or its parts with speech, one after the other without being copied.

use std::ops::Range;

/// Consecutive slices of a recording.
#[derive(Debug, Clone, Default)]
pub struct Track<'a> {
    /// The start of each slice in the track; none is empty.
    parts: Vec<(usize, &'a [f32])>,
    length: usize,
}

impl<'a> Track<'a> {
    /// All of `samples`.
    #[must_use]
    pub fn whole(samples: &'a [f32]) -> Self {
        std::iter::once(samples).collect()
    }

    /// These parts of `samples`, limited to its length.
    #[must_use]
    pub fn of(samples: &'a [f32], parts: &[Range<usize>]) -> Self {
        let inside = |index: usize| index.min(samples.len());
        let slice = |part: &Range<usize>| &samples[inside(part.start)..inside(part.end).max(inside(part.start))];
        parts.iter().map(slice).collect()
    }

    /// A part of this track.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Self {
        let cut = |&(start, slice): &(usize, &'a [f32])| {
            let inside = |index: usize| index.saturating_sub(start).min(slice.len());
            &slice[inside(range.start)..inside(range.end).max(inside(range.start))]
        };
        self.parts.iter().map(cut).collect()
    }

    /// Number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are no samples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// `count` samples from `start` on, if they are in one slice.
    #[must_use]
    pub fn slice(&self, start: usize, count: usize) -> Option<&'a [f32]> {
        let (from, slice) = self.part_at(start)?;
        slice.get(start - from..start - from + count)
    }

    /// One sample.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<f32> {
        let (from, slice) = self.part_at(index)?;
        slice.get(index - from).copied()
    }

    fn part_at(&self, index: usize) -> Option<(usize, &'a [f32])> {
        let after = self.parts.partition_point(|(start, _)| *start <= index);
        self.parts.get(after.checked_sub(1)?).copied()
    }
}

impl<'a> FromIterator<&'a [f32]> for Track<'a> {
    fn from_iter<T: IntoIterator<Item = &'a [f32]>>(slices: T) -> Self {
        let mut track = Self::default();
        for slice in slices.into_iter().filter(|slice| !slice.is_empty()) {
            track.parts.push((track.length, slice));
            track.length += slice.len();
        }
        track
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn reading_equals_the_joined_parts(cuts in prop::collection::vec(0..50_usize, 0..8), from in 0..60_usize, count in 0..20_usize) {
            let samples: Vec<f32> = (0..40_u8).map(f32::from).collect();
            let parts: Vec<Range<usize>> = cuts.chunks_exact(2).map(|pair| pair[0]..pair[1]).collect();
            let joined: Vec<f32> = parts.iter().flat_map(|part| samples.get(part.start..part.end.min(40)).unwrap_or(&[]).to_vec()).collect();
            let track = Track::of(&samples, &parts);
            prop_assert_eq!(track.len(), joined.len());
            for index in 0..joined.len() + 2 {
                prop_assert_eq!(track.get(index), joined.get(index).copied());
            }
            if let Some(slice) = track.slice(from, count) {
                prop_assert_eq!(slice, &joined[from..from + count]);
            }
            let part = track.part(from..from + count);
            let wanted = &joined[from.min(joined.len())..(from + count).min(joined.len())];
            prop_assert_eq!((0..part.len()).filter_map(|index| part.get(index)).collect::<Vec<_>>(), wanted);
        }
    }
}
