//! The segmentation network: the local speakers in each frame of a 10 s window.
//!
//! Any export of pyannote's segmentation-3.0 works. Names differ between them (input `x`, `input`, `input_values`, output `y`,
//! `output`, `logits`), so the network's only input and its first output are used, under any name; shapes are checked: `[1, 1,
//! 160000]` in, `[1, 589, 7]` out.
//!
//! **Scale of the samples.** Some programs pass samples within ±1, as in training, and some 16-bit integers. The published network
//! first normalises each window to mean 0 and variance 1, so both are equal. Opening a file determines its scale with a probe, a
//! synthetic voice: both scales are tried. If the answers agree, ±1 is right, as trained (the two differ in near silence only,
//! where ±1 reports less noise). If not, the file lacks that first step, and the scale is the one whose answer has more speech, ±1
//! in doubt.

use std::path::Path;

use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::TensorRef;
use plugin_api::{ErrorKind, StageError};

use crate::memory;
use crate::powerset::{self, CLASSES, SpeakerSet};
use crate::windows::{FRAMES, SAMPLE_RATE, WINDOW};

/// The scale of 16-bit integers.
const INTEGERS: f32 = 32_768.0;

/// Windows in a run of the network. Its recurrent layers then multiply matrices instead of vectors.
pub(crate) const BATCH: usize = 4;

/// The loaded network.
#[derive(Debug)]
pub(crate) struct Segmentation {
    session: Session,
    input: String,
    scale: f32,
    /// Windows that the network takes at once.
    batch: usize,
}

/// The reason why the segmentation network cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SegmentationError {
    /// Not an ONNX file, or one that this library cannot read.
    #[error("`{path}` cannot be read as an ONNX model ({reason}): use pyannote's segmentation-3.0 in ONNX form")]
    Unreadable {
        /// The file.
        path: String,
        /// The library's error.
        reason: String,
    },
    /// Another network.
    #[error(
        "`{path}` is not pyannote's segmentation-3.0: for 10 s of audio {found}, instead of 589 frames of 7 classes"
    )]
    Other {
        /// The file.
        path: String,
        /// Its answer.
        found: String,
    },
}

impl From<SegmentationError> for StageError {
    fn from(error: SegmentationError) -> Self {
        let (SegmentationError::Unreadable { reason, .. } | SegmentationError::Other { found: reason, .. }) = &error;
        memory::failure(ErrorKind::ModelMissing, reason, error.to_string())
    }
}

impl Segmentation {
    /// Loads the network and determines its scale.
    pub(crate) fn open(path: &Path) -> Result<Self, StageError> {
        let mut network = Self::load(path)?;
        let shown = || path.display().to_string();
        let other = |found| SegmentationError::Other { path: shown(), found };
        let voice = probe();
        let probe = voice.as_slice();
        let unscaled = network.scores(&[probe], 1.0).map_err(other)?;
        let scaled = network.scores(&[probe], INTEGERS).map_err(other)?;
        network.scale = scale_of(&unscaled[0], &scaled[0]);
        // Some exports have room for one window only.
        if network.scores(&[probe, probe], network.scale).is_ok() {
            network.batch = BATCH;
        }
        tracing::debug!(
            "`{}` takes samples within ±{}, {} windows at once",
            path.display(),
            network.scale,
            network.batch
        );
        Ok(network)
    }

    /// Another session of the same file, for another thread.
    pub(crate) fn again(&self, path: &Path) -> Result<Self, StageError> {
        let mut network = Self::load(path)?;
        (network.scale, network.batch) = (self.scale, self.batch);
        Ok(network)
    }

    fn load(path: &Path) -> Result<Self, StageError> {
        let shown = || path.display().to_string();
        let unreadable = |error: ort::Error| SegmentationError::Unreadable {
            path: shown(),
            reason: error.to_string(),
        };
        let session = session(path).map_err(unreadable)?;
        let [input] = session.inputs.as_slice() else {
            let found = format!("it wants {} inputs", session.inputs.len());
            return Err(SegmentationError::Other { path: shown(), found }.into());
        };
        Ok(Self {
            input: input.name.clone(),
            session,
            scale: 1.0,
            batch: 1,
        })
    }

    /// The speakers in each of the 589 frames of windows, at most [`BATCH`] of them.
    pub(crate) fn run(&mut self, windows: &[Vec<f32>]) -> Result<Vec<Vec<SpeakerSet>>, StageError> {
        // Digital silence has no speaker, and no variance for normalisation.
        let is_silent = |window: &[f32]| window.iter().all(|sample| *sample == 0.0);
        let heard: Vec<&[f32]> = windows
            .iter()
            .map(Vec::as_slice)
            .filter(|window| !is_silent(window))
            .collect();
        let mut scores = Vec::with_capacity(heard.len());
        for batch in heard.chunks(self.batch) {
            let of_batch = self.scores(batch, self.scale).map_err(|reason| {
                let message = format!("the segmentation network failed: {reason}");
                memory::failure(ErrorKind::Internal, &reason, message)
            })?;
            scores.extend(of_batch);
        }
        let mut scores = scores.iter();
        let sets = |window: &Vec<f32>| match is_silent(window) {
            true => vec![SpeakerSet::default(); FRAMES],
            false => scores.next().map(|scores| powerset::decode(scores)).unwrap_or_default(),
        };
        Ok(windows.iter().map(sets).collect())
    }

