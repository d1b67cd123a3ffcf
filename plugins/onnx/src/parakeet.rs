//! Parakeet: NeMo's FastConformer encoder, with a transducer that predicts durations (TDT) or not (RNN-T), or with CTC.
//!
//! ```text
//! samples ─► log-mel (`mel`) ─► encoder, one vector every 80 ms ─► joint, token after token (`transducer`)
//!                               └► one network with CTC: a score of each token every 80 ms (`ctc`)
//! ```
//!
//! Files and names are those of the exports for the Python package `onnx-asr`, and so are the results: tokens and times are equal.

mod ctc;
mod mel;
mod transducer;
mod vocabulary;

use std::path::{Path, PathBuf};

use ort::value::TensorRef;
use plugin_api::StageError;

use crate::family::{Family, Heard, Lengths, Listener};
use crate::network::{Network, Stop, failure};
use mel::LogMel;
use transducer::Joint;
use vocabulary::Vocabulary;

/// The networks: an encoder and the joint network, or one network with CTC.
pub(crate) const FILES: &[&[&str]] = &[
    &["encoder-model.int8.onnx", "decoder_joint-model.int8.onnx"],
    &["encoder-model.onnx", "decoder_joint-model.onnx"],
    &["model.int8.onnx", "vocab.txt"],
    &["model.onnx", "vocab.txt"],
];

/// Full attention makes memory grow with the square of the length.
const LENGTHS: Lengths = Lengths {
    best: 60.0,
    longest: 120.0,
};
/// Tokens of the models for English, with the blank.
const ENGLISH_TOKENS: usize = 1025;
/// Tokens of TDT 0.6B v3.
const MULTILINGUAL_TOKENS: usize = 8193;
/// The languages of TDT 0.6B v3.
const LANGUAGES: [&str; 25] = [
    "bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "hr", "hu", "it", "lt", "lv", "mt", "nl", "pl", "pt",
    "ro", "ru", "sk", "sl", "sv", "uk",
];
/// Mel bands where neither `config.json` nor the network says.
const BANDS: usize = 80;

struct Parakeet {
    encoder: Network,
    /// Absent with CTC.
    joint: Option<(Network, Joint)>,
    vocabulary: Vocabulary,
    mel: LogMel,
    /// Most tokens of one frame.
    most_a_frame: usize,
}

/// The part of `config.json` that is used.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Config {
    features_size: Option<usize>,
    max_tokens_per_step: Option<usize>,
}

/// Opens the model of a folder, whose networks are these files.
pub(crate) fn open(folder: &Path, files: &[PathBuf]) -> Result<Box<dyn Family>, StageError> {
    let vocabulary = Vocabulary::open(folder)?;
    let config = std::fs::read(folder.join("config.json")).unwrap_or_default();
    let config: Config = serde_json::from_slice(&config).unwrap_or_default();
    let joint = files
        .get(1)
        .filter(|path| path.extension().is_some_and(|extension| extension == "onnx"));
    let outputs: &[&str] = match joint {
        Some(_) => &["outputs", "encoded_lengths"],
        None => &["logprobs"],
    };
    let encoder = Network::open(&files[0], &["audio_signal", "length"], outputs)?;
    let joint = joint.map(|path| Joint::open(path)).transpose()?;
    let of_network = encoder
        .shape("audio_signal")
        .and_then(|shape| usize::try_from(*shape.get(1)?).ok());
    let bands = config
        .features_size
        .or(of_network)
        .filter(|bands| *bands > 0)
        .unwrap_or(BANDS);
    Ok(Box::new(Parakeet {
        encoder,
        joint,
        vocabulary,
        mel: LogMel::new(bands),
        most_a_frame: config.max_tokens_per_step.unwrap_or(10),
    }))
}

impl Family for Parakeet {
    fn lengths(&self) -> Lengths {
        LENGTHS
    }

    fn is_timed(&self) -> bool {
        true
    }

    fn languages(&self) -> &'static [&'static str] {
        match self.vocabulary.len() {
            ENGLISH_TOKENS => &["en"],
            MULTILINGUAL_TOKENS => &LANGUAGES,
            _ => &[],
        }
    }

    fn lane(&self) -> Box<dyn Listener + '_> {
        Box::new(Ear {
            encoder: &self.encoder,
            joint: self.joint.as_ref().map(|(network, joint)| (network, joint)),
            model: self,
        })
    }
}

/// The networks of one thread.
struct Ear<'a> {
    encoder: &'a Network,
    joint: Option<(&'a Network, &'a Joint)>,
    model: &'a Parakeet,
}

impl Listener for Ear<'_> {
    fn hear(&mut self, samples: &[f32], stop: &Stop) -> Result<Heard, StageError> {
        let failed = |error: ort::Error| failure(&error.to_string());
        let (features, frames, valid) = self.model.mel.features(samples);
        if valid < 2 {
            return Ok(Heard::default());
        }
        let bands = self.model.mel.bands();
        let signal = TensorRef::from_array_view(([1, bands, frames], features.as_slice())).map_err(failed)?;
        let length = [i64::try_from(valid).unwrap_or(i64::MAX)];
        let length = TensorRef::from_array_view(([1_usize], length.as_slice())).map_err(failed)?;
        let inputs = vec![("audio_signal", signal.into()), ("length", length.into())];
        let mut outputs = stop.run(self.encoder, &inputs)?;
        let vocabulary = &self.model.vocabulary;
        let tokens = if let Some((network, joint)) = self.joint {
            let (encoded, lengths) = (outputs.take("outputs")?, outputs.take("encoded_lengths")?);
            let (shape, encoded) = encoded.try_extract_tensor::<f32>().map_err(failed)?;
            let (_, lengths) = lengths.try_extract_tensor::<i64>().map_err(failed)?;
            let encoded = transducer::Encoded::new(shape, encoded, lengths)?;
            let rules = transducer::Rules {
                vocabulary,
                most_a_frame: self.model.most_a_frame,
            };
            joint.decode(network, &encoded, rules, stop)?
        } else {
            let scores = outputs.take("logprobs")?;
            let (shape, scores) = scores.try_extract_tensor::<f32>().map_err(failed)?;
            let classes = shape
                .last()
                .and_then(|classes| usize::try_from(*classes).ok())
                .unwrap_or(0);
            ctc::decode(scores, classes, (valid - 1) / 8 + 1, vocabulary)?
        };
        Ok(Heard { tokens, is_cut: false })
    }
}

#[cfg(test)]
mod tests;
