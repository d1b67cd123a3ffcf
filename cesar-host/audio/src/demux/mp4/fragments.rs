//! Movie fragments (ISO/IEC 14496-12, 8.8): samples listed in `moof` atoms between the sound.
//!
//! Fragments are read one after the other. Where the structure is broken, the next `moof` is searched. A time stamp (`tfdt`) that
//! jumps is a gap; without time stamps fragments follow each other.

use std::io;

use super::atom::{Atom, Children};
use super::input::{Input, u32_at, u64_at};
use super::sample::Sample;
use super::table::Table;
use super::top::Top;

/// Maximum length of a track's fragment header, in bytes.
const HEADER: u64 = 40;

/// Defaults for samples, from `trex` or `tfhd`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Defaults {
    pub(super) description: u32,
    pub(super) duration: u32,
    pub(super) size: u32,
}

impl Defaults {
    /// Reads the body of `trex`.
    pub(super) fn read(trex: &[u8]) -> Option<(u32, Self)> {
        let defaults = Self {
            description: u32_at(trex, 8)?,
            duration: u32_at(trex, 12)?,
            size: u32_at(trex, 16)?,
        };
        Some((u32_at(trex, 4)?, defaults))
    }
}

/// The fragments of one track.
#[derive(Debug, Clone)]
pub(super) struct Fragments {
    track: u32,
    defaults: Defaults,
    /// Duration of a sample if the file has none.
    default_duration: u32,
    top: Top,
    moof: Option<Moof>,
    /// Decoding time of the next sample by default.
    time: u64,
    /// Number of the latest fragment, and start and end of its `moof`.
    sequence: Option<u32>,
    latest: Option<(u64, u64)>,
    missing: u32,
}

/// The current fragment.
#[derive(Debug, Clone)]
struct Moof {
    start: u64,
    children: Children,
    traf: Option<Traf>,
    /// End of the data of the latest `traf`.
    data_end: Option<u64>,
}

/// A track's part of a fragment.
#[derive(Debug, Clone)]
struct Traf {
    children: Children,
    is_ours: bool,
    base: u64,
    defaults: Defaults,
    /// Start of the next run's data by default.
    position: u64,
    run: Option<Run>,
}

/// Adjacent samples.
#[derive(Debug, Clone)]
struct Run {
    flags: u32,
    rows: Table,
    count: u64,
    next: u64,
}

impl Fragments {
    pub(super) fn new(track: u32, defaults: Defaults, default_duration: u32, first_time: u64) -> Self {
        Self {
            track,
            defaults,
            default_duration,
            top: Top::default(),
            moof: None,
            time: first_time,
            sequence: None,
            latest: None,
            missing: 0,
        }
    }

    /// Whether the file ends inside an atom.
    pub(super) fn is_cut(&self) -> bool {
        self.top.is_cut()
    }

    /// Bytes that were no atom and were not taken yet.
    pub(super) fn skipped(&self) -> u64 {
        self.top.skipped()
    }

    /// Bytes skipped since the last call, which were no atom.
    pub(super) fn take_skipped(&mut self) -> u64 {
        self.top.take_skipped()
    }

    /// Corrects the clock when a sample turns out to last longer.
    pub(super) fn lengthen(&mut self, ticks: u64) {
        self.time = self.time.saturating_add(ticks);
    }

    /// The next sample of the track.
    pub(super) fn next(&mut self, input: &mut Input) -> io::Result<Option<Sample>> {
        loop {
            if let Some(sample) = self.next_in_moof(input)? {
                return Ok(Some(sample));
            }
            if !self.next_moof(input)? {
                return Ok(None);
            }
        }
    }

