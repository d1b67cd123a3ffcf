//! The open cache folder, shared by the parts of the cache: files, index, clock, and notices.

use std::fmt;
use std::sync::Arc;

use cesar_base::{Clock, Io};
use parking_lot::Mutex;

use super::error::Result;
use super::file_lock::{CacheLock, Sharing};
use super::index::{self, Index, Journal};
use super::layout::Layout;
use super::objects::Objects;
use super::temporary;

pub(super) struct Storage {
    pub(super) layout: Layout,
    pub(super) io: Io,
    pub(super) objects: Objects,
    pub(super) index: Index,
    clock: Arc<dyn Clock>,
    notices: Mutex<Vec<String>>,
    /// Released last: the index is closed before another process can quarantine it.
    _in_use: CacheLock,
}

impl Storage {
    /// Opens the index and sweeps the temporary files of dead processes. The second value is a warning about the index.
    pub(super) fn open(
        layout: Layout,
        clock: Arc<dyn Clock>,
        io: Io,
        journal: Journal,
    ) -> Result<(Arc<Self>, Option<String>)> {
        let now_ms = clock.now_ms();
        let opened = index::open_or_replace(&layout, &io, journal, now_ms)?;
        // A leftover that cannot be removed is harmless; the next opening retries.
        let _ = temporary::sweep(&layout.temporary(), &io, Some(now_ms));
        let storage = Self {
            objects: Objects::new(&layout, &io),
            layout,
            io,
            index: opened.index,
            clock,
            notices: Mutex::default(),
            _in_use: opened.in_use,
        };
        Ok((Arc::new(storage), opened.warning))
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Adds a notice for the user.
    pub(super) fn notice(&self, text: String) {
        self.notices.lock().push(text);
    }

    pub(super) fn take_notices(&self) -> Vec<String> {
        std::mem::take(&mut self.notices.lock())
    }

    /// Takes `objects.lock`.
    pub(super) fn lock_objects(&self, sharing: Sharing) -> Result<CacheLock> {
        CacheLock::acquire(&self.layout.objects_lock(), sharing, &self.io)
    }

    /// Takes `maintenance.lock`.
    pub(super) fn lock_maintenance(&self) -> Result<CacheLock> {
        CacheLock::acquire(&self.layout.maintenance_lock(), Sharing::Exclusive, &self.io)
    }

    /// Free space on the disk, in bytes; `None` if the system does not report it.
    pub(super) fn free_disk(&self) -> Option<u64> {
        self.io.free_space(self.layout.versioned()).ok()
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        // A long log only makes the next opening slower.
        let _ = self.index.shorten_log();
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Storage")
            .field("directory", &self.layout.directory())
            .finish_non_exhaustive()
    }
}
