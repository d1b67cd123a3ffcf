//! A Whisper model as whisper.cpp reads it: numbers of the architecture, mel filters, tokens, and the tensors, each with rank, length of
//! its name, type, dimensions (the nearest in memory first), name and content. (The layout that whisper.cpp's own converter writes.)
//!
//! Vectors and positions stay in single precision. Biases of the convolutions are columns. In `q8_0` files matrices are quantised
//! and the kernels of the convolutions have half precision; else all tensors of more than one dimension have it.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use half::f16;

use super::ConvertError;
use super::ct2::{Tensor, Weights};
use super::mel;
use super::quantise::q8_0;
use super::tensors;
use super::vocabulary;
use crate::catalog::Weights as Precision;

const MAGIC: u32 = 0x6767_6d6c;

/// ggml's numbers for types of tensors.
#[derive(Debug, Clone, Copy)]
enum Type {
    F32 = 0,
    F16 = 1,
    Q8 = 8,
}

/// Writes the model in the folder `ct2` (`model.bin`, `tokenizer.json`) into the file `out`, which is created and synced.
///
/// # Errors
/// [`ConvertError`] when the folder is not such a model, or a file cannot be read or written.
pub(crate) fn ggml(ct2: &Path, precision: Precision, out: &Path) -> Result<(), ConvertError> {
    let read = |name: &str| {
        let path = ct2.join(name);
        let content = std::fs::read(&path).map_err(|error| ConvertError::Io {
            path: path.clone(),
            error,
        })?;
        Ok((path.display().to_string(), content))
    };
    let (what, content) = read("model.bin")?;
    let weights = Weights::read(&what, &content)?;
    let (what, content) = read("tokenizer.json")?;
    let tokens = vocabulary::tokens(&what, &content)?;
    let failed = |error| ConvertError::Io {
        path: out.to_owned(),
        error,
    };
    let mut file = BufWriter::with_capacity(1 << 20, File::create(out).map_err(failed)?);
    let mels = weights
        .tensor("encoder/conv1/weight")?
        .shape
        .get(1)
        .copied()
        .unwrap_or_default();
    let head = head(&weights, mels, precision)?;
    write_beginning(&mut file, &head, mels, &tokens).map_err(failed)?;
    tensors::for_each(&weights, &mut |(name, tensor)| {
        write_tensor(&mut file, &name, &tensor, precision).map_err(failed)
    })?;
    let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_data().map_err(failed)
}

/// The numbers of the architecture.
fn head(weights: &Weights<'_>, mels: usize, precision: Precision) -> Result<[usize; 11], ConvertError> {
    let size = |name: &str| Ok::<_, ConvertError>(weights.tensor(name)?.shape.first().copied().unwrap_or_default());
    let width = size("encoder/conv1/weight")?;
    Ok([
        size("decoder/embeddings/weight")?,
        size("encoder/position_encodings/encodings")?,
        width,
        weights.number("encoder/num_heads")?,
        weights.depth("encoder"),
        size("decoder/position_encodings/encodings")?,
        width,
        weights.number("decoder/num_heads")?,
        weights.depth("decoder"),
        mels,
        match precision {
            Precision::F16 => 1,
            // Version 2 of the quantisation, type 7.
            Precision::Q8 => 2_007,
        },
    ])
}

fn write_beginning(out: &mut impl io::Write, head: &[usize], mels: usize, tokens: &[Vec<u8>]) -> io::Result<()> {
    out.write_all(&MAGIC.to_le_bytes())?;
    head.iter().try_for_each(|number| write_number(out, *number))?;
    write_number(out, mels)?;
    write_number(out, mel::FREQUENCIES)?;
    write_floats(out, &mel::filters(mels))?;
    write_number(out, tokens.len())?;
    for token in tokens {
        write_number(out, token.len())?;
        out.write_all(token)?;
    }
    Ok(())
}

fn write_tensor(out: &mut impl io::Write, name: &str, tensor: &Tensor, precision: Precision) -> io::Result<()> {
    let mut shape = tensor.shape.clone();
    if matches!(name, "encoder.conv1.bias" | "encoder.conv2.bias") {
        shape.push(1);
    }
    let kind = kind(name, &tensor.shape, precision);
    write_number(out, shape.len())?;
    write_number(out, name.len())?;
    write_number(out, kind as usize)?;
    shape.iter().rev().try_for_each(|size| write_number(out, *size))?;
    out.write_all(name.as_bytes())?;
    match kind {
        Type::F32 => write_floats(out, &tensor.values),
        Type::F16 => (tensor.values.iter()).try_for_each(|value| out.write_all(&f16::from_f32(*value).to_le_bytes())),
        Type::Q8 => out.write_all(&q8_0(&tensor.values)),
    }
}

fn kind(name: &str, shape: &[usize], precision: Precision) -> Type {
    match (shape.len(), precision) {
        (0 | 1, _) => Type::F32,
        _ if name.ends_with("positional_embedding") => Type::F32,
        (2, Precision::Q8) => Type::Q8,
        _ => Type::F16,
    }
}

fn write_number(out: &mut impl io::Write, number: usize) -> io::Result<()> {
    let number = i32::try_from(number).map_err(io::Error::other)?;
    out.write_all(&number.to_le_bytes())
}

fn write_floats(out: &mut impl io::Write, values: &[f32]) -> io::Result<()> {
    values.iter().try_for_each(|value| out.write_all(&value.to_le_bytes()))
}
