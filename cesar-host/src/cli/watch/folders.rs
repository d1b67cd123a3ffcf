//! The watched folders: walks, changes reported by the system, and folders that come and go.
//!
//! A report (`inotify`) is only a reason to look at once. Walks find everything, those that were missed as well: at the start, every
//! minute, and after reports about folders. On network file systems, which report nothing of other machines, there are only walks.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::time::Duration;

use cesar_base::FileStamp;
use cesar_base::names::shown;
use cesar_runner::CancelToken;
use notify::event::{AccessKind, AccessMode, CreateKind, Flag, ModifyKind, RemoveKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::cli::inputs::Collected;
use crate::cli::inputs::folder::{Seen, is_recording, recording, walk};
use crate::cli::inputs::{InputError, Recording};
use crate::cli::report::Failure;

/// Types of network file systems and of FUSE, which can be one (`statfs(2)`, `linux/magic.h`).
const NETWORK: [u64; 11] = [
    0x6969,      // NFS
    0x517B,      // SMB
    0xFF53_4D42, // CIFS
    0xFE53_4D42, // SMB 2
    0x6573_5546, // FUSE
    0x0102_1997, // 9P
    0x00C3_6400, // Ceph
    0x5346_414F, // AFS
    0x7375_7245, // Coda
    0x0BD0_0BD0, // Lustre
    0x786F_4256, // VirtualBox
];

/// Device and inode.
type Identity = (u64, u64);

/// A report about a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    Written(PathBuf),
    Closed(PathBuf),
    /// It appeared, or is gone.
    Other(PathBuf),
    /// All is to be walked: a folder changed, or reports were lost.
    Folders,
    /// This folder is gone, and a new one of its name would have no reports.
    FolderRemoved(PathBuf),
    /// No more folders can be watched.
    Full,
}

/// A watched folder.
struct Folder {
    /// As given on the command line.
    path: PathBuf,
    absolute: PathBuf,
    /// The folder that the system reports about.
    watched: Option<Identity>,
    is_missing: bool,
    /// The folders of the last walk.
    read: Seen,
}

/// The watched folders.
pub(super) struct Folders {
    folders: Vec<Folder>,
    /// Folders for recordings that are processed: below the watched ones, or anywhere, where links may lead to them.
    left_out: Vec<PathBuf>,
    watcher: Option<RecommendedWatcher>,
}

impl Folders {
    /// Checks the folders. `others` are those where recordings are moved to.
    pub(super) fn new(paths: &[PathBuf], others: &[&Path]) -> Result<Self, Failure> {
        let mut folders: Vec<Folder> = Vec::new();
        for path in paths {
            if path.metadata().is_ok_and(|metadata| !metadata.is_dir()) {
                let text = format!("`{}` is not a folder; use `cesar transcribe` for a file", shown(path));
                return Err(Failure::usage(text));
            }
            let absolute = std::path::absolute(path).map_err(Failure::failed)?;
            let (folder, path) = (canonical(&absolute), path.clone());
            if let Some(other) = folders.iter().find(|other| {
                let other = canonical(&other.absolute);
                other.starts_with(&folder) || folder.starts_with(&other)
            }) {
                let (path, other) = (shown(&path), shown(&other.path));
                let text = format!("`{path}` and `{other}` contain the same recordings; name one of them");
                return Err(Failure::usage(text));
            }
            folders.push(Folder {
                path,
                absolute,
                watched: None,
                is_missing: false,
                read: Seen::default(),
            });
        }
        for other in others {
            let canonical_other = canonical(other);
            for folder in &folders {
                let canonical_folder = canonical(&folder.absolute);
                if canonical_folder.starts_with(&canonical_other) {
                    let (other, folder) = (shown(other), shown(&folder.path));
                    let text = format!("`{other}` contains the watched folder `{folder}`; name another one");
                    return Err(Failure::usage(text));
                }
            }
        }
        Ok(Self {
            folders,
            left_out: others.iter().map(|other| (*other).to_owned()).collect(),
            watcher: None,
        })
    }

    /// The folders that do not exist.
    pub(super) fn missing(&self) -> impl Iterator<Item = &Path> {
        (self.folders.iter())
            .map(|folder| folder.path.as_path())
            .filter(|path| !path.is_dir())
    }

