//! Files that processes have open for writing, as far as `/proc` shows them: all for root, else those of the same user.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use super::settle::FileId;

/// Permission of a descriptor's link that says that it can write.
const CAN_WRITE: u32 = 0o200;

/// Those of `files` that a process has open for writing.
pub(super) fn open_for_writing(files: &BTreeSet<FileId>) -> BTreeSet<FileId> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let is_process = |name: &std::ffi::OsStr| name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
    let folders = processes.filter(|entry| is_process(&entry.file_name()));
    let descriptors = folders.filter_map(|process| fs::read_dir(process.path().join("fd")).ok());
    (descriptors.flatten().flatten())
        .filter_map(|descriptor| {
            let link = descriptor.path();
            let can_write = link.symlink_metadata().ok()?.permissions().mode() & CAN_WRITE != 0;
            let open = can_write.then(|| link.metadata().ok()).flatten()?;
            let id = (open.dev(), open.ino());
            files.contains(&id).then_some(id)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_open_for_writing_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let id = |file: &fs::File| {
            let metadata = file.metadata().unwrap();
            (metadata.dev(), metadata.ino())
        };
        let written = fs::File::create(folder.path().join("written.wav")).unwrap();
        let closed = id(&fs::File::create(folder.path().join("closed.wav")).unwrap());
        fs::write(folder.path().join("read.wav"), "").unwrap();
        let read = fs::File::open(folder.path().join("read.wav")).unwrap();
        let all = BTreeSet::from([id(&written), closed, id(&read)]);
        assert_eq!(open_for_writing(&all), BTreeSet::from([id(&written)]));
        assert_eq!(open_for_writing(&BTreeSet::from([id(&read)])), BTreeSet::new());
    }
}
