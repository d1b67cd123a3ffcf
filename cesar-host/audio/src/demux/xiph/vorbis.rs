//! Vorbis: its three headers (Vorbis I specification, 4.2), and the lengths of packets.

use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_VORBIS;

use super::super::Codec;

/// Maximum number of modes of a stream.
const MOST_MODES: usize = 64;

/// Bits of a mode: long block, window type, transform type, mapping.
const MODE_BITS: usize = 1 + 16 + 16 + 8;

/// A Vorbis stream, with the data to measure its packets.
#[derive(Debug, Clone)]
pub(crate) struct Vorbis {
    pub(crate) codec: Codec,
    pub(crate) rate: u32,
    /// Samples of a short and of a long block.
    blocks: [u64; 2],
    /// Whether each mode has long blocks.
    modes: Vec<bool>,
    /// The block of the previous packet.
    before: Option<u64>,
}

impl Vorbis {
    /// Reads the identification and the setup header; `None` if they are broken.
    pub(crate) fn parse(identification: &[u8], setup: &[u8]) -> Option<Self> {
        let fixed = identification.first_chunk::<30>()?;
        if !fixed.starts_with(b"\x01vorbis") || !setup.starts_with(b"\x05vorbis") {
            return None;
        }
        let channels = fixed[11];
        let rate = u32::from_le_bytes(*fixed[12..].first_chunk()?);
        let exponents = [fixed[28] & 15, fixed[28] >> 4];
        let is_possible = channels > 0 && rate > 0 && exponents.iter().all(|exponent| (6..=13).contains(exponent));
        if !is_possible {
            return None;
        }
        let mut parameters = AudioCodecParameters::new();
        parameters
            .for_codec(CODEC_ID_VORBIS)
            .with_sample_rate(rate)
            .with_channels(super::layout_of(u16::from(channels)))
            .with_extra_data([identification, setup].concat().into_boxed_slice());
        Some(Self {
            codec: Codec::new(parameters),
            rate,
            blocks: exponents.map(|exponent| 1 << exponent),
            modes: modes(setup)?,
            before: None,
        })
    }

    /// Samples that a packet completes: a quarter of its block and of the previous one. The first packet completes none.
    pub(crate) fn frames(&mut self, packet: &[u8]) -> u64 {
        let Some(&first) = packet.first() else { return 0 };
        if first & 1 == 1 {
            // A header, not sound.
            return 0;
        }
        let bits = usize::BITS - (self.modes.len() - 1).leading_zeros();
        let mode = usize::from(first >> 1) & ((1 << bits) - 1);
        let block = self.blocks[usize::from(self.modes.get(mode).copied().unwrap_or(false))];
        let before = self.before.replace(block);
        before.map_or(0, |before| before / 4 + block / 4)
    }

    /// Resets, behind a loss or in another link: the next packet completes nothing.
    pub(crate) fn reset(&mut self) {
        self.before = None;
    }
}

/// Whether each mode has long blocks. The modes are last in the setup header, so they are read from its end: a framing bit, then
/// modes, whose window and transform types are 0, as many as the number before them says.
fn modes(setup: &[u8]) -> Option<Vec<bool>> {
    let bit = |at: usize| setup.get(at / 8).map(|byte| byte >> (at % 8) & 1);
    let number = |at: usize, count: usize| {
        (0..count).try_fold(0_u64, |value, index| Some(value | u64::from(bit(at + index)?) << index))
    };
    // The framing bit is the last set bit.
    let framing = (0..setup.len() * 8).rev().find(|at| bit(*at) == Some(1))?;
    let mut found = None;
    for count in 1..=MOST_MODES {
        let Some(start) = framing.checked_sub(count * MODE_BITS) else {
            break;
        };
        let is_mode = number(start + 1, 32) == Some(0) && number(start + 33, 8)? < 64;
        if !is_mode {
            break;
        }
        let announced = start.checked_sub(6).and_then(|at| number(at, 6));
        if announced == Some(count as u64 - 1) {
            found = Some(count);
        }
    }
    let count = found?;
    let start = framing - count * MODE_BITS;
    (0..count)
        .map(|index| Some(bit(start + index * MODE_BITS)? == 1))
        .collect()
}
