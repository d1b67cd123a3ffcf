//! Several tracks of one recording, each a channel.

use crate::continuous::Continuous;
use crate::issue::IssueKind;
use crate::mono::Mono;
use crate::source::{Chunk, Facts, Source, SourceEnd, Stream};
use crate::{AudioError, SAMPLE_RATE};

/// Frames in a chunk.
const BLOCK: usize = 8192;

/// Tracks side by side, at 16 kHz; a track that ends early is silent from there on.
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
    /// All of `sources`, of which there is at least one.
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
            ..SourceEnd::default()
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
