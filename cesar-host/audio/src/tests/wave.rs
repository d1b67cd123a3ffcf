//! Every encoding of samples in a WAVE file.

use super::*;

/// −1, −½, 0 and the maximum of each depth.
fn stored(tag: u16, bits: u16) -> (Vec<u8>, f32) {
    let values = [-1.0_f64, -0.5, 0.0, 1.0];
    let greatest = 2_f64.powi(i32::from(bits) - 1);
    let integer = |value: f64| (value * greatest).min(greatest - 1.0) as i64;
    let bytes = values.iter().flat_map(|&value| match (tag, bits) {
        (1, 8) => vec![(integer(value) + 128) as u8],
        (1, _) => integer(value).to_le_bytes()[..usize::from(bits / 8)].to_vec(),
        (_, 32) => (value as f32).to_le_bytes().to_vec(),
        _ => value.to_le_bytes().to_vec(),
    });
    (
        bytes.collect(),
        if tag == 1 { (1.0 - 1.0 / greatest) as f32 } else { 1.0 },
    )
}

#[test]
fn every_depth_is_read_exactly() {
    let folder = folder();
    let depths = [
        (1, 8, "pcm_u8"),
        (1, 16, "pcm_s16le"),
        (1, 24, "pcm_s24le"),
        (1, 32, "pcm_s32le"),
    ];
    let floats = [(3, 32, "pcm_f32le"), (3, 64, "pcm_f64le")];
    for (tag, bits, codec) in depths.into_iter().chain(floats) {
        for mask in [None, Some(4)] {
            let (data, greatest) = stored(tag, bits);
            let file = WavFile {
                tag,
                bits,
                mask,
                data,
                ..WavFile::pcm16(16_000, 1, &[])
            };
            let (decoded, samples) = decode_native(&file.write(&folder)).unwrap();
            assert_eq!(samples, [-1.0, -0.5, 0.0, greatest], "{codec}");
            assert_eq!((decoded.codec.as_str(), decoded.decoder), (codec, Decoder::Native));
            assert_eq!((decoded.source_rate, decoded.channels), (16_000, 1));
            assert!(decoded.warnings.is_empty());
        }
    }
}

#[test]
fn every_rate_and_number_of_channels_gives_the_same_length() {
    let folder = folder();
    for rate in [
        8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 37_800, 44_100, 48_000, 88_200, 96_000,
    ] {
        for channels in 1..=8 {
            let samples = vec![8192; rate as usize * usize::from(channels) / 2];
            let path = WavFile::pcm16(rate, channels, &samples).write(&folder);
            let (decoded, samples) = decode_native(&path).unwrap();
            assert_eq!(
                (decoded.samples, decoded.source_duration_ms),
                (8_000, Some(500)),
                "{rate} {channels}"
            );
            let middle = &samples[2_000..6_000];
            let expected = if channels == 3 { 0.25 } else { middle[0] };
            assert!(
                middle.iter().all(|sample| (sample - expected).abs() < 1e-4),
                "{rate} {channels}"
            );
        }
    }
}

#[test]
fn stereo_is_the_mean() {
    let folder = folder();
    let path = WavFile::pcm16(16_000, 2, &[16_384, 0, -32_768, -32_768, 100, -100]).write(&folder);
    assert_eq!(decode_native(&path).unwrap().1, [0.25, -1.0, 0.0]);
}

#[test]
fn the_channel_mask_says_which_channel_is_which() {
    let folder = folder();
    // Front left, front right and the low frequencies, which are not mixed in.
    let three = WavFile::pcm16(16_000, 3, &[16_384, 16_384, 32_767]);
    let path = WavFile {
        mask: Some(0b1011),
        ..three
    }
    .write(&folder);
    let samples = decode_native(&path).unwrap().1;
    assert!((samples[0] - 0.5).abs() < 1e-6, "{samples:?}");
}

#[test]
fn streams_without_a_length_are_read_to_their_end() {
    let folder = folder();
    let sizes = [
        (0, 0),
        (36, 0),
        (u32::MAX, u32::MAX),
        (0x7FFF_F024, 0x7FFF_F000),
        (u32::MAX - 8, u32::MAX - 44),
    ];
    for (riff_size, data_size) in sizes {
        let file = WavFile::pcm16(16_000, 1, &[1, 2, 3]);
        let file = WavFile {
            riff_size: Some(riff_size),
            data_size: Some(data_size),
            ..file
        };
        let (decoded, _) = decode_native(&file.write(&folder)).unwrap();
        assert_eq!(decoded.samples, 3, "{riff_size} {data_size}");
        assert!(decoded.warnings.is_empty());
    }
}

#[test]
fn a_wrong_riff_size_does_not_matter() {
    let folder = folder();
    let file = WavFile {
        riff_size: Some(12),
        ..WavFile::pcm16(16_000, 1, &[1, 2, 3])
    };
    assert_eq!(decode_native(&file.write(&folder)).unwrap().0.samples, 3);
}

#[test]
fn nan_becomes_silence_and_loud_samples_stay() {
    let folder = folder();
    let data = [f32::NAN, 3.5, f32::INFINITY, -2.0, f32::NEG_INFINITY]
        .iter()
        .flat_map(|value| value.to_le_bytes());
    let file = WavFile {
        tag: 3,
        bits: 32,
        data: data.collect(),
        ..WavFile::pcm16(16_000, 1, &[])
    };
    let (decoded, samples) = decode_native(&file.write(&folder)).unwrap();
    assert_eq!(samples, [0.0, 3.5, 0.0, -2.0, 0.0]);
    assert_eq!(
        decoded.warnings,
        ["3 samples are not numbers (NaN or infinite) and were replaced with silence"]
    );
}

/// One of them would hide the speech of minutes from an engine.
#[test]
fn samples_that_no_microphone_makes_are_limited() {
    let folder = folder();
    for (values, heard, warning) in [
        (
            vec![0.5, 1e6, -8.0],
            vec![0.5, 1.0, -8.0],
            "1 sample is far beyond full scale and was limited",
        ),
        (
            vec![-1e30, 8.1, 0.25],
            vec![-1.0, 1.0, 0.25],
            "2 samples are far beyond full scale and were limited",
        ),
    ] {
        let file = WavFile {
            tag: 3,
            bits: 32,
            data: values.iter().flat_map(|value: &f32| value.to_le_bytes()).collect(),
            ..WavFile::pcm16(16_000, 1, &[])
        };
        let (decoded, samples) = decode_native(&file.write(&folder)).unwrap();
        assert_eq!(samples, heard);
        assert_eq!(decoded.warnings, [warning]);
    }
}

#[test]
fn the_length_is_known_without_decoding() {
    let folder = folder();
    let path = WavFile::pcm16(8_000, 2, &[0; 32_000]).write(&folder);
    assert_eq!(probe(&path, &NATIVE).unwrap(), Some(2_000));
}

#[cfg(unix)]
#[test]
fn chunks_behind_more_than_2_gb_of_samples_are_no_samples() {
    let folder = folder();
    let data_size = 3_000_000_000;
    let file = WavFile {
        data_size: Some(data_size),
        ..WavFile::pcm16(16_000, 1, &[])
    };
    let path = file.write(&folder);
    // A hole instead of the samples and of 32 000 bytes of chunks behind them takes no space.
    let header = fs::metadata(&path).unwrap().len();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(header + u64::from(data_size) + 32_000).unwrap();
    assert_eq!(probe(&path, &NATIVE).unwrap(), Some(93_750_000));
}
