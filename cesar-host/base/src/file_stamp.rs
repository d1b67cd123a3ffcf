//! Stamps of files, which detect changes without reading the content.
//!
//! The stamp is device, inode, size, and the times at which content and inode last changed. While all five are the same, the file is
//! taken to be unchanged, as long as a later change must change the stamp: see [`FileStamp::is_settled`].

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

const SETTLED_NS: i64 = 2_000_000_000;

/// A file's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStamp {
    /// The device the file is on.
    pub device: u64,
    /// Its inode there.
    pub inode: u64,
    /// Its size in bytes.
    pub size: u64,
    /// Last change of its content, in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Last change of its inode, in nanoseconds since 1970.
    pub ctime_ns: i64,
}

impl FileStamp {
    /// The current stamp of a file.
    ///
    /// # Errors
    /// When the file cannot be inspected.
    pub fn of(path: &Path) -> io::Result<Self> {
        std::fs::metadata(path).map(|metadata| Self::from_metadata(&metadata))
    }

    /// The stamp of a file whose metadata was read.
    #[must_use]
    pub fn from_metadata(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            mtime_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            ctime_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether every change after `now_ms` (milliseconds since 1970) will show in the stamp.
    ///
    /// File times move in steps, of a few milliseconds on most file systems and of up to two seconds on some: a file that is
    /// changed again within the step keeps its stamp. So both times must be at least two seconds in the past, and not in the
    /// future. Git calls other files "racily clean".
    #[must_use]
    pub fn is_settled(&self, now_ms: i64) -> bool {
        let changed_ns = self.mtime_ns.max(self.ctime_ns);
        now_ms.saturating_mul(1_000_000).saturating_sub(changed_ns) >= SETTLED_NS
    }
}

fn nanoseconds(seconds: i64, nanoseconds: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}
