//! The folders and files of a cache.
//!
//! ```text
//! <dir>/CACHEDIR.TAG              makes backup programs skip the folder
//! <dir>/v1/index.db               keys, entries, small results, statistics (SQLite)
//! <dir>/v1/objects/ab/<digest>    large results, named by the SHA-256 of their content
//! <dir>/v1/tmp/                   results being written; each file is locked by its writer
//! <dir>/v1/locks/<key>            one file per key being computed
//! <dir>/v1/owners/                one file per process that leases entries, locked by it
//! <dir>/v1/quarantine/            damaged results and damaged indexes, kept for inspection
//! <dir>/v1/use.lock               shared by every open cache; exclusive to quarantine a damaged index
//! <dir>/v1/setup.lock             exclusive while the index is created or migrated
//! <dir>/v1/objects.lock           shared from the rename of an object until its row is committed; exclusive while
//!                                 rows and their objects are removed
//! <dir>/v1/maintenance.lock       exclusive while a process evicts entries
//! <dir>/v1/index.damaged          left by a process that met a damaged page: check before the next use
//! ```
//! A different layout gets a different version folder, so two versions of Cesar never disagree about one folder.
//!
//! Lock order: `use.lock`, then the lock of a key, then `maintenance.lock`, then `objects.lock`, then the transaction of
//! the index. Housekeeping, which holds `maintenance.lock`, only ever *tries* the locks of keys.

use std::fs;
use std::path::{Path, PathBuf};

use cesar_base::{Digest, Io};

use super::error::{IoContext, Result};
use super::key::Key;

const VERSION_FOLDER: &str = "v1";
const TAG_NAME: &str = "CACHEDIR.TAG";
const TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
    # This folder is a cache made by Cesar and can be deleted at any time.\n\
    # For information about cache folder tags see https://bford.info/cachedir/\n";

/// The paths of a cache.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    directory: PathBuf,
    versioned: PathBuf,
}

impl Layout {
    /// Creates the missing folders and the tag.
    pub(super) fn create(directory: &Path, io: &Io) -> Result<Self> {
        let layout = Self {
            directory: directory.to_owned(),
            versioned: directory.join(VERSION_FOLDER),
        };
        for folder in [
            layout.objects(),
            layout.temporary(),
            layout.locks(),
            layout.owners(),
            layout.quarantine(),
        ] {
            io.create_folder(&folder).context("create", &folder)?;
        }
        layout.write_tag(io)?;
        Ok(layout)
    }

    fn write_tag(&self, io: &Io) -> Result<()> {
        let path = self.directory.join(TAG_NAME);
        // A tag of a different length is from a killed writer.
        if fs::metadata(&path).is_ok_and(|tag| tag.len() == TAG.len() as u64) {
            return Ok(());
        }
        io.step().and_then(|()| fs::write(&path, TAG)).context("write", &path)
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn versioned(&self) -> &Path {
        &self.versioned
    }

    pub(super) fn index(&self) -> PathBuf {
        self.versioned.join("index.db")
    }

    pub(super) fn damage_marker(&self) -> PathBuf {
        self.versioned.join("index.damaged")
    }

    pub(super) fn objects(&self) -> PathBuf {
        self.versioned.join("objects")
    }

    pub(super) fn object(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        self.objects().join(&name[..2]).join(name)
    }

    pub(super) fn temporary(&self) -> PathBuf {
        self.versioned.join("tmp")
    }

    pub(super) fn locks(&self) -> PathBuf {
        self.versioned.join("locks")
    }

    pub(super) fn key_lock(&self, key: &Key) -> PathBuf {
        self.locks().join(key.to_string())
    }

    pub(super) fn owners(&self) -> PathBuf {
        self.versioned.join("owners")
    }

    pub(super) fn quarantine(&self) -> PathBuf {
        self.versioned.join("quarantine")
    }

    pub(super) fn use_lock(&self) -> PathBuf {
        self.versioned.join("use.lock")
    }

    pub(super) fn setup_lock(&self) -> PathBuf {
        self.versioned.join("setup.lock")
    }

    pub(super) fn maintenance_lock(&self) -> PathBuf {
        self.versioned.join("maintenance.lock")
    }

    pub(super) fn objects_lock(&self) -> PathBuf {
        self.versioned.join("objects.lock")
    }
}

/// Whether SQLite's write-ahead log is unsafe on the file system of `path`, because several machines may see it: the
/// log needs memory shared by all users. FUSE counts, as its backend is unknown.
pub(super) fn is_network_file_system(path: &Path) -> bool {
    rustix::fs::statfs(path).is_ok_and(|status| is_of_network(status.f_type as u64))
}

/// Whether this is the magic number of such a file system.
pub(super) fn is_of_network(magic: u64) -> bool {
    const NFS: u64 = 0x6969;
    const SMB: u64 = 0x517B;
    const SMB2: u64 = 0xFE53_4D42;
    const CIFS: u64 = 0xFF53_4D42;
    const NINE_P: u64 = 0x0102_1997;
    const FUSE: u64 = 0x6573_5546;
    const AFS: u64 = 0x5346_414F;
    const CEPH: u64 = 0x00C3_6400;
    const LUSTRE: u64 = 0x0BD0_0BD0;
    const GFS2: u64 = 0x0116_1970;
    const OCFS2: u64 = 0x7461_636F;
    const GPFS: u64 = 0x4750_4653;
    const BEEGFS: u64 = 0x1983_0326;
    const VIRTUALBOX: u64 = 0x786F_4256;
    const NETWORK: [u64; 14] = [
        NFS, SMB, SMB2, CIFS, NINE_P, FUSE, AFS, CEPH, LUSTRE, GFS2, OCFS2, GPFS, BEEGFS, VIRTUALBOX,
    ];
    // The magic numbers are 32 bits wide; their field is wider on some machines and signed on others.
    NETWORK.contains(&(magic & 0xFFFF_FFFF))
}