    /// The next sample of the current fragment.
    fn next_in_moof(&mut self, input: &mut Input) -> io::Result<Option<Sample>> {
        loop {
            let Some(moof) = &mut self.moof else {
                return Ok(None);
            };
            let Some(traf) = &mut moof.traf else {
                if !self.next_traf(input)? {
                    self.moof = None;
                }
                continue;
            };
            if let Some(run) = &mut traf.run
                && let Some(sample) = run.next(input, traf.defaults, &mut traf.position, self.time)?
            {
                // The samples of another track, whose durations its own table has, take no time of this one.
                if traf.is_ours {
                    self.time = self.time.saturating_add(sample.duration).min(i64::MAX.unsigned_abs());
                    return Ok(Some(Sample {
                        missing_fragments: std::mem::take(&mut self.missing),
                        ..sample
                    }));
                }
                continue;
            }
            if !traf.next_run(input)? {
                moof.data_end = Some(traf.position);
                moof.traf = None;
            }
        }
    }

    /// The first sample, if a fragment before `limit` has it.
    pub(super) fn first(&mut self, input: &mut Input, limit: u64) -> io::Result<Option<Sample>> {
        while self.top.position() < limit {
            if self.moof.is_some() || self.next_moof(input)? {
                match self.next_in_moof(input)? {
                    Some(sample) => return Ok(Some(sample)),
                    None => self.moof = None,
                }
            } else {
                break;
            }
        }
        Ok(None)
    }

    fn next_moof(&mut self, input: &mut Input) -> io::Result<bool> {
        while let Some(atom) = self.top.next(input, true)? {
            if &atom.name != b"moof" {
                continue;
            }
            if let Some(header) = atom.find(input, b"mfhd")? {
                let sequence = u32_at(&header.body(input, 8)?, 4).unwrap_or(0);
                let before = self.latest.replace((atom.position, atom.end));
                if sequence > 0
                    && self.sequence == Some(sequence)
                    && let Some(before) = before
                    && is_repeated(input, before, (atom.position, atom.end))?
                {
                    continue;
                }
                if let Some(before) = self.sequence
                    && sequence > before
                {
                    self.missing = self.missing.saturating_add(sequence - before - 1);
                }
                self.sequence = Some(sequence);
            }
            self.moof = Some(Moof {
                start: atom.position,
                children: atom.children(input),
                traf: None,
                data_end: None,
            });
            return Ok(true);
        }
        Ok(false)
    }

    /// Goes to the next relevant `traf` of the fragment: one of the track, or one on which the position of the track's data
    /// depends.
    fn next_traf(&mut self, input: &mut Input) -> io::Result<bool> {
        let Some(moof) = &mut self.moof else {
            return Ok(false);
        };
        while let Some(atom) = moof.children.next(input)? {
            if &atom.name != b"traf" {
                continue;
            }
            let Some(header) = atom.find(input, b"tfhd")? else {
                continue;
            };
            let header = header.body(input, HEADER)?;
            let flags = u32_at(&header, 0).unwrap_or(0);
            let is_ours = u32_at(&header, 4) == Some(self.track);
            let (base, defaults) = track_header(&header, flags, self.defaults);
            let is_relative = base.is_none() && flags & 0x02_0000 == 0;
            let base = base.unwrap_or(match moof.data_end.filter(|_| is_relative) {
                Some(end) => end,
                None => moof.start,
            });
            if is_ours {
                if let Some(time) = atom.find(input, b"tfdt")? {
                    let time = time.body(input, 12)?;
                    let long = u64_at(&time, 4).filter(|_| time.first() == Some(&1));
                    let time = long.or(u32_at(&time, 4).map(u64::from));
                    self.time = time.map_or(self.time, |time| time.min(i64::MAX.unsigned_abs()));
                }
            } else if !is_relative {
                continue;
            }
            let duration = match defaults.duration {
                0 => self.default_duration,
                duration => duration,
            };
            moof.traf = Some(Traf {
                children: atom.children(input),
                is_ours,
                base,
                defaults: Defaults { duration, ..defaults },
                position: base,
                run: None,
            });
            return Ok(true);
        }
        Ok(false)
    }
}

