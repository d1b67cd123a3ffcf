//! ONNX Runtime for several plugins: found and opened at run time, once in the life of a process.
//!
//! The library is linked into each plugin that computes with it; it is no plugin.

mod ffi;
mod find;

pub use find::{RuntimeError, ensure};
