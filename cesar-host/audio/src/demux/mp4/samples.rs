//! The samples of a track in the tables of `stbl`.
//!
//! A sample is one input of a decoder, except for PCM and the fixed-size codecs of QuickTime, whose tables count single frames:
//! there [`Layout`] gives the bytes of frames, and a piece of a chunk is one packet.

use std::io;

use super::atom::Atom;
use super::input::{Input, u32_at};
use super::sample::{Layout, Sample};
use super::table::{Runs, Sizes, Table, chunk_offsets};

/// The tables of a track and a position in them.
#[derive(Debug, Clone)]
pub(super) struct Tables {
    durations: Runs,
    offsets: Option<Runs>,
    sizes: Sizes,
    groups: Table,
    chunks: Table,
    layout: Option<Layout>,
    /// Duration of a sample if `stts` has none.
    default_duration: u32,
    /// Duration of the whole track in ticks.
    total: u64,
    place: Place,
}

/// A position in the tables.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    sample: u64,
    time: u64,
    chunk: u64,
    /// Samples taken from the chunk.
    taken: u64,
    /// Position of the next sample.
    position: u64,
    /// Samples in every chunk of the group, and their description.
    chunk_samples: u64,
    description: u32,
    /// The row of the next group, and its first chunk, from 0.
    next_group: u64,
    next_group_chunk: u64,
}

impl Tables {
    /// Reads the tables in `stbl`; `None` without sizes or offsets.
    pub(super) fn read(
        input: &mut Input,
        table: &Atom,
        layout: Option<Layout>,
        default_duration: u32,
    ) -> io::Result<Option<Self>> {
        let (mut sizes, mut chunks) = (None, None);
        let (mut durations, mut offsets, mut groups) = (Table::default(), None, Table::default());
        let mut children = table.children(input);
        while let Some(child) = children.next(input)? {
            match &child.name {
                b"stts" => durations = Table::counted(input, &child, 8)?,
                b"ctts" => offsets = Some(Runs::new(Table::counted(input, &child, 8)?)),
                b"stsc" => groups = Table::counted(input, &child, 12)?,
                b"stsz" | b"stz2" => sizes = Some(Sizes::read(input, &child)?),
                b"stco" | b"co64" => chunks = Some(chunk_offsets(input, &child)?),
                _ => {}
            }
        }
        let (Some(sizes), Some(chunks)) = (sizes, chunks) else {
            return Ok(None);
        };
        let mut tables = Self {
            durations: Runs::new(durations),
            offsets,
            sizes,
            groups,
            chunks,
            layout: None,
            default_duration,
            total: 0,
            place: Place::default(),
        };
        tables.layout = layout.filter(|layout| tables.counts_frames(*layout));
        tables.total = tables.duration(input)?;
        tables.rewind(input)?;
        Ok(Some(tables))
    }

    /// Whether a sample of the tables is a frame, not a packet.
    fn counts_frames(&self, layout: Layout) -> bool {
        let size = self.sizes.constant().map(u64::from);
        size.is_some_and(|size| size < layout.bytes || (size == layout.bytes && layout.frames == 1))
    }

    pub(super) fn count(&self) -> u64 {
        self.sizes.count()
    }

