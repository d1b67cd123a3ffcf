//! Removal of resumable uploads that no client continues, and of leftovers of crashes.

use super::error::{IoContext, Result};
use super::id::UploadId;
use super::resumable::{NEW_RECORD, Opened, RECORD};
use super::resumable_state::{LIFETIME_MS, ResumableState};
use super::store::JobStore;
use super::uploads::Uploads;

impl Uploads {
    /// Removes uploads that got no byte for [`LIFETIME_MS`], and leftovers of crashes; returns their number. What is being received or
    /// submitted stays.
    ///
    /// # Errors
    /// When a file or the store cannot be used.
    pub fn sweep_resumable(&self, store: &dyn JobStore, now_ms: i64) -> Result<u64> {
        let mut removed = 0;
        for id in self.resumable_ids()? {
            let Opened::Ready(_held) = self.lock_data(id)? else {
                continue;
            };
            let state = self.resumable(id)?;
            // A clock that was set back does not keep uploads for ever: the distance counts in both directions.
            let is_expired = |state: &ResumableState| {
                now_ms > state.expires_ms || now_ms < state.expires_ms.saturating_sub(2 * LIFETIME_MS)
            };
            if state.as_ref().is_none_or(is_expired) {
                let data = self.data(id);
                self.disk.remove(&data).context("remove", &data)?;
                self.forget_here(id)?;
                removed += 1;
            }
        }
        for id in self.ids(RECORD)? {
            // Left by a crash in a removal, or behind the submission of a job. During a submission the file is there and no job's. It may
            // get its old name back between two looks.
            let is_gone = || !self.data(id).exists() && !self.path(id).exists() && !self.data(id).exists();
            if is_gone() || (self.path(id).exists() && store.uses_upload(id)?) {
                self.forget_here(id)?;
            }
        }
        for id in self.ids(NEW_RECORD)? {
            if !self.data(id).exists() {
                let new = self.path(id).with_extension(NEW_RECORD);
                self.disk.remove(&new).context("remove", &new)?;
            }
        }
        Ok(removed)
    }

    /// Whether a complete upload that no job names can be resumed; then it gets its name back.
    pub(super) fn restore(&self, id: UploadId) -> Result<bool> {
        if self.description(id)?.is_none() {
            return Ok(false);
        }
        let (path, data) = (self.path(id), self.data(id));
        self.disk.rename(&path, &data).context("create", &data)?;
        Ok(true)
    }
}
