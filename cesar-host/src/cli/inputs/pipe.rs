//! Pipes, read to their end. A writer may be silent for any time, so a pipe is read only if data is available.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use cesar_runner::CancelToken;
use rustix::event::{PollFd, PollFlags, Timespec};

/// Interval for checking cancellation while a pipe is silent.
const POLL_INTERVAL: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};
const CHUNK: usize = 256 * 1024;

/// The side on which copying failed.
#[derive(Debug)]
pub(super) enum CopyError {
    Pipe(io::Error),
    File(io::Error),
}

/// Opens a named pipe without waiting for its writer; [`copy`] waits.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits();
    File::options()
        .read(true)
        .custom_flags(i32::try_from(nonblocking).unwrap_or_default())
        .open(path)
}

/// Copies a pipe to its end and counts the bytes; `None` if cancelled.
pub(super) fn copy(
    pipe: &mut (impl Read + AsFd),
    file: &mut File,
    cancel: &CancelToken,
) -> Result<Option<usize>, CopyError> {
    let (mut chunk, mut copied) = (vec![0; CHUNK], 0);
    while !cancel.is_cancelled() {
        let mut waiting = [PollFd::new(pipe, PollFlags::IN)];
        match rustix::event::poll(&mut waiting, Some(&POLL_INTERVAL)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(CopyError::Pipe(error.into())),
        }
        match pipe.read(&mut chunk) {
            Ok(0) => return Ok(Some(copied)),
            Ok(length) => {
                file.write_all(&chunk[..length]).map_err(CopyError::File)?;
                copied += length;
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
            Err(error) => return Err(CopyError::Pipe(error)),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_cannot_be_written_is_no_fault_of_the_pipe() {
        let (mut reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"sound").unwrap();
        let mut full = File::options().write(true).open("/dev/full").unwrap();
        let error = copy(&mut reader, &mut full, &CancelToken::default()).unwrap_err();
        assert!(matches!(error, CopyError::File(error) if error.kind() == io::ErrorKind::StorageFull));
        let mut folder = File::open("/").unwrap();
        let error = copy(&mut folder, &mut full, &CancelToken::default()).unwrap_err();
        assert!(matches!(error, CopyError::Pipe(error) if error.kind() == io::ErrorKind::IsADirectory));
    }
}