    /// Duration of all samples.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    fn duration(&mut self, input: &mut Input) -> io::Result<u64> {
        let (mut total, mut left) = (0_u64, self.count());
        while left > 0
            && let Some((run, duration)) = self.current_duration(input)?
        {
            let run = run.min(left);
            total = total.saturating_add(run.saturating_mul(u64::from(duration)));
            left -= run;
            self.durations.take(run);
        }
        let last = u64::from(self.duration_behind_table());
        Ok(total
            .saturating_add(left.saturating_mul(last))
            .min(i64::MAX.unsigned_abs()))
    }

    /// The number of samples from here on with the same duration, and that. No sample has no duration.
    fn current_duration(&mut self, input: &mut Input) -> io::Result<Option<(u64, u32)>> {
        let current = self.durations.current(input)?;
        Ok(current.map(|(run, duration)| match duration {
            0 => (run, self.default_duration),
            duration => (run, duration),
        }))
    }

    /// Duration of the samples that `stts` omits.
    fn duration_behind_table(&self) -> u32 {
        match self.durations.latest() {
            0 => self.default_duration,
            latest => latest,
        }
    }

    /// Goes back to the first sample.
    pub(super) fn rewind(&mut self, input: &mut Input) -> io::Result<()> {
        self.durations.rewind();
        if let Some(offsets) = &mut self.offsets {
            offsets.rewind();
        }
        self.place = Place {
            chunk_samples: 1,
            description: 1,
            ..Place::default()
        };
        self.enter_chunk(input)
    }

    /// Goes to the last sample at `time` or before.
    pub(super) fn seek(&mut self, input: &mut Input, time: i64) -> io::Result<()> {
        self.rewind(input)?;
        let target = u64::try_from(time).unwrap_or(0);
        let mut samples = 0;
        let mut left = target;
        while let Some((run, duration)) = self.current_duration(input)? {
            let mut skipped = run.min(left.checked_div(u64::from(duration)).unwrap_or(run));
            if let Some(layout) = self.layout.filter(|_| skipped < run) {
                skipped -= skipped % layout.frames;
            }
            samples += skipped;
            left -= skipped * u64::from(duration);
            self.durations.take(skipped);
            self.place.time += skipped * u64::from(duration);
            if skipped < run {
                break;
            }
        }
        let samples = samples.min(self.count());
        self.skip_offsets(input, samples)?;
        self.skip_samples(input, samples)
    }

    fn skip_offsets(&mut self, input: &mut Input, samples: u64) -> io::Result<()> {
        let Some(offsets) = &mut self.offsets else {
            return Ok(());
        };
        let mut left = samples;
        while left > 0
            && let Some((run, _)) = offsets.current(input)?
        {
            offsets.take(run.min(left));
            left -= run.min(left);
        }
        Ok(())
    }

    /// Skips samples, by whole groups of chunks if possible.
    fn skip_samples(&mut self, input: &mut Input, samples: u64) -> io::Result<()> {
        let mut left = samples;
        while left > 0 && self.place.chunk < self.chunks.rows() && input.spend(1) {
            let place = &mut self.place;
            let in_group = place
                .next_group_chunk
                .min(self.chunks.rows())
                .saturating_sub(place.chunk);
            let chunks = in_group.min(left.checked_div(place.chunk_samples).unwrap_or(in_group));
            if chunks > 0 && place.taken == 0 {
                left -= chunks * place.chunk_samples;
                place.sample += chunks * place.chunk_samples;
                place.chunk += chunks;
                self.enter_chunk(input)?;
            } else {
                let count = left.min(place.chunk_samples);
                self.skip_in_chunk(input, count)?;
                left -= count;
            }
        }
        Ok(())
    }

    fn skip_in_chunk(&mut self, input: &mut Input, samples: u64) -> io::Result<()> {
        let bytes = match (self.layout, self.sizes.constant()) {
            // A block is not divided: its other samples are taken as well.
            (Some(layout), _) => {
                let samples = samples - samples % layout.frames;
                self.advance_frames(input, samples, samples / layout.frames * layout.bytes)?;
                return Ok(());
            }
            (None, Some(size)) => samples * u64::from(size),
            (None, None) => {
                let mut bytes = 0;
                for sample in self.place.sample..self.place.sample + samples {
                    bytes += self.sizes.get(input, sample)?;
                    if !input.spend(1) {
                        break;
                    }
                }
                bytes
            }
        };
        self.advance_frames(input, samples, bytes)
    }

    fn advance_frames(&mut self, input: &mut Input, samples: u64, bytes: u64) -> io::Result<()> {
        let place = &mut self.place;
        place.sample += samples;
        place.taken += samples;
        place.position = place.position.saturating_add(bytes);
        if place.taken >= place.chunk_samples {
            place.chunk += 1;
            self.enter_chunk(input)?;
        }
        Ok(())
    }

    /// Finds the group and the position of the current chunk, skipping empty ones.
    fn enter_chunk(&mut self, input: &mut Input) -> io::Result<()> {
        loop {
            self.enter_group(input)?;
            self.place.taken = 0;
            if self.place.chunk >= self.chunks.rows() {
                return Ok(());
            }
            if self.place.chunk_samples > 0 {
                self.place.position = self.chunks.number(input, self.place.chunk)?.unwrap_or(0);
                return Ok(());
            }
            self.place.chunk = if input.spend(1) {
                self.place.next_group_chunk
            } else {
                u64::MAX
            };
        }
    }

    /// Reads groups up to that of the current chunk. Unordered groups are used as they come.
    fn enter_group(&mut self, input: &mut Input) -> io::Result<()> {
        while self.place.chunk >= self.place.next_group_chunk && input.spend(1) {
            if let Some(row) = self.groups.row(input, self.place.next_group)? {
                self.place.chunk_samples = u64::from(u32_at(row, 4).unwrap_or(0));
                self.place.description = u32_at(row, 8).unwrap_or(1);
                self.place.next_group += 1;
            }
            let next = self.groups.row(input, self.place.next_group)?;
            let next = next.and_then(|row| u32_at(row, 0));
            self.place.next_group_chunk = next.map_or(u64::MAX, |chunk| u64::from(chunk.saturating_sub(1)));
        }
        Ok(())
    }

    /// The next sample or, for frames of fixed size, the next packet of them.
    pub(super) fn next(&mut self, input: &mut Input) -> io::Result<Option<Sample>> {
        let left = self.count().saturating_sub(self.place.sample);
        if left == 0 || self.place.chunk >= self.chunks.rows() || !input.spend(1) {
            return Ok(None);
        }
        self.skip_chunks_behind_the_end(input)?;
        let left = left
            .min(self.place.chunk_samples.saturating_sub(self.place.taken))
            .max(1);
        let (samples, size) = match self.layout {
            Some(layout) => {
                let samples = left.min(layout.packet);
                (samples, samples.div_ceil(layout.frames) * layout.bytes)
            }
            None => (1, self.sizes.get(input, self.place.sample)?),
        };
        let duration = self.take_durations(input, samples)?;
        let sample = Sample {
            position: self.place.position,
            size,
            start: (self.place.time.cast_signed()).saturating_add(self.take_offset(input, samples)?),
            duration,
            description: self.place.description,
            missing_fragments: 0,
        };
        self.place.time = self.place.time.saturating_add(duration).min(i64::MAX.unsigned_abs());
        self.advance_frames(input, samples, size)?;
        Ok(Some(sample))
    }

    /// A chunk behind the end of the file need not be walked through: only its last sample is returned.
    fn skip_chunks_behind_the_end(&mut self, input: &mut Input) -> io::Result<()> {
        let is_behind = self.place.position >= input.length() && self.sizes.constant().is_some();
        let left = (self.count() - self.place.sample).min(self.place.chunk_samples.saturating_sub(self.place.taken));
        if is_behind && left > 1 && self.layout.is_none() {
            self.place.time = self.place.time.saturating_add(self.take_durations(input, left - 1)?);
            self.skip_offsets(input, left - 1)?;
            self.place.sample += left - 1;
            self.place.taken += left - 1;
        }
        Ok(())
    }

    /// The total duration of the next samples.
    fn take_durations(&mut self, input: &mut Input, samples: u64) -> io::Result<u64> {
        let (mut total, mut left) = (0_u64, samples);
        while left > 0 {
            let (run, duration) = match self.current_duration(input)? {
                Some((run, duration)) => (run.min(left), duration),
                None => (left, self.duration_behind_table()),
            };
            self.durations.take(run);
            total = total.saturating_add(run.saturating_mul(u64::from(duration)));
            left -= run;
        }
        Ok(total.min(i64::MAX.unsigned_abs()))
    }

    /// The delay from decoding to presentation of the next sample, from `ctts`.
    fn take_offset(&mut self, input: &mut Input, samples: u64) -> io::Result<i64> {
        let Some(offsets) = &mut self.offsets else {
            return Ok(0);
        };
        let offset = offsets.current(input)?.map_or(0, |(_, offset)| offset.cast_signed());
        self.skip_offsets(input, samples)?;
        Ok(i64::from(offset))
    }
}
