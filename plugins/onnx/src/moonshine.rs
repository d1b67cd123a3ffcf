//! Moonshine: an encoder of samples, and a decoder that writes token after token with a cache.
//!
//! The decoder is the merged form of Optimum's exports: one network for the first token, which fills the cache, and for all others.
//! Decoding is greedy. The exports have no attention, so tokens have no times.

mod tokenizer;

use std::path::{Path, PathBuf};

use ort::memory::Allocator;
use ort::session::SessionInputValue;
use ort::value::{DynValue, Tensor, TensorRef};
use plugin_api::{ErrorKind, StageError};

use crate::family::{Family, Heard, Lengths, Listener, Token};
use crate::network::{Network, Stop, failure};
use crate::published::{self, Form};
use crate::score::best;
use tokenizer::Vocabulary;

/// The two networks, in the forms that are published.
pub(crate) const FILES: &[&[&str]] = &[
    &["encoder_model.ort", "decoder_model_merged.ort"],
    &["encoder_model.onnx", "decoder_model_merged.onnx"],
    &[
        "onnx/encoder_model_quantized.onnx",
        "onnx/decoder_model_merged_quantized.onnx",
    ],
    &["onnx/encoder_model.onnx", "onnx/decoder_model_merged.onnx"],
];

const BEGIN: i64 = 1;
const END: i64 = 2;
/// Text of one second of speech is at most this many tokens; more is a repetition.
const TOKENS_A_SECOND: f64 = 6.5;
/// The encoder's convolutions need so many samples; shorter audio is filled up with silence.
const LEAST_SAMPLES: usize = 4000;
const SAMPLE_RATE: f64 = 16_000.0;
const LENGTHS: Lengths = Lengths {
    best: 18.0,
    longest: 28.0,
};

/// A part of the decoder's cache.
struct Slot {
    /// The input.
    past: String,
    /// The output that follows it.
    present: String,
    /// Whether every token changes it; the others are made by the first.
    grows: bool,
    heads: i64,
    width: i64,
}

struct Moonshine {
    encoder: Network,
    decoder: Decoder,
    vocabulary: Vocabulary,
    slots: Vec<Slot>,
    languages: &'static [&'static str],
}

/// Opens the model of a folder, whose networks are these files.
pub(crate) fn open(folder: &Path, files: &[PathBuf]) -> Result<Box<dyn Family>, StageError> {
    let [encoder, decoder] = files else {
        return Err(StageError::new(ErrorKind::Internal, "Moonshine has two networks"));
    };
    // Reading the vocabulary is fast; a folder without it is refused before the networks are loaded.
    let vocabulary = Vocabulary::open(folder)?;
    let encoder = open_encoder(encoder)?;
    let network = Decoder::open(decoder)?;
    let step = &network.step;
    let slots: Vec<Slot> = step.inputs().filter_map(|name| slot(step, name)).collect();
    if slots.is_empty() {
        let shown = decoder.display();
        let message = format!(
            "`{shown}` holds another network: it has no input `past_key_values.0.decoder.key`; take `decoder_model_merged`"
        );
        return Err(StageError::new(ErrorKind::ModelMissing, message));
    }
    Ok(Box::new(Moonshine {
        encoder,
        decoder: network,
        vocabulary,
        slots,
        languages: languages(folder),
    }))
}

/// The decoder, in one of its forms.
struct Decoder {
    /// For each token.
    step: Network,
    /// Makes the encoder's part of the cache, where `step` does not.
    cross: Option<Network>,
}

fn open_encoder(path: &Path) -> Result<Network, StageError> {
    const INPUTS: &[&str] = &["input_values"];
    const OUTPUTS: &[&str] = &["last_hidden_state"];
    let Some(model) = read(path).and_then(|bytes| published::encoder(&bytes)) else {
        return Network::open(path, INPUTS, OUTPUTS);
    };
    Network::of_model(&model, path, INPUTS, OUTPUTS)
}

impl Decoder {
    fn open(path: &Path) -> Result<Self, StageError> {
        let bytes = read(path).unwrap_or_default();
        if let Some(decoder) = published::Decoder::read(&bytes) {
            // An older ONNX Runtime has no product with int8 weights.
            for form in [Form::Int8, Form::Float] {
                match Self::rewritten(&decoder, path, form) {
                    Some(Ok(decoder)) => return Ok(decoder),
                    Some(Err(error)) if error.kind == ErrorKind::OutOfMemory => return Err(error),
                    Some(Err(error)) => tracing::debug!("no decoder with {form:?} weights: {}", error.message),
                    None => {}
                }
            }
        }
        drop(bytes);
        let inputs = ["input_ids", "encoder_hidden_states", "use_cache_branch"];
        let step = Network::open(path, &inputs, &["logits"])?;
        Ok(Self { step, cross: None })
    }

    /// Of a published file; `None` where it has another structure.
    fn rewritten(decoder: &published::Decoder<'_>, path: &Path, form: Form) -> Option<Result<Self, StageError>> {
        let open = |model: &[u8], input, outputs: &[&str]| Network::of_model(model, path, &[input], outputs);
        // One model after the other, so that one of them is in memory twice.
        let step = open(&decoder.step(form)?, "input_ids", &["logits"]);
        let cross = open(&decoder.cross(form)?, "encoder_hidden_states", &[]);
        Some(step.and_then(|step| {
            let cross = Some(cross?);
            Ok(Self { step, cross })
        }))
    }
}

/// The bytes of a file in ONNX Runtime's own format.
fn read(path: &Path) -> Option<Vec<u8>> {
    let is_own = path.extension().is_some_and(|extension| extension == "ort");
    // A file that cannot be read is refused by ONNX Runtime, with its reason.
    is_own.then(|| std::fs::read(path).ok()).flatten()
}

