//! The length of a FLAC frame by its content, which is parsed without being decoded.

use super::header::Header;

/// Bytes of the checksum behind a frame.
const CHECKSUM: usize = 2;

/// The length of the frame at the start of `data`, checksum included; `None` if it is not a frame or longer than `data`.
pub(super) fn of_frame(data: &[u8], header: &Header, stream_bits: u8) -> Option<usize> {
    let mut bits = Bits {
        data,
        position: header.length.checked_mul(8)?,
    };
    let depth = u32::from(header.bits.unwrap_or(stream_bits));
    for channel in 0..header.channels {
        let more = u32::from(header.difference == Some(channel));
        subframe(&mut bits, depth + more, header.samples)?;
    }
    let length = bits.position.div_ceil(8) + CHECKSUM;
    (length <= data.len()).then_some(length)
}

/// The bits of `data`, most significant first.
struct Bits<'a> {
    data: &'a [u8],
    position: usize,
}

impl Bits<'_> {
    fn bit(&mut self) -> Option<u32> {
        let byte = self.data.get(self.position / 8)?;
        let bit = byte >> (7 - self.position % 8) & 1;
        self.position += 1;
        Some(u32::from(bit))
    }

    fn read(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0, |value, _| Some(value << 1 | self.bit()?))
    }

    fn skip(&mut self, each: u32, count: u32) -> Option<()> {
        let bits = usize::try_from(u64::from(each) * u64::from(count)).ok()?;
        self.position = self.position.checked_add(bits)?;
        (self.position <= self.data.len() * 8).then_some(())
    }

    /// Skips zeros and the one behind them; returns the number of zeros.
    fn zeros(&mut self) -> Option<u32> {
        let mut count = 0;
        while self.bit()? == 0 {
            count += 1;
        }
        Some(count)
    }
}

fn subframe(bits: &mut Bits<'_>, depth: u32, samples: u32) -> Option<()> {
    if bits.bit()? != 0 {
        return None;
    }
    let kind = bits.read(6)?;
    let wasted = if bits.bit()? == 1 { bits.zeros()? + 1 } else { 0 };
    let depth = depth.checked_sub(wasted)?;
    match kind {
        0 => bits.skip(depth, 1),
        1 => bits.skip(depth, samples),
        8..=12 => {
            bits.skip(depth, kind - 8)?;
            residual(bits, kind - 8, samples)
        }
        32..=63 => {
            let order = kind - 31;
            bits.skip(depth, order)?;
            let precision = bits.read(4)? + 1;
            bits.skip(5, 1)?;
            bits.skip(precision, order)?;
            residual(bits, order, samples)
        }
        _ => None,
    }
}

/// The residual of the prediction, in partitions.
fn residual(bits: &mut Bits<'_>, order: u32, samples: u32) -> Option<()> {
    let width = match bits.read(2)? {
        0 => 4,
        1 => 5,
        _ => return None,
    };
    let partitions = bits.read(4)?;
    let length = samples >> partitions;
    if length << partitions != samples {
        return None;
    }
    for partition in 0..1_u32 << partitions {
        let count = length.checked_sub(if partition == 0 { order } else { 0 })?;
        let parameter = bits.read(width)?;
        if parameter == (1 << width) - 1 {
            let raw = bits.read(5)?;
            bits.skip(raw, count)?;
            continue;
        }
        for _ in 0..count {
            bits.zeros()?;
            bits.skip(parameter, 1)?;
        }
    }
    Some(())
}
