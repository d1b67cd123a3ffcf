//! Theora: the start of its pictures (Theora specification, 6.2 and A.2.3).

use super::super::Nanoseconds;
use super::page::Page;

/// The meaning of granule positions in a stream of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pictures {
    /// Pictures per second, as a fraction.
    numerator: u32,
    denominator: u32,
    /// Bits that count pictures since the last whole one.
    shift: u32,
}

impl Pictures {
    /// Reads the identification header; `None` if it is invalid.
    pub(super) fn parse(packet: &[u8]) -> Option<Self> {
        let header = packet
            .first_chunk::<42>()
            .filter(|header| header.starts_with(b"\x80theora"))?;
        let word = |at: usize| header[at..].first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        let (numerator, denominator) = (word(22), word(26));
        (numerator > 0 && denominator > 0).then_some(Self {
            numerator,
            denominator,
            shift: u32::from(header[40] & 3) << 3 | u32::from(header[41] >> 5),
        })
    }

    /// Time of the first picture that ends in a page; `None` for pages of headers.
    pub(super) fn first_time(&self, page: &Page) -> Option<Nanoseconds> {
        let granule = page.granule.filter(|granule| *granule > 0)?;
        let last = (granule >> self.shift) + (granule & ((1 << self.shift) - 1));
        let count = page.pieces().iter().filter(|(_, ends)| *ends).count() as u64;
        let before = u128::from(last.saturating_sub(count));
        let time = before * u128::from(self.denominator) * 1_000_000_000 / u128::from(self.numerator);
        Nanoseconds::try_from(time).ok()
    }
}
