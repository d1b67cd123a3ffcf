//! Combination of windows: the number of speakers in each frame, and the identity of local speakers across windows.
//!
//! Windows overlap, so a frame is in several. The **count** of speakers in a frame is the mean over its windows, rounded, halves
//! down. The local speakers of two windows are only linked by common frames: frames belong to the same [`Stretch`] while the
//! windows that cover both have a single and equal local speaker in them. A change in one of five windows is enough to end a
//! stretch: a missed change mixes two voices, a false one only shortens the chunks of a voice.

use crate::powerset::{SPEAKERS, SpeakerSet};
use crate::windows::{FRAMES, frame_count};

/// Frames of silence, or of concurrent speech, that a stretch may bridge (0.5 s).
const BRIDGE: usize = 30;

/// The network's answer for one window.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    /// Its first frame of the audio.
    pub(crate) start: usize,
    /// The speakers in each of its 589 frames.
    pub(crate) sets: Vec<SpeakerSet>,
}

impl Window {
    /// The speakers in a frame of the audio, if this window covers it.
    pub(crate) fn at(&self, frame: usize) -> Option<SpeakerSet> {
        frame
            .checked_sub(self.start)
            .and_then(|within| self.sets.get(within))
            .copied()
    }

    /// The local speaker of a frame of the audio, if there is exactly one.
    fn only(&self, frame: usize) -> Option<usize> {
        let set = self.at(frame)?;
        (0..SPEAKERS).find(|speaker| set.is_only(*speaker))
    }
}

/// All windows of a recording, in order.
#[derive(Debug, Clone)]
pub(crate) struct Timeline {
    windows: Vec<Window>,
    /// Number of speakers in each frame of the audio.
    counts: Vec<u8>,
}

/// Frames with the same single speaker, according to segmentation; in order, not always adjacent.
pub(crate) type Stretch = Vec<usize>;

impl Timeline {
    /// `samples` is the length of the audio.
    pub(crate) fn new(windows: Vec<Window>, samples: usize) -> Self {
        let covered = windows.last().map_or(0, |window| window.start + FRAMES);
        let frames = frame_count(samples).min(covered);
        let mut timeline = Self {
            windows,
            counts: Vec::with_capacity(frames),
        };
        for (frame, covering) in (0..frames).zip(Covering::new(&timeline.windows)) {
            let sets = || {
                timeline.windows[covering.clone()]
                    .iter()
                    .filter_map(|window| window.at(frame))
            };
            let (sum, windows) = (sets().map(SpeakerSet::len).sum::<usize>(), sets().count().max(1));
            // More than half of the windows must have found an additional one.
            let count = (2 * sum + windows - 1) / (2 * windows);
            timeline.counts.push(u8::try_from(count).unwrap_or(u8::MAX));
        }
        timeline
    }

    pub(crate) fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// Number of speakers in each frame of the audio.
    pub(crate) fn counts(&self) -> &[u8] {
        &self.counts
    }

    /// The windows in which one local speaker has most of these frames alone, with that local speaker.
    pub(crate) fn locals(&self, frames: &[usize]) -> Vec<(&Window, usize)> {
        let (Some(begin), Some(end)) = (frames.first(), frames.last()) else {
            return Vec::new();
        };
        let first = self.windows.partition_point(|window| window.start + FRAMES <= *begin);
        let after = self.windows.partition_point(|window| window.start <= *end);
        let local = |window: &Window| {
            let alone = |local: usize| {
                frames
                    .iter()
                    .filter(|frame| window.only(**frame) == Some(local))
                    .count()
            };
            (0..SPEAKERS).find(|local| 2 * alone(*local) > frames.len())
        };
        let windows = self.windows.get(first..after).unwrap_or_default().iter();
        windows.filter_map(|window| Some((window, local(window)?))).collect()
    }

    /// The stretches of clean speech, in order.
    pub(crate) fn stretches(&self) -> Vec<Stretch> {
        let mut stretches: Vec<Stretch> = Vec::new();
        for (frame, covering) in (0..self.counts.len()).zip(Covering::new(&self.windows)) {
            let windows = &self.windows[covering];
            if self.counts[frame] != 1 || windows.iter().all(|window| window.only(frame).is_none()) {
                continue;
            }
            match stretches.last_mut() {
                Some(stretch) if goes_on(windows, stretch[stretch.len() - 1], frame) => stretch.push(frame),
                _ => stretches.push(vec![frame]),
            }
        }
        stretches
    }
}

/// Whether more than four in five of the windows with a single speaker in both frames have the same one.
fn goes_on(windows: &[Window], before: usize, frame: usize) -> bool {
    let pairs = windows
        .iter()
        .filter_map(|window| window.only(before).zip(window.only(frame)));
    let (mut same, mut other) = (0, 0);
    for (one, two) in pairs {
        if one == two { same += 1 } else { other += 1 }
    }
    frame - before <= BRIDGE && same > 4 * other
}

/// For each frame of the audio: the range of windows that cover it.
pub(crate) struct Covering<'a> {
    windows: &'a [Window],
    frame: usize,
    range: std::ops::Range<usize>,
}

impl<'a> Covering<'a> {
    pub(crate) fn new(windows: &'a [Window]) -> Self {
        Self {
            windows,
            frame: 0,
            range: 0..0,
        }
    }
}

impl Iterator for Covering<'_> {
    type Item = std::ops::Range<usize>;

    fn next(&mut self) -> Option<Self::Item> {
        let begun = |window: &Window| window.start <= self.frame;
        while self.windows.get(self.range.end).is_some_and(begun) {
            self.range.end += 1;
        }
        let over = |window: &Window| window.start + FRAMES <= self.frame;
        while self.range.start < self.range.end && over(&self.windows[self.range.start]) {
            self.range.start += 1;
        }
        self.frame += 1;
        Some(self.range.clone())
    }
}

#[cfg(test)]
pub(crate) mod tests;
