//! The network, over recordings of any length.
//!
//! A recording is cut into blocks of five minutes that several threads work on; each block but the first begins with the ten
//! seconds before it, so that the network's memory is filled. The blocks do not depend on the number of threads, so neither does the result.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use cesar_plugin_common::wait;
use rustvani_vad::SileroVad;

use crate::WINDOW;

/// Windows in a block: five minutes.
const BLOCK: usize = 9375;
/// Windows before a block, whose results are not used: ten seconds.
const WARM_UP: usize = 313;

/// Failures of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The caller wanted to stop.
    Cancelled,
    /// The network refused its input or its weights, with its words.
    Network(String),
}

/// The probability of speech in each window of `samples` (16 kHz), the last one filled up with silence.
///
/// # Errors
/// [`Failure`].
pub fn probabilities(samples: &[f32], threads: usize, cancelled: &dyn Fn() -> bool) -> Result<Vec<f32>, Failure> {
    let windows = samples.len().div_ceil(WINDOW);
    let blocks = windows.div_ceil(BLOCK);
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let mut probabilities = vec![0.0; windows];
    std::thread::scope(|scope| {
        let (sender, finished) = mpsc::channel();
        for _ in 0..threads.clamp(1, blocks.max(1)) {
            let (sender, next, stop) = (sender.clone(), &next, &stop);
            scope.spawn(move || {
                loop {
                    let block = next.fetch_add(1, Ordering::Relaxed);
                    if block >= blocks || stop.load(Ordering::Relaxed) {
                        return;
                    }
                    // The receiver is gone after a failure.
                    let _ = sender.send((block, infer_block(samples, block, stop)));
                }
            });
        }
        drop(sender);
        let outcome = loop {
            let check = || if cancelled() { Err(Failure::Cancelled) } else { Ok(()) };
            match wait::next(&finished, check) {
                Ok(Some((block, Ok(part)))) => {
                    probabilities[block * BLOCK..][..part.len()].copy_from_slice(&part);
                }
                Ok(Some((_, Err(message)))) => break Err(Failure::Network(message)),
                Ok(None) => break Ok(()),
                Err(cancelled) => break Err(cancelled),
            }
        };
        stop.store(true, Ordering::Relaxed);
        outcome
    })?;
    Ok(probabilities)
}

fn infer_block(samples: &[f32], block: usize, stop: &AtomicBool) -> Result<Vec<f32>, String> {
    let network = SileroVad::new()?;
    let windows = samples.len().div_ceil(WINDOW);
    let (first, end) = (block * BLOCK, windows.min((block + 1) * BLOCK));
    let mut probabilities = Vec::with_capacity(end - first);
    for window in first.saturating_sub(WARM_UP)..end {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let probability = network.infer(&pcm(samples, window))?;
        if window >= first {
            probabilities.push(probability);
        }
    }
    Ok(probabilities)
}

/// One window as 16-bit little-endian samples.
fn pcm(samples: &[f32], window: usize) -> [u8; WINDOW * 2] {
    let mut bytes = [0; WINDOW * 2];
    let start = window * WINDOW;
    let present = &samples[start..samples.len().min(start + WINDOW)];
    for (pair, sample) in bytes.chunks_exact_mut(2).zip(present) {
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        let sample = (sample * 32768.0).round() as i16;
        pair.copy_from_slice(&sample.to_le_bytes());
    }
    bytes
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// `meeting.flac`: 16 kHz, mono, 16 bits, 37 s.
    pub(crate) fn meeting() -> Vec<f32> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/meeting.flac");
        let mut reader = claxon::FlacReader::open(path).expect("the recording is bundled");
        let samples = reader.samples().map(|sample| sample.expect("the recording is whole"));
        #[expect(clippy::cast_precision_loss, reason = "16 bits")]
        let samples = samples.map(|sample| sample as f32 / 32768.0);
        samples.collect()
    }

    fn hear(samples: &[f32], threads: usize) -> Vec<f32> {
        probabilities(samples, threads, &|| false).expect("the network works")
    }

    #[test]
    fn speech_is_found_and_silence_and_noise_are_not() {
        let speech = hear(&meeting(), 1);
        let loud = speech.iter().filter(|probability| **probability >= 0.5).count();
        assert!((0.75..0.95).contains(&(loud as f64 / speech.len() as f64)), "{loud}");
        let mut state = 1_u32;
        let noise: Vec<f32> = (0..10 * 16_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                f32::from(u16::try_from(state >> 16).expect("16 bits")) / 327_680.0 - 0.1
            })
            .collect();
        for quiet in [noise, vec![0.0; 160_000]] {
            let greatest = hear(&quiet, 1).into_iter().fold(0.0, f32::max);
            assert!(greatest < 0.3, "{greatest}");
        }
    }

    #[test]
    fn the_result_depends_neither_on_threads_nor_much_on_blocks() {
        let meeting = meeting();
        let long = meeting.repeat(10);
        assert!(long.len() > BLOCK * WINDOW);
        let one = hear(&long, 1);
        assert_eq!(one, hear(&long, 3));
        // Over a seam between blocks, as if it were one block.
        let from = BLOCK - 500;
        let across = hear(&long[from * WINDOW..(BLOCK + 200) * WINDOW], 1);
        for (whole, part) in one[BLOCK..].iter().zip(&across[500..]) {
            assert!((whole - part).abs() < 0.05, "{whole}, {part}");
        }
    }

    #[test]
    fn a_cancel_ends_the_network() {
        let samples = vec![0.0; 3600 * 16_000];
        assert_eq!(probabilities(&samples, 2, &|| true), Err(Failure::Cancelled));
        assert_eq!(probabilities(&[], 2, &|| false), Ok(Vec::new()));
        assert_eq!(hear(&[0.0; 700], 1).len(), 2);
    }
}
