//! The network of Silero VAD 6, with the weights of an ONNX file as faster-whisper ships it.
//!
//! A window of 512 samples (32 ms), after the last 64 samples of the one before, becomes four spectra; four convolutions make of them 128
//! features, and an LSTM, whose state is carried from window to window, makes of these the probability of speech. Four windows are computed at
//! a time, up to the LSTM. The file must hold exactly this graph.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::WINDOW;
use crate::network::Failure;

pub use refusal::Refusal;

use layers::Layer;
use refusal::MAX_FILE;

mod graph;
mod layers;
mod refusal;
mod wire;

/// Samples before each window.
const CONTEXT: usize = 64;
/// Samples of a spectrum, and from one to the next.
const SPECTRUM: usize = 256;
const HOP: usize = 128;
/// Frequencies of a spectrum.
const BINS: usize = 129;
/// Features of the convolutions.
const WIDE: usize = 128;
const NARROW: usize = 64;
/// Width of the LSTM.
const STATE: usize = 128;
const GATES: usize = 4 * STATE;
/// Windows computed at a time, and spectra of a window.
const ROWS: usize = 4;
/// Windows between two looks at whether the caller wants to stop: 8 s.
const CANCEL_INTERVAL: usize = 256;

/// The network with its weights.
pub struct Silero {
    /// Real parts of four frequencies, then their imaginary parts, and so on.
    spectrum: Layer<8>,
    convolutions: [Layer<8>; 4],
    gates: Layer<8>,
    recurrent: Layer<32>,
    speech: Vec<f32>,
    speech_bias: f32,
}

/// The state of the LSTM.
struct State {
    hidden: [f32; STATE],
    cell: [f32; STATE],
}

/// Values between the layers; around the frames of a window lie frames of zeros, or of the next window's.
struct Buffers {
    samples: [[f32; CONTEXT + WINDOW + CONTEXT]; ROWS],
    spectra: [[f32; 6 * BINS]; ROWS],
    first: [[f32; 6 * WIDE]; ROWS],
    second: [[f32; 3 * NARROW]; ROWS],
    third: [[f32; NARROW]; ROWS],
    features: [[f32; WIDE]; ROWS],
    gates: [[f32; GATES]; ROWS],
}

