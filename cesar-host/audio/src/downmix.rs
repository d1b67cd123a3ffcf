//! Downmix of any number of channels to one.
//!
//! The weights are those of `ffmpeg -ac 1` (libswresample's default matrix towards a centre speaker), divided
//! by their sum where it exceeds one, so that the mix of samples within ±1 is within ±1:
//!
//! | speaker | weight before normalisation |
//! |---|---|
//! | front centre | 1 |
//! | front left and right, left and right of centre | √½ |
//! | back left, right and centre, side left and right | ½ |
//! | low frequency, and every speaker above or below | 0 |
//!
//! Mono stays as it is, stereo becomes the mean. In a file without speaker positions, all channels count alike: they
//! are the microphones of a recorder, none of which is a subwoofer.

use std::f32::consts::FRAC_1_SQRT_2;

/// Speaker positions, as bits of a WAVE channel mask, in the order of stored channels.
mod speaker {
    pub(crate) const FRONT_LEFT: u32 = 1 << 0;
    pub(crate) const FRONT_RIGHT: u32 = 1 << 1;
    pub(crate) const FRONT_CENTER: u32 = 1 << 2;
    pub(crate) const BACK_LEFT: u32 = 1 << 4;
    pub(crate) const BACK_RIGHT: u32 = 1 << 5;
    pub(crate) const FRONT_LEFT_OF_CENTER: u32 = 1 << 6;
    pub(crate) const FRONT_RIGHT_OF_CENTER: u32 = 1 << 7;
    pub(crate) const BACK_CENTER: u32 = 1 << 8;
    pub(crate) const SIDE_LEFT: u32 = 1 << 9;
    pub(crate) const SIDE_RIGHT: u32 = 1 << 10;
}
use speaker::*;

/// Mixes interleaved frames down to one channel.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Downmix {
    /// One weight per channel.
    weights: Vec<f32>,
}

impl Downmix {
    /// For `channels` channels (at least one) at the positions in `mask`, a WAVE channel mask. If the mask names
    /// another number of speakers (0: unknown), all channels count alike.
    pub(crate) fn new(channels: u16, mask: u32) -> Self {
        let known = mask.count_ones() == u32::from(channels);
        let weights = match known {
            true => weights_of(mask),
            false => vec![1.0; usize::from(channels)],
        };
        Self {
            weights: normalised(weights),
        }
    }

    /// The weight of each channel.
    pub(crate) fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// Appends one sample to `mono` for every frame of `interleaved`.
    pub(crate) fn mix(&self, interleaved: &[f32], mono: &mut Vec<f32>) {
        match self.weights.as_slice() {
            [_] => mono.extend_from_slice(interleaved),
            [left, right] => mono.extend(
                interleaved
                    .chunks_exact(2)
                    .map(|frame| frame[0] * left + frame[1] * right),
            ),
            weights => mono.extend(interleaved.chunks_exact(weights.len()).map(|frame| {
                frame
                    .iter()
                    .zip(weights)
                    .map(|(sample, weight)| sample * weight)
                    .sum::<f32>()
            })),
        }
    }
}

fn weights_of(mask: u32) -> Vec<f32> {
    (0..u32::BITS)
        .map(|bit| 1 << bit)
        .filter(|position| mask & position != 0)
        .map(weight_of)
        .collect()
}

fn weight_of(position: u32) -> f32 {
    match position {
        FRONT_CENTER => 1.0,
        FRONT_LEFT | FRONT_RIGHT | FRONT_LEFT_OF_CENTER | FRONT_RIGHT_OF_CENTER => FRAC_1_SQRT_2,
        BACK_LEFT | BACK_RIGHT | BACK_CENTER | SIDE_LEFT | SIDE_RIGHT => 0.5,
        _ => 0.0,
    }
}

/// Scales the weights down to a sum of one; equal weights if none of the speakers would be heard.
fn normalised(mut weights: Vec<f32>) -> Vec<f32> {
    let mut sum: f32 = weights.iter().sum();
    if sum == 0.0 {
        weights.fill(1.0);
        sum = weights.len() as f32;
    }
    if sum > 1.0 || weights.len() == 1 {
        weights.iter_mut().for_each(|weight| *weight /= sum);
    }
    weights
}
