//! The host's samples for longer than the call that lent them.
//!
//! Work on another thread may outlive the call that a cancel ends ([`crate::engine_thread`]), and so cannot borrow. A copy would be
//! 230 MB for an hour. But the host's samples are a shared mapping of a file, and the kernel can create a second mapping of the
//! same pages: `mremap(2)` with an old size of 0. If it refuses, because the samples are elsewhere, they are copied.

use std::ptr::NonNull;

/// Samples that stay valid after the host has released them.
#[derive(Debug)]
pub(crate) struct SharedSamples {
    /// A mapping of this many bytes, or none.
    pages: Option<(NonNull<libc::c_void>, usize)>,
    /// The samples in it.
    first: NonNull<f32>,
    count: usize,
    /// The copy that `first` points into, if there is no mapping.
    _copy: Vec<f32>,
}

// SAFETY: it owns the mapping or the copy, which is never changed.
unsafe impl Send for SharedSamples {}
// SAFETY: as above; it is only read.
unsafe impl Sync for SharedSamples {}

impl SharedSamples {
    /// Shares `samples`.
    pub(crate) fn of(samples: &[f32]) -> Self {
        Self::mapped(samples).unwrap_or_else(|| Self::copied(samples.to_vec()))
    }

    fn copied(copy: Vec<f32>) -> Self {
        Self {
            pages: None,
            first: NonNull::from(copy.as_slice()).cast(),
            count: copy.len(),
            _copy: copy,
        }
    }

    /// A second mapping of the pages of `samples`; `None` if they are not in a shared one.
    fn mapped(samples: &[f32]) -> Option<Self> {
        // SAFETY: takes a number, returns a number.
        let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).ok()?;
        let start = samples.as_ptr().cast::<u8>();
        let before = start.addr() % page;
        let length = before + size_of_val(samples);
        if samples.is_empty() {
            return None;
        }
        // SAFETY: with an old size of 0 nothing is moved or unmapped: the kernel makes a new mapping of what lies at the address, or
        // refuses, as it does with memory that is private. The address is within the mapping that holds `samples`.
        let pages = unsafe { libc::mremap(start.sub(before).cast_mut().cast(), 0, length, libc::MREMAP_MAYMOVE) };
        if pages == libc::MAP_FAILED {
            return None;
        }
        let pages = NonNull::new(pages)?;
        // SAFETY: `before` lies within the new mapping, which is as long as the samples from there on.
        let first = unsafe { pages.byte_add(before) }.cast();
        Some(Self {
            pages: Some((pages, length)),
            first,
            count: samples.len(),
            _copy: Vec::new(),
        })
    }

    /// The samples.
    pub(crate) fn samples(&self) -> &[f32] {
        // SAFETY: so many samples lie there, in the mapping or the copy that live as long as `self`; a page, and with it what was
        // aligned before, is aligned as it was.
        unsafe { std::slice::from_raw_parts(self.first.as_ptr(), self.count) }
    }
}

impl AsRef<[f32]> for SharedSamples {
    fn as_ref(&self) -> &[f32] {
        self.samples()
    }
}

impl Drop for SharedSamples {
    fn drop(&mut self) {
        if let Some((pages, length)) = self.pages {
            // SAFETY: the mapping was made here and is not shared.
            unsafe { libc::munmap(pages.as_ptr(), length) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::os::fd::AsRawFd as _;

    fn numbers() -> Vec<f32> {
        (0..5000_u16).map(f32::from).collect()
    }

    #[test]
    fn private_samples_are_copied() {
        for count in [0, 1, 5000] {
            let samples = numbers();
            let shared = SharedSamples::of(&samples[..count]);
            assert!(shared.pages.is_none());
            drop(samples);
            assert_eq!(shared.samples(), &numbers()[..count]);
        }
    }

    #[test]
    fn mapped_samples_outlive_their_mapping_without_a_copy() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(
            &numbers()
                .iter()
                .flat_map(|sample| sample.to_ne_bytes())
                .collect::<Vec<_>>(),
        )
        .unwrap();
        // SAFETY: a new mapping of a file that is never changed.
        let pages = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                20_000,
                libc::PROT_READ,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        assert_ne!(pages, libc::MAP_FAILED);
        // SAFETY: 5000 samples lie there until the mapping ends below.
        let samples: &[f32] = unsafe { std::slice::from_raw_parts(pages.cast(), 5000) };
        let (all, part) = (SharedSamples::of(samples), SharedSamples::of(&samples[1500..4001]));
        assert!(all.pages.is_some() && part.pages.is_some());
        // SAFETY: `samples` is not used any more.
        unsafe { libc::munmap(pages, 20_000) };
        drop(file);
        assert_eq!(all.samples(), numbers());
        assert_eq!(part.samples(), &numbers()[1500..4001]);
    }
}
