//! The space of unfinished resumable uploads, bounded in number and in bytes.
//!
//! An upload reserves its length from its creation on, so that it cannot fail half-way. One of unknown length grows in steps that are
//! granted to the request that sends it.

use std::collections::HashMap;

use axum::http::StatusCode;
use cesar_jobs::{Description, UploadId, Uploads};
use parking_lot::Mutex;

use crate::refusal::{Code, Refusal};

/// Maximum number of resumable uploads of a server.
const MOST: usize = 500;

/// Bytes that are granted at once.
const STEP: u64 = 8 << 20;

/// Seconds after which a client may ask again.
const RETRY_AFTER_S: u64 = 60;

/// The bytes of all resumable uploads.
#[derive(Debug)]
pub(crate) struct UploadSpace {
    limit: u64,
    /// The sizes that uploads of unknown length may grow to.
    granted: Mutex<HashMap<UploadId, u64>>,
}

impl UploadSpace {
    /// Space of this many bytes.
    pub(crate) fn new(limit: u64) -> Self {
        Self {
            limit,
            granted: Mutex::default(),
        }
    }

    /// Creates an upload, unless there are too many, or no space is left for it.
    pub(crate) fn create(&self, uploads: &Uploads, description: &Description) -> Result<UploadId, Refusal> {
        // Held until it exists, so that two clients do not share the last place.
        let granted = self.granted.lock();
        let reserved = uploads.reserved()?;
        if reserved.len() >= MOST {
            let text = format!("the server has {MOST} unfinished uploads already; remove some, or wait");
            return Err(refused(Code::TooManyUploads, text));
        }
        let free = self.limit.saturating_sub(sum(&reserved, &granted));
        if description.length.is_some_and(|length| length > free) {
            return Err(self.full(free));
        }
        Ok(uploads.create_resumable(description)?)
    }

    /// Lets an upload grow to a size; [`Self::release`] ends that.
    pub(crate) fn grow(&self, uploads: &Uploads, id: UploadId, size: u64) -> Result<(), Refusal> {
        let mut granted = self.granted.lock();
        if granted.get(&id).is_some_and(|granted| *granted >= size) {
            return Ok(());
        }
        let mut others = uploads.reserved()?;
        others.retain(|(other, _)| *other != id);
        let most = self.limit.saturating_sub(sum(&others, &granted));
        if size > most {
            return Err(self.full(most));
        }
        granted.insert(id, size.next_multiple_of(STEP).min(most));
        Ok(())
    }

    /// Ends what was granted to an upload beyond what it has.
    pub(crate) fn release(&self, id: UploadId) {
        self.granted.lock().remove(&id);
    }

    fn full(&self, free: u64) -> Refusal {
        let text = format!(
            "unfinished uploads may take {} bytes, of which {free} are left; wait until others have ended, or raise \
             `server.max_unfinished_uploads_mb`",
            self.limit
        );
        refused(Code::UploadsFull, text)
    }
}

fn sum(reserved: &[(UploadId, u64)], granted: &HashMap<UploadId, u64>) -> u64 {
    let bytes = |(id, bytes): &(UploadId, u64)| granted.get(id).map_or(*bytes, |granted| *granted.max(bytes));
    reserved.iter().map(bytes).fold(0, u64::saturating_add)
}

fn refused(code: Code, text: String) -> Refusal {
    Refusal::new(StatusCode::TOO_MANY_REQUESTS, code, text).retry_after(RETRY_AFTER_S)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cesar_jobs::{Disk, Opened, SystemRandom};

    use super::*;

    struct Space {
        _folder: tempfile::TempDir,
        uploads: Uploads,
        space: UploadSpace,
    }

    impl Space {
        fn new(limit: u64) -> Self {
            // Hundreds of synced files take seconds on a disk.
            let folder = tempfile::tempdir_in("/dev/shm")
                .or_else(|_| tempfile::tempdir())
                .unwrap();
            let uploads = Uploads::open(folder.path(), Disk::real(), Arc::new(SystemRandom)).unwrap();
            Self {
                _folder: folder,
                uploads,
                space: UploadSpace::new(limit),
            }
        }

        fn create(&self, length: Option<u64>) -> Result<UploadId, Code> {
            let description = Description {
                length,
                ..Description::default()
            };
            let created = self.space.create(&self.uploads, &description);
            created.map_err(|refusal| {
                assert_eq!((refusal.status.as_u16(), refusal.retry_after_s), (429, Some(60)));
                refusal.code
            })
        }

        fn grow(&self, id: UploadId, size: u64) -> Result<(), Code> {
            let grown = self.space.grow(&self.uploads, id, size);
            grown.map_err(|refusal| refusal.code)
        }
    }

    #[test]
    fn lengths_are_reserved_until_an_upload_is_removed() {
        let space = Space::new(100);
        let first = space.create(Some(60)).unwrap();
        assert_eq!(space.create(Some(41)), Err(Code::UploadsFull));
        space.create(Some(40)).unwrap();
        assert_eq!(space.create(Some(1)), Err(Code::UploadsFull));
        space.create(Some(0)).unwrap();
        assert!(matches!(
            space.uploads.remove_resumable(first).unwrap(),
            Opened::Ready(())
        ));
        space.create(Some(60)).unwrap();
    }

    #[test]
    fn growing_uploads_share_what_is_left() {
        let space = Space::new(3 * STEP);
        let [first, second] = [(); 2].map(|()| space.create(None).unwrap());
        assert_eq!(space.grow(first, 1), Ok(()));
        assert_eq!(space.grow(second, STEP + 1), Ok(()));
        assert_eq!(space.create(Some(1)), Err(Code::UploadsFull), "all is granted");
        assert_eq!(space.grow(first, STEP), Ok(()));
        assert_eq!(space.grow(first, STEP + 1), Err(Code::UploadsFull));
        // The request of the other has ended, which wrote nothing.
        space.space.release(second);
        assert_eq!(space.grow(first, STEP + 1), Ok(()));
        assert_eq!(space.grow(second, STEP + 1), Err(Code::UploadsFull));
        assert_eq!(space.grow(second, STEP), Ok(()));
    }

    #[test]
    fn the_number_of_uploads_is_bounded() {
        let space = Space::new(100);
        for _ in 0..MOST {
            space.create(Some(0)).unwrap();
        }
        assert_eq!(space.create(Some(0)), Err(Code::TooManyUploads));
    }
}
