//! A channel alone, beside the mix.

use super::*;

/// The channel `number`, and the mix.
fn alone(path: &Path, slice: Slice, options: &DecodeOptions, number: usize) -> (Vec<f32>, Vec<f32>) {
    let (mut alone, mut mix) = (Vec::new(), Vec::new());
    let mut sink = |beside: Beside<'_>| {
        alone.extend_from_slice(beside.channel);
        mix.extend_from_slice(beside.mix);
        ControlFlow::Continue(())
    };
    channel(path, slice, options, (Decoder::Native, number), &mut sink).unwrap();
    (alone, mix)
}

fn decoded(folder: &TempDir, name: &str, rate: u32, samples: &[i16]) -> Vec<f32> {
    let path = write(folder, name, &WavFile::pcm16(rate, 1, samples).bytes());
    decode_native(&path).unwrap().1
}

#[test]
fn a_channel_is_what_its_own_file_would_be() {
    let folder = folder();
    for rate in [16_000, 44_100] {
        let tone = |frequency| -> Vec<i16> {
            let wave = sine(frequency, rate, rate as usize * 2);
            wave.iter().map(|sample| (sample * 9_000.0) as i16).collect()
        };
        let (left, right) = (tone(440.0), tone(1_300.0));
        let both: Vec<i16> = left
            .iter()
            .zip(&right)
            .flat_map(|(left, right)| [*left, *right])
            .collect();
        let path = WavFile::pcm16(rate, 2, &both).write(&folder);
        let whole = decode_native(&path).unwrap().1;
        for (number, samples) in [left, right].iter().enumerate() {
            let own = decoded(&folder, "own.wav", rate, samples);
            let (heard, mix) = alone(&path, Slice::default(), &NATIVE, number);
            assert_eq!(heard, own, "channel {number} at {rate} Hz");
            assert_eq!(mix.len(), whole.len());
            assert!(mix.iter().zip(&whole).all(|(one, other)| (one - other).abs() < 1e-6));
            let slice = Slice {
                start_ms: 250,
                end_ms: Some(1_500),
            };
            assert_eq!(alone(&path, slice, &NATIVE, number).0, own[4_000..24_000]);
        }
        let (silent, mix) = alone(&path, Slice::default(), &NATIVE, 2);
        assert!(silent.len() == whole.len() && silent.iter().all(|sample| *sample == 0.0));
        assert!(peak(&mix) > 0.1);
    }
}

#[test]
fn a_track_of_several_is_a_channel() {
    let folder = folder();
    let tone = |frequency: u32| format!("sine=frequency={frequency}:sample_rate=16000:duration=2");
    let arguments = [
        "-f",
        "lavfi",
        "-i",
        &tone(400),
        "-f",
        "lavfi",
        "-i",
        &tone(900),
        "-map",
        "0",
        "-map",
        "1",
    ];
    let path = made(&folder, "two.mka", &[&arguments[..], &["-c:a", "pcm_s16le"]].concat());
    let all = DecodeOptions {
        track: TrackChoice::All,
        ..NATIVE.clone()
    };
    for number in [0, 1] {
        let one = DecodeOptions {
            track: TrackChoice::Number(number + 1),
            ..NATIVE.clone()
        };
        let own = decode_with(&path, Slice::default(), &one).unwrap().1;
        assert_eq!(alone(&path, Slice::default(), &all, number).0, own);
    }
}

#[test]
fn a_channel_ends_with_its_sink() {
    let folder = folder();
    let path = WavFile::pcm16(16_000, 2, &[1_000; 320_000]).write(&folder);
    let mut blocks = 0;
    let mut sink = |_: Beside<'_>| {
        blocks += 1;
        ControlFlow::Break(())
    };
    channel(&path, Slice::default(), &NATIVE, (Decoder::Native, 0), &mut sink).unwrap();
    assert_eq!(blocks, 1);
}
