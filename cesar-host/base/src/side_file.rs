//! Files that a user names beside the recording: glossaries, corrections, subtitles, settings.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;

/// Opens a regular file for reading. Anything else is refused at once: a pipe would wait for its writer, and a device may have no end.
///
/// # Errors
/// What the system answers, or what else the file is.
pub fn open_file(path: &Path) -> io::Result<File> {
    let waits_for_no_writer = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(waits_for_no_writer)
        .open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        return Ok(file);
    }
    let what = match kind {
        kind if kind.is_dir() => "a folder",
        kind if kind.is_fifo() => "a pipe",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    };
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("it is {what}, not a file"),
    ))
}

/// The bytes of a regular file, at most so many.
///
/// # Errors
/// As [`open_file`].
pub fn read_file(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_file(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn only_files_are_opened() {
        let folder = std::env::temp_dir().join(format!("cesar-side-file-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (pipe, file, link) = (folder.join("pipe"), folder.join("file"), folder.join("link"));
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        fs::write(&file, "text").unwrap();
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        let refusal = |path: &Path| open_file(path).map(drop).unwrap_err().to_string();
        let (of_pipe, of_link) = (refusal(&pipe), refusal(&link));
        let (of_folder, of_device) = (refusal(&folder), refusal(Path::new("/dev/zero")));
        let (read, part) = (read_file(&file, 100), read_file(&file, 2));
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(
            [of_pipe, of_link, of_folder, of_device],
            [
                "it is a pipe, not a file",
                "it is a pipe, not a file",
                "it is a folder, not a file",
                "it is a device, not a file"
            ]
        );
        assert_eq!((read.unwrap(), part.unwrap()), (b"text".to_vec(), b"te".to_vec()));
    }
}
