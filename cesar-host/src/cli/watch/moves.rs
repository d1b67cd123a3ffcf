//! Recordings that are moved once they are processed. No file is replaced, and none is lost: another name is chosen where one is taken.

use std::fs::{self, File, FileTimes};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};

use cesar_base::FileStamp;
use cesar_base::names::shown;
use cesar_cache::hash_file;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::folders::look;
use super::settle::is_same;

/// The start of the names of copies that are not complete.
const INCOMPLETE: &str = ".cesar-incomplete-";

/// The result of a move.
#[derive(Debug)]
pub(super) enum Moved {
    /// To this path.
    To(PathBuf),
    /// The recording changed meanwhile, and is where it was.
    Changed,
}

/// Moves the recording of this stamp into a folder, as `name` or with a number. A `reason` is written beside it (`NAME.error.txt`).
pub(super) fn move_into(
    folder: &Path,
    name: &Path,
    recording: &Path,
    stamp: &FileStamp,
    reason: Option<&str>,
) -> io::Result<Moved> {
    for candidate in candidates(name) {
        let target = folder.join(candidate);
        let parent = target.parent().unwrap_or(folder);
        fs::create_dir_all(parent)?;
        if target.symlink_metadata().is_ok() {
            if is_copy(recording, &target) {
                // An earlier move ended between its two steps.
                durable(&target)?;
                fs::remove_file(recording)?;
                explain(&target, reason);
                return Ok(Moved::To(target));
            }
            continue;
        }
        if reason.is_some() && reason_file(&target).symlink_metadata().is_ok() {
            continue;
        }
        let way = match move_to(recording, &target) {
            Ok(way) => way,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
        };
        // A copy was compared before the recording was removed.
        if way == Way::Copied || look(&target).is_none_or(|moved| is_same(&moved, stamp)) {
            explain(&target, reason);
            return Ok(Moved::To(target));
        }
        // It was written to at the last moment.
        rename_exclusively(&target, recording)?;
        return Ok(Moved::Changed);
    }
    // The candidates never end.
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Waits until a file and its name are on the disk.
pub(super) fn durable(file: &Path) -> io::Result<()> {
    File::open(file)?.sync_all()?;
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// `talk.mp3`, then `talk.2.mp3` and so on.
fn candidates(name: &Path) -> impl Iterator<Item = PathBuf> + '_ {
    let numbered = (2_u64..).map(|number| {
        let mut file = name.file_stem().unwrap_or_default().to_owned();
        file.push(format!(".{number}"));
        if let Some(extension) = name.extension() {
            file.push(".");
            file.push(extension);
        }
        name.with_file_name(file)
    });
    std::iter::once(name.to_owned()).chain(numbered)
}

fn reason_file(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".error.txt");
    name.into()
}

/// Writes the reason beside a moved recording, which stays moved if that fails. No file is replaced.
fn explain(target: &Path, reason: Option<&str>) {
    let Some(reason) = reason else { return };
    let written = File::create_new(reason_file(target)).and_then(|mut file| writeln!(file, "{reason}"));
    if let Err(error) = written {
        tracing::warn!("`{}` cannot be written: {error}", shown(&reason_file(target)));
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Way {
    Renamed,
    Copied,
}

fn move_to(recording: &Path, target: &Path) -> io::Result<Way> {
    if recording.is_symlink() {
        // A relative link would lead elsewhere from there.
        symlink(recording.canonicalize()?, target)?;
        return fs::remove_file(recording).map(|()| Way::Renamed);
    }
    match rename_exclusively(recording, target) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => copy(recording, target).map(|()| Way::Copied),
        result => result.map(|()| Way::Renamed),
    }
}

/// Renames a file to a free name.
fn rename_exclusively(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // File systems without this: a link is exclusive as well.
        Err(Errno::INVAL | Errno::NOSYS) => match fs::hard_link(from, to) {
            Ok(()) => fs::remove_file(from),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
            // File systems without links.
            Err(_) if to.symlink_metadata().is_err() => fs::rename(from, to),
            Err(_) => Err(io::ErrorKind::AlreadyExists.into()),
        },
        result => Ok(result?),
    }
}

/// Moves a file to another file system: a complete copy gets the name, then the file is removed.
fn copy(recording: &Path, target: &Path) -> io::Result<()> {
    let parent = target.parent().unwrap_or(Path::new("."));
    sweep(parent);
    let before = FileStamp::of(recording)?;
    let mut source = File::open(recording)?;
    // Opened here: an error of `tempfile` itself has the temporary name.
    let private = |path: &Path| {
        let mut options = File::options();
        options.read(true).write(true).create_new(true).mode(0o600).open(path)
    };
    let mut copied = tempfile::Builder::new().prefix(INCOMPLETE).make_in(parent, private)?;
    copied.as_file().lock()?;
    io::copy(&mut source, copied.as_file_mut())?;
    let metadata = source.metadata()?;
    copied.as_file().set_permissions(metadata.permissions())?;
    copied
        .as_file()
        .set_times(FileTimes::new().set_modified(metadata.modified()?))?;
    copied.as_file().sync_all()?;
    if !is_same(&before, &FileStamp::of(recording)?) {
        return Err(io::Error::other("it changed while it was being copied"));
    }
    copied.persist_noclobber(target).map_err(|error| error.error)?;
    // Before the removal: the two file systems may lose different things with the machine.
    durable(target)?;
    fs::remove_file(recording)
}

/// Removes the incomplete copies of processes that are gone.
fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_incomplete = entry.file_name().as_bytes().starts_with(INCOMPLETE.as_bytes());
        if is_incomplete && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether a file is the copy of this recording that an interrupted move left.
