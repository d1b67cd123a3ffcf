//! Settings of the C library for the memory that whisper.cpp frees.
//!
//! A state takes some 100 MB with the smallest model. glibc keeps freed memory in the heap of the thread that allocated it, more
//! for larger blocks (the "dynamic mmap threshold" of `mallopt(3)`), and each state may be created by another thread: an idle
//! process would hold the memory of several states. Other C libraries are not changed.

/// Limits, for the whole process, the free memory at the end of a heap to some megabytes, and allocates larger buffers outside of heaps.
pub(super) fn keep_little() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        /// More than any of whisper.cpp's allocations for a token or a window, which would otherwise cost a system call each time.
        const LARGE: std::ffi::c_int = 4 << 20;
        for setting in [libc::M_MMAP_THRESHOLD, libc::M_TRIM_THRESHOLD] {
            // SAFETY: takes the allocator's lock and changes a number.
            unsafe { libc::mallopt(setting, LARGE) };
        }
    }
}
