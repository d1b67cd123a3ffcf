//! The only foreign calls of this crate.

#![expect(unsafe_code, reason = "calls C functions")]

#[cfg(all(test, feature = "onednn", target_arch = "x86_64"))]
pub(crate) mod products;

include!(concat!(env!("OUT_DIR"), "/guard.rs"));

/// Has the C library give back the memory that was freed: what reading a tokenizer leaves is more than the tokenizer.
pub(crate) fn give_back_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: takes the allocator's locks, and touches only what is free.
    unsafe {
        libc::malloc_trim(0)
    };
}