/// English; unknown where the name of the folder ends with the code of another language, as in `moonshine-tiny-ja`.
fn languages(folder: &Path) -> &'static [&'static str] {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let code = name.rsplit_once('-').map(|(_, end)| end).filter(|end| end.len() == 2);
    match code {
        Some(code) if code != "en" => &[],
        _ => &["en"],
    }
}

fn slot(decoder: &Network, input: &str) -> Option<Slot> {
    let rest = input.strip_prefix("past_key_values.")?;
    let shape = decoder.shape(input)?;
    let (Some(heads), Some(width)) = (shape.get(1), shape.get(3)) else {
        return None;
    };
    Some(Slot {
        past: input.to_owned(),
        present: format!("present.{rest}"),
        grows: rest.contains("decoder"),
        heads: *heads,
        width: *width,
    })
}

impl Family for Moonshine {
    fn lengths(&self) -> Lengths {
        LENGTHS
    }

    fn is_timed(&self) -> bool {
        false
    }

    fn languages(&self) -> &'static [&'static str] {
        self.languages
    }

    fn lane(&self) -> Box<dyn Listener + '_> {
        Box::new(Ear { model: self })
    }
}

/// The networks of one thread.
struct Ear<'a> {
    model: &'a Moonshine,
}

impl Listener for Ear<'_> {
    fn hear(&mut self, samples: &[f32], stop: &Stop) -> Result<Heard, StageError> {
        let hidden = self.encode(samples, stop)?;
        let mut cache = self.first_cache(&hidden, stop)?;
        let mut heard = Heard::default();
        let mut token = BEGIN;
        for step in 0..limit(samples.len()) {
            let (next, probability) = self.step((token, step > 0), &hidden, &mut cache, stop)?;
            if next == END {
                return Ok(heard);
            }
            let id = u32::try_from(next).unwrap_or_default();
            heard.tokens.push(Token {
                id,
                bytes: self.model.vocabulary.bytes(id).to_vec(),
                probability,
                span: None,
            });
            token = next;
        }
        heard.is_cut = true;
        Ok(heard)
    }
}

impl Ear<'_> {
    fn encode(&mut self, samples: &[f32], stop: &Stop) -> Result<DynValue, StageError> {
        let mut filled = samples.to_vec();
        filled.resize(samples.len().max(LEAST_SAMPLES), 0.0);
        let input = TensorRef::from_array_view(([1, filled.len()], filled.as_slice())).map_err(failed)?;
        let inputs = [("input_values", input.into())];
        stop.run(&self.model.encoder, &inputs)?.take("last_hidden_state")
    }

    /// Empty, but for what the encoder's answer gives.
    fn first_cache(&self, hidden: &DynValue, stop: &Stop) -> Result<Vec<DynValue>, StageError> {
        let inputs = [("encoder_hidden_states", hidden.into())];
        let cross = self.model.decoder.cross.as_ref();
        let mut made = cross.map(|cross| stop.run(cross, &inputs)).transpose()?;
        let first = |slot: &Slot| {
            if let Some(made) = made.as_mut().filter(|_| !slot.grows) {
                return made.take(&slot.present);
            }
            let shape = [1, slot.heads, 0, slot.width];
            let tensor = Tensor::<f32>::new(&Allocator::default(), shape).map_err(failed)?;
            Ok(tensor.into_dyn())
        };
        self.model.slots.iter().map(first).collect()
    }

    /// The token after `token`, with its probability; the cache then includes `token`.
    fn step(
        &mut self,
        (token, is_cached): (i64, bool),
        hidden: &DynValue,
        cache: &mut [DynValue],
        stop: &Stop,
    ) -> Result<(i64, f64), StageError> {
        let (slots, decoder) = (&self.model.slots, &self.model.decoder);
        let ids = Tensor::from_array(([1_usize, 1], vec![token])).map_err(failed)?;
        let branch = Tensor::from_array(([1_usize], vec![is_cached])).map_err(failed)?;
        let mut inputs: Vec<(&str, SessionInputValue<'_>)> = vec![
            ("input_ids", ids.into()),
            ("encoder_hidden_states", hidden.into()),
            ("use_cache_branch", branch.into()),
        ];
        inputs.retain(|(name, _)| decoder.step.inputs().any(|input| input == *name));
        let past = slots.iter().zip(cache.iter());
        inputs.extend(past.map(|(slot, value)| (slot.past.as_str(), SessionInputValue::from(value))));
        let mut outputs = stop.run(&decoder.step, &inputs)?;
        let makes_all = decoder.cross.is_none() && !is_cached;
        for (slot, value) in slots.iter().zip(cache).filter(|(slot, _)| slot.grows || makes_all) {
            *value = outputs.take(&slot.present)?;
        }
        let logits = outputs.take("logits")?;
        let (_, logits) = logits.try_extract_tensor::<f32>().map_err(failed)?;
        let (next, probability) = best(logits);
        Ok((i64::try_from(next).unwrap_or(END), probability))
    }
}

fn failed(error: ort::Error) -> StageError {
    failure(&error.to_string())
}

/// The greatest number of tokens for so many samples.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "at most some minutes of audio"
)]
fn limit(samples: usize) -> usize {
    (samples as f64 / SAMPLE_RATE * TOKENS_A_SECOND).ceil() as usize + 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_english_unless_its_name_says_otherwise() {
        let of = |name: &str| languages(Path::new(name));
        assert_eq!(
            (of("/m/moonshine-base"), of("/m/moonshine-tiny-ja")),
            (&["en"][..], &[][..])
        );
    }

    #[test]
    fn text_is_limited_by_the_length_of_the_audio() {
        assert_eq!(limit(160_000), 67);
        assert_eq!(limit(0), 2);
    }
}
