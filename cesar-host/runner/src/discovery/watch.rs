//! Detection of changes in the folders of plugins, without polling (`inotify`).
//!
//! A folder that does not exist yet is awaited in its nearest existing parent. Changes come in bursts (a file is created, written,
//! renamed): [`Watch::wait`] returns once a burst is over. [`super::Registry::rescan`] finds the changes.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};

/// Time without changes that ends a burst.
const PAUSE: Duration = Duration::from_millis(200);

/// Watched folders.
#[derive(Debug)]
pub struct Watch {
    folders: Vec<PathBuf>,
    events: OwnedFd,
}

impl Watch {
    /// Watches these folders, whether they exist yet or not.
    ///
    /// # Errors
    /// If the system refuses a watch.
    pub fn new<'a>(folders: impl Iterator<Item = &'a Path>) -> io::Result<Self> {
        let watch = Self {
            folders: folders.map(Path::to_owned).collect(),
            events: init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?,
        };
        watch.cover();
        Ok(watch)
    }

    /// Waits up to `most` for a change; returns whether there was one.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn wait(&mut self, most: Duration) -> io::Result<bool> {
        if !self.ready(most)? {
            return Ok(false);
        }
        loop {
            self.drain();
            // An awaited folder may exist now.
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

    /// Watches each folder, or its nearest existing parent. Repeated watches are merged.
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
