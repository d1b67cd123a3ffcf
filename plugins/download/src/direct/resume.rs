//! State of a transfer beside its file ([`RESUME`]), from which the next transfer resumes after a kill.
//!
//! It is written once the beginning is known to be a recording and the server has sent a validator for the rest, and removed before
//! the file is truncated. Written data is in the system's memory first, which survives a killed process but not a failing machine:
//! so a transfer is resumed only until the machine reboots (`boot_id`, Linux).

use std::fs::{self, File};
use std::io::{self, Seek as _, SeekFrom};
use std::path::Path;

use plugin_api::download::{Known, RESUME};
use serde::{Deserialize, Serialize};

/// The name of the file in the host's folder.
pub const FILE: &str = "media";
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// The progress of a transfer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ResumeState {
    url: String,
    boot: String,
    pub(super) known: Known,
    pub(super) total: Option<u64>,
}

impl ResumeState {
    /// Records in `folder` that a transfer can be resumed.
    pub(super) fn write(folder: &Path, url: &str, known: &Known, total: Option<u64>) -> io::Result<()> {
        let Some(boot) = boot() else { return Ok(()) };
        let state = Self {
            url: url.to_owned(),
            boot,
            known: known.clone(),
            total,
        };
        let fresh = folder.join("resume.new");
        fs::write(&fresh, serde_json::to_vec(&state)?)?;
        fs::rename(fresh, folder.join(RESUME))
    }

    fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(folder.join(RESUME)).ok()?).ok()
    }

    /// Whether it belongs to the URL, and the rest of a file with `done` bytes is missing.
    fn fits(&self, url: &str, done: u64) -> bool {
        let is_part = done > 0 && self.total.is_none_or(|total| done < total);
        self.url == url && Some(&self.boot) == boot().as_ref() && is_part
    }

    /// Removes the record.
    pub(super) fn remove(folder: &Path) -> io::Result<()> {
        match fs::remove_file(folder.join(RESUME)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// The file to write to, its state, and its length in bytes; an empty file has no state.
pub(super) fn open(folder: &Path, url: &str) -> io::Result<(File, ResumeState, u64)> {
    let options = File::options().create(true).truncate(false).write(true).clone();
    let mut file = options.open(folder.join(FILE))?;
    // Its writer may be about to die with its host.
    file.lock()?;
    let done = file.seek(SeekFrom::End(0))?;
    match ResumeState::read(folder) {
        Some(state) if state.fits(url, done) => Ok((file, state, done)),
        _ => {
            ResumeState::remove(folder)?;
            file.set_len(0)?;
            file.rewind()?;
            Ok((file, ResumeState::default(), 0))
        }
    }
}

fn boot() -> Option<String> {
    let text = fs::read_to_string(BOOT).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The state from which a transfer with this many bytes resumes.
    fn left(content: &str, known: &str, url: &str) -> (Option<u64>, u64, usize) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), content).unwrap();
        fs::write(folder.path().join(RESUME), known).unwrap();
        let (_, state, done) = open(folder.path(), url).unwrap();
        let is_known = folder.path().join(RESUME).exists();
        assert_eq!(is_known, done > 0);
        (state.total, done, fs::read(folder.path().join(FILE)).unwrap().len())
    }

    #[test]
    fn only_a_part_of_the_same_file_is_resumed() {
        let folder = tempfile::tempdir().unwrap();
        ResumeState::write(folder.path(), "http://a/", &Known::default(), Some(5)).unwrap();
        let known = fs::read_to_string(folder.path().join(RESUME)).unwrap();
        assert_eq!(left("part", &known, "http://a/"), (Some(5), 4, 4));
        let nothing = (None, 0, 0);
        for content in ["", "whole", "longer"] {
            assert_eq!(left(content, &known, "http://a/"), nothing, "{content}");
        }
        assert_eq!(left("part", &known, "http://b/"), nothing);
        let before = known.replace(&boot().unwrap(), "before");
        assert_eq!(left("part", &before, "http://a/"), nothing, "the machine was rebooted");
        assert_eq!(left("part", "{", "http://a/"), nothing);
    }
}
