//! Frames to turns: turns are extended while the voice dies away, short pauses are closed, short turns are dropped, speakers are
//! numbered by appearance.

use plugin_api::diarize::Turn;

use crate::options::Request;
use crate::turn_tail;
use crate::windows::frame_start;

/// A turn in frames: one speaker speaks from `start` up to, not including, `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) speaker: usize,
}

/// Collects the spans of every speaker, frame by frame.
#[derive(Debug)]
pub(crate) struct Spans {
    open: Vec<Option<usize>>,
    closed: Vec<Span>,
    frame: usize,
}

impl Spans {
    pub(crate) fn new(speakers: usize) -> Self {
        Self {
            open: vec![None; speakers],
            closed: Vec::new(),
            frame: 0,
        }
    }

    /// Adds the speakers of the next frame.
    pub(crate) fn push(&mut self, speaking: impl Fn(usize) -> bool) {
        for speaker in 0..self.open.len() {
            match (self.open[speaker], speaking(speaker)) {
                (None, true) => self.open[speaker] = Some(self.frame),
                (Some(start), false) => {
                    self.closed.push(Span {
                        start,
                        end: self.frame,
                        speaker,
                    });
                    self.open[speaker] = None;
                }
                _ => {}
            }
        }
        self.frame += 1;
    }

    /// All spans, by start, then by speaker.
    pub(crate) fn finish(mut self) -> Vec<Span> {
        self.push(|_| false);
        self.closed.sort_by_key(|span| (span.start, span.speaker));
        self.closed
    }
}

/// The turns, and for each of their speakers the number in the spans.
pub(crate) fn turns(spans: &[Span], samples: &[f32], request: &Request) -> (Vec<Turn>, Vec<usize>) {
    let mut turns = in_milliseconds(spans, samples.len());
    turn_tail::prolong(&mut turns, samples, milliseconds(request.hangover));
    turns = close_pauses(turns, milliseconds(request.min_duration_off));
    let least = milliseconds(request.min_duration_on);
    turns.retain(|turn| turn.end_ms > turn.start_ms && turn.end_ms - turn.start_ms >= least);
    turns.sort_by_key(|turn| (turn.start_ms, turn.end_ms, turn.speaker));
    let mut appeared: Vec<usize> = Vec::new();
    for turn in &mut turns {
        let known = appeared.iter().position(|speaker| *speaker == turn.speaker);
        turn.speaker = known.unwrap_or_else(|| {
            appeared.push(turn.speaker);
            appeared.len() - 1
        });
    }
    // By speaker among those with equal starts, now that the numbers are final.
    turns.sort_by_key(|turn| (turn.start_ms, turn.speaker));
    (turns, appeared)
}

fn in_milliseconds(spans: &[Span], samples: usize) -> Vec<Turn> {
    let time = |frame: usize| frame_start(frame).min(samples) as u64 / 16;
    let turn = |span: &Span| Turn {
        start_ms: time(span.start),
        end_ms: time(span.end),
        speaker: span.speaker,
    };
    spans.iter().map(turn).collect()
}

/// Joins turns of one speaker that touch, or are less than `least` ms apart.
fn close_pauses(turns: Vec<Turn>, least: u64) -> Vec<Turn> {
    let mut joined: Vec<Turn> = Vec::with_capacity(turns.len());
    for turn in turns {
        let before = joined.iter_mut().rev().find(|before| before.speaker == turn.speaker);
        match before {
            Some(before) if turn.start_ms < before.end_ms + least.max(1) => {
                before.end_ms = before.end_ms.max(turn.end_ms)
            }
            _ => joined.push(turn),
        }
    }
    joined
}

fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1000.0).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(on: f64, off: f64) -> Request {
        let manifest: serde_json::Value = serde_json::from_str(crate::MANIFEST).unwrap();
        let table = manifest["options"].as_object().unwrap();
        let defaults: serde_json::Map<String, serde_json::Value> = table
            .iter()
            .map(|(name, row)| (name.clone(), row["default"].clone()))
            .collect();
        let request: Request = serde_json::from_value(defaults.into()).unwrap();
        Request {
            min_duration_on: on,
            min_duration_off: off,
            ..request
        }
    }

    static SILENCE: [f32; 160_000] = [0.0; 160_000];

    fn span(start: usize, end: usize, speaker: usize) -> Span {
        Span { start, end, speaker }
    }

    #[test]
    fn speakers_are_numbered_by_appearance() {
        let (turns, appeared) = turns(
            &[span(0, 100, 4), span(50, 150, 2), span(200, 300, 4)],
            &SILENCE,
            &request(0.0, 0.0),
        );
        let found: Vec<_> = turns
            .iter()
            .map(|turn| (turn.start_ms, turn.end_ms, turn.speaker))
            .collect();
        assert_eq!(found, [(0, 1706, 0), (857, 2555, 1), (3404, 5101, 0)]);
        assert_eq!(appeared, [4, 2]);
    }

    #[test]
    fn short_pauses_are_closed_and_short_turns_dropped() {
        let spans = [span(0, 100, 0), span(110, 200, 0), span(300, 310, 1)];
        assert_eq!(turns(&spans, &SILENCE, &request(0.0, 0.0)).0.len(), 3);
        assert_eq!(turns(&spans, &SILENCE, &request(0.0, 0.2)).0.len(), 2);
        let (only, appeared) = turns(&spans, &SILENCE, &request(0.5, 0.2));
        assert_eq!((only.len(), appeared), (1, vec![0]));
    }

    #[test]
    fn the_last_turn_ends_with_the_audio() {
        let (turns, _) = turns(&[span(0, 60, 0)], &SILENCE[..16_000], &request(0.0, 0.0));
        assert_eq!(turns[0].end_ms, 1000);
    }

    #[test]
    fn spans_of_frames() {
        let mut spans = Spans::new(2);
        for speaking in [[true, false], [true, true], [false, true]] {
            spans.push(|speaker| speaking[speaker]);
        }
        assert_eq!(spans.finish(), [span(0, 2, 0), span(1, 3, 1)]);
    }

    proptest! {
        #[test]
        fn turns_are_in_order_inside_the_audio_and_apart(
            speaking in prop::collection::vec(prop::array::uniform3(prop::bool::ANY), 0..400),
            off in 0.0_f64..0.3,
        ) {
            let mut spans = Spans::new(3);
            for frame in &speaking {
                spans.push(|speaker| frame[speaker]);
            }
            let samples = speaking.len() * 270;
            let (turns, appeared) = turns(&spans.finish(), &vec![0.0; samples], &request(0.0, off));
            prop_assert!(turns.is_sorted_by_key(|turn| (turn.start_ms, turn.speaker)));
            prop_assert!(turns.iter().all(|turn| turn.start_ms < turn.end_ms && turn.end_ms <= samples as u64 / 16));
            for speaker in 0..appeared.len() {
                let own: Vec<_> = turns.iter().filter(|turn| turn.speaker == speaker).collect();
                prop_assert!(!own.is_empty());
                prop_assert!(own.windows(2).all(|pair| pair[0].end_ms < pair[1].start_ms));
            }
        }
    }
}
