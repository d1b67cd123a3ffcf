//! The tensors of a Whisper model under OpenAI's names, in the order of the files for whisper.cpp: encoder, then decoder, each with
//! its positions, first layers, last norm and blocks.
//!
//! CTranslate2 stacks the projections of an attention that read the same input in one matrix. The projection to keys has no bias in
//! Whisper.

use super::ConvertError;
use super::ct2::{Tensor, Weights};

/// A tensor and its name.
pub(super) type Named = (String, Tensor);

/// Passes every tensor to `each`, in order.
pub(super) fn for_each(
    weights: &Weights<'_>,
    each: &mut dyn FnMut(Named) -> Result<(), ConvertError>,
) -> Result<(), ConvertError> {
    let mut walk = Walk { weights, each };
    walk.side("encoder", "ln_post")?;
    walk.side("decoder", "ln")
}

struct Walk<'a, 'w> {
    weights: &'a Weights<'w>,
    each: &'a mut dyn FnMut(Named) -> Result<(), ConvertError>,
}

impl Walk<'_, '_> {
    fn side(&mut self, side: &str, last_norm: &str) -> Result<(), ConvertError> {
        self.copy(
            &format!("{side}.positional_embedding"),
            &format!("{side}/position_encodings/encodings"),
        )?;
        if side == "encoder" {
            for part in ["conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias"] {
                self.copy(
                    &format!("encoder.{part}"),
                    &format!("encoder/{}", part.replace('.', "/")),
                )?;
            }
        } else {
            self.copy("decoder.token_embedding.weight", "decoder/embeddings/weight")?;
        }
        self.norm(&format!("{side}.{last_norm}"), &format!("{side}/layer_norm"))?;
        (0..self.weights.depth(side)).try_for_each(|layer| self.block(side, layer))
    }

    fn block(&mut self, side: &str, layer: usize) -> Result<(), ConvertError> {
        let source = format!("{side}/layer_{layer}");
        let block = format!("{side}.blocks.{layer}");
        self.norm(
            &format!("{block}.attn_ln"),
            &format!("{source}/self_attention/layer_norm"),
        )?;
        let attention = format!("{block}.attn");
        self.linear(
            &format!("{source}/self_attention/linear_0"),
            &attention,
            &["query", "key", "value"],
        )?;
        self.linear(&format!("{source}/self_attention/linear_1"), &attention, &["out"])?;
        if side == "decoder" {
            self.norm(
                &format!("{block}.cross_attn_ln"),
                &format!("{source}/attention/layer_norm"),
            )?;
            let attention = format!("{block}.cross_attn");
            self.linear(&format!("{source}/attention/linear_0"), &attention, &["query"])?;
            self.linear(&format!("{source}/attention/linear_1"), &attention, &["key", "value"])?;
            self.linear(&format!("{source}/attention/linear_2"), &attention, &["out"])?;
        }
        self.norm(&format!("{block}.mlp_ln"), &format!("{source}/ffn/layer_norm"))?;
        self.linear(&format!("{source}/ffn/linear_0"), &format!("{block}.mlp"), &["0"])?;
        self.linear(&format!("{source}/ffn/linear_1"), &format!("{block}.mlp"), &["2"])
    }

    fn copy(&mut self, name: &str, source: &str) -> Result<(), ConvertError> {
        let tensor = self.weights.tensor(source)?;
        (self.each)((name.to_owned(), tensor))
    }

    fn norm(&mut self, name: &str, source: &str) -> Result<(), ConvertError> {
        self.copy(&format!("{name}.weight"), &format!("{source}/gamma"))?;
        self.copy(&format!("{name}.bias"), &format!("{source}/beta"))
    }

    /// The projections stacked in one matrix.
    fn linear(&mut self, source: &str, name: &str, parts: &[&str]) -> Result<(), ConvertError> {
        let weights = split(self.weights.tensor(&format!("{source}/weight"))?, parts.len());
        let biases = split(self.weights.tensor(&format!("{source}/bias"))?, parts.len());
        for ((part, weight), bias) in parts.iter().zip(weights).zip(biases) {
            (self.each)((format!("{name}.{part}.weight"), weight))?;
            if *part != "key" {
                (self.each)((format!("{name}.{part}.bias"), bias))?;
            }
        }
        Ok(())
    }
}

/// A tensor split into equal parts along its first dimension.
fn split(tensor: Tensor, parts: usize) -> Vec<Tensor> {
    if parts == 1 {
        return vec![tensor];
    }
    let mut shape = tensor.shape;
    if let Some(first) = shape.first_mut() {
        *first /= parts;
    }
    let length = shape.iter().product::<usize>().max(1);
    let cut = tensor.values.chunks(length).take(parts);
    cut.map(|values| Tensor {
        shape: shape.clone(),
        values: values.to_vec(),
    })
    .collect()
}
