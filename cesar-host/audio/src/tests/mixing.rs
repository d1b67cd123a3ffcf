//! Channels to one.

use proptest::prelude::*;

use super::super::downmix::Downmix;

fn mixed(channels: u16, mask: u32, frame: &[f32]) -> f32 {
    let mut mono = Vec::new();
    Downmix::new(channels, mask).mix(frame, &mut mono);
    assert_eq!(mono.len(), 1);
    mono[0]
}

#[test]
fn surround_has_the_weights_of_ffmpeg() {
    // 5.1 with 0.1 … 0.6: what `ffmpeg -ac 1` makes of it in 16 bits is 10194.
    let sample = mixed(6, 0x3F, &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
    assert_eq!((sample * 32_768.0).round(), 10_194.0);
}

#[test]
fn channels_at_unknown_places_count_alike() {
    // A recorder with several microphones: none of them is a subwoofer.
    for channels in [3_u16, 4, 6, 8] {
        for microphone in 0..usize::from(channels) {
            let mut frame = vec![0.0; usize::from(channels)];
            frame[microphone] = 0.6;
            let sample = mixed(channels, 0, &frame);
            assert!(
                (sample - 0.6 / f32::from(channels)).abs() < 1e-6,
                "{channels} {microphone}"
            );
        }
    }
}

#[test]
fn one_channel_anywhere_stays_as_it_is() {
    for mask in [0, 1, 4, 8, 1 << 12] {
        assert_eq!(mixed(1, mask, &[0.7]), 0.7);
    }
}

#[test]
fn more_than_eight_channels_count_alike() {
    assert!((mixed(10, 0, &[0.5; 10]) - 0.5).abs() < 1e-6);
}

proptest! {
    #[test]
    fn the_mix_cannot_clip(channels in 1_u16..20, mask in any::<u32>(), sign in any::<u32>()) {
        let frame: Vec<f32> = (0..channels).map(|channel| if sign >> channel & 1 == 1 { 1.0 } else { -1.0 }).collect();
        prop_assert!(mixed(channels, mask, &frame).abs() <= 1.0 + 1e-6);
    }
}
