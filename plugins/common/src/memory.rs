//! Failed allocations, and memory that the C library keeps.

/// Messages about failed allocations in C++, CTranslate2, ONNX Runtime's arena and the system.
const FAILED_ALLOCATION: [&str; 4] = [
    "bad_alloc",
    "out of memory",
    "Failed to allocate memory",
    "Cannot allocate memory",
];

/// Whether a library's message reports a failed allocation. The libraries have no error code for it.
#[must_use]
pub fn is_exhausted(message: &str) -> bool {
    FAILED_ALLOCATION.iter().any(|words| message.contains(words))
}

/// Returns freed memory to the system. glibc keeps it in the heap of the thread that allocated it.
pub fn return_freed() {
    crate::ffi::trim_heap();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_allocations_are_recognised_in_the_words_of_each_library() {
        for message in [
            "Exception during initialization: std::bad_alloc",
            "CUDA failed with error out of memory",
            "BFCArena::AllocateRawInternal(size_t, bool) Failed to allocate memory for requested buffer of size 5112064",
            "libonnxruntime.so: cannot map zero-fill pages: Cannot allocate memory",
        ] {
            assert!(is_exhausted(message), "{message}");
        }
        assert!(!is_exhausted("Protobuf parsing failed"));
    }
}
