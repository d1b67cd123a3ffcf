//! Slaney's mel filter bank, as in librosa's `filters.mel(sr=16000, n_fft=400)` and Whisper.

/// Number of frequencies of a window of 400 samples at 16 kHz.
pub(super) const FREQUENCIES: usize = 201;
const NYQUIST_HZ: f64 = 8_000.0;
/// Above this mel, the scale is logarithmic.
const LINEAR_MELS: f64 = 15.0;
/// 27 mels of the logarithmic part multiply the frequency by this.
const STEP: f64 = 6.4;

/// `[mels, 201]`: the weight of each frequency in each band.
pub(super) fn filters(mels: usize) -> Vec<f32> {
    let top = LINEAR_MELS + (NYQUIST_HZ / 1_000.0).ln() * 27.0 / STEP.ln();
    let corners: Vec<f64> = spaced(top, mels + 2).map(hz).collect();
    let frequencies: Vec<f64> = spaced(NYQUIST_HZ, FREQUENCIES).collect();
    let mut filters = Vec::with_capacity(mels * FREQUENCIES);
    for corner in corners.windows(3) {
        let [low, middle, high] = corner else { continue };
        let area = 2.0 / (high - low);
        filters.extend(frequencies.iter().map(|frequency| {
            let rising = -(low - frequency) / (middle - low);
            let falling = (high - frequency) / (high - middle);
            let weight = rising.min(falling);
            // Not `max`: a zero keeps its sign here, as where the digests of the results were computed.
            let weight = if weight >= 0.0 { weight } else { 0.0 };
            #[expect(clippy::cast_possible_truncation, reason = "the file has single precision")]
            let weight = (weight * area) as f32;
            weight
        }));
    }
    filters
}

/// `count` evenly spaced numbers from 0 to `top`.
fn spaced(top: f64, count: usize) -> impl Iterator<Item = f64> {
    #[expect(clippy::cast_precision_loss, reason = "a few hundred at most")]
    let number = |index: usize| index as f64;
    let step = top / number(count - 1);
    (0..count).map(move |index| if index + 1 == count { top } else { number(index) * step })
}

fn hz(mel: f64) -> f64 {
    if mel >= LINEAR_MELS {
        1_000.0 * ((mel - LINEAR_MELS) * STEP.ln() / 27.0).exp()
    } else {
        mel * 200.0 / 3.0
    }
}
