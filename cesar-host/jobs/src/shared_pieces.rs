//! Pieces of resumable uploads that machines share: each is stored outside before it is acknowledged, so that any server continues.
//!
//! ```text
//! description             what the client said at the beginning
//! length                  the final length, where it was unknown then
//! 00000000000008388608    the bytes from this offset
//! ```
//! A piece is created only where there is none of its offset: of two servers that receive the same bytes, the later one is refused, and its
//! client asks for the offset. The file of a server has a beginning of the upload, and only bytes that are stored outside; what other
//! servers have received is added when the upload is complete.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::blobs::{Piece, Sharing};
use super::error::{IoContext, JobsError, Result};
use super::id::UploadId;
use super::resumable_state::{Description, LIFETIME_MS, ResumableState};
use super::uploads::Uploads;

/// The most bytes of a piece, which are in memory until they are stored.
pub(super) const LARGEST_PIECE: usize = 4 << 20;

/// The largest description that is read.
const LARGEST_DESCRIPTION: usize = 64 << 10;

const DESCRIPTION: &str = "description";
const LENGTH: &str = "length";

/// The name of the piece from an offset: in the order of offsets.
fn name(offset: u64) -> String {
    format!("{offset:020}")
}

impl Sharing {
    pub(super) fn store_description(&self, id: UploadId, description: &Description) -> Result<()> {
        let json = serde_json::to_vec(description).expect("texts and numbers always serialise");
        self.create(id, DESCRIPTION, json)
    }

    pub(super) fn store_length(&self, id: UploadId, length: u64) -> Result<()> {
        self.create(id, LENGTH, length.to_string().into_bytes())
    }

    pub(super) fn store_piece(&self, id: UploadId, offset: u64, bytes: Vec<u8>) -> Result<()> {
        self.create(id, &name(offset), bytes)
    }

    fn create(&self, id: UploadId, name: &str, bytes: Vec<u8>) -> Result<()> {
        match self.run("store", |blobs| blobs.put_piece(id, name, bytes))? {
            true => Ok(()),
            false => Err(JobsError::Overtaken),
        }
    }

    /// The state of an upload, and its pieces from the beginning.
    pub(super) fn resumable(&self, id: UploadId) -> Result<Option<(ResumableState, Vec<Piece>)>> {
        let mut stored = self.run("list", |blobs| blobs.pieces(id))?;
        stored.sort_by(|one, other| one.name.cmp(&other.name));
        let Some(mut description) = self.description(id)? else {
            return Ok(None);
        };
        if description.length.is_none() && stored.iter().any(|piece| piece.name == LENGTH) {
            description.length = self.small(id, LENGTH)?.and_then(|text| text.parse().ok());
        }
        let age = stored.iter().map(|piece| piece.age).min().unwrap_or_default();
        let (mut offset, mut pieces) = (0, Vec::new());
        for piece in stored {
            if piece.name == name(offset) {
                offset += piece.bytes;
                pieces.push(piece);
            }
        }
        let state = ResumableState {
            offset,
            description,
            expires_ms: expiry_ms(age),
        };
        Ok(Some((state, pieces)))
    }

    /// The description of an upload.
    pub(super) fn description(&self, id: UploadId) -> Result<Option<Description>> {
        let json = self.small(id, DESCRIPTION)?;
        // One that cannot be read is of another program.
        Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
    }

    fn small(&self, id: UploadId, name: &str) -> Result<Option<String>> {
        let mut text = Vec::new();
        let found = self.run("read", |blobs| {
            blobs.get_piece(id, name, &mut |bytes| match text.len() + bytes.len() {
                0..=LARGEST_DESCRIPTION => {
                    text.extend_from_slice(bytes);
                    Ok(())
                }
                _ => Err(io::Error::new(io::ErrorKind::InvalidData, "it is too long")),
            })
        })?;
        Ok(found.then(|| String::from_utf8_lossy(&text).into_owned()))
    }

    /// Removes an unfinished upload, its description first, so that no server continues one that is half removed.
    pub(super) fn remove_pieces(&self, id: UploadId) -> Result<()> {
        self.run("remove", |blobs| {
            blobs.remove_piece(id, DESCRIPTION)?;
            for piece in blobs.pieces(id)? {
                blobs.remove_piece(id, &piece.name)?;
            }
            Ok(())
        })
    }

    /// Removes unfinished uploads that got no byte for their lifetime, and returns how many.
    pub(super) fn sweep_pieces(&self) -> Result<u64> {
        let lifetime = Duration::from_millis(LIFETIME_MS.unsigned_abs());
        let mut removed = 0;
        for (id, age) in self.run("list", |blobs| blobs.unfinished())? {
            if age > lifetime {
                self.remove_pieces(id)?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

/// When an upload expires whose youngest piece has this age.
fn expiry_ms(age: Duration) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let ms = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    ms(now).saturating_sub(ms(age)).saturating_add(LIFETIME_MS)
}

impl Uploads {
    /// Adds to the locked file of an upload what other servers have received.
    pub(super) fn catch_up(&self, sharing: &Sharing, id: UploadId, file: &mut File, pieces: &[Piece]) -> Result<()> {
        let data = self.data(id);
        let mut there = file.metadata().context("inspect", &data)?.len();
        let mut start = 0;
        for piece in pieces {
            let end = start + piece.bytes;
            if there < end {
                // A crash may have left a part of it.
                file.set_len(start).context("write", &data)?;
                file.seek(SeekFrom::Start(start)).context("write", &data)?;
                self.fetch_piece(sharing, id, file, piece)?;
                there = end;
            }
            start = end;
        }
        Ok(())
    }

    fn fetch_piece(&self, sharing: &Sharing, id: UploadId, file: &mut File, piece: &Piece) -> Result<()> {
        let (data, mut unwritten, mut fetched) = (self.data(id), None, 0);
        let found = sharing.run("read", |blobs| {
            blobs.get_piece(id, &piece.name, &mut |bytes| {
                fetched += bytes.len() as u64;
                self.disk.write_all(file, bytes).map_err(|error| {
                    unwritten = Some(error);
                    io::Error::other("the copy cannot be written")
                })
            })
        });
        if let Some(error) = unwritten {
            return Err(error).context("write", &data);
        }
        match found? && fetched == piece.bytes {
            true => Ok(()),
            false => Err(sharing.error("read", io::ErrorKind::UnexpectedEof.into())),
        }
    }
}