    /// The folders that the last walk could not read.
    pub(super) fn unreadable(&self) -> impl Iterator<Item = &Path> {
        let unreadable = self.folders.iter().filter(|folder| folder.is_missing);
        unreadable.map(|folder| folder.path.as_path())
    }

    /// Whether one of them is on a network.
    pub(super) fn are_on_network(&self) -> bool {
        self.folders.iter().any(|folder| is_on_network(&folder.path))
    }

    /// Requests reports of the system.
    pub(super) fn watch(&mut self, send: Sender<Change>) -> notify::Result<()> {
        let handler = move |event: notify::Result<Event>| {
            for change in changes(event) {
                // The receiver is gone at the end.
                let _ = send.send(change);
            }
        };
        self.watcher = Some(notify::recommended_watcher(handler)?);
        self.cover()
    }

    /// Watches the folders that exist (again).
    fn cover(&mut self) -> notify::Result<()> {
        let Some(watcher) = &mut self.watcher else {
            return Ok(());
        };
        for folder in &mut self.folders {
            let there = identity_of(&folder.absolute);
            if folder.watched == there {
                continue;
            }
            if folder.watched.take().is_some() {
                // It may have ended with the folder.
                let _ = watcher.unwatch(&folder.absolute);
            }
            if there.is_some() {
                match watcher.watch(&folder.absolute, RecursiveMode::Recursive) {
                    Ok(()) => folder.watched = there,
                    Err(error) if matches!(error.kind, notify::ErrorKind::MaxFilesWatch) => return Err(error),
                    // It is gone again, or cannot be read: the next walk says so.
                    Err(error) => tracing::debug!("cannot watch `{}`: {error}", folder.path.display()),
                }
            }
        }
        Ok(())
    }

    /// Notes that a folder was removed: a new one may even have its inode.
    pub(super) fn removed(&mut self, absolute: &Path) {
        for folder in self.folders.iter_mut().filter(|folder| folder.absolute == absolute) {
            folder.watched = None;
            if let Some(watcher) = &mut self.watcher {
                // It usually ended with the folder.
                let _ = watcher.unwatch(absolute);
            }
        }
    }

    /// Ends the reports.
    pub(super) fn unwatch(&mut self) {
        self.watcher = None;
    }

    /// The recordings of all folders, and sentences about folders that disappeared, came back, or cannot be read.
    pub(super) fn walk(&mut self, quietly: bool, cancel: &CancelToken) -> (Vec<(PathBuf, FileStamp)>, Vec<String>) {
        let mut said = Vec::new();
        if let Err(error) = self.cover() {
            tracing::debug!("{error}");
        }
        let (mut found, left_out) = (Vec::new(), &self.left_out);
        for folder in &mut self.folders {
            let mut collected = Collected::default();
            let path = &folder.path;
            let watched = identity_of(path);
            // A link to a folder above leads to the watched folder again, with the same recordings.
            let is_again = |below: &Path| watched.is_some() && identity_of(below) == watched;
            let is_left_out = |below: &Path| below != path && (is_again(below) || is_in(below, left_out));
            match walk(&mut collected, path, &is_left_out, cancel) {
                Ok(read) => {
                    folder.read = read;
                    if std::mem::take(&mut folder.is_missing) {
                        said.push(format!("`{}` is back", shown(path)));
                    }
                }
                Err(InputError::Folder(_, error)) if !folder.is_missing => {
                    folder.is_missing = true;
                    said.push(format!("waiting for `{}`, which cannot be read: {error}", shown(path)));
                }
                Err(_) => {}
            }
            said.extend(collected.skipped.into_iter().filter(|_| !quietly));
            let files = collected.recordings.into_iter().map(|recording| recording.path);
            found.extend(files.filter_map(|path| Some((path.clone(), look(&path)?))));
        }
        (found, said)
    }

    /// Whether a folder cannot be read.
    pub(super) fn are_incomplete(&self) -> bool {
        self.folders.iter().any(|folder| folder.is_missing)
    }

    /// The recording at a path, with its name below the folder.
    pub(super) fn recording(&self, path: &Path) -> Recording {
        let folder = self.folders.iter().find(|folder| path.starts_with(&folder.path));
        recording(folder.map_or(Path::new(""), |folder| &folder.path), path.to_owned())
    }

