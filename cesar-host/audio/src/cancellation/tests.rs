//! Sound that cancels out, and sound that does not.

use super::*;

const STREAM: Stream = Stream {
    rate: 1_000,
    channels: 2,
    mask: 0,
};

const MS: Nanoseconds = 1_000_000;

fn left(ms: u16) -> f32 {
    (f32::from(ms) * 0.7).sin() * 0.3
}

/// Mixes `ms` of sound; the right channel is a function `right` of the time and the left channel.
fn mixed(stream: Stream, ms: u16, frame: impl Fn(u16, f32) -> Vec<f32>) -> (Vec<f32>, Vec<Stretch>) {
    let mut mixer = Mixer::new(stream, 0);
    let mut mono = Vec::new();
    let frames: Vec<f32> = (0..ms).flat_map(|ms| frame(ms, left(ms))).collect();
    for part in frames.chunks(usize::from(stream.channels) * 37) {
        mixer.push(part, &mut mono);
    }
    assert_eq!(mixer.end(), Nanoseconds::from(ms) * MS);
    mixer.finish(&mut mono);
    assert_eq!(mono.len(), usize::from(ms), "nothing is lost");
    (mono, mixer.stretches().to_vec())
}

fn used(right: impl Fn(u16, f32) -> f32) -> Vec<(Nanoseconds, Nanoseconds, usize)> {
    let (_, stretches) = mixed(STREAM, 10_000, |ms, left| vec![left, right(ms, left)]);
    stretches
        .iter()
        .map(|stretch| (stretch.start / MS, stretch.end / MS, stretch.channel))
        .collect()
}

#[test]
fn inverted_channels_cancel_and_others_do_not() {
    assert_eq!(used(|_, left| -left), [(0, 10_000, 0)]);
    assert_eq!(used(|_, left| -1.1 * left), [(0, 10_000, 1)]);
    for right in [|left: f32| left, |_| 0.0, |left| -0.5 * left] {
        assert_eq!(used(|_, left| right(left)), []);
    }
    assert_eq!(used(|ms, _| left(ms.wrapping_mul(3))), []);
}

#[test]
fn a_part_that_cancels_is_one_channel_and_the_rest_the_mix_to_the_bit() {
    let is_inverted = |ms: u16| (3_000..4_500).contains(&ms);
    let right = |ms: u16, left: f32| if is_inverted(ms) { -left } else { 0.5 * left };
    let (mono, stretches) = mixed(STREAM, 10_000, |ms, left| vec![left, right(ms, left)]);
    let expected: Vec<f32> = (0..10_000)
        .map(|ms| match is_inverted(ms) {
            true => left(ms),
            false => left(ms) * 0.5 + right(ms, left(ms)) * 0.5,
        })
        .collect();
    assert_eq!(mono, expected);
    let (start, end) = (3_000 * MS, 4_500 * MS);
    assert_eq!(stretches, [Stretch { start, end, channel: 0 }]);
}

#[test]
fn pauses_belong_to_a_stretch_and_separate_words_count_together() {
    // Words of 0.2 s, one a second: the first is held until the third has been heard.
    let word = |ms: u16, left: f32| if ms % 1_000 < 200 { left } else { 0.0 };
    let (mono, stretches) = mixed(STREAM, 10_000, |ms, left| vec![word(ms, left), -word(ms, left)]);
    let expected: Vec<f32> = (0..10_000).map(|ms| word(ms, left(ms))).collect();
    assert_eq!(mono, expected);
    let ends: Vec<_> = stretches.iter().map(|stretch| (stretch.start, stretch.end)).collect();
    assert_eq!(ends, [(0, 9_200 * MS)]);
}

#[test]
fn a_short_moment_is_no_stretch_except_where_there_is_nothing_else() {
    assert_eq!(
        used(|ms, left| if (3_000..3_400).contains(&ms) { -left } else { left }),
        []
    );
    let (mono, stretches) = mixed(STREAM, 150, |_, left| vec![left, -left]);
    assert_eq!((stretches.len(), mono), (1, (0..150).map(left).collect()));
}

#[test]
fn a_subwoofer_alone_and_silence_cancel_nothing() {
    let surround = Stream {
        channels: 6,
        mask: 0x3F,
        ..STREAM
    };
    assert_eq!(
        mixed(surround, 3_000, |_, left| vec![0.0, 0.0, 0.0, left, 0.0, 0.0]).1,
        []
    );
    assert_eq!(used(|_, _| 0.0), []);
    assert_eq!(mixed(STREAM, 3_000, |_, _| vec![0.0, 0.0]).1, []);
}

#[test]
fn the_channel_changes_where_the_one_in_use_falls_silent() {
    let four = Stream { channels: 4, ..STREAM };
    let (mono, stretches) = mixed(four, 4_000, |ms, left| match ms < 2_000 {
        true => vec![left, -left, 0.0, 0.0],
        false => vec![0.0, 0.0, left, -left],
    });
    assert_eq!(mono, (0..4_000).map(left).collect::<Vec<_>>());
    let channels: Vec<_> = stretches.iter().map(|stretch| stretch.channel).collect();
    assert_eq!(channels, [0, 2]);
}

#[test]
fn held_samples_are_bounded() {
    // A word that cancels, followed by hours of silence.
    let stream = Stream {
        rate: 48_000,
        channels: 255,
        mask: 0,
    };
    let mut mixer = Mixer::new(stream, 0);
    let (mut mono, mut pushed) = (Vec::new(), 0);
    for block in 0..2_000_u16 {
        let mut frames = vec![0.0; 255 * 100];
        if block == 0 {
            for (index, frame) in frames.chunks_exact_mut(255).enumerate() {
                let sample = left(u16::try_from(index).unwrap());
                (frame[0], frame[1]) = (sample, -sample);
            }
        }
        mixer.push(&frames, &mut mono);
        pushed += 100;
        assert!(mixer.frames.len() <= MOST_HELD + 255 * (mixer.window + 100));
        assert!(mono.len() + mixer.frames.len() / 255 == pushed);
    }
}
