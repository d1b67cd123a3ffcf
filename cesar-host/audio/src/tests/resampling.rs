//! The resampler's laws.

use proptest::prelude::*;

use super::*;
use cesar_resample::{Resampler, resampled_length};

const RATES: [u32; 11] = [
    8_000, 11_025, 12_000, 22_050, 24_000, 32_000, 37_800, 44_056, 44_100, 48_000, 96_000,
];

fn resampled(rate: u32, input: &[f32]) -> Vec<f32> {
    let mut resampler = Resampler::new(rate);
    let mut output = Vec::new();
    resampler.push(input, &mut output);
    resampler.finish(&mut output);
    output
}

fn level(samples: &[f32]) -> f64 {
    let energy: f64 = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    10.0 * (2.0 * energy / samples.len() as f64).log10()
}

#[test]
fn a_tone_that_both_rates_can_hold_keeps_its_level_and_its_phase() {
    for rate in RATES {
        for frequency in [50.0, 440.0, 1_000.0, 3_400.0, 7_000.0] {
            if frequency > f64::from(rate) * 0.45 {
                continue;
            }
            let output = resampled(rate, &sine(frequency, rate, rate as usize * 2));
            let expected = sine(frequency, SAMPLE_RATE, output.len());
            let middle = 4_000..28_000;
            let difference = output[middle.clone()].iter().zip(&expected[middle]);
            let greatest = difference.map(|(have, want)| (have - want).abs()).fold(0.0, f32::max);
            assert!(greatest < 1e-3, "{frequency} Hz at {rate} Hz differs by {greatest}");
        }
    }
}

#[test]
fn a_tone_above_8_khz_is_60_db_down() {
    for rate in RATES.into_iter().filter(|rate| *rate > 16_500) {
        for frequency in [8_050.0, 8_500.0, 9_500.0, 11_000.0, 15_000.0, 20_000.0, 40_000.0] {
            if frequency >= f64::from(rate) / 2.0 {
                continue;
            }
            let output = resampled(rate, &sine(frequency, rate, rate as usize * 2));
            let level = level(&output[4_000..28_000]);
            assert!(level < -60.0, "{frequency} Hz at {rate} Hz is at {level} dB");
        }
    }
}

#[test]
fn a_tone_from_a_low_rate_has_no_image() {
    let output = resampled(8_000, &sine(3_000.0, 8_000, 16_000));
    let residue: Vec<f32> = output
        .iter()
        .zip(sine(3_000.0, SAMPLE_RATE, output.len()))
        .map(|(a, b)| a - b)
        .collect();
    assert!(level(&residue[4_000..28_000]) < -60.0);
}

#[test]
fn at_16_khz_nothing_changes() {
    let input = [0.1, f32::MIN_POSITIVE, -7.0];
    assert_eq!(resampled(SAMPLE_RATE, &input), input);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn blocks_of_any_size_give_what_one_block_gives(
        rate in prop_oneof![prop::sample::select(RATES.as_slice()), 8_000_u32..96_000],
        sizes in prop::collection::vec(0_usize..3_000, 1..12),
        seed in any::<u32>(),
    ) {
        let length: usize = sizes.iter().sum();
        let noise = |index: usize| (index as u32 ^ seed).wrapping_mul(2_654_435_761) as f32 / u32::MAX as f32 - 0.5;
        let input: Vec<f32> = (0..length).map(noise).collect();
        let mut resampler = Resampler::new(rate);
        let mut output = Vec::new();
        let mut rest = input.as_slice();
        for size in sizes {
            let (block, behind) = rest.split_at(size);
            resampler.push(block, &mut output);
            rest = behind;
        }
        resampler.finish(&mut output);
        prop_assert_eq!(output.len() as u64, resampled_length(length as u64, rate));
        prop_assert_eq!(output, resampled(rate, &input));
    }
}
