//! The order in which the speech of channels is recognised, and the way back from there to the recording.
//!
//! ```text
//! recording   channel 1   ▓▓▓▓      ▓▓▓▓            ▓▓
//!             channel 2      ▓▓▓▓▓▓          ▓▓▓▓▓▓
//! recognised  ▓▓▓▓ ▓▓▓▓ ▓▓     ▓▓▓▓▓▓ ▓▓▓▓▓▓
//! ```
//! A channel is heard in the turns of its speaker and a little around them. Where no one has a turn, the mix of all channels is heard in the
//! place of who spoke last, so that quiet words are not lost. Longer pauses are shortened.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::speakers::Spoken;

/// A channel is heard this long before and after its turns, which begin and end where it is loud.
const MARGIN_MS: u64 = 250;

/// The longest pause between words of one channel.
const PAUSE_MS: u64 = 2_000;

/// Silence between channels: no engine joins words over it.
const BETWEEN_MS: u64 = 5_000;

/// What is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    Channel,
    Mix,
}

/// Sound of the recording in one channel's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) time: Range<u64>,
    pub(super) heard: Heard,
    /// Its place among what is recognised.
    pub(super) at: u64,
}

/// Spans with pauses that are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    channel: usize,
    time: Range<u64>,
    at: u64,
}

/// The order of what is recognised. Times in ms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Timeline {
    /// The channels with speech, each with its spans in order.
    pub(super) channels: Vec<(usize, Vec<Span>)>,
    pieces: Vec<Piece>,
    pub(super) length: u64,
}

impl Timeline {
    /// For turns by channel in a recording of this length; `None` if fewer than two channels have any.
    pub(super) fn new(spoken: &[Spoken], duration: u64) -> Option<Self> {
        let voices = voices(spoken);
        if voices.len() < 2 {
            return None;
        }
        let heard = heard(spoken, duration);
        let mut timeline = Self {
            channels: Vec::new(),
            pieces: Vec::new(),
            length: 0,
        };
        for channel in voices {
            let spans = heard.iter().filter(|(of, ..)| *of == channel);
            let spans = spans.map(|(_, time, heard)| (time.clone(), *heard)).collect();
            timeline.add(channel, spans);
        }
        Some(timeline)
    }

    fn add(&mut self, channel: usize, spans: Vec<(Range<u64>, Heard)>) {
        if !self.channels.is_empty() {
            self.length += BETWEEN_MS;
        }
        let first = self.pieces.len();
        let mut placed = Vec::new();
        for (time, heard) in spans {
            let known = self.pieces[first..].last_mut();
            let at = match known.filter(|piece| time.start <= piece.time.end + PAUSE_MS) {
                Some(piece) => {
                    piece.time.end = time.end;
                    piece.at + (time.start - piece.time.start)
                }
                None => {
                    let pause = if self.pieces.len() > first { PAUSE_MS } else { 0 };
                    let at = self.length + pause;
                    self.pieces.push(Piece {
                        channel,
                        time: time.clone(),
                        at,
                    });
                    at
                }
            };
            self.length = at + (time.end - time.start);
            placed.push(Span { time, heard, at });
        }
        self.channels.push((channel, placed));
    }

    /// The channel and the time in the recording of a piece of text, and whether all of it is of that channel.
    pub(super) fn place(&self, heard: Range<u64>) -> Placed {
        let after = |at: u64| self.pieces.partition_point(|piece| piece.at <= at);
        let end_of = |piece: &Piece| piece.at + (piece.time.end - piece.time.start);
        let mut first = after(heard.start).saturating_sub(1);
        // In the pause before the next piece.
        let is_behind = heard.start >= end_of(&self.pieces[first]);
        if is_behind && self.pieces.get(first + 1).is_some_and(|next| heard.end > next.at) {
            first += 1;
        }
        let last = after(heard.end.saturating_sub(1).max(heard.start))
            .saturating_sub(1)
            .max(first);
        let channel = self.pieces[first].channel;
        let same = (first..=last)
            .rev()
            .find(|&index| self.pieces[index].channel == channel);
        let same = same.unwrap_or(first);
        let in_recording =
            |piece: &Piece, at: u64| (piece.time.start + at.saturating_sub(piece.at)).min(piece.time.end);
        let start = in_recording(&self.pieces[first], heard.start);
        Placed {
            channel,
            time: start..in_recording(&self.pieces[same], heard.end).max(start),
            is_whole: self.pieces[last].channel == channel,
        }
    }
}

/// The channels with turns.
pub(super) fn voices(spoken: &[Spoken]) -> BTreeSet<usize> {
    spoken.iter().map(|turn| turn.speaker).collect()
}

/// A place in the recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) channel: usize,
    pub(super) time: Range<u64>,
    /// Whether it does not reach into another channel.
    pub(super) is_whole: bool,
}

