//! Speakers of each frame: the speakers of chunks, and segmentation for concurrent speech.
//!
//! A clean frame, with a single speaker, gets the speaker most similar to the chunks around it, weighted by the distance of their
//! middles. Short stretches come last: a voice of half a second is vague, so that the speakers whom the windows give to the same
//! local speaker, nearby, count as well. In concurrent speech, each local speaker of each window is its speaker in the nearest clean frame of that window; the
//! windows vote, and as many speakers as the frame's count are elected, most votes first. Speech without a voice, because it is too
//! short and no window knows it, belongs to the nearest speaker in time.

use std::collections::VecDeque;

use crate::chunks::Chunk;
use crate::powerset::SPEAKERS;
use crate::stitch::{Covering, Stretch, Timeline, Window};
use crate::turns::{Span, Spans};
use crate::windows::FRAMES;

/// A speaker, if any; small, because there is one for each frame of the audio.
type Label = Option<u16>;

/// A stretch up to this length (1 s) is short.
const SHORT: usize = FRAMES / 10;
/// What the windows say counts this much beside the similarity of a short stretch; all from 0.3 to 1 were equally good.
const NEIGHBOURS: f32 = 0.6;

/// The spans of every speaker. `similarities` has each chunk's similarity to each speaker; `None` for a chunk without a voice.
pub(crate) fn spans(
    timeline: &Timeline,
    stretches: &[Stretch],
    chunks: &[(Chunk, Option<Vec<f32>>)],
    speakers: usize,
) -> Vec<Span> {
    let labels = clean_labels(timeline, stretches, chunks, speakers);
    let nearest = nearest_label(&labels);
    let mut spans = Spans::new(speakers);
    let mut locals: VecDeque<Locals> = VecDeque::new();
    let (mut first, mut next) = (0, 0);
    for ((frame, count), covering) in timeline
        .counts()
        .iter()
        .enumerate()
        .zip(Covering::new(timeline.windows()))
    {
        locals.drain(..(covering.start - first).min(locals.len()));
        first = covering.start;
        for window in &timeline.windows()[next.max(first)..covering.end.max(next)] {
            locals.push_back(Locals::of(window, timeline.counts(), &labels));
        }
        next = covering.end;
        let speaking = match (count, labels[frame]) {
            (0, _) => Vec::new(),
            (1, Some(speaker)) => vec![speaker.into()],
            _ => elect(&locals, frame, usize::from(*count), speakers, nearest[frame]),
        };
        spans.push(|speaker| speaking.contains(&speaker));
    }
    spans.finish()
}

/// The speaker of each clean frame in a chunk with a voice.
fn clean_labels(
    timeline: &Timeline,
    stretches: &[Stretch],
    chunks: &[(Chunk, Option<Vec<f32>>)],
    speakers: usize,
) -> Vec<Label> {
    let mut labels = vec![None; timeline.counts().len()];
    for of_one in chunks.chunk_by(|(one, _), (other, _)| one.stretch == other.stretch) {
        let stretch = &stretches[of_one[0].0.stretch];
        let mut scores = vec![0.0_f32; stretch.len() * speakers];
        for (chunk, similarities) in of_one {
            let Some(similarities) = similarities else { continue };
            for index in chunk.start..chunk.end {
                let weight = weight(*chunk, index, stretch.len());
                let scores = &mut scores[index * speakers..(index + 1) * speakers];
                for (score, similarity) in scores.iter_mut().zip(similarities) {
                    // Above zero, so that a frame without a score differs from one unlike all.
                    *score += weight * (similarity + 2.0);
                }
            }
        }
        for (frame, scores) in stretch.iter().zip(scores.chunks_exact(speakers.max(1))) {
            labels[*frame] = greatest(scores);
        }
    }
    label_short(timeline, stretches, chunks, speakers, &mut labels);
    labels
}

/// Labels short stretches again, by their voice and by the labels of longer ones in the same windows.
fn label_short(
    timeline: &Timeline,
    stretches: &[Stretch],
    chunks: &[(Chunk, Option<Vec<f32>>)],
    speakers: usize,
    labels: &mut [Label],
) {
    let mut long = labels.to_vec();
    for frame in stretches.iter().filter(|stretch| stretch.len() <= SHORT).flatten() {
        long[*frame] = None;
    }
    // A short stretch is one chunk.
    let short = chunks.iter().filter(|(chunk, _)| chunk.frames <= SHORT);
    for (stretch, similarities) in short.filter_map(|(chunk, voice)| Some((&stretches[chunk.stretch], voice.as_ref()?)))
    {
        let shares = shares(timeline, stretch, &long, speakers);
        let scores = similarities.iter().zip(&shares);
        let scores: Vec<f32> = scores
            .map(|(similarity, share)| similarity + NEIGHBOURS * share + 2.0)
            .collect();
        let label = greatest(&scores);
        for frame in stretch {
            labels[*frame] = label;
        }
    }
}

