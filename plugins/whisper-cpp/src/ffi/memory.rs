//! Settings of the C library for the memory that whisper.cpp frees.
//!
//! A state takes some 100 MB with the smallest model. glibc keeps what is freed in the heap of the thread that asked for it, more
//! the larger it was (the "dynamic mmap threshold" of `mallopt(3)`), and each state may be made by another thread: a process
//! that waits for work would hold several states of nothing. Other C libraries are left as they are.

/// Sets for the whole process that no heap keeps more than some megabytes at its end, and that larger buffers are no part of one.
pub(super) fn keep_little() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        /// Above all that whisper.cpp allocates for a token or a window, which would cost a call of the system each time.
        const LARGE: std::ffi::c_int = 4 << 20;
        for setting in [libc::M_MMAP_THRESHOLD, libc::M_TRIM_THRESHOLD] {
            // SAFETY: takes the allocator's lock and changes a number.
            unsafe { libc::mallopt(setting, LARGE) };
        }
    }
}
