use super::*;
use crate::testing::short_recording;

/// Values of `whisper.audio.log_mel_spectrogram` (openai-whisper 20250625), as `tests/log_mel_golden.py` prints them.
#[derive(serde::Deserialize)]
struct Golden {
    n_mels: usize,
    frames: usize,
    /// The step between the listed values of the whole spectrogram, row by row.
    step: usize,
    values: Vec<f32>,
}

fn goldens() -> Vec<Golden> {
    serde_json::from_str(include_str!("../../tests/log_mel_golden.json")).expect("the file is JSON")
}

#[test]
fn the_spectrogram_equals_openais() {
    let samples = short_recording();
    for golden in goldens() {
        let mel = LogMel::new(Track::whole(&samples), golden.n_mels, 0, 2);
        assert_eq!(mel.frames(), golden.frames);
        let all = mel.window(0, golden.frames, golden.frames);
        let mine: Vec<f32> = all.iter().copied().step_by(golden.step).collect();
        assert_eq!(mine.len(), golden.values.len());
        let differences = mine
            .iter()
            .zip(&golden.values)
            .map(|(mine, theirs)| (mine - theirs).abs());
        let greatest = differences.fold(0.0_f32, f32::max);
        assert!(greatest < 1e-4, "{} bands differ by {greatest}", golden.n_mels);
    }
}

#[test]
fn windows_are_parts_of_the_whole_then_zeros() {
    let samples = short_recording();
    let mel = LogMel::new(Track::whole(&samples), 80, HOP, 1);
    let whole = mel.window(0, mel.frames(), mel.frames());
    let part = mel.window(7, 20, 30);
    for row in 0..80 {
        let from = row * mel.frames() + 7;
        assert_eq!(part[row * 30..row * 30 + 20], whole[from..from + 20]);
        assert!(part[row * 30 + 20..(row + 1) * 30].iter().all(|value| *value == 0.0));
    }
}

#[test]
fn a_chunk_in_one_pass_is_the_same() {
    let samples = short_recording();
    for length in [0, 1, 159, 160, 400, 16_000, samples.len()] {
        let track = Track::whole(&samples[..length]);
        let mel = LogMel::new(track.clone(), 80, HOP, 1);
        for width in [50, 300] {
            let whole = mel.window(0, length / HOP, width);
            assert_eq!(
                LogMel::of_chunk(track.clone(), 80, HOP, width),
                whole,
                "{length} samples"
            );
        }
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    let samples = short_recording();
    let one = LogMel::new(Track::whole(&samples), 128, HOP, 1).window(0, 200, 200);
    for threads in [2, 3, 7, 64] {
        assert_eq!(
            LogMel::new(Track::whole(&samples), 128, HOP, threads).window(0, 200, 200),
            one
        );
    }
}

#[test]
fn empty_and_extreme_audio_has_a_spectrogram() {
    for samples in [
        vec![],
        vec![0.5],
        vec![f32::NAN; 400],
        vec![f32::INFINITY; 400],
        vec![1e30; 500],
    ] {
        let mel = LogMel::new(Track::whole(&samples), 80, HOP, 2);
        let window = mel.window(0, mel.frames(), WINDOW_FRAMES);
        assert_eq!(window.len(), 80 * WINDOW_FRAMES);
        assert!(!window.iter().any(|value| value.is_nan()), "{} samples", samples.len());
    }
}
