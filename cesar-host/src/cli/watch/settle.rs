//! Recordings of the watched folders, from the first look until they are processed.
//!
//! A recording is settled when two looks at it found the same file, size and time of change, and it is not open for writing. The looks are
//! [`Settling::quiet`] apart, or [`Settling::write_timeout`] while a file is empty, or was written to and not closed since: then the writer may be of
//! another user, whose open files are hidden.
//!
//! Nothing here looks at a disk or a clock: looks, open files and the time are passed in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use cesar_base::FileStamp;

/// [`Settling::write_timeout`] as a multiple of [`Settling::quiet`].
const WRITE_TIMEOUT_FACTOR: u32 = 30;

/// An open file: device and inode.
pub(super) type FileId = (u64, u64);

/// The recordings and their states. Times count from the start of the program.
pub(super) struct Settling {
    quiet: Duration,
    files: BTreeMap<PathBuf, File>,
    /// Settling files, by the time of their next look.
    due: BTreeSet<(Duration, PathBuf)>,
    /// Settled files, by name.
    ready: BTreeSet<PathBuf>,
    /// The files that are being worked on.
    running: Vec<FileId>,
}

struct File {
    stamp: FileStamp,
    /// The first look that found this stamp.
    since: Duration,
    /// Whether it was written to, and not closed since.
    is_written: bool,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// With the time of the next look.
    Settling(Duration),
    Ready,
    Running,
    /// Left as it is until it changes.
    Finished,
}

/// The result of work on a settled recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing is left to do for this content.
    Finished,
    /// It is to be taken once more.
    Again,
    /// It is to be taken once more at this time.
    At(Duration),
}

/// Whether two looks found the same content. The time of change of the inode does not count: a rename changes it.
pub(super) fn is_same(one: &FileStamp, other: &FileStamp) -> bool {
    let content = |stamp: &FileStamp| (stamp.device, stamp.inode, stamp.size, stamp.mtime_ns);
    content(one) == content(other)
}

fn id(stamp: &FileStamp) -> FileId {
    (stamp.device, stamp.inode)
}

impl Settling {
    pub(super) fn new(quiet: Duration) -> Self {
        Self {
            quiet,
            files: BTreeMap::new(),
            due: BTreeSet::new(),
            ready: BTreeSet::new(),
            running: Vec::new(),
        }
    }

    /// Time without a change for a file that may still be written.
    fn write_timeout(&self) -> Duration {
        self.quiet * WRITE_TIMEOUT_FACTOR
    }

    /// Notes what a look found; `None` where there is no file.
    pub(super) fn look(&mut self, path: &Path, found: Option<FileStamp>, now: Duration) {
        let Some(stamp) = found else {
            self.remove(path);
            return;
        };
        match self.files.get_mut(path) {
            None => {
                let file = File {
                    stamp,
                    since: now,
                    is_written: false,
                    state: State::Ready,
                };
                self.files.insert(path.to_owned(), file);
                self.look_again(path, now + self.quiet);
            }
            Some(file) if is_same(&file.stamp, &stamp) => {}
            Some(file) => {
                file.stamp = stamp;
                file.since = now;
                if file.state != State::Running {
                    self.look_again(path, now + self.quiet);
                }
            }
        }
    }

    /// Notes that a file was written to. Returns whether it is to be looked at now: a settling one will be.
    pub(super) fn written(&mut self, path: &Path) -> bool {
        let Some(file) = self.files.get_mut(path) else {
            return true;
        };
        file.is_written = true;
        !matches!(file.state, State::Settling(_))
    }

    /// Notes that a file was closed by a writer; a look should follow.
    pub(super) fn closed(&mut self, path: &Path) {
        if let Some(file) = self.files.get_mut(path) {
            file.is_written = false;
        }
    }

