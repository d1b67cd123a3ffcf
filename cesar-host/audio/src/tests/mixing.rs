//! Channels to one.

use proptest::prelude::*;

use super::super::downmix::Downmix;
use super::*;

fn mixed(channels: u16, mask: u32, frame: &[f32]) -> f32 {
    let mut mono = Vec::new();
    Downmix::new(channels, mask).mix(frame, &mut mono);
    assert_eq!(mono.len(), 1);
    mono[0]
}

#[test]
fn surround_has_the_weights_of_ffmpeg() {
    // 5.1 with 0.1 … 0.6: the result of `ffmpeg -ac 1` in 16 bits is 10194.
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

/// Two channels of 16 kHz; the second is inverted from 4.05 s to 7.05 s of 12 s.
fn partly_inverted(folder: &TempDir) -> (PathBuf, Vec<f32>) {
    let tone: Vec<i16> = sine(500.0, 16_000, 192_000)
        .iter()
        .map(|sample| (sample * 8_192.0) as i16)
        .collect();
    let is_inverted = |index: usize| (64_800..112_800).contains(&index);
    let frames: Vec<i16> = tone
        .iter()
        .enumerate()
        .flat_map(|(index, sample)| [*sample, if is_inverted(index) { -sample } else { *sample }])
        .collect();
    let expected = tone.iter().map(|sample| f32::from(*sample) / 32_768.0).collect();
    (WavFile::pcm16(16_000, 2, &frames).write(folder), expected)
}

#[test]
fn a_part_in_opposite_phase_is_heard_and_reported_with_its_place() {
    let folder = folder();
    let (path, expected) = partly_inverted(&folder);
    let (decoded, samples) = decode_native(&path).unwrap();
    // At the borders up to a window may be half of each; everything else is unchanged.
    for (part, what) in [
        (0..64_000, "before"),
        (65_600..112_000, "inside"),
        (113_600..192_000, "behind"),
    ] {
        assert_eq!(samples[part.clone()], expected[part], "{what}");
    }
    let issues: Vec<_> = decoded
        .issues
        .iter()
        .map(|issue| (issue.kind.name(), issue.to_string()))
        .collect();
    let sentence = "the channels cancel each other out, so channel 1 alone is used from 4.1 s to 7.0 s";
    assert_eq!(issues, [("channels_cancel", sentence.to_owned())]);
    assert_eq!(
        (decoded.take, decoded.missing_ms),
        (0, 0),
        "one pass, and nothing is missing"
    );

    let slice = Slice {
        start_ms: 5_000,
        end_ms: Some(6_000),
    };
    let (decoded, part) = decode_with(&path, slice, &NATIVE).unwrap();
    assert_eq!(part, samples[80_000..96_000]);
    assert_eq!((decoded.issues[0].start_ms, decoded.issues[0].end_ms), (0, 1_000));
}

/// The third channel is that of low frequencies by the comments, and a centre by the standard of FLAC.
#[test]
fn the_channel_mask_in_comments_of_flac_counts() {
    let folder = folder();
    let sound = "aevalsrc=0.25*sin(3000*t)|0.25*sin(3000*t)|0.5*sin(800*t):c=2.1:s=16000:d=1";
    // ffmpeg writes the mask itself into FLAC and Matroska.
    let said = ["-metadata:s:a:0", "WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0xB"];
    for (name, more) in [("a.flac", &[][..]), ("a.mka", &[]), ("a.oga", &said)] {
        let input = ["-f", "lavfi", "-i", sound, "-c:a", "flac"];
        let path = made(&folder, name, &[&input, more].concat());
        let (decoded, samples) = decode_native(&path).unwrap();
        assert_eq!(decoded.channels, 3, "{name}");
        let middle = &samples[4_000..12_000];
        assert!((peak(middle) - 0.25).abs() < 0.001, "{name}: {}", peak(middle));
        let levels = levels(&path, Slice::default(), &NATIVE, Decoder::Native).unwrap();
        assert!(levels.db[0] > -20.0 && levels.db[1] > -20.0, "{name}");
        assert_eq!(levels.db[2], SILENCE_DB, "{name}: low frequencies are no speaker");
    }
}
