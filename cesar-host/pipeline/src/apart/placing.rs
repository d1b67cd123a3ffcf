//! Text of the channels at its time in the recording.

use plugin_api::asr::{Segment, Transcription, Truncation, Word};

use super::Apart;
use super::timeline::{Placed, Timeline};
use crate::events::{Event, Observer};

impl Apart {
    /// The transcription at its times in the recording, and the channel of each segment. Segments of several channels may overlap.
    pub(crate) fn placed(&self, transcription: Transcription) -> (Transcription, Vec<usize>) {
        placed(&self.timeline, transcription)
    }
}

fn placed(timeline: &Timeline, transcription: Transcription) -> (Transcription, Vec<usize>) {
    let mut segments: Vec<(usize, Segment)> = transcription
        .segments
        .into_iter()
        .flat_map(|segment| parts(timeline, segment))
        .collect();
    segments.sort_by_key(|(channel, segment)| (segment.start_ms, *channel));
    let truncated = transcription.truncated.into_iter().map(|cut| {
        let time = timeline.place(cut.start_ms..cut.end_ms).time;
        Truncation {
            start_ms: time.start,
            end_ms: time.end,
            ..cut
        }
    });
    let truncated = truncated.collect();
    let (channels, segments) = segments.into_iter().unzip();
    let transcription = Transcription {
        segments,
        truncated,
        ..transcription
    };
    (transcription, channels)
}

/// A segment, or its parts if it reaches into another channel and its words have times.
fn parts(timeline: &Timeline, segment: Segment) -> Vec<(usize, Segment)> {
    let place = |start_ms: u64, end_ms: u64| timeline.place(start_ms..end_ms);
    let whole = place(segment.start_ms, segment.end_ms);
    let words = segment.words.clone().unwrap_or_default();
    let words: Vec<(Placed, Word)> = words
        .into_iter()
        .map(|word| (place(word.start_ms, word.end_ms), word))
        .collect();
    let is_one = words.iter().all(|(placed, _)| placed.channel == whole.channel);
    if words.is_empty() || (whole.is_whole && is_one) {
        let words = segment
            .words
            .is_some()
            .then(|| words.into_iter().map(at_place).collect());
        let one = Segment {
            start_ms: whole.time.start,
            end_ms: whole.time.end,
            words,
            ..segment
        };
        return vec![(whole.channel, one)];
    }
    let mut parts: Vec<(usize, Vec<Word>)> = Vec::new();
    for (placed, word) in words {
        let channel = placed.channel;
        let word = at_place((placed, word));
        match parts.last_mut() {
            Some((last, words)) if *last == channel => words.push(word),
            _ => parts.push((channel, vec![word])),
        }
    }
    let part = |(channel, words): (usize, Vec<Word>)| {
        let part = Segment {
            start_ms: words.first().map_or(0, |word| word.start_ms),
            end_ms: words.iter().map(|word| word.end_ms).max().unwrap_or_default(),
            text: words.iter().map(|word| word.word.as_str()).collect(),
            words: Some(words),
            // Tokens cannot be assigned to words.
            tokens: None,
            ..segment.clone()
        };
        (channel, part)
    };
    parts.into_iter().map(part).collect()
}

fn at_place((placed, word): (Placed, Word)) -> Word {
    Word {
        start_ms: placed.time.start,
        end_ms: placed.time.end,
        ..word
    }
}

/// Shows text at its time in the recording while it is recognised.
pub(crate) struct Placing<'a> {
    pub(crate) apart: &'a Apart,
    pub(crate) observer: &'a dyn Observer,
}

impl Observer for Placing<'_> {
    fn event(&self, event: &Event<'_>) {
        match *event {
            Event::Segment { start_ms, end_ms, text } => {
                let time = self.apart.timeline.place(start_ms..end_ms).time;
                self.observer.event(&Event::Segment {
                    start_ms: time.start,
                    end_ms: time.end,
                    text,
                });
            }
            _ => self.observer.event(event),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speakers::Spoken;

    fn timeline() -> Timeline {
        let turn = |start_ms, end_ms, speaker| Spoken {
            start_ms,
            end_ms,
            speaker,
        };
        // Heard: 0 to 4,250 of channel 0, then from 9,250 on 1,750 to 8,000 of channel 1.
        Timeline::new(&[turn(0, 4_000, 0), turn(2_000, 7_000, 1)], 8_000).unwrap()
    }

    fn word(start_ms: u64, end_ms: u64, word: &str) -> Word {
        Word {
            start_ms,
            end_ms,
            word: word.to_owned(),
            ..Word::default()
        }
    }

    fn shown(placed: (Transcription, Vec<usize>)) -> Vec<(usize, u64, u64, String)> {
        let (transcription, channels) = placed;
        let segments = transcription.segments.into_iter().zip(channels);
        segments
            .map(|(segment, channel)| (channel, segment.start_ms, segment.end_ms, segment.text))
            .collect()
    }

    #[test]
    fn segments_are_in_the_order_of_the_recording() {
        let transcription = Transcription {
            segments: vec![
                Segment::new(0, 1_000, " One."),
                Segment::new(3_000, 4_000, " Two."),
                Segment::new(9_500, 10_000, " Three."),
                Segment::new(13_250, 14_000, " Four."),
            ],
            truncated: vec![Truncation {
                start_ms: 9_500,
                end_ms: 10_500,
                reason: "max_length".to_owned(),
            }],
            ..Transcription::default()
        };
        let (placed, channels) = placed(&timeline(), transcription);
        assert_eq!(
            (placed.truncated[0].start_ms, placed.truncated[0].end_ms),
            (2_000, 3_000)
        );
        let all = shown((placed, channels));
        let all: Vec<_> = all
            .iter()
            .map(|(channel, start, end, text)| (*channel, *start, *end, text.as_str()))
            .collect();
        assert_eq!(
            all,
            [
                (0, 0, 1_000, " One."),
                (1, 2_000, 2_500, " Three."),
                (0, 3_000, 4_000, " Two."),
                (1, 5_750, 6_500, " Four."),
            ]
        );
    }

    #[test]
    fn a_segment_over_two_channels_is_divided_at_its_words() {
        let mut segment = Segment::new(3_000, 10_000, " Two three four");
        segment.tokens = Some(vec![1, 2, 3]);
        segment.words = Some(vec![
            word(3_000, 3_500, " Two"),
            word(9_500, 9_700, " three"),
            word(9_700, 10_000, " four"),
        ]);
        let transcription = Transcription {
            segments: vec![segment],
            ..Transcription::default()
        };
        let (placed, channels) = placed(&timeline(), transcription);
        assert_eq!(placed.segments[0].tokens, None);
        assert_eq!(placed.segments[0].words.as_ref().map(Vec::len), Some(2));
        assert_eq!(
            shown((placed, channels)),
            [
                (1, 2_000, 2_500, " three four".to_owned()),
                (0, 3_000, 3_500, " Two".to_owned())
            ]
        );
    }

    #[test]
    fn a_segment_over_two_channels_without_words_stays_one() {
        let transcription = Transcription {
            segments: vec![Segment::new(3_000, 10_000, " Two three four")],
            ..Transcription::default()
        };
        let all = shown(placed(&timeline(), transcription));
        assert_eq!(all, [(0, 3_000, 4_250, " Two three four".to_owned())]);
    }
}
