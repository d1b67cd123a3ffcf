//! The only foreign call of this crate.

#![expect(unsafe_code, reason = "calls a C function")]

/// Returns freed memory to the system; only glibc keeps it.
pub(crate) fn trim_heap() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: takes the allocator's locks, and touches only what is free.
    unsafe {
        libc::malloc_trim(0)
    };
}
