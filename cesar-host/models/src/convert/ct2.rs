//! The weights of a Whisper model for CTranslate2: `model.bin`, version 6 of the format.
//!
//! Version, name of the specification, revision, and the variables: name, rank, dimensions, type, length in bytes, content. Texts
//! have their length in two bytes and end with a zero byte. Aliases follow; Whisper's are not needed.

use std::collections::BTreeMap;

use half::f16;

use super::ConvertError;
use super::bytes::Bytes;

const VERSION: u32 = 6;
const SPECIFICATION: &str = "WhisperSpec";

/// Number formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Numbers {
    Float32,
    Int8,
    Int16,
    Int32,
    Float16,
}

impl Numbers {
    fn of_code(code: u8) -> Option<Self> {
        [Self::Float32, Self::Int8, Self::Int16, Self::Int32, Self::Float16]
            .get(usize::from(code))
            .copied()
    }

    fn width(self) -> usize {
        match self {
            Self::Int8 => 1,
            Self::Int16 | Self::Float16 => 2,
            Self::Float32 | Self::Int32 => 4,
        }
    }
}

/// A variable of the model.
#[derive(Debug, Clone)]
struct Variable<'a> {
    shape: Vec<usize>,
    numbers: Numbers,
    content: &'a [u8],
}

/// A tensor in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tensor {
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f32>,
}

/// The variables of a model, by name.
#[derive(Debug)]
pub(super) struct Weights<'a> {
    what: String,
    variables: BTreeMap<&'a str, Variable<'a>>,
}

/// Whether these bytes begin the weights of a Whisper model.
pub(crate) fn is_whisper(beginning: &[u8]) -> bool {
    let mut bytes = Bytes::new(beginning);
    bytes.u32().is_some() && text(&mut bytes) == Some(SPECIFICATION)
}

impl<'a> Weights<'a> {
    /// Reads the content of `model.bin`; `what` names it in messages.
    pub(super) fn read(what: &str, content: &'a [u8]) -> Result<Self, ConvertError> {
        let mut bytes = Bytes::new(content);
        let version = bytes.u32();
        let specification = text(&mut bytes);
        if (version, specification) != (Some(VERSION), Some(SPECIFICATION)) {
            return Err(ConvertError::malformed(
                what,
                "it is not a Whisper model for CTranslate2, format 6",
            ));
        }
        let variables =
            variables(&mut bytes).ok_or_else(|| ConvertError::malformed(what, "it ends too early or is damaged"))?;
        Ok(Self {
            what: what.to_owned(),
            variables,
        })
    }

    fn variable(&self, name: &str) -> Result<&Variable<'a>, ConvertError> {
        let lacking = || ConvertError::malformed(&self.what, format!("it has no `{name}`"));
        self.variables.get(name).ok_or_else(lacking)
    }

    /// A tensor of floating-point numbers.
    pub(super) fn tensor(&self, name: &str) -> Result<Tensor, ConvertError> {
        let variable = self.variable(name)?;
        let values = match variable.numbers {
            Numbers::Float32 => four_bytes(variable.content).map(f32::from_le_bytes).collect(),
            Numbers::Float16 => two_bytes(variable.content)
                .map(|pair| f16::from_le_bytes(pair).to_f32())
                .collect(),
            _ => {
                let reason = format!("`{name}` is quantised, and only float16 and float32 are converted");
                return Err(ConvertError::malformed(&self.what, reason));
            }
        };
        Ok(Tensor {
            shape: variable.shape.clone(),
            values,
        })
    }

    /// A number of the model's shape.
    pub(super) fn number(&self, name: &str) -> Result<usize, ConvertError> {
        let variable = self.variable(name)?;
        let mut bytes = Bytes::new(variable.content);
        let number = match variable.numbers {
            Numbers::Int8 => bytes.u8().map(u32::from),
            Numbers::Int16 => bytes.u16().map(u32::from),
            Numbers::Int32 => bytes.u32(),
            Numbers::Float32 | Numbers::Float16 => None,
        };
        let number = number.and_then(|number| usize::try_from(number).ok());
        number.ok_or_else(|| ConvertError::malformed(&self.what, format!("`{name}` is no whole number")))
    }

    /// The number of layers of the encoder or decoder.
    pub(super) fn depth(&self, side: &str) -> usize {
        let prefix = format!("{side}/layer_");
        let layers = self.variables.keys().filter_map(|name| {
            let (number, _) = name.strip_prefix(&prefix)?.split_once('/')?;
            number.parse::<usize>().ok()
        });
        layers.max().map_or(0, |last| last + 1)
    }
}

fn variables<'a>(bytes: &mut Bytes<'a>) -> Option<BTreeMap<&'a str, Variable<'a>>> {
    let _revision = bytes.u32()?;
    let count = bytes.length()?;
    let mut variables = BTreeMap::new();
    for _ in 0..count {
        let name = text(bytes)?;
        let rank = bytes.u8()?;
        let shape = (0..rank).map(|_| bytes.length()).collect::<Option<Vec<_>>>()?;
        let numbers = Numbers::of_code(bytes.u8()?)?;
        let length = bytes.length()?;
        let content = bytes.take(length)?;
        let elements = shape
            .iter()
            .try_fold(1_usize, |product, size| product.checked_mul(*size))?;
        if elements.checked_mul(numbers.width())? != length {
            return None;
        }
        variables.insert(
            name,
            Variable {
                shape,
                numbers,
                content,
            },
        );
    }
    Some(variables)
}

fn text<'a>(bytes: &mut Bytes<'a>) -> Option<&'a str> {
    let length = usize::from(bytes.u16()?);
    let text = bytes.take(length)?.strip_suffix(&[0])?;
    std::str::from_utf8(text).ok()
}

fn two_bytes(content: &[u8]) -> impl Iterator<Item = [u8; 2]> {
    content.as_chunks().0.iter().copied()
}

fn four_bytes(content: &[u8]) -> impl Iterator<Item = [u8; 4]> {
    content.as_chunks().0.iter().copied()
}
