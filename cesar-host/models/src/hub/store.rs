//! The cache's files: complete ones under their digest, links to them, and the commit of the main branch.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::HubError;

const BUFFER: usize = 1 << 18;

/// The folder of one repository.
pub(super) struct Store {
    folder: PathBuf,
    locks: PathBuf,
}

impl Store {
    /// `name` is the folder's name in the cache.
    pub(super) fn new(cache: &Path, name: &str) -> Self {
        Self {
            folder: cache.join(name),
            locks: cache.join(".locks").join(name),
        }
    }

    pub(super) fn blob(&self, digest: &str) -> PathBuf {
        self.folder.join("blobs").join(digest)
    }

    pub(super) fn incomplete(&self, digest: &str) -> PathBuf {
        self.folder.join("blobs").join(format!("{digest}.incomplete"))
    }

    /// The lock of a blob for its download, not acquired yet.
    pub(super) fn lock(&self, digest: &str) -> Result<File, HubError> {
        let path = self.locks.join(format!("{digest}.lock"));
        make_folder_of(&path)?;
        make_folder_of(&self.blob(digest))?;
        let open = File::options().create(true).truncate(false).write(true).open(&path);
        open.map_err(|error| io_error(&path, error))
    }

    /// Makes a complete and synced file the blob of its digest.
    pub(super) fn accept(&self, digest: &str) -> Result<(), HubError> {
        let blob = self.blob(digest);
        fs::rename(self.incomplete(digest), &blob).map_err(|error| io_error(&blob, error))?;
        sync_folder(&self.folder.join("blobs"))
    }

    /// Links a blob as a file of a snapshot.
    pub(super) fn link(&self, commit: &str, path: &str, digest: &str) -> Result<(), HubError> {
        let link = self.folder.join("snapshots").join(commit).join(path);
        make_folder_of(&link)?;
        let up = "../".repeat(2 + path.matches('/').count());
        let target = PathBuf::from(format!("{up}blobs/{digest}"));
        if fs::read_link(&link).is_ok_and(|found| found == target) {
            return Ok(());
        }
        let fresh = link.with_file_name(format!(".{digest}.{}", std::process::id()));
        let made = symlink(&target, &fresh).and_then(|()| fs::rename(&fresh, &link));
        made.map_err(|error| io_error(&link, error))?;
        sync_folder(link.parent().unwrap_or(&self.folder))
    }

    /// Sets the commit of the main branch.
    pub(super) fn set_main(&self, commit: &str) -> Result<(), HubError> {
        let path = self.folder.join("refs/main");
        if fs::read_to_string(&path).is_ok_and(|found| found == commit) {
            return Ok(());
        }
        make_folder_of(&path)?;
        cesar_base::replace_durably(&path, commit.as_bytes(), 0o644).map_err(|error| io_error(&path, error))
    }
}

/// The running digest of a blob, by kind.
pub(crate) enum Hash {
    Sha256(Sha256),
    Git(Sha1),
}

impl Hash {
    /// The kind of `digest`, for a file of `size` bytes: git hashes the length first.
    pub(crate) fn like(digest: &str, size: u64) -> Self {
        if digest.len() == 64 {
            Self::Sha256(Sha256::new())
        } else {
            Self::Git(Sha1::new_with_prefix(format!("blob {size}\0")))
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            Self::Git(hash) => hash.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self {
            Self::Sha256(hash) => hex(&hash.finalize()),
            Self::Git(hash) => hex(&hash.finalize()),
        }
    }

    /// Hashes everything that can be read, and returns its length in bytes.
    pub(crate) fn read(&mut self, from: &mut impl Read) -> io::Result<u64> {
        let mut buffer = vec![0; BUFFER];
        let mut total = 0;
        loop {
            match from.read(&mut buffer)? {
                0 => return Ok(total),
                count => {
                    self.update(&buffer[..count]);
                    total += count as u64;
                }
            }
        }
    }
}

pub(super) fn io_error(path: &Path, error: io::Error) -> HubError {
    HubError::Io {
        path: path.to_owned(),
        error,
    }
}

fn make_folder_of(file: &Path) -> Result<(), HubError> {
    let folder = file.parent().unwrap_or(file);
    fs::create_dir_all(folder).map_err(|error| io_error(folder, error))
}

fn sync_folder(folder: &Path) -> Result<(), HubError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| io_error(folder, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_equal_those_of_sha256sum_and_git() {
        let digest_like = |like: &str| {
            let mut hash = Hash::like(like, 6);
            hash.read(&mut &b"hello\n"[..]).unwrap();
            hash.finish()
        };
        assert_eq!(digest_like(&"0".repeat(40)), "ce013625030ba8dba906f756967f9e9ca394464a");
        assert_eq!(
            digest_like(&"0".repeat(64)),
            "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
        );
    }

    #[test]
    fn snapshot_files_link_to_their_blobs() {
        let cache = tempfile::tempdir().unwrap();
        let store = Store::new(cache.path(), "models--a--b");
        drop(store.lock("12").unwrap());
        fs::write(store.incomplete("12"), "content").unwrap();
        store.accept("12").unwrap();
        for path in ["top.bin", "folder/deep.bin"] {
            store.link("c0", path, "12").unwrap();
            store.link("c0", path, "12").unwrap();
        }
        store.set_main("c0").unwrap();
        let snapshot = super::super::snapshot(&cache.path().join("models--a--b")).unwrap();
        for path in ["top.bin", "folder/deep.bin"] {
            assert_eq!(fs::read_to_string(snapshot.join(path)).unwrap(), "content");
        }
    }
}
