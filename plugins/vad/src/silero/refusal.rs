//! Refusals of a file with weights.

use std::io;

/// The greatest size of a file, in bytes; Silero VAD 6 has 1.2 MB.
pub(super) const MAX_FILE: u64 = 8 << 20;

/// Refusals of a file.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// It is larger than any file of this network.
    #[error("it is larger than {} MiB", MAX_FILE >> 20)]
    TooLarge,
    /// It is not in the format.
    #[error("it is damaged or not an ONNX file: {0}")]
    Damaged(&'static str),
    /// A list is longer than any list of this network.
    #[error("it has more than {most} {what}")]
    TooMany {
        /// The limit.
        most: usize,
        /// The list.
        what: &'static str,
    },
    /// It holds another network.
    #[error("it holds another network: `{found}` instead of `{expected}`")]
    Graph {
        /// The first line that differs.
        found: String,
        /// The line of this network.
        expected: &'static str,
    },
    /// The values of a tensor do not fill its shape.
    #[error("its weights {shape} have {bytes} bytes")]
    Weights {
        /// The dimensions.
        shape: String,
        /// The size of the values.
        bytes: usize,
    },
    /// A weight is infinite or not a number.
    #[error("not all of its weights are finite numbers")]
    NotFinite,
}
