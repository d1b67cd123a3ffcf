//! Notices that a folder of plugins changed, without looking again and again (`inotify`).
//!
//! A folder that does not exist yet is waited for in the nearest one above it that does. Changes come in bursts (a file is created,
//! written, renamed): [`Watch::wait`] answers once a burst is over. What changed is for [`super::Registry::rescan`] to find out.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};

/// How long nothing may happen before a burst is over.
const PAUSE: Duration = Duration::from_millis(200);

/// Folders that are watched.
#[derive(Debug)]
pub struct Watch {
    folders: Vec<PathBuf>,
    events: OwnedFd,
}

impl Watch {
    /// Watches these folders, whether they exist yet or not.
    ///
    /// # Errors
    /// When the system gives no watch.
    pub fn new<'a>(folders: impl Iterator<Item = &'a Path>) -> io::Result<Self> {
        let watch = Self {
            folders: folders.map(Path::to_owned).collect(),
            events: init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?,
        };
        watch.cover();
        Ok(watch)
    }

    /// Waits for a change, at most so long, and says whether there was one.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn wait(&mut self, most: Duration) -> io::Result<bool> {
        if !self.ready(most)? {
            return Ok(false);
        }
        loop {
            self.drain();
            // A folder that was waited for may be there now.
            self.cover();
            if !self.ready(PAUSE)? {
                return Ok(true);
            }
        }
    }

    fn ready(&self, most: Duration) -> io::Result<bool> {
        let limit = most.try_into().map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&self.events, PollFlags::IN)], Some(&limit)) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn drain(&self) {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(&self.events, &mut buffer);
        // Ends with the error that nothing is left.
        while reader.next().is_ok() {}
    }

    /// Watches each folder, or the nearest one above it. Watching one twice is watching it once.
    fn cover(&self) {
        let changes = WatchFlags::CREATE
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::MOVED_TO
            | WatchFlags::MOVED_FROM
            | WatchFlags::DELETE
            | WatchFlags::ATTRIB;
        for folder in &self.folders {
            let nearest = folder.ancestors().find(|folder| folder.is_dir());
            let watched = nearest.map(|folder| add_watch(&self.events, folder, changes));
            if let Some(Err(error)) = watched {
                tracing::debug!("`{}` is not watched: {error}", folder.display());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    #[test]
    fn changes_are_noticed_even_in_a_folder_that_was_missing() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b");
        let mut watch = Watch::new(std::iter::once(folder.as_path())).unwrap();
        assert!(!watch.wait(Duration::from_millis(1)).unwrap());
        std::fs::create_dir_all(&folder).unwrap();
        assert!(watch.wait(SOON).unwrap());
        std::fs::write(folder.join("new"), "x").unwrap();
        std::fs::rename(folder.join("new"), folder.join("libx.so")).unwrap();
        assert!(watch.wait(SOON).unwrap());
        assert!(!watch.wait(Duration::from_millis(1)).unwrap(), "a burst is one change");
    }
}
