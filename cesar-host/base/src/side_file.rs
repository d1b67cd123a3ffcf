//! Files that a user names beside the recording: glossaries, corrections, subtitles, settings.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;

/// Opens a regular file for reading. Anything else is refused at once: a pipe would wait for its writer, and a device may have no end.
///
/// # Errors
/// The system's error, or the kind of another file.
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

/// Opens a regular file, or a pipe that a shell has opened for this program (`<(…)`, `/dev/stdin`), for reading once.
///
/// # Errors
/// As [`open_file`].
pub fn open_input(path: &Path) -> io::Result<File> {
    let is_of_the_shell = ["/dev/fd", "/proc/self/fd", "/dev/stdin"]
        .iter()
        .any(|place| path.starts_with(place));
    // Its writer runs, so that waiting for it ends.
    match is_of_the_shell && path.metadata()?.file_type().is_fifo() {
        true => File::open(path),
        false => open_file(path),
    }
}

/// The bytes of what [`open_input`] opens, at most so many.
///
/// # Errors
/// As [`open_file`].
pub fn read_file(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_input(path)?.take(most).read_to_end(&mut bytes)?;
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

    #[test]
    fn pipes_of_the_shell_are_read() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let path = format!("/dev/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&reader));
        let writing = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(20));
            std::io::Write::write_all(&mut writer, b"late text").unwrap();
        });
        assert_eq!(read_file(Path::new(&path), 100).unwrap(), b"late text");
        writing.join().unwrap();
        let refusal = open_file(Path::new(&path)).map(drop).unwrap_err();
        assert!(refusal.to_string().contains("a pipe"), "{refusal}");
    }
}