/// Each speaker's share of the labelled frames of the local speaker of a stretch: the mean over the windows around it. Fewer frames
/// than [`SHORT`] are a smaller share.
fn shares(timeline: &Timeline, stretch: &Stretch, labels: &[Label], speakers: usize) -> Vec<f32> {
    let locals = timeline.locals(stretch);
    let mut shares = vec![0.0_f32; speakers];
    for (window, local) in &locals {
        let mut frames = vec![0_u16; speakers];
        for (within, _) in window.sets.iter().enumerate().filter(|(_, set)| set.is_only(*local)) {
            if let Some(speaker) = labels.get(window.start + within).copied().flatten() {
                frames[usize::from(speaker)] += 1;
            }
        }
        let all = frames
            .iter()
            .map(|frames| usize::from(*frames))
            .sum::<usize>()
            .max(SHORT);
        for (share, frames) in shares.iter_mut().zip(frames) {
            *share += f32::from(frames) / (all * locals.len()) as f32;
        }
    }
    shares
}

/// The weight of a chunk for one of its frames: highest in its middle, and up to the ends of the stretch.
fn weight(chunk: Chunk, index: usize, stretch: usize) -> f32 {
    let (before, behind) = (index - chunk.start, chunk.end - 1 - index);
    let half = chunk.len() / 2;
    let open = (chunk.start == 0 && before < half) || (chunk.end == stretch && behind < half);
    if open {
        half.max(1) as f32
    } else {
        (before.min(behind) + 1) as f32
    }
}

/// The first of the highest scores above zero.
fn greatest(scores: &[f32]) -> Label {
    let mut best: Option<(usize, f32)> = None;
    for (speaker, score) in scores.iter().enumerate() {
        if *score > best.map_or(0.0, |(_, best)| best) {
            best = Some((speaker, *score));
        }
    }
    best.and_then(|(speaker, _)| speaker.try_into().ok())
}

/// For each frame the label of the nearest labelled frame, the earlier of two.
fn nearest_label(labels: &[Label]) -> Vec<Label> {
    let mut nearest: Vec<Option<(u32, u16)>> = vec![None; labels.len()];
    let mut last = None;
    for ((frame, nearest), label) in nearest.iter_mut().enumerate().zip(labels) {
        last = label.map(|label| (frame as u32, label)).or(last);
        *nearest = last;
    }
    last = None;
    for ((frame, nearest), label) in nearest.iter_mut().enumerate().zip(labels).rev() {
        let frame = frame as u32;
        last = label.map(|label| (frame, label)).or(last);
        let nearer = |(next, _): (u32, u16)| nearest.is_none_or(|(before, _)| next - frame < frame - before);
        if let Some(found) = last.filter(|found| nearer(*found)) {
            *nearest = Some(found);
        }
    }
    nearest.into_iter().map(|found| found.map(|(_, label)| label)).collect()
}

/// The speakers of a window's local speakers, frame by frame.
struct Locals {
    start: usize,
    labels: [Vec<Label>; SPEAKERS],
}

impl Locals {
    fn of(window: &Window, counts: &[u8], labels: &[Label]) -> Self {
        Self {
            start: window.start,
            labels: std::array::from_fn(|local| of_local(window, local, counts, labels)),
        }
    }

    fn at(&self, frame: usize) -> impl Iterator<Item = usize> {
        let within = frame - self.start;
        self.labels
            .iter()
            .filter_map(move |labels| labels.get(within).copied().flatten().map(usize::from))
    }
}

/// For each frame with the local speaker: the label in the nearest clean frame.
fn of_local(window: &Window, local: usize, counts: &[u8], labels: &[Label]) -> Vec<Label> {
    let clean = |within: usize| {
        let frame = window.start + within;
        let alone = window.sets[within].is_only(local) && counts.get(frame) == Some(&1);
        labels.get(frame).copied().flatten().filter(|_| alone)
    };
    let known: Vec<Label> = (0..FRAMES).map(clean).collect();
    let mut nearest = nearest_label(&known);
    for (within, label) in nearest.iter_mut().enumerate() {
        if !window.sets[within].contains(local) {
            *label = None;
        }
    }
    nearest
}

/// The speakers with most votes of the windows; the fallback without any vote.
fn elect(locals: &VecDeque<Locals>, frame: usize, count: usize, speakers: usize, fallback: Label) -> Vec<usize> {
    let mut votes = vec![0_usize; speakers];
    for window in locals {
        let mut seen = Vec::with_capacity(SPEAKERS);
        for speaker in window.at(frame) {
            // Two local speakers of one window may be the same person, with one voice.
            if !seen.contains(&speaker) {
                votes[speaker] += 1;
                seen.push(speaker);
            }
        }
    }
    let mut elected: Vec<usize> = (0..speakers).filter(|speaker| votes[*speaker] > 0).collect();
    elected.sort_by_key(|speaker| std::cmp::Reverse(votes[*speaker]));
    elected.truncate(count);
    if elected.is_empty() {
        // Without any voice in the recording there is one speaker.
        elected.extend(fallback.map(usize::from).or((speakers == 1).then_some(0)));
    }
    elected
}

#[cfg(test)]
mod tests;
