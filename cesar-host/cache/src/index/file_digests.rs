//! The queries on digests of files outside the cache.

use cesar_base::{Digest, FileStamp};
use rusqlite::{OptionalExtension, params};

use super::database::Index;
use crate::error::Result;

impl Index {
    /// The digest of a file, if it was remembered under exactly this stamp.
    pub(crate) fn remembered_digest(&self, stamp: &FileStamp) -> Result<Option<Digest>> {
        self.read("read", |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT digest FROM file_digests
                 WHERE device = ?1 AND inode = ?2 AND size = ?3 AND mtime_ns = ?4 AND ctime_ns = ?5",
            )?;
            let digest = statement
                .query_row(
                    params![
                        stamp.device.cast_signed(),
                        stamp.inode.cast_signed(),
                        stamp.size.cast_signed(),
                        stamp.mtime_ns,
                        stamp.ctime_ns
                    ],
                    |row| row.get(0),
                )
                .optional()?;
            Ok(digest.map(Digest::from_bytes))
        })
    }

    /// Remembers the digest of a file, replacing earlier data of that inode.
    pub(crate) fn remember_digest(&self, stamp: &FileStamp, digest: &Digest, now_ms: i64) -> Result<()> {
        self.write("write", |transaction| {
            let mut statement = transaction.prepare_cached(
                "INSERT OR REPLACE INTO file_digests (device, inode, size, mtime_ns, ctime_ns, digest, hashed_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?;
            let values = params![
                stamp.device.cast_signed(),
                stamp.inode.cast_signed(),
                stamp.size.cast_signed(),
                stamp.mtime_ns,
                stamp.ctime_ns,
                digest.as_bytes(),
                now_ms
            ];
            statement.execute(values).map(|_| ())
        })
    }

    /// Forgets the digests of files outside the cache that were hashed at this time or earlier.
    pub(crate) fn forget_file_digests(&self, until_ms: i64) -> Result<()> {
        self.write("write", |transaction| {
            transaction
                .execute("DELETE FROM file_digests WHERE hashed_ms <= ?1", [until_ms])
                .map(|_| ())
        })
    }
}
