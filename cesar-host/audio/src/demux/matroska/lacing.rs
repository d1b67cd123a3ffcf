//! Several frames in one block (RFC 9559, 10.3).

use super::ebml;

/// The encoding of the sizes of the frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lacing {
    None,
    Xiph,
    Fixed,
    Ebml,
}

impl Lacing {
    /// From the flags of a block.
    pub(super) fn from_flags(flags: u8) -> Self {
        match flags >> 1 & 3 {
            0 => Self::None,
            1 => Self::Xiph,
            2 => Self::Fixed,
            _ => Self::Ebml,
        }
    }

    /// The frames in the body of a block behind its flags; `None` if their sizes do not add up.
    pub(super) fn frames(self, body: &[u8]) -> Option<Vec<&[u8]>> {
        if self == Self::None {
            return Some(vec![body]);
        }
        let (count, rest) = body.split_first()?;
        let count = usize::from(*count) + 1;
        let (mut sizes, mut frames) = match self {
            Self::None | Self::Fixed if rest.len() % count != 0 => return None,
            Self::None | Self::Fixed => (vec![rest.len() / count; count - 1], rest),
            Self::Xiph => xiph(rest, count)?,
            Self::Ebml => ebml(rest, count)?,
        };
        // The last has the remaining bytes.
        sizes.push(frames.len().checked_sub(sizes.iter().sum())?);
        let split = |size: usize| {
            let (frame, rest) = frames.split_at_checked(size)?;
            frames = rest;
            Some(frame)
        };
        sizes.into_iter().map(split).collect()
    }
}

/// Sizes of all but the last, and the bytes behind them.
fn xiph(mut rest: &[u8], count: usize) -> Option<(Vec<usize>, &[u8])> {
    let mut sizes = Vec::with_capacity(count);
    while sizes.len() < count - 1 {
        let mut size = 0;
        loop {
            let (byte, behind) = rest.split_first()?;
            rest = behind;
            size += usize::from(*byte);
            if *byte < 255 {
                break;
            }
        }
        sizes.push(size);
    }
    Some((sizes, rest))
}

/// The first size, and the difference of each other from the previous one.
fn ebml(mut rest: &[u8], count: usize) -> Option<(Vec<usize>, &[u8])> {
    let mut sizes = Vec::with_capacity(count);
    let mut size = 0_i64;
    while sizes.len() < count - 1 {
        let (value, length) = ebml::number(rest)?;
        let value = i64::try_from(value?).ok()?;
        rest = &rest[length..];
        size = match sizes.is_empty() {
            true => value,
            false => size.checked_add(value - ((1 << (7 * length - 1)) - 1))?,
        };
        sizes.push(usize::try_from(size).ok().filter(|size| *size <= rest.len())?);
    }
    Some((sizes, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(lacing: Lacing, body: &[u8]) -> Option<Vec<usize>> {
        let frames = lacing.frames(body)?;
        Some(frames.into_iter().map(<[u8]>::len).collect())
    }

    #[test]
    fn every_lacing_splits_a_block() {
        let body = |head: &[u8], length: usize| [head, &vec![7; length]].concat();
        for (lacing, head, length, expected) in [
            (Lacing::None, &[][..], 5, Some(vec![5])),
            (Lacing::Fixed, &[2], 9, Some(vec![3, 3, 3])),
            (Lacing::Fixed, &[2], 10, None),
            (Lacing::Xiph, &[2, 255, 45, 4], 400, Some(vec![300, 4, 96])),
            (Lacing::Xiph, &[1, 200], 100, None),
            // The example of the standard: 800, 500 and 1000 bytes.
            (
                Lacing::Ebml,
                &[2, 0x43, 0x20, 0x5E, 0xD3],
                2300,
                Some(vec![800, 500, 1000]),
            ),
            (Lacing::Ebml, &[1, 0xFF], 10, None),
            (Lacing::Xiph, &[], 0, None),
        ] {
            assert_eq!(lengths(lacing, &body(head, length)), expected, "{lacing:?} {head:?}");
        }
    }
}
