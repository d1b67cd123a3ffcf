//! The parts of a segment that are read as a whole: information, tracks, tags, the index of parts.

use super::ebml::{self, children, id};
use super::entry::Entry;
use super::walk::Walk;
use crate::AudioError;
use crate::clock::SECOND;

/// Maximum length of a part that is read, in bytes; longer ones are not needed.
const LONGEST: u64 = 16 << 20;

/// Maximum number of listed tracks.
const MOST_TRACKS: usize = 1024;

/// The content of the parts.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    /// Nanoseconds of a tick.
    pub(super) scale: u64,
    /// In nanoseconds; `None` if not declared.
    pub(super) duration: Option<i64>,
    pub(super) entries: Vec<Entry>,
    /// Ends of tracks, by their unique identifiers, in nanoseconds.
    tags: Option<Vec<(u64, i64)>>,
    /// Positions of parts, from the beginning of the segment.
    index: Vec<(u32, u64)>,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            scale: 1_000_000,
            duration: None,
            entries: Vec::new(),
            tags: None,
            index: Vec::new(),
        }
    }
}

impl Parts {
    /// Reads a part; skips irrelevant ones.
    pub(super) fn read(&mut self, walk: &mut Walk, (part, start, end): (u32, u64, u64)) -> Result<(), AudioError> {
        let length = end.saturating_sub(start);
        if !matches!(part, id::INFO | id::TRACKS | id::TAGS | id::SEEK_HEAD) || length > LONGEST {
            return Ok(());
        }
        let body = walk.bytes.at(start, usize::try_from(length).unwrap_or(0))?;
        match part {
            id::INFO => {
                self.information(body);
                walk.second = i64::try_from(1_000_000_000 / self.scale.max(1)).unwrap_or(0);
                let scale = i64::try_from(self.scale).unwrap_or(i64::MAX).max(1);
                walk.duration = self.duration.map(|duration| duration / scale);
            }
            id::TRACKS if self.entries.is_empty() => {
                let entries = children(body).filter(|(child, _)| *child == id::TRACK_ENTRY);
                self.entries = entries
                    .filter_map(|(_, body)| Entry::parse(body))
                    .take(MOST_TRACKS)
                    .collect();
                walk.tracks = self.entries.iter().map(|entry| entry.number).collect();
            }
            id::TAGS => self.tags.get_or_insert_default().extend(durations(body)),
            id::SEEK_HEAD => self.index.extend(places(body)),
            _ => {}
        }
        Ok(())
    }

    /// Reads the parts behind the clusters, if the index leads to them.
    pub(super) fn read_indexed(&mut self, walk: &mut Walk) -> Result<(), AudioError> {
        for wanted in [id::INFO, id::TRACKS, id::TAGS] {
            let is_missing = match wanted {
                id::INFO => self.duration.is_none(),
                id::TRACKS => self.entries.is_empty(),
                _ => self.tags.is_none(),
            };
            let place = self.index.iter().find(|(part, _)| *part == wanted);
            if let Some((_, place)) = place.filter(|_| is_missing) {
                let position = walk.segment_start().saturating_add(*place);
                let header = ebml::Header::parse(walk.bytes.at(position, ebml::LONGEST_HEADER)?);
                if let Some(header) = header.filter(|header| header.id == wanted)
                    && let Some(size) = header.size
                {
                    let start = position + header.length;
                    self.read(walk, (wanted, start, start.saturating_add(size)))?;
                }
            }
        }
        Ok(())
    }

    fn information(&mut self, body: &[u8]) {
        let mut duration = None;
        for (child, body) in children(body) {
            match child {
                id::TIMESTAMP_SCALE => {
                    self.scale = Some(ebml::unsigned(body))
                        .filter(|scale| *scale > 0)
                        .unwrap_or(self.scale)
                }
                id::DURATION => duration = ebml::float(body).filter(|ticks| *ticks > 0.0),
                _ => {}
            }
        }
        // Outside these bounds it is invalid.
        let nanoseconds = duration.map(|ticks| ticks * self.scale as f64);
        self.duration = nanoseconds
            .filter(|duration| *duration < 1e18)
            .map(|duration| duration as i64);
    }

    /// Ticks as nanoseconds.
    pub(super) fn nanoseconds(&self, ticks: i64) -> i64 {
        let scaled = i128::from(ticks) * i128::from(self.scale);
        // Sums of a few of them are still times.
        i64::try_from(scaled).unwrap_or(i64::MAX).clamp(-(1 << 61), 1 << 61)
    }

    /// The declared end of the track. Tags copied by other programs may be those of another recording; they are ignored if they
    /// exceed the duration.
    pub(super) fn end_of(&self, entry: &Entry) -> Option<i64> {
        let duration = self.duration?;
        let tags = self.tags.iter().flatten();
        let tag = tags.filter(|(uid, _)| *uid == entry.uid).map(|(_, end)| *end).max();
        match tag {
            Some(end) if end <= duration + SECOND => Some(end),
            _ => Some(duration).filter(|_| self.is_alone(entry)),
        }
    }

    /// Whether the duration of the segment is that of this track.
    pub(super) fn is_alone(&self, entry: &Entry) -> bool {
        self.entries.iter().all(|other| other.number == entry.number)
    }
}

/// The ends of tracks in the statistics that muxers write.
fn durations(tags: &[u8]) -> Vec<(u64, i64)> {
    let mut found = Vec::new();
    for (_, tag) in children(tags).filter(|(child, _)| *child == id::TAG) {
        let targets = children(tag).filter(|(child, _)| *child == id::TARGETS);
        let uids = targets.flat_map(|(_, body)| children(body).collect::<Vec<_>>());
        let Some((_, uid)) = uids.into_iter().find(|(child, _)| *child == id::TAG_TRACK_UID) else {
            continue;
        };
        for (_, simple) in children(tag).filter(|(child, _)| *child == id::SIMPLE_TAG) {
            let value = |wanted: u32| {
                let mut values = children(simple).filter(|(child, _)| *child == wanted);
                values.next().and_then(|(_, body)| ebml::text(body))
            };
            if value(id::TAG_NAME).as_deref() == Some("DURATION")
                && let Some(end) = value(id::TAG_STRING).as_deref().and_then(clock_time)
            {
                found.push((ebml::unsigned(uid), end));
            }
        }
    }
    found
}

/// `00:00:50.941000000` in nanoseconds.
fn clock_time(text: &str) -> Option<i64> {
    let mut fields = text.trim().splitn(3, ':');
    let mut field = || {
        fields
            .next()?
            .parse::<f64>()
            .ok()
            .filter(|value| (0.0..1e6).contains(value))
    };
    let (hours, minutes, seconds) = (field()?, field()?, field()?);
    let time = ((hours * 60.0 + minutes) * 60.0 + seconds) * 1e9;
    (time > 0.0).then_some(time as i64)
}

/// The parts that an index names.
fn places(index: &[u8]) -> Vec<(u32, u64)> {
    let seeks = children(index).filter(|(child, _)| *child == id::SEEK);
    let place = |(_, seek): (u32, &[u8])| {
        let value = |wanted: u32| {
            let mut values = children(seek).filter(|(child, _)| *child == wanted);
            values.next().map(|(_, body)| ebml::unsigned(body))
        };
        Some((u32::try_from(value(id::SEEK_ID)?).ok()?, value(id::SEEK_POSITION)?))
    };
    seeks.filter_map(place).collect()
}
