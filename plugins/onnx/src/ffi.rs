//! The one place with `unsafe`: one session of ONNX Runtime, run by several threads at the same time, and the settings of malloc.
//!
//! ONNX Runtime allows that, and so the weights are in memory once. `ort` asks for `&mut Session`, which [`Lane`] gives each thread
//! without a second model.

#![expect(unsafe_code, reason = "`ort` does not offer concurrent runs of one session")]

use std::mem::ManuallyDrop;
use std::sync::Arc;

use ort::session::Session;

/// Keeps freed blocks of any size in one heap.
///
/// Moonshine's decoder makes float weights of 50 MB for each token. ONNX Runtime's own arena keeps twice the memory of them; glibc returns such
/// blocks to the system, and getting them again takes as long as the token.
pub(crate) fn keep_large_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    for (setting, value) in [
        (libc::M_ARENA_MAX, 1),
        (libc::M_MMAP_THRESHOLD, 1 << 30),
        (libc::M_TRIM_THRESHOLD, 1 << 30),
    ] {
        // SAFETY: takes two numbers and the allocator's locks; refuses values that it does not know.
        unsafe { libc::mallopt(setting, value) };
    }
}

/// A session for one thread, whose weights it shares with the others.
#[derive(Debug)]
pub(crate) struct Lane {
    /// Dropped by `owner` only.
    session: ManuallyDrop<Session>,
    /// Keeps alive what `session` points to.
    _owner: Arc<Session>,
}

impl Lane {
    /// A lane of this session.
    pub(crate) fn of(owner: &Arc<Session>) -> Self {
        // SAFETY: a bitwise copy of the session: a counted pointer to ONNX Runtime's session, and two lists of names and types. All that
        // they point to lives as long as the owner, which this lane holds; it is never freed through the copy (`ManuallyDrop`), and
        // `Session::run` only reads it. `OrtApi::Run` may be called on one session by several threads at the same time.
        let session = ManuallyDrop::new(unsafe { std::ptr::read(Arc::as_ptr(owner)) });
        Self {
            session,
            _owner: Arc::clone(owner),
        }
    }

    /// The session, to run.
    pub(crate) fn session(&mut self) -> &mut Session {
        &mut self.session
    }
}