impl Silero {
    /// The network with the weights of a file.
    ///
    /// # Errors
    /// [`Refusal`] of a file that cannot be read, or that does not hold exactly this network.
    pub fn open(path: &Path) -> Result<Self, Refusal> {
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(Refusal::TooLarge);
        }
        Self::parse(&bytes)
    }

    /// The network with the weights of a file's content.
    ///
    /// # Errors
    /// [`Refusal`] of a content that is not exactly this network.
    pub fn parse(file: &[u8]) -> Result<Self, Refusal> {
        let weights = graph::weights(file)?;
        let [
            basis,
            w1,
            b1,
            w2,
            b2,
            w3,
            b3,
            w4,
            b4,
            input,
            recurrent,
            bias,
            speech,
            speech_bias,
        ] = weights.as_slice()
        else {
            return Err(Refusal::TooMany {
                most: 14,
                what: "tensors of weights",
            });
        };
        let convolution = |outputs, inputs: usize, weights: &[f32], bias: &[f32]| {
            // From features, times to times, features.
            let weight = |output, at: usize| weights[(output * inputs + at % inputs) * 3 + at / inputs];
            Layer::new((3 * inputs, outputs), weight, |output| bias[output])
        };
        let part = |output: usize| (output / 8 * 4 + output % 4, output / 4 % 2);
        let frequency = |output, sample| match part(output) {
            (bin, part) if bin < BINS => basis[(part * BINS + bin) * SPECTRUM + sample],
            _ => 0.0,
        };
        Ok(Self {
            spectrum: Layer::new((SPECTRUM, BINS.div_ceil(4) * 8), frequency, |_| 0.0),
            convolutions: [
                convolution(WIDE, BINS, w1, b1),
                convolution(NARROW, WIDE, w2, b2),
                convolution(NARROW, NARROW, w3, b3),
                // Of its three times, two always lie outside.
                Layer::new(
                    (NARROW, WIDE),
                    |output, at| w4[(output * NARROW + at) * 3 + 1],
                    |output| b4[output],
                ),
            ],
            gates: Layer::new(
                (WIDE, GATES),
                |output, at| input[output * WIDE + at],
                |output| bias[output] + bias[GATES + output],
            ),
            recurrent: Layer::new((STATE, GATES), |output, at| recurrent[output * STATE + at], |_| 0.0),
            speech: speech.clone(),
            speech_bias: speech_bias[0],
        })
    }

    /// The probability of speech in each window of `samples` (16 kHz) and some silence.
    ///
    /// # Errors
    /// [`Failure::Cancelled`].
    pub fn probabilities(&self, samples: &[f32], cancelled: &dyn Fn() -> bool) -> Result<Vec<f32>, Failure> {
        let windows = samples.len() / WINDOW + 1;
        let mut probabilities = Vec::with_capacity(windows);
        let mut state = State {
            hidden: [0.0; STATE],
            cell: [0.0; STATE],
        };
        let mut buffers = Buffers::new();
        for first in (0..windows).step_by(ROWS) {
            if first % CANCEL_INTERVAL == 0 && cancelled() {
                return Err(Failure::Cancelled);
            }
            for (row, padded) in buffers.samples.iter_mut().enumerate() {
                fill(padded, samples, first + row, windows);
            }
            self.features(&mut buffers);
            for gates in buffers.gates.iter().take(windows - first) {
                probabilities.push(self.step(gates, &mut state));
            }
        }
        Ok(probabilities)
    }

    /// From the samples of the buffers to the inputs of the LSTM.
    fn features(&self, buffers: &mut Buffers) {
        let Buffers {
            samples,
            spectra,
            first,
            second,
            third,
            features,
            gates,
        } = buffers;
        let [conv1, conv2, conv3, conv4] = &self.convolutions;
        for (samples, spectra) in samples.iter().zip(spectra.iter_mut()) {
            self.spectrum
                .apply(frames::<ROWS>(samples, HOP), |frame, output, sums| {
                    let [r0, r1, r2, r3, i0, i1, i2, i3] = sums;
                    let magnitudes = [
                        r0 * r0 + i0 * i0,
                        r1 * r1 + i1 * i1,
                        r2 * r2 + i2 * i2,
                        r3 * r3 + i3 * i3,
                    ]
                    .map(f32::sqrt);
                    let bins = &mut spectra[(frame + 1) * BINS..][..BINS][output / 2..];
                    bins.iter_mut()
                        .zip(magnitudes)
                        .for_each(|(bin, magnitude)| *bin = magnitude);
                });
        }
        for (spectra, out) in spectra.iter().zip(first.iter_mut()) {
            conv1.apply(frames::<4>(spectra, BINS), |frame, output, sums| {
                relu(&mut out[(frame + 1) * WIDE + output..], sums)
            });
        }
        for (inputs, outputs) in first.chunks_exact(2).zip(second.chunks_exact_mut(2)) {
            let [[a, b], [c, d]] = [frames::<2>(&inputs[0], 2 * WIDE), frames::<2>(&inputs[1], 2 * WIDE)];
            conv2.apply([a, b, c, d], |row, output, sums| {
                relu(&mut outputs[row / 2][(row % 2 + 1) * NARROW + output..], sums);
            });
        }
        conv3.apply(second.each_ref().map(|row| &row[..]), |row, output, sums| {
            relu(&mut third[row][output..], sums)
        });
        conv4.apply(third.each_ref().map(|row| &row[..]), |row, output, sums| {
            relu(&mut features[row][output..], sums)
        });
        self.gates
            .apply(features.each_ref().map(|row| &row[..]), |row, output, sums| {
                gates[row][output..][..sums.len()].copy_from_slice(&sums);
            });
    }

    /// The probability of speech in the next window.
    fn step(&self, inputs: &[f32; GATES], state: &mut State) -> f32 {
        let mut gates = *inputs;
        self.recurrent.apply([&state.hidden[..]], |_, output, sums| {
            gates[output..]
                .iter_mut()
                .zip(sums)
                .for_each(|(gate, sum)| *gate += sum);
        });
        let mut logit = self.speech_bias;
        for unit in 0..STATE {
            let [input, output, forget, cell] = [0, 1, 2, 3].map(|gate| gates[gate * STATE + unit]);
            state.cell[unit] = sigmoid(forget) * state.cell[unit] + sigmoid(input) * cell.tanh();
            state.hidden[unit] = sigmoid(output) * state.cell[unit].tanh();
            logit += state.hidden[unit].max(0.0) * self.speech[unit];
        }
        sigmoid(logit)
    }
}

impl Buffers {
    fn new() -> Box<Self> {
        Box::new(Self {
            samples: [[0.0; _]; ROWS],
            spectra: [[0.0; _]; ROWS],
            first: [[0.0; _]; ROWS],
            second: [[0.0; _]; ROWS],
            third: [[0.0; _]; ROWS],
            features: [[0.0; _]; ROWS],
            gates: [[0.0; _]; ROWS],
        })
    }
}

/// Slices at the first values, and every `step` values on.
fn frames<const ROWS: usize>(values: &[f32], step: usize) -> [&[f32]; ROWS] {
    std::array::from_fn(|frame| &values[frame * step..])
}

fn relu<const LANES: usize>(outputs: &mut [f32], sums: [f32; LANES]) {
    outputs
        .iter_mut()
        .zip(sums)
        .for_each(|(output, sum)| *output = sum.max(0.0));
}

fn sigmoid(value: f32) -> f32 {
    1.0 / (1.0 + (-value).exp())
}

/// A window with the samples before it, silence before and after the recording, and the last samples mirrored.
fn fill(padded: &mut [f32; CONTEXT + WINDOW + CONTEXT], samples: &[f32], window: usize, windows: usize) {
    let (own, mirrored) = padded.split_at_mut(CONTEXT + WINDOW);
    own.fill(0.0);
    // As in faster-whisper, which clears the end of the last window when it prepares the context of the first.
    let kept = if window + 1 == windows {
        WINDOW
    } else {
        CONTEXT + WINDOW
    };
    let skipped = if window == 0 { CONTEXT } else { 0 };
    let present = samples.get(window * WINDOW + skipped - CONTEXT..).unwrap_or_default();
    own[skipped..kept]
        .iter_mut()
        .zip(present)
        .for_each(|(own, sample)| *own = *sample);
    mirrored
        .iter_mut()
        .zip(own.iter().rev().skip(1))
        .for_each(|(mirrored, own)| *mirrored = *own);
}

#[cfg(test)]
mod tests;