    /// The path by which a walk finds the file of a report, if it does.
    pub(super) fn local(&self, absolute: &Path) -> Option<PathBuf> {
        let (folder, below) =
            (self.folders.iter()).find_map(|folder| Some((folder, absolute.strip_prefix(&folder.absolute).ok()?)))?;
        let (path, watched) = (folder.path.join(below), identity_of(&folder.path));
        // The system follows links, and reports a folder by one of its paths, which may be another one than that of the walk.
        let read = |above: &Path| match identity_of(above)? {
            identity if Some(identity) == watched => Some(folder.path.as_path()),
            identity => folder.read.path(identity),
        };
        let known = above(&path, &folder.path).find_map(|above| Some((read(above)?, path.strip_prefix(above).ok()?)));
        let path = known.map_or_else(|| path.clone(), |(read, below)| read.join(below));
        let is_left_out = || above(&path, &folder.path).any(|above| is_in(above, &self.left_out));
        (is_recording(&folder.path, &path) && !is_left_out()).then_some(path)
    }
}

/// The folders between a path and the folder that it is below, from the innermost.
fn above<'a>(path: &'a Path, folder: &'a Path) -> impl Iterator<Item = &'a Path> {
    path.ancestors().skip(1).take_while(move |above| *above != folder)
}

/// Whether a folder of a walk is one of `others`, or leads below one. Identities are compared, because a link leads to a folder by
/// another path, and a recording that was moved there would be found, and moved, without end.
fn is_in(folder: &Path, others: &[PathBuf]) -> bool {
    let others: Vec<Identity> = others.iter().filter_map(|other| identity_of(other)).collect();
    let is_other = |path: &Path| identity_of(path).is_some_and(|identity| others.contains(&identity));
    // Without a link, a walk reaches a folder below another one only through that one.
    let target = || folder.canonicalize();
    is_other(folder) || folder.is_symlink() && target().is_ok_and(|target| target.ancestors().any(is_other))
}

/// The stamp of a file.
pub(super) fn look(path: &Path) -> Option<FileStamp> {
    let metadata = path.metadata().ok().filter(Metadata::is_file)?;
    Some(FileStamp::from_metadata(&metadata))
}

/// The time until the next walk, of which the last one took `took`: at most a twentieth of the time is spent walking.
pub(super) fn interval(usual: Duration, took: Duration) -> Duration {
    usual.max(took * 20)
}

fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

/// The identity of the folder at a path, independent of its other paths.
fn identity_of(path: &Path) -> Option<Identity> {
    path.metadata().ok().map(|metadata| identity(&metadata))
}

/// The canonical path, as far as it exists.
fn canonical(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for there in absolute.ancestors() {
        if let (Ok(canonical), Ok(rest)) = (there.canonicalize(), absolute.strip_prefix(there)) {
            return canonical.join(rest);
        }
    }
    absolute
}

fn is_on_network(path: &Path) -> bool {
    // The type has as many bits as a word of the machine, and some of them are negative there.
    let kind = rustix::fs::statfs(path).map(|system| system.f_type as u64 & 0xFFFF_FFFF);
    kind.is_ok_and(|kind| NETWORK.contains(&kind))
}

/// What an event of the system says; nothing for those that the watching itself causes.
fn changes(event: notify::Result<Event>) -> Vec<Change> {
    let event = match event {
        Ok(event) => event,
        Err(error) if matches!(error.kind, notify::ErrorKind::MaxFilesWatch) => return vec![Change::Full],
        Err(_) => return vec![Change::Folders],
    };
    if event.attrs.flag() == Some(Flag::Rescan) {
        return vec![Change::Folders];
    }
    let each = |change: fn(PathBuf) -> Change| event.paths.iter().cloned().map(change).collect();
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => each(Change::Closed),
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_)) => Vec::new(),
        EventKind::Modify(ModifyKind::Data(_)) => each(Change::Written),
        EventKind::Create(CreateKind::Folder) => vec![Change::Folders],
        EventKind::Remove(kind) if kind != RemoveKind::File => each(Change::FolderRemoved),
        // It is not said whether a folder or a file was renamed.
        EventKind::Modify(ModifyKind::Name(_)) => {
            let paths: BTreeSet<&PathBuf> = event.paths.iter().collect();
            let others = paths.into_iter().cloned().map(Change::Other);
            let has_folder = event
                .paths
                .iter()
                .any(|path| path.is_dir() || path.extension().is_none());
            others.chain(has_folder.then_some(Change::Folders)).collect()
        }
        _ => each(Change::Other),
    }
}

#[cfg(test)]
mod tests;