    /// Scores of the classes of each window, frame after frame.
    fn scores(&mut self, windows: &[&[f32]], scale: f32) -> Result<Vec<Vec<f32>>, String> {
        let scaled: Vec<f32> = windows
            .iter()
            .flat_map(|window| window.iter().map(|sample| sample * scale))
            .collect();
        self.answers(windows.len(), &scaled)
    }

    /// Scores for `count` windows of samples in the network's scale.
    fn answers(&mut self, count: usize, samples: &[f32]) -> Result<Vec<Vec<f32>>, String> {
        let failed = |error: ort::Error| format!("it fails ({error})");
        let tensor = TensorRef::from_array_view(([count, 1, WINDOW], samples)).map_err(failed)?;
        let outputs = self
            .session
            .run(ort::inputs![self.input.as_str() => tensor])
            .map_err(failed)?;
        let (shape, scores) = outputs[0].try_extract_tensor::<f32>().map_err(failed)?;
        match shape[..] {
            [windows, frames, classes]
                if windows == count as i64 && frames == FRAMES as i64 && classes == CLASSES as i64 =>
            {
                Ok(scores.chunks_exact(FRAMES * CLASSES).map(<[f32]>::to_vec).collect())
            }
            _ => Err(format!("it answers a tensor of shape {:?}", &shape[..])),
        }
    }
}

/// One thread per session: windows are processed in parallel, which scales better than the operators of one.
fn session(path: &Path) -> Result<Session, ort::Error> {
    Session::builder()?
        .with_optimization_level(GraphOptimizationLevel::Level3)?
        .with_intra_threads(1)?
        .with_inter_threads(1)?
        .commit_from_file(path)
}

/// The scale of a network, by its scores for the probe within ±1 and as 16-bit integers.
fn scale_of(unscaled: &[f32], scaled: &[f32]) -> f32 {
    let (one, other) = (powerset::decode(unscaled), powerset::decode(scaled));
    let differing = one.iter().zip(&other).filter(|(one, other)| one != other).count();
    let speech = |sets: &[SpeakerSet]| sets.iter().filter(|set| set.len() > 0).count();
    // A twentieth allows for the noise floor between the two.
    if differing * 20 <= one.len() || speech(&one) >= speech(&other) {
        1.0
    } else {
        INTEGERS
    }
}

/// Ten seconds of a synthetic voice: vowels of a gliding pitch in syllables, with pauses, at the level of recorded speech.
fn probe() -> Vec<f32> {
    use std::f32::consts::TAU;
    let rate = SAMPLE_RATE as f32;
    let mut phase = 0.0_f32;
    (0..WINDOW)
        .map(|sample| {
            let time = sample as f32 / rate;
            let pitch = 120.0 + 25.0 * (TAU * 0.4 * time).sin() + 10.0 * (TAU * 2.1 * time).sin();
            phase = (phase + pitch / rate).fract();
            let first = 500.0 + 200.0 * (TAU * 1.3 * time).sin();
            let second = 1500.0 + 400.0 * (TAU * 0.9 * time).cos();
            let harmonic = |number: u8| {
                let frequency = f32::from(number) * pitch;
                let resonance = |centre: f32, width: f32| 1.0 / (1.0 + ((frequency - centre) / width).powi(2));
                let amplitude =
                    (resonance(first, 90.0) + 0.6 * resonance(second, 120.0) + 0.05) / f32::from(number).sqrt();
                amplitude * (TAU * phase * f32::from(number)).sin()
            };
            let syllable = (0.5 - 0.5 * (TAU * 4.0 * time).cos()).powf(0.7);
            let phrase = if time % 3.0 < 2.3 { 1.0 } else { 0.0 };
            0.1 * syllable * phrase * (1..=28).map(harmonic).sum::<f32>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(speech: usize, class: usize) -> Vec<f32> {
        let frame = |index: usize| {
            std::array::from_fn::<f32, CLASSES, _>(|c| {
                if c == if index < speech { class } else { 0 } {
                    0.0
                } else {
                    -9.0
                }
            })
        };
        (0..100).flat_map(frame).collect()
    }

    #[test]
    fn a_normalising_network_gets_unscaled_samples() {
        assert_eq!(scale_of(&scores(50, 1), &scores(53, 1)), 1.0);
    }

    #[test]
    fn a_network_for_integers_gets_integers() {
        assert_eq!(scale_of(&scores(0, 1), &scores(60, 1)), INTEGERS);
        assert_eq!(scale_of(&scores(60, 1), &scores(0, 1)), 1.0);
        assert_eq!(scale_of(&scores(60, 1), &scores(60, 2)), 1.0, "±1 in doubt");
    }

    #[test]
    fn the_probe_is_as_loud_as_speech() {
        let probe = probe();
        let power = probe.iter().map(|sample| sample * sample).sum::<f32>() / probe.len() as f32;
        assert!((0.01..0.3).contains(&power.sqrt()), "{power}");
        assert!(probe.iter().all(|sample| sample.abs() <= 1.0));
    }
}
