//! Tables of numbers that stay in the file: a window of each is in memory, of constant size.

use std::io;

use super::atom::Atom;
use super::input::{Input, u32_at, u64_at};

/// Bytes of a table in memory.
const WINDOW: u64 = 16 << 10;

/// Rows of equal width in the body of an atom.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    start: u64,
    rows: u64,
    width: u64,
    window: Vec<u8>,
    /// The first row in the window.
    window_row: u64,
}

impl Table {
    /// At most `rows` rows, `offset` bytes into the body of `atom`; limited by the atom and the file.
    pub(super) fn new(input: &Input, atom: &Atom, offset: u64, rows: u64, width: u64) -> Self {
        let start = atom.start.saturating_add(offset);
        let room = atom.end.min(input.length()).saturating_sub(start);
        Self {
            start,
            rows: room.checked_div(width).map_or(rows, |room| rows.min(room)),
            width,
            ..Self::default()
        }
    }

    /// The table of an atom that begins with version, flags and the number of rows.
    pub(super) fn counted(input: &mut Input, atom: &Atom, width: u64) -> io::Result<Self> {
        let rows = atom.body(input, 8)?;
        let rows = u32_at(&rows, 4).unwrap_or(0);
        Ok(Self::new(input, atom, 8, u64::from(rows), width))
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// The bytes of a row; `None` behind the last.
    pub(super) fn row(&mut self, input: &mut Input, row: u64) -> io::Result<Option<&[u8]>> {
        if row >= self.rows {
            return Ok(None);
        }
        let is_loaded = |table: &Self| {
            let rows = table.window.len() as u64 / table.width.max(1);
            row >= table.window_row && row - table.window_row < rows
        };
        if !is_loaded(self) {
            let limit = WINDOW - WINDOW % self.width.max(1);
            let left = (self.rows - row).saturating_mul(self.width);
            self.window = input.read(self.start + row * self.width, limit.min(left))?;
            self.window_row = row;
            if !is_loaded(self) {
                return Ok(None);
            }
        }
        let at = usize::try_from((row - self.window_row) * self.width).unwrap_or(usize::MAX);
        let width = usize::try_from(self.width).unwrap_or(0);
        Ok(self.window.get(at..at.saturating_add(width)))
    }

    /// The number in a row of 1, 2, 4 or 8 bytes.
    pub(super) fn number(&mut self, input: &mut Input, row: u64) -> io::Result<Option<u64>> {
        let bytes = self.row(input, row)?;
        Ok(bytes.map(|bytes| bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte))))
    }
}

/// A table of runs: a count and a value for each.
#[derive(Debug, Clone, Default)]
pub(super) struct Runs {
    table: Table,
    next_row: u64,
    left: u64,
    value: u32,
}

impl Runs {
    pub(super) fn new(table: Table) -> Self {
        Self {
            table,
            ..Self::default()
        }
    }

    pub(super) fn rewind(&mut self) {
        (self.next_row, self.left, self.value) = (0, 0, 0);
    }

    /// Rest and value of the current run; `None` behind the last run.
    pub(super) fn current(&mut self, input: &mut Input) -> io::Result<Option<(u64, u32)>> {
        while self.left == 0 {
            let Some(row) = self.table.row(input, self.next_row)? else {
                return Ok(None);
            };
            self.left = u64::from(u32_at(row, 0).unwrap_or(0));
            self.value = u32_at(row, 4).unwrap_or(0);
            self.next_row += 1;
            if !input.spend(1) {
                return Ok(None);
            }
        }
        Ok(Some((self.left, self.value)))
    }

    /// Takes `count` of the current run.
    pub(super) fn take(&mut self, count: u64) {
        self.left = self.left.saturating_sub(count);
    }

    /// The value of the latest run.
    pub(super) fn latest(&self) -> u32 {
        self.value
    }
}

/// Sizes of samples.
#[derive(Debug, Clone)]
pub(super) enum Sizes {
    Constant {
        size: u32,
        count: u64,
    },
    Listed(Table),
    /// Two per byte.
    Halves {
        table: Table,
        count: u64,
    },
}

impl Sizes {
    /// Reads `stsz` or `stz2`.
    pub(super) fn read(input: &mut Input, atom: &Atom) -> io::Result<Self> {
        let header = atom.body(input, 12)?;
        let (size, count) = (
            u32_at(&header, 4).unwrap_or(0),
            u64::from(u32_at(&header, 8).unwrap_or(0)),
        );
        Ok(match (&atom.name, size) {
            (b"stz2", bits) if bits & 0xFF == 4 => {
                let table = Table::new(input, atom, 12, count.div_ceil(2), 1);
                let count = count.min(table.rows() * 2);
                Self::Halves { table, count }
            }
            (b"stz2", bits) => Self::Listed(Table::new(
                input,
                atom,
                12,
                count,
                u64::from(bits & 0xFF).div_ceil(8).max(1),
            )),
            (_, 0) => Self::Listed(Table::new(input, atom, 12, count, 4)),
            (_, size) => Self::Constant { size, count },
        })
    }

    pub(super) fn count(&self) -> u64 {
        match self {
            Self::Constant { count, .. } | Self::Halves { count, .. } => *count,
            Self::Listed(table) => table.rows(),
        }
    }

    pub(super) fn constant(&self) -> Option<u32> {
        match self {
            Self::Constant { size, .. } => Some(*size),
            _ => None,
        }
    }

    pub(super) fn get(&mut self, input: &mut Input, sample: u64) -> io::Result<u64> {
        Ok(match self {
            Self::Constant { size, .. } => u64::from(*size),
            Self::Listed(table) => table.number(input, sample)?.unwrap_or(0),
            Self::Halves { table, .. } => {
                let pair = table.number(input, sample / 2)?.unwrap_or(0);
                if sample.is_multiple_of(2) {
                    pair >> 4
                } else {
                    pair & 0xF
                }
            }
        })
    }
}

/// Positions of chunks, from `stco` or `co64`.
pub(super) fn chunk_offsets(input: &mut Input, atom: &Atom) -> io::Result<Table> {
    Table::counted(input, atom, if &atom.name == b"co64" { 8 } else { 4 })
}

/// Duration and media time of an entry of `elst`. Its rate is ignored, as by other readers.
pub(super) fn edit(row: &[u8]) -> Option<(u64, i64)> {
    match row.len() {
        20 => Some((u64_at(row, 0)?, u64_at(row, 8)?.cast_signed())),
        _ => Some((u64::from(u32_at(row, 0)?), i64::from(u32_at(row, 4)?.cast_signed()))),
    }
}
