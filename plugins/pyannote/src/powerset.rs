//! The segmentation network's classes: the active ones of its three local speakers in a frame.
//!
//! A class stands for a set of at most two speakers ("powerset", Plaquet and Bredin 2023), in the order silence, 1, 2, 3, 1+2, 1+3,
//! 2+3. The network answers log-probabilities; the most likely class is the frame's set. Speakers are local: only voices show
//! whether number 1 of one window and number 1 of the next are the same speaker.

/// Local speakers of a window.
pub(crate) const SPEAKERS: usize = 3;
/// Classes per frame.
pub(crate) const CLASSES: usize = 7;

/// The set of each class.
const SETS: [SpeakerSet; CLASSES] = [
    SpeakerSet(0b000),
    SpeakerSet(0b001),
    SpeakerSet(0b010),
    SpeakerSet(0b100),
    SpeakerSet(0b011),
    SpeakerSet(0b101),
    SpeakerSet(0b110),
];

/// A set of local speakers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SpeakerSet(u8);

impl SpeakerSet {
    /// The set of these local speakers.
    pub(crate) fn of(speakers: impl Iterator<Item = usize>) -> Self {
        Self(speakers.fold(0, |set, speaker| set | 1 << speaker))
    }

    /// Whether the set contains the local speaker (0, 1 or 2).
    pub(crate) fn contains(self, speaker: usize) -> bool {
        self.0 & (1 << speaker) != 0
    }

    /// The number of speakers.
    pub(crate) fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether the local speaker is the only one in the set.
    pub(crate) fn is_only(self, speaker: usize) -> bool {
        self.0 == 1 << speaker
    }
}

/// The set of each frame, out of [`CLASSES`] scores for each.
pub(crate) fn decode(scores: &[f32]) -> Vec<SpeakerSet> {
    scores
        .chunks_exact(CLASSES)
        .map(|frame| SETS[likeliest(frame)])
        .collect()
}

/// The first of the highest scores. NaN never wins, so a frame of NaN is silent.
fn likeliest(frame: &[f32]) -> usize {
    let mut best = 0;
    for (class, score) in frame.iter().enumerate() {
        if *score > frame[best] || frame[best].is_nan() && !score.is_nan() {
            best = class;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one_hot(class: usize) -> [f32; CLASSES] {
        std::array::from_fn(|index| if index == class { -0.1 } else { -5.0 })
    }

    #[test]
    fn every_class_is_its_set() {
        let sets: Vec<Vec<usize>> = (0..CLASSES)
            .map(|class| decode(&one_hot(class))[0])
            .map(|set| (0..SPEAKERS).filter(|speaker| set.contains(*speaker)).collect())
            .collect();
        assert_eq!(
            sets,
            [vec![], vec![0], vec![1], vec![2], vec![0, 1], vec![0, 2], vec![1, 2]]
        );
    }

    #[test]
    fn a_single_speaker_differs_from_two() {
        assert!(SETS[2].is_only(1) && !SETS[2].is_only(0));
        assert!(!SETS[4].is_only(0) && !SETS[4].is_only(1) && !SETS[0].is_only(0));
        assert_eq!(SETS.map(SpeakerSet::len), [0, 1, 1, 1, 2, 2, 2]);
    }

    #[test]
    fn a_frame_without_numbers_is_silent() {
        assert_eq!(decode(&[f32::NAN; CLASSES]), [SpeakerSet::default()]);
    }

    proptest! {
        #[test]
        fn adding_a_constant_changes_nothing(scores in prop::collection::vec(-20.0_f32..0.0, CLASSES * 3), by in 0_u8..64) {
            let moved: Vec<f32> = scores.iter().map(|score| (score * 64.0).round() + f32::from(by)).collect();
            let rounded: Vec<f32> = scores.iter().map(|score| (score * 64.0).round()).collect();
            prop_assert_eq!(decode(&moved), decode(&rounded));
        }
    }
}
