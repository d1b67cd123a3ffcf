//! Several tracks of one recording, each a channel.

use crate::continuous::Continuous;
use crate::issue::IssueKind;
use crate::mono::Mono;
use crate::source::{Chunk, Facts, Source, SourceEnd, Stream};
use crate::{AudioError, SAMPLE_RATE};

/// Frames in a chunk.
const BLOCK: usize = 8192;

/// Parallel tracks, at 16 kHz; a track that ends early is silent from there on.
pub(crate) struct Joined {
    tracks: Vec<Track>,
    facts: Facts,
    notes: Vec<String>,
}

struct Track {
    mono: Mono,
    ready: Vec<f32>,
    has_more: bool,
}

impl Joined {
    /// All of `sources`, at least one.
    pub(crate) fn new(sources: Vec<Box<dyn Source>>, notes: Vec<String>) -> Self {
        let tracks: Vec<_> = sources
            .into_iter()
            .map(|source| Track {
                mono: Mono::new(Continuous::new(source)),
                ready: Vec::new(),
                has_more: true,
            })
            .collect();
        let of_tracks = || tracks.iter().map(|track| track.mono.line().facts());
        let first = of_tracks().next().expect("the caller gives at least one source");
        let facts = Facts {
            channels: u16::try_from(tracks.len()).unwrap_or(u16::MAX),
            declared_end: of_tracks().filter_map(|facts| facts.declared_end).max(),
            ..first.clone()
        };
        Self { tracks, facts, notes }
    }
}

impl Source for Joined {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn read(&mut self, chunk: &mut Chunk) -> Result<bool, AudioError> {
        for track in &mut self.tracks {
            while track.has_more && track.ready.len() < BLOCK {
                track.has_more = track.mono.read(&mut track.ready)?;
            }
        }
        let longest = self.tracks.iter().map(|track| track.ready.len()).max().unwrap_or(0);
        let count = longest.min(BLOCK);
        if count == 0 {
            return Ok(false);
        }
        chunk.stream = Some(Stream {
            rate: SAMPLE_RATE,
            channels: self.facts.channels,
            mask: 0,
        });
        chunk.samples.resize(count * self.tracks.len(), 0.0);
        for (channel, track) in self.tracks.iter_mut().enumerate() {
            let there = count.min(track.ready.len());
            let places = chunk
                .samples
                .iter_mut()
                .skip(channel)
                .step_by(usize::from(self.facts.channels));
            places
                .zip(track.ready.drain(..there))
                .for_each(|(place, sample)| *place = sample);
        }
        Ok(true)
    }

    fn ending(&self) -> SourceEnd {
        SourceEnd {
            // Each track has judged its own end.
            promised_end: Some(0),
            rest: self.tracks.iter().find_map(|track| track.mono.line().rest()),
            ..SourceEnd::default()
        }
    }

    fn settle(&mut self) {
        for track in &mut self.tracks {
            track.mono.line_mut().explain_gaps();
        }
    }

    fn notes(&self) -> Vec<String> {
        let of_tracks = self.tracks.iter().flat_map(|track| track.mono.notes());
        self.notes.iter().cloned().chain(of_tracks).collect()
    }

    fn faults(&self) -> Vec<(IssueKind, (i64, i64), String)> {
        self.tracks
            .iter()
            .enumerate()
            .flat_map(|(index, track)| {
                track.mono.issues().into_iter().map(move |issue| {
                    let span = (ns(issue.start_ms), ns(issue.end_ms));
                    (issue.kind, span, format!("track {}: {}", index + 1, issue.message))
                })
            })
            .collect()
    }
}

fn ns(ms: u64) -> i64 {
    i64::try_from(ms.saturating_mul(1_000_000)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Decoder;
    use crate::clock::SECOND;
    use crate::demux::Nanoseconds;

    /// Seconds of sound at these times; its decoder knows that the sound between them was lost.
    struct Lossy {
        facts: Facts,
        times: std::vec::IntoIter<Nanoseconds>,
    }

    impl Source for Lossy {
        fn facts(&self) -> &Facts {
            &self.facts
        }

        fn read(&mut self, chunk: &mut Chunk) -> Result<bool, AudioError> {
            chunk.time = self.times.next();
            chunk.stream = Some(Stream {
                rate: SAMPLE_RATE,
                channels: 1,
                mask: 0,
            });
            chunk.samples.resize(SAMPLE_RATE as usize, 0.5);
            Ok(chunk.time.is_some())
        }

        fn ending(&self) -> SourceEnd {
            SourceEnd::default()
        }

        fn notes(&self) -> Vec<String> {
            Vec::new()
        }

        fn explain(&mut self, _gap: (Nanoseconds, Nanoseconds)) -> Option<String> {
            Some("lost".to_owned())
        }
    }

    #[test]
    fn losses_of_a_track_are_known_where_reading_stops_early() {
        let facts = Facts {
            codec: "pcm".to_owned(),
            source_rate: SAMPLE_RATE,
            channels: 1,
            decoder: Decoder::Native,
            declared_end: None,
            tolerance: SECOND / 10,
        };
        let times = [0, 3 * SECOND, 100 * SECOND].map(|time| vec![0, time, time + SECOND].into_iter());
        let tracks = times.into_iter().map(|times| {
            let facts = facts.clone();
            Box::new(Lossy { facts, times }) as Box<dyn Source>
        });
        let mut line = Continuous::new(Box::new(Joined::new(tracks.collect(), Vec::new())));
        let mut samples = Vec::new();
        while samples.len() < 3 * 4 * SAMPLE_RATE as usize {
            assert!(line.read(&mut samples).unwrap().is_some());
        }
        line.explain_gaps();
        let issues = line.issues().into_list();
        let shown: Vec<_> = issues.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "track 2: lost from 1.0 s to 3.0 s",
                "track 3: lost from 1.0 s to 100.0 s"
            ]
        );
    }
}
