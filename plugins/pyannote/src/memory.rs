//! Failed allocations, separated from all other failures.
//!
//! ONNX Runtime reports them only by message, while it loads a model (which is then neither missing nor broken) or runs it.

use cesar_plugin_common::memory;
use plugin_api::{ErrorKind, StageError};

/// A failure of this kind, unless the library's `reason` is a failed allocation.
pub(crate) fn failure(kind: ErrorKind, reason: &str, message: impl Into<String>) -> StageError {
    if memory::is_exhausted(reason) {
        exhausted()
    } else {
        StageError::new(kind, message)
    }
}

/// An allocation failed.
pub(crate) fn exhausted() -> StageError {
    let message = "memory ran out while identifying speakers: allow more in `plugins.memory_limit`, or set fewer `threads`, each of \
                   which loads the networks once more";
    StageError::new(ErrorKind::OutOfMemory, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_allocations_are_out_of_memory() {
        let reason = "Exception during initialization: std::bad_alloc";
        let exhausted = failure(ErrorKind::ModelMissing, reason, "no model");
        assert_eq!(exhausted.kind, ErrorKind::OutOfMemory);
        let other = failure(ErrorKind::ModelMissing, "Protobuf parsing failed", "no model");
        assert_eq!(
            (other.kind, other.message.as_str()),
            (ErrorKind::ModelMissing, "no model")
        );
    }
}
