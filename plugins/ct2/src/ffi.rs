//! The only foreign calls of this crate.

#![expect(unsafe_code, reason = "calls C functions")]

#[cfg(all(test, feature = "onednn", target_arch = "x86_64"))]
pub(crate) mod products;

include!(concat!(env!("OUT_DIR"), "/guard.rs"));

unsafe extern "C" {
    /// In `native/ctranslate2/allocator.cpp`.
    fn cesar_ct2_release_memory();
}

/// Returns the memory that CTranslate2 keeps for reuse to the system.
pub(crate) fn release_memory() {
    // SAFETY: it has no parameters, and locks the allocator.
    unsafe { cesar_ct2_release_memory() }
}