/// Whether two fragments, by start and end of their `moof`, have the same bytes, data included: a fragment that was stored twice, as by
/// a client that sends it again. Its sound is played once.
fn is_repeated(input: &mut Input, one: (u64, u64), other: (u64, u64)) -> io::Result<bool> {
    const BLOCK: u64 = 1 << 16;
    let length = input.length();
    let mut end_of_data = |(_, end): (u64, u64)| -> io::Result<u64> {
        let data = Atom::at(input, end, length)?.filter(|atom| &atom.name == b"mdat");
        Ok(data.map_or(end, |atom| atom.end))
    };
    let span = end_of_data(one)? - one.0;
    if end_of_data(other)? - other.0 != span {
        return Ok(false);
    }
    let mut at = 0;
    while at < span {
        let count = BLOCK.min(span - at);
        if !input.spend(count) || input.read(one.0 + at, count)? != input.read(other.0 + at, count)? {
            return Ok(false);
        }
        at += count;
    }
    Ok(true)
}

/// The base of data positions and the defaults in `tfhd`.
fn track_header(header: &[u8], flags: u32, defaults: Defaults) -> (Option<u64>, Defaults) {
    let mut at = 8;
    let base = u64_at(header, at).filter(|_| flags & 1 != 0);
    at += if flags & 1 != 0 { 8 } else { 0 };
    let mut field = |flag: u32, default: u32| {
        if flags & flag == 0 {
            return default;
        }
        let value = u32_at(header, at);
        at += 4;
        value.unwrap_or(default)
    };
    let defaults = Defaults {
        description: field(2, defaults.description),
        duration: field(8, defaults.duration),
        size: field(0x10, defaults.size),
    };
    (base, defaults)
}

impl Traf {
    fn next_run(&mut self, input: &mut Input) -> io::Result<bool> {
        while let Some(atom) = self.children.next(input)? {
            if &atom.name != b"trun" {
                continue;
            }
            let header = atom.body(input, 16)?;
            let (Some(flags), Some(count)) = (u32_at(&header, 0), u32_at(&header, 4)) else {
                continue;
            };
            if flags & 1 != 0 {
                let offset = u32_at(&header, 8).unwrap_or(0).cast_signed();
                self.position = self.base.saturating_add_signed(i64::from(offset));
            }
            let first = 8 + 4 * u64::from((flags & 1).count_ones() + (flags & 4).count_ones());
            let width = 4 * u64::from((flags & 0xF00).count_ones());
            let rows = Table::new(input, &atom, first, u64::from(count), width);
            let count = rows.rows();
            self.run = Some(Run {
                flags,
                rows,
                count,
                next: 0,
            });
            return Ok(true);
        }
        Ok(false)
    }
}

impl Run {
    fn next(
        &mut self,
        input: &mut Input,
        defaults: Defaults,
        position: &mut u64,
        time: u64,
    ) -> io::Result<Option<Sample>> {
        if self.next >= self.count || !input.spend(1) {
            return Ok(None);
        }
        let row = match self.flags & 0xF00 {
            0 => &[][..],
            _ => self.rows.row(input, self.next)?.unwrap_or_default(),
        };
        let field = |flag: u32| {
            let before = (self.flags & 0xF00 & (flag - 1)).count_ones() as usize;
            u32_at(row, 4 * before).filter(|_| self.flags & flag != 0)
        };
        let duration = field(0x100)
            .filter(|&duration| duration > 0)
            .unwrap_or(defaults.duration);
        let size = u64::from(field(0x200).unwrap_or(defaults.size));
        let offset = i64::from(field(0x800).unwrap_or(0).cast_signed());
        let sample = Sample {
            position: *position,
            size,
            start: time.cast_signed().saturating_add(offset),
            duration: u64::from(duration),
            description: defaults.description,
            missing_fragments: 0,
        };
        self.next += 1;
        *position = position.saturating_add(size);
        Ok(Some(sample))
    }
}
