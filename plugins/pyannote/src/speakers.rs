//! From the voices of chunks to the speakers of the recording.
//!
//! Three steps, each for a weakness of the previous one:
//! 1. Average linkage up to `threshold`. The vectors of two seconds of one voice, recorded across a room, may be further apart than
//!    those of two voices in a studio; so the threshold is low, and a speaker may become several groups.
//! 2. Groups are joined while the *means* of the nearest two are within `merge_threshold`. A mean over many chunks averages out
//!    noise: means of one voice are near, those of two stay apart, in any room.
//! 3. A group is a speaker if it has enough speech (`min_speaker_duration`, or a tenth of all if that is less). A smaller group with
//!    [`DISTINCT`] seconds is one, too, if its mean is farther than `distinct_threshold` from every speaker found before: those
//!    who say little in a meeting are far from all others, whereas groups of noisy chunks lie between speakers. The chunks of all
//!    other groups go to the nearest speaker.
//!
//! Steps 2 and 3 are the criterion for the number of speakers. Limits of that number move the end of step 2, in either direction,
//! and then that of step 1.
//!
//! Whether segmentation found two local speakers at once, or one, in a window of both groups was tried as evidence in step 2, and
//! changed no result for the better.

use std::ops::ControlFlow;

use plugin_api::{ErrorKind, StageError};

use crate::cluster::{Dendrogram, Item, agglomerate, dot, unit};
use crate::groups::{Group, Join, after, joins};
use crate::options::Request;
use crate::windows::frames;

/// Maximum number of clustered vectors (an hour and a half of speech). Above it an even selection represents all, because chunks
/// overlap by half, and the quadratic time of clustering stays within seconds.
const MOST: usize = 6000;
/// A chunk with fewer frames than this (0.5 s) is not clustered; it goes to the nearest speaker.
pub(crate) const CLUSTERED: usize = 30;

/// Seconds of speech of a distinct speaker.
const DISTINCT: f64 = 1.0;

/// The voice of a chunk.
#[derive(Debug, Clone)]
pub(crate) struct Voice {
    /// Of length 1.
    pub(crate) vector: Vec<f32>,
    /// Its frames of speech, shared with the chunks that overlap it.
    pub(crate) frames: f32,
    /// Whether it is long enough to be clustered.
    pub(crate) clustered: bool,
}

/// The mean voice of each speaker, of length 1. Empty only if there are no voices.
pub(crate) fn speakers(
    voices: &[Voice],
    request: &Request,
    cancelled: impl Fn() -> bool,
) -> Result<Vec<Vec<f32>>, StageError> {
    let voices = selection(voices);
    let items: Vec<Item<'_>> = voices
        .iter()
        .map(|voice| Item {
            vector: &voice.vector,
            weight: voice.frames,
        })
        .collect();
    let proceed = || {
        if cancelled() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let ControlFlow::Continue(dendrogram) = agglomerate(&items, proceed) else {
        return Err(StageError::new(ErrorKind::Cancelled, "cancelled"));
    };
    let total: f32 = voices.iter().map(|voice| voice.frames).sum();
    let least = (frames(request.min_speaker_duration) as f32).min(total / 10.0);
    let groups = Grouping {
        voices: &voices,
        dendrogram: &dendrogram,
        least,
        distinct: request.distinct_threshold as f32,
    }
    .speakers(request)?;
    let mut means: Vec<Vec<f32>> = groups.iter().filter_map(|group| unit(&group.sum)).collect();
    // Means that cancel out have no direction, which requires opposite voices.
    if let (true, Some(voice)) = (means.is_empty(), voices.first()) {
        means.push(voice.vector.clone());
    }
    Ok(means)
}

/// The similarity of a voice to each speaker.
pub(crate) fn similarities(vector: &[f32], speakers: &[Vec<f32>]) -> Vec<f32> {
    speakers.iter().map(|speaker| dot(vector, speaker)).collect()
}

/// The voices of sufficient length, or all if there are none; at most [`MOST`].
fn selection(voices: &[Voice]) -> Vec<&Voice> {
    let mut chosen: Vec<&Voice> = voices.iter().filter(|voice| voice.clustered).collect();
    if chosen.is_empty() {
        chosen = voices.iter().collect();
    }
    if chosen.len() > MOST {
        chosen = (0..MOST).map(|index| chosen[index * chosen.len() / MOST]).collect();
    }
    chosen
}

/// The data of the three steps.
struct Grouping<'a> {
    voices: &'a [&'a Voice],
    dendrogram: &'a Dendrogram,
    /// Minimum frames of a speaker.
    least: f32,
    /// Distance from all others of a speaker with less.
    distinct: f32,
}

impl Grouping<'_> {
    fn speakers(&self, request: &Request) -> Result<Vec<Group>, StageError> {
        let (least, most) = request.speakers()?;
        let merges = self.dendrogram.merges_within(request.threshold as f32);
        let groups = self.groups(merges);
        let joins = joins(&groups);
        let after = |end: usize| self.speaking(after(groups.clone(), &joins[..end]));
        let near = |join: &Join| join.distance <= request.merge_threshold as f32;
        let mut end = joins.iter().position(|join| !near(join)).unwrap_or(joins.len());
        let mut found = after(end);
        while end < joins.len() && found.len() > most {
            end += 1;
            found = after(end);
        }
        while end > 0 && found.len() < least {
            end -= 1;
            found = after(end);
        }
        if found.len() < least {
            return Ok(self.at_least(least, merges));
        }
        Ok(found)
    }

    /// Fewer merges of step 1, until there are enough speakers, even with little speech if there is no other way.
    fn at_least(&self, least: usize, merges: usize) -> Vec<Group> {
        let weights: Vec<f32> = self.voices.iter().map(|voice| voice.frames).collect();
        let counts = self.dendrogram.heavy_counts(&weights, self.least);
        if let Some(merges) = (0..=merges).rev().find(|merges| counts[*merges] >= least) {
            return self.heavy(self.groups(merges)).0;
        }
        self.groups(self.voices.len().saturating_sub(least))
    }

    /// The groups after the first `merges` merges of average linkage.
    fn groups(&self, merges: usize) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for (voice, label) in self.voices.iter().zip(self.dendrogram.labels(merges)) {
            let sum = voice.vector.iter().map(|value| value * voice.frames).collect();
            let single = Group {
                sum,
                frames: voice.frames,
            };
            match groups.get_mut(label) {
                Some(group) => group.join(&single),
                None => groups.push(single),
            }
        }
        groups
    }

    /// Step 3: the groups that are speakers, most speech first.
    fn speaking(&self, groups: Vec<Group>) -> Vec<Group> {
        let (mut speakers, others) = self.heavy(groups);
        let mut means: Vec<Vec<f32>> = speakers.iter().map(Group::mean).collect();
        let long = others
            .into_iter()
            .take_while(|group| group.frames >= frames(DISTINCT) as f32);
        for group in long {
            let mean = group.mean();
            if means.iter().all(|known| 1.0 - dot(known, &mean) > self.distinct) {
                means.push(mean);
                speakers.push(group);
            }
        }
        speakers
    }

    /// The groups with enough speech, or the one with most if none has; and the others. Both by their speech, most first.
    fn heavy(&self, mut groups: Vec<Group>) -> (Vec<Group>, Vec<Group>) {
        groups.sort_by(|one, other| other.frames.total_cmp(&one.frames));
        let count = groups.iter().take_while(|group| group.frames >= self.least).count();
        let others = groups.split_off(count.max(1).min(groups.len()));
        (groups, others)
    }
}

#[cfg(test)]
mod tests;