/// All spans in order of time: channel, time, what is heard. At each moment of the recording there is at least one.
fn heard(spoken: &[Spoken], duration: u64) -> Vec<(usize, Range<u64>, Heard)> {
    let mut turns: Vec<(usize, Range<u64>)> = Vec::new();
    let mut by_channel: Vec<&Spoken> = spoken.iter().filter(|turn| turn.start_ms < turn.end_ms).collect();
    by_channel.sort_by_key(|turn| (turn.speaker, turn.start_ms));
    for turn in by_channel {
        let time = turn.start_ms.saturating_sub(MARGIN_MS)..(turn.end_ms + MARGIN_MS).min(duration);
        match turns.last_mut() {
            Some((channel, last)) if *channel == turn.speaker && time.start <= last.end => {
                last.end = time.end.max(last.end)
            }
            _ => turns.push((turn.speaker, time)),
        }
    }
    turns.sort_by_key(|(channel, time)| (time.start, *channel));
    let mut all = Vec::new();
    let mut reached = 0;
    let mut before = turns.first().map_or(0, |(channel, _)| *channel);
    for (channel, time) in &turns {
        if time.start > reached {
            all.push((before, reached..time.start, Heard::Mix));
        }
        if time.end >= reached {
            (reached, before) = (time.end, *channel);
        }
    }
    if reached < duration {
        all.push((before, reached..duration, Heard::Mix));
    }
    all.extend(turns.into_iter().map(|(channel, time)| (channel, time, Heard::Channel)));
    all.sort_by_key(|(channel, time, _)| (time.start, *channel));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(turns: &[(u64, u64, usize)]) -> Vec<Spoken> {
        let turn = |&(start_ms, end_ms, speaker): &(u64, u64, usize)| Spoken {
            start_ms,
            end_ms,
            speaker,
        };
        turns.iter().map(turn).collect()
    }

    fn timeline(turns: &[(u64, u64, usize)], duration: u64) -> Timeline {
        Timeline::new(&spoken(turns), duration).unwrap()
    }

    #[test]
    fn every_moment_is_heard_once_where_no_two_speak() {
        let all = heard(
            &spoken(&[(1_000, 3_000, 0), (2_000, 5_000, 1), (20_000, 21_000, 0)]),
            30_000,
        );
        assert_eq!(
            all,
            [
                (0, 0..750, Heard::Mix),
                (0, 750..3_250, Heard::Channel),
                (1, 1_750..5_250, Heard::Channel),
                (1, 5_250..19_750, Heard::Mix),
                (0, 19_750..21_250, Heard::Channel),
                (0, 21_250..30_000, Heard::Mix),
            ]
        );
    }

    #[test]
    fn channels_follow_each_other_with_short_pauses() {
        let timeline = timeline(&[(1_000, 3_000, 0), (2_000, 5_000, 1), (20_000, 21_000, 0)], 21_250);
        let places: Vec<_> = timeline
            .channels
            .iter()
            .flat_map(|(channel, spans)| spans.iter().map(move |span| (*channel, span.time.start, span.at)))
            .collect();
        assert_eq!(
            places,
            [
                (0, 0, 0),
                (0, 750, 750),
                (0, 19_750, 5_250),
                (1, 1_750, 11_750),
                (1, 5_250, 15_250)
            ]
        );
        assert_eq!(timeline.length, 29_750);
    }

    #[test]
    fn text_returns_to_its_channel_and_time() {
        let timeline = timeline(&[(1_000, 3_000, 0), (2_000, 5_000, 1), (20_000, 21_000, 0)], 21_250);
        let place = |heard: Range<u64>| {
            let placed = timeline.place(heard);
            (placed.channel, placed.time, placed.is_whole)
        };
        assert_eq!(place(1_000..2_000), (0, 1_000..2_000, true));
        // In the pause that was shortened: before it, over it, from it on, and behind it.
        assert_eq!(place(3_000..4_000), (0, 3_000..3_250, true));
        assert_eq!(place(3_000..5_750), (0, 3_000..20_250, true));
        assert_eq!(place(4_000..5_750), (0, 19_750..20_250, true));
        assert_eq!(place(4_000..4_500), (0, 3_250..3_250, true));
        assert_eq!(place(6_000..7_500), (0, 20_500..21_250, true));
        assert_eq!(place(12_000..13_000), (1, 2_000..3_000, true));
        assert_eq!(place(6_000..13_000), (0, 20_500..21_250, false));
        assert_eq!(place(29_000..34_000), (1, 19_000..19_750, true));
    }

    #[test]
    fn one_voice_needs_no_order() {
        assert_eq!(Timeline::new(&spoken(&[(0, 5, 1), (7, 9, 1)]), 10), None);
        assert_eq!(Timeline::new(&[], 10), None);
    }

    /// Any turns: the spans lie in order, never overlap, and each moment leads back to where it came from.
    #[test]
    fn each_moment_leads_back() {
        let mut state = 7_u64;
        let mut number = |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..300 {
            let duration = 1 + number(60_000);
            let turns: Vec<(u64, u64, usize)> = (0..number(12))
                .map(|_| {
                    let start = number(duration);
                    (
                        start,
                        start + number(duration - start + 1),
                        usize::try_from(number(3)).unwrap(),
                    )
                })
                .collect();
            let Some(timeline) = Timeline::new(&spoken(&turns), duration) else {
                continue;
            };
            let mut reached = 0;
            for (channel, spans) in &timeline.channels {
                for span in spans {
                    assert!(span.at >= reached && span.time.end <= duration, "{timeline:?}");
                    reached = span.at + (span.time.end - span.time.start);
                    for moment in [span.time.start, (span.time.start + span.time.end) / 2] {
                        let at = span.at + (moment - span.time.start);
                        if moment < span.time.end {
                            let placed = timeline.place(at..at + 1);
                            assert_eq!((placed.channel, placed.time.start), (*channel, moment), "{timeline:?}");
                        }
                    }
                }
            }
            assert!(reached <= timeline.length);
        }
    }
}
