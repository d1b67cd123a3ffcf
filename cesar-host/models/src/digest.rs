//! The digest of a model: its identity, independent of place and name.
//!
//! For a model of one file it is the SHA-256 of the file. For a folder it is the SHA-256 of the 21 bytes
//! `cesar-model-folder-1\n` followed, for each file present in the order of its relative name (by bytes), by the length of the
//! name as 8 bytes, least significant first, the name, and the 32 bytes of the file's SHA-256. The length keeps names and
//! digests apart, and files of a folder that the manifest does not name (a README) do not count.

use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::ResolvedModel;

const HEADER: &[u8] = b"cesar-model-folder-1\n";

/// The digest of a model. `file_digest` returns a file's SHA-256: the caller may remember those of unchanged files.
///
/// # Errors
/// Any error of `file_digest`.
pub fn digest<E>(
    model: &ResolvedModel,
    file_digest: &mut dyn FnMut(&Path) -> Result<[u8; 32], E>,
) -> Result<[u8; 32], E> {
    if model.is_one_file() {
        return file_digest(&model.path);
    }
    let mut files: Vec<_> = model.files.iter().collect();
    files.sort();
    let mut hash = Sha256::new();
    hash.update(HEADER);
    for (name, path) in files {
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name.as_bytes());
        hash.update(file_digest(path)?);
    }
    Ok(hash.finalize().into())
}
