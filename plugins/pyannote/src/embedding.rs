//! The voice of a local speaker as a vector, by pyannote-rs's front end (Kaldi's log-mel filter bank, minus its mean over time) and
//! extractor.
//!
//! Only speech of a single speaker is used: vectors of mixed speech lie between speakers.

use std::path::Path;

use plugin_api::{ErrorKind, StageError};
use pyannote_rs::EmbeddingExtractor;

use crate::cluster::unit;
use crate::memory;

/// The loaded network.
#[derive(Debug)]
pub(crate) struct Embedder(EmbeddingExtractor);

impl Embedder {
    pub(crate) fn open(path: &Path) -> Result<Self, StageError> {
        let mut embedder = Self(EmbeddingExtractor::new(path).map_err(|error| {
            let reason = format!("{error:#}");
            let message = format!(
                "`{}` cannot be read as an ONNX model ({reason}): use a speaker embedding network such as CAM++",
                path.display()
            );
            memory::failure(ErrorKind::ModelMissing, &reason, message)
        })?);
        // Half a second of noise: checks whether the network takes `feats` and answers `embs`.
        let noise: Vec<i16> = (0_i32..8000)
            .map(|n| (n.wrapping_mul(n).wrapping_mul(7919) >> 8) as i16 >> 3)
            .collect();
        embedder.vector(&noise).map_err(|reason| {
            let message = format!(
                "`{}` is not a speaker embedding network as WeSpeaker and 3D-Speaker publish them, with the input `feats` and the output \
                 `embs` ({reason})",
                path.display()
            );
            memory::failure(ErrorKind::ModelMissing, &reason, message)
        })?;
        Ok(embedder)
    }

    /// The voice in these samples, as a vector of length 1; `None` if there is none.
    pub(crate) fn run(&mut self, samples: &[f32]) -> Result<Option<Vec<f32>>, StageError> {
        let vector = self.vector(&integers(samples)).map_err(|reason| {
            let message = format!("the speaker embedding network failed: {reason}");
            memory::failure(ErrorKind::Internal, &reason, message)
        })?;
        Ok(unit(&vector))
    }

    fn vector(&mut self, samples: &[i16]) -> Result<Vec<f32>, String> {
        let vector = self.0.compute(samples).map_err(|error| format!("{error:#}"))?;
        Ok(vector.collect())
    }
}

/// The samples in the form of pyannote-rs.
fn integers(samples: &[f32]) -> Vec<i16> {
    let integer = |sample: &f32| (sample * 32_768.0).round() as i16;
    samples.iter().map(integer).collect()
}
