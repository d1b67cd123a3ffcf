//! Failures for want of memory, told from all others.
//!
//! ONNX Runtime has no code for them: it catches what C++ throws and passes on the words, while a model loads (which is then not a model
//! that is missing or broken) or while it runs.

use plugin_api::{ErrorKind, StageError};

/// An allocation that failed, as C++, ONNX Runtime's arena and the system say it.
const WORDS: [&str; 3] = ["bad_alloc", "Failed to allocate memory", "Cannot allocate memory"];

/// A failure of this kind, unless it was for want of memory by what the library said as its `reason`.
pub(crate) fn failure(kind: ErrorKind, reason: &str, message: impl Into<String>) -> StageError {
    if WORDS.iter().any(|words| reason.contains(words)) {
        ran_out()
    } else {
        StageError::new(kind, message)
    }
}

/// There was not enough memory.
pub(crate) fn ran_out() -> StageError {
    let message = "memory ran out while speakers were told apart: allow more in `plugins.memory_limit`, or set fewer `threads`, each of \
                   which loads the networks once more";
    StageError::new(ErrorKind::OutOfMemory, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn want_of_memory_is_a_kind_of_its_own() {
        for reason in [
            "Exception during initialization: std::bad_alloc",
            "BFCArena::AllocateRawInternal(size_t, bool) Failed to allocate memory for requested buffer of size 5112064",
            "libonnxruntime.so: cannot map zero-fill pages: Cannot allocate memory",
        ] {
            assert_eq!(
                failure(ErrorKind::ModelMissing, reason, "no model").kind,
                ErrorKind::OutOfMemory,
                "{reason}"
            );
        }
        let other = failure(ErrorKind::ModelMissing, "Protobuf parsing failed", "no model");
        assert_eq!(
            (other.kind, other.message.as_str()),
            (ErrorKind::ModelMissing, "no model")
        );
    }
}
