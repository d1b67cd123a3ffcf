//! Loads a plugin's library into this process: the only `dlopen` of Cesar, in a runner (or with `--in-process`).
//!
//! `RTLD_NOW`, so that a missing symbol is detected now and not during a job; `RTLD_LOCAL`, so that plugins do not see each
//! other's symbols. A library is never closed: threads and thread-local destructors of its C++ may still need it. `abi_stable`'s
//! own loader is not used because it returns the first plugin for every later path, and loads lazily.
#![expect(unsafe_code, reason = "dlopen, and mapping the host's audio")]

use std::error::Error;
use std::fs::File;
use std::mem::ManuallyDrop;
use std::os::fd::OwnedFd;
use std::path::Path;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use memmap2::Mmap;
use rustix::fs::{OFlags, SealFlags, StatVfsMountFlags, fcntl_get_seals, fcntl_getfl, statvfs};

use plugin_api::host::{HEADER_SYMBOL, LoadError, Module};

/// Loads the library at `path` and checks its boundary. Runs the library's constructors: call it in a child process.
///
/// # Errors
/// [`LoadError`] if the dynamic loader refuses it, or it is not a plugin of this ABI.
pub fn load(path: &Path) -> Result<Module, LoadError> {
    // SAFETY: running the library's constructors is what the caller asked for; the file was checked to be a whole ELF library.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map_err(|error| {
        let reason = reason(&error);
        let summary = if is_without_programs(path) {
            "its file system is mounted `noexec`; put the plugin into another folder, or mount it without `noexec`"
                .to_owned()
        } else {
            format!(
                "the dynamic loader refuses it: {}",
                reason.lines().next().unwrap_or_default()
            )
        };
        LoadError {
            summary,
            detail: reason,
        }
    })?;
    let library = ManuallyDrop::new(library);
    let name = format!("{HEADER_SYMBOL}\0");
    // SAFETY: the symbol is only used as an address here; its type is checked behind it.
    let symbol = unsafe { library.get::<*const ()>(name.as_bytes()) }.map_err(|error| LoadError {
        summary: format!("it does not export `{HEADER_SYMBOL}`: build it with `cesar_plugin!`"),
        detail: reason(&error),
    })?;
    // SAFETY: it is that symbol's address, and `ManuallyDrop` keeps the library loaded.
    unsafe { Module::from_header(symbol.as_raw_ptr().cast_const().cast()) }
}

/// What the system says of an error: the innermost one, as `libloading` only names the call that failed.
fn reason(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), reason)
}

/// Whether no code can be loaded from the file system of this file. The loader's own sentence names no cause.
fn is_without_programs(path: &Path) -> bool {
    statvfs(path).is_ok_and(|system| system.f_flag.contains(StatVfsMountFlags::NOEXEC))
}

/// The host's audio, memory-mapped.
pub(crate) struct MappedAudio(Mmap);

impl MappedAudio {
    /// Maps native-endian `f32` samples: a sealed memory file, or a file on disk that was opened for reading only.
    pub(crate) fn map(descriptor: OwnedFd, samples: u64) -> std::io::Result<Self> {
        // Only files in memory have seals.
        let is_sealed =
            fcntl_get_seals(&descriptor).is_ok_and(|seals| seals.contains(SealFlags::WRITE | SealFlags::SHRINK));
        if !is_sealed && fcntl_getfl(&descriptor)? & OFlags::ACCMODE != OFlags::RDONLY {
            return Err(std::io::Error::other("the audio is not sealed, and can be written to"));
        }
        let file = File::from(descriptor);
        if Some(file.metadata()?.len()) != samples.checked_mul(4) {
            return Err(std::io::Error::other("the audio is not as long as was said"));
        }
        // SAFETY: the file is not changed or shrunk while it is mapped. The seals of a memory file promise that. A file on disk has no
        // name, and the host has closed the only descriptor for writing before it hands out this one.
        unsafe { Mmap::map(&file) }.map(Self)
    }

    /// The samples.
    pub(crate) fn samples(&self) -> &[f32] {
        // SAFETY: every bit pattern is an `f32`; `align_to` takes care of alignment, and a map is aligned to a page.
        let (before, samples, after) = unsafe { self.0.align_to::<f32>() };
        debug_assert!(before.is_empty() && after.is_empty());
        samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_of_the_system_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("libplugin.so");
        std::fs::write(&file, "no library").unwrap();
        let Err(error) = load(&file) else {
            panic!("it is no library");
        };
        assert!(
            error.summary.contains("invalid ELF header") || error.summary.contains("file too short"),
            "{}",
            error.summary
        );
        assert!(
            error.summary.starts_with("the dynamic loader refuses it: "),
            "{}",
            error.summary
        );
    }
}