fn is_copy(recording: &Path, target: &Path) -> bool {
    let (Some(one), Some(other)) = (look(recording), look(target)) else {
        return false;
    };
    let digest = |path| hash_file(path, &|| false).ok();
    let is_another = (one.device, one.inode) != (other.device, other.inode);
    is_another
        && !recording.is_symlink()
        && one.size == other.size
        && digest(recording).is_some_and(|one| digest(target) == Some(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(folder: &Path, name: &str, recording: &Path, reason: Option<&str>) -> PathBuf {
        let stamp = FileStamp::of(recording).unwrap();
        match move_into(folder, Path::new(name), recording, &stamp, reason).unwrap() {
            Moved::To(path) => path.strip_prefix(folder).unwrap().to_owned(),
            Moved::Changed => panic!("it has not changed"),
        }
    }

    #[test]
    fn a_taken_name_is_numbered_and_nothing_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (recording, done) = (folder.path().join("talk.mp3"), folder.path().join("done"));
        for (content, expected) in [
            ("one", "sub/talk.mp3"),
            ("two", "sub/talk.2.mp3"),
            ("three", "sub/talk.3.mp3"),
        ] {
            fs::write(&recording, content).unwrap();
            assert_eq!(moved(&done, "sub/talk.mp3", &recording, None), Path::new(expected));
            assert_eq!(fs::read_to_string(done.join(expected)).unwrap(), content);
            assert!(!recording.exists());
        }
    }

    #[test]
    fn the_reason_is_written_beside_the_recording() {
        let folder = tempfile::tempdir().unwrap();
        let (recording, failed) = (folder.path().join("talk.mp3"), folder.path().join("failed"));
        for (content, expected) in [("no sound", "talk.mp3.error.txt"), ("none", "talk.2.mp3.error.txt")] {
            fs::write(&recording, content).unwrap();
            moved(&failed, "talk.mp3", &recording, Some("it is no recording"));
            assert_eq!(
                fs::read_to_string(failed.join(expected)).unwrap(),
                "it is no recording\n"
            );
        }
    }

    #[test]
    fn a_file_in_the_place_of_the_reason_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (recording, failed) = (folder.path().join("talk.mp3"), folder.path().join("failed"));
        fs::create_dir(&failed).unwrap();
        fs::write(failed.join("talk.mp3.error.txt"), "of the user").unwrap();
        fs::write(&recording, "no sound").unwrap();
        assert_eq!(
            moved(&failed, "talk.mp3", &recording, Some("why")),
            Path::new("talk.2.mp3")
        );
        let read = |name: &str| fs::read_to_string(failed.join(name)).unwrap();
        assert_eq!(
            (read("talk.mp3.error.txt"), read("talk.2.mp3.error.txt")),
            ("of the user".to_owned(), "why\n".to_owned())
        );
    }

    #[test]
    fn a_recording_that_changed_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (recording, failed) = (folder.path().join("talk.mp3"), folder.path().join("failed"));
        fs::write(&recording, "one").unwrap();
        let stamp = FileStamp::of(&recording).unwrap();
        fs::write(&recording, "more").unwrap();
        let result = move_into(&failed, Path::new("talk.mp3"), &recording, &stamp, Some("why")).unwrap();
        assert!(matches!(result, Moved::Changed));
        assert_eq!(fs::read_to_string(&recording).unwrap(), "more");
        assert_eq!(fs::read_dir(&failed).unwrap().count(), 0);
    }

    #[test]
    fn a_link_leads_to_its_recording_from_its_new_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("talk.mp3"), "sound").unwrap();
        symlink("talk.mp3", path("link.mp3")).unwrap();
        assert_eq!(
            moved(&path("done"), "link.mp3", &path("link.mp3"), None),
            Path::new("link.mp3")
        );
        assert_eq!(fs::read_to_string(path("done/link.mp3")).unwrap(), "sound");
        assert!(path("talk.mp3").exists() && !path("link.mp3").is_symlink());
    }

    /// `/dev/shm` is a file system of its own on Linux.
    #[test]
    fn a_copy_on_another_file_system_is_complete_and_made_once() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir_in("/dev/shm").unwrap());
        let recording = here.path().join("talk.mp3");
        fs::write(&recording, "sound").unwrap();
        let device = |path: &Path| FileStamp::of(path).unwrap().device;
        assert_ne!(
            device(here.path()),
            device(there.path()),
            "the test needs two file systems"
        );
        let kept = here.path().join("kept.mp3");
        fs::copy(&recording, &kept).unwrap();
        let modified = fs::metadata(&recording).unwrap().modified().unwrap();
        fs::write(there.path().join(".cesar-incomplete-1"), "so").unwrap();
        assert_eq!(moved(there.path(), "talk.mp3", &recording, None), Path::new("talk.mp3"));
        let target = there.path().join("talk.mp3");
        assert_eq!(fs::metadata(&target).unwrap().modified().unwrap(), modified);
        assert_eq!(
            fs::read_dir(there.path()).unwrap().count(),
            1,
            "no incomplete copy is left"
        );
        // The process died before it removed the recording.
        fs::rename(&kept, &recording).unwrap();
        File::options()
            .write(true)
            .open(&recording)
            .unwrap()
            .set_times(FileTimes::new().set_modified(modified))
            .unwrap();
        assert_eq!(moved(there.path(), "talk.mp3", &recording, None), Path::new("talk.mp3"));
        assert!(!recording.exists());
        assert_eq!(fs::read_dir(there.path()).unwrap().count(), 1);
    }
}