    /// Looks at the files whose time has come. `open` names those of the given files that are open for writing.
    pub(super) fn settle(
        &mut self,
        now: Duration,
        look: impl Fn(&Path) -> Option<FileStamp>,
        open: impl FnOnce(&BTreeSet<FileId>) -> BTreeSet<FileId>,
    ) {
        let mut quiet = Vec::new();
        while let Some((_, path)) = self.due.first().filter(|(due, _)| *due <= now).cloned() {
            self.look(&path, look(&path), now);
            let Some(file) = self.files.get(&path) else {
                continue;
            };
            let needed = match file.is_written || file.stamp.size == 0 {
                true => self.write_timeout(),
                false => self.quiet,
            };
            let settled_at = file.since + needed;
            if settled_at <= now {
                self.forget_due(&path);
                quiet.push(path);
            } else {
                // Not later than a quiet time from now: it may be closed until then.
                self.look_again(&path, settled_at.min(now + self.quiet));
            }
        }
        let id = |file: &File| id(&file.stamp);
        let ids: BTreeSet<FileId> = (quiet.iter()).filter_map(|path| self.files.get(path).map(id)).collect();
        let open = match ids.is_empty() {
            true => BTreeSet::new(),
            false => open(&ids),
        };
        for path in quiet {
            let Some(file) = self.files.get_mut(&path) else {
                continue;
            };
            // A file that was renamed during the work on it waits for the end of that.
            if open.contains(&id(file)) || self.running.contains(&id(file)) {
                self.look_again(&path, now + self.quiet);
            } else {
                file.state = State::Ready;
                self.ready.insert(path);
            }
        }
    }

    /// Compares with all files of a walk. Files that it did not find are looked at: a folder may not have been readable.
    pub(super) fn scanned(
        &mut self,
        found: impl IntoIterator<Item = (PathBuf, FileStamp)>,
        look: impl Fn(&Path) -> Option<FileStamp>,
        now: Duration,
    ) {
        let mut seen = BTreeSet::new();
        for (path, stamp) in found {
            self.look(&path, Some(stamp), now);
            seen.insert(path);
        }
        let missing: Vec<PathBuf> = (self.files.keys())
            .filter(|path| !seen.contains(*path))
            .cloned()
            .collect();
        for path in missing {
            self.look(&path, look(&path), now);
        }
    }

    /// The next settled recording, which has not changed since.
    pub(super) fn start(
        &mut self,
        now: Duration,
        look: impl Fn(&Path) -> Option<FileStamp>,
    ) -> Option<(PathBuf, FileStamp)> {
        while let Some(path) = self.ready.pop_first() {
            self.look(&path, look(&path), now);
            let Some(file) = self.files.get_mut(&path).filter(|file| file.state == State::Ready) else {
                continue;
            };
            if self.running.contains(&id(&file.stamp)) {
                self.look_again(&path, now + self.quiet);
            } else {
                file.state = State::Running;
                self.running.push(id(&file.stamp));
                return Some((path, file.stamp));
            }
        }
        None
    }

    /// Ends the work on a recording that had this stamp.
    pub(super) fn end(&mut self, path: &Path, stamp: &FileStamp, end: End, now: Duration) {
        if let Some(at) = self.running.iter().position(|running| *running == id(stamp)) {
            self.running.swap_remove(at);
        }
        let Some(file) = self.files.get_mut(path).filter(|file| file.state == State::Running) else {
            return;
        };
        match end {
            End::Finished if is_same(&file.stamp, stamp) => file.state = State::Finished,
            End::At(time) => self.look_again(path, time),
            End::Finished | End::Again => self.look_again(path, now + self.quiet),
        }
    }

    /// The time of the next look.
    pub(super) fn next_look(&self) -> Option<Duration> {
        self.due.first().map(|(due, _)| *due)
    }

    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Recordings that are being worked on.
    pub(super) fn running(&self) -> usize {
        self.running.len()
    }

    /// Whether no recording is settling, settled, or being worked on.
    pub(super) fn is_idle(&self) -> bool {
        self.due.is_empty() && self.ready.is_empty() && self.running.is_empty()
    }

    fn look_again(&mut self, path: &Path, at: Duration) {
        self.forget_due(path);
        self.ready.remove(path);
        if let Some(file) = self.files.get_mut(path) {
            file.state = State::Settling(at);
            self.due.insert((at, path.to_owned()));
        }
    }

    fn forget_due(&mut self, path: &Path) {
        if let Some(State::Settling(at)) = self.files.get(path).map(|file| file.state) {
            self.due.remove(&(at, path.to_owned()));
        }
    }

    fn remove(&mut self, path: &Path) {
        self.forget_due(path);
        self.ready.remove(path);
        self.files.remove(path);
    }
}

#[cfg(test)]
mod tests;
