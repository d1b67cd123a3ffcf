//! The shape of a track of sound (RFC 9559, 5.1.4.1.29).

use super::ebml::{self, children, id};

/// The shape of a track of sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Audio {
    /// The stored rate.
    pub(super) inner_rate: u32,
    /// The output rate, if it differs.
    pub(super) outer_rate: Option<u32>,
    pub(super) channels: u16,
    pub(super) bits: u64,
}

impl Default for Audio {
    fn default() -> Self {
        Self {
            inner_rate: 8000,
            outer_rate: None,
            channels: 1,
            bits: 0,
        }
    }
}

impl Audio {
    pub(super) fn parse(body: &[u8]) -> Self {
        let rate = |body: &[u8]| {
            let rate = ebml::float(body)?.round();
            (1.0..=f64::from(u32::MAX)).contains(&rate).then_some(rate as u32)
        };
        let mut audio = Self::default();
        for (child, body) in children(body) {
            match child {
                id::SAMPLING_FREQUENCY => audio.inner_rate = rate(body).unwrap_or(audio.inner_rate),
                id::OUTPUT_SAMPLING_FREQUENCY => audio.outer_rate = rate(body),
                id::CHANNELS => {
                    let channels = u16::try_from(ebml::unsigned(body)).unwrap_or(0);
                    audio.channels = channels.max(1);
                }
                id::BIT_DEPTH => audio.bits = ebml::unsigned(body),
                _ => {}
            }
        }
        audio
    }
}
