//! Uploads shared by machines: each machine is a folder, and the storage is another one.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::*;

/// A storage in a folder, which fails on request.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    pub(super) is_down: parking_lot::Mutex<bool>,
}

impl Folder {
    fn new(path: &Path) -> Arc<Self> {
        fs::create_dir_all(path).unwrap();
        Arc::new(Self {
            path: path.to_owned(),
            is_down: parking_lot::Mutex::new(false),
        })
    }

    fn file(&self, upload: UploadId) -> io::Result<PathBuf> {
        match *self.is_down.lock() {
            true => Err(io::Error::new(io::ErrorKind::TimedOut, "no answer")),
            false => Ok(self.path.join(upload.to_string())),
        }
    }
}

fn entries(folder: &Path) -> io::Result<Vec<(String, fs::DirEntry)>> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?
            .map(|entry| entry.map(|entry| (entry.file_name().to_str().unwrap().to_owned(), entry)))
            .collect(),
    }
}

fn age(entry: &fs::DirEntry) -> io::Result<Duration> {
    let age = SystemTime::now().duration_since(entry.metadata()?.modified()?);
    Ok(age.unwrap_or_default())
}

impl Folder {
    fn pieces_of(&self, upload: UploadId) -> io::Result<PathBuf> {
        self.file(upload).map(|file| file.with_extension("pieces"))
    }

    fn piece(&self, upload: UploadId, name: &str) -> io::Result<PathBuf> {
        Ok(self.pieces_of(upload)?.join(name))
    }

    /// Stored pieces are from before.
    pub(super) fn make_older(&self, upload: UploadId, age: Duration) {
        for (_, entry) in entries(&self.pieces_of(upload).unwrap()).unwrap() {
            let file = fs::File::options().write(true).open(entry.path()).unwrap();
            file.set_modified(SystemTime::now() - age).unwrap();
        }
    }
}

impl Blobs for Folder {
    fn location(&self) -> String {
        "folder".to_owned()
    }

    fn within(&self, identity: &str) -> Arc<dyn Blobs> {
        Self::new(&self.path.join(identity))
    }

    fn put(&self, upload: UploadId, file: &Path) -> io::Result<()> {
        fs::copy(file, self.file(upload)?).map(drop)
    }

    fn get(&self, upload: UploadId, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<bool> {
        match fs::read(self.file(upload)?) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            bytes => bytes?.chunks(3).try_for_each(sink).map(|()| true),
        }
    }

    fn contains(&self, upload: UploadId) -> io::Result<bool> {
        Ok(self.file(upload)?.exists())
    }

    fn remove(&self, upload: UploadId) -> io::Result<()> {
        match fs::remove_file(self.file(upload)?) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    fn list(&self) -> io::Result<Vec<(UploadId, Duration)>> {
        let mut all = Vec::new();
        for (name, entry) in entries(&self.path)? {
            // A folder of pieces.
            if let Ok(upload) = name.parse() {
                all.push((upload, age(&entry)?));
            }
        }
        Ok(all)
    }

    fn put_piece(&self, upload: UploadId, name: &str, bytes: Vec<u8>) -> io::Result<bool> {
        let file = self.piece(upload, name)?;
        fs::create_dir_all(file.parent().unwrap())?;
        match fs::OpenOptions::new().write(true).create_new(true).open(file) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            file => file?.write_all(&bytes).map(|()| true),
        }
    }

    fn get_piece(
        &self,
        upload: UploadId,
        name: &str,
        sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<bool> {
        match fs::read(self.piece(upload, name)?) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            bytes => bytes?.chunks(100_000).try_for_each(sink).map(|()| true),
        }
    }

    fn pieces(&self, upload: UploadId) -> io::Result<Vec<Piece>> {
        let mut pieces = Vec::new();
        for (name, entry) in entries(&self.pieces_of(upload)?)? {
            pieces.push(Piece {
                name,
                bytes: entry.metadata()?.len(),
                age: age(&entry)?,
            });
        }
        Ok(pieces)
    }

    fn remove_piece(&self, upload: UploadId, name: &str) -> io::Result<()> {
        match fs::remove_file(self.piece(upload, name)?) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    fn unfinished(&self) -> io::Result<Vec<(UploadId, Duration)>> {
        let mut all = Vec::new();
        for (name, _) in entries(&self.path)? {
            let Some(upload) = name.strip_suffix(".pieces") else {
                continue;
            };
            let upload = upload.parse().unwrap();
            let youngest = self.pieces(upload)?.into_iter().map(|piece| piece.age).min();
            all.extend(youngest.map(|age| (upload, age)));
        }
        Ok(all)
    }
}

/// Two machines with one storage.
pub(super) struct Machines {
    pub(super) blobs: Arc<Folder>,
    pub(super) first: Uploads,
    pub(super) second: Uploads,
    _folder: TempDir,
}

pub(super) fn machines(copies: u64) -> Machines {
    let folder = folder();
    let blobs = Folder::new(&folder.path().join("blobs"));
    let machine = |name: &str| {
        let uploads = Uploads::open(&folder.path().join(name), Disk::real(), Arc::new(SystemRandom));
        uploads.unwrap().shared_by(blobs.clone(), copies)
    };
    Machines {
        first: machine("first"),
        second: machine("second"),
        blobs,
        _folder: folder,
    }
}

fn receive(uploads: &Uploads, bytes: &[u8]) -> StoredUpload {
    let mut writer = uploads.create(1_000).unwrap();
    writer.write(bytes).unwrap();
    writer.finish().unwrap()
}

fn read(uploads: &Uploads, id: UploadId, bytes: &[u8]) -> Option<Vec<u8>> {
    let local = uploads.open_upload(id, &Digest::of(bytes), &|| false).unwrap()?;
    Some(fs::read(local.path()).unwrap())
}

#[test]
fn another_machine_gets_a_verified_copy() {
    let machines = machines(1_000);
    let stored = receive(&machines.first, b"seven minutes of talk");
    machines.first.share(&stored).unwrap();
    let id = stored.id();
    drop(stored);
    for uploads in [&machines.first, &machines.second] {
        let bytes = read(uploads, id, b"seven minutes of talk");
        assert_eq!(bytes.as_deref(), Some(&b"seven minutes of talk"[..]));
    }
    assert_eq!(
        fs::read_dir(machines.second.path(id).parent().unwrap())
            .unwrap()
            .count(),
        1,
        "no part is left"
    );
    machines.first.remove(id).unwrap();
    assert_eq!(read(&machines.first, id, b"seven minutes of talk"), None);
    assert_eq!(
        machines.first.missing().to_string(),
        "the stored recording of the job is missing in the storage of uploads `folder`; upload it again"
    );
    assert!(!machines.blobs.contains(id).unwrap());
}

#[test]
fn other_bytes_are_never_a_copy() {
    let machines = machines(1_000);
    let stored = receive(&machines.first, b"talk");
    machines.first.share(&stored).unwrap();
    fs::write(machines.blobs.file(stored.id()).unwrap(), "tale").unwrap();
    let error = machines
        .second
        .open_upload(stored.id(), &stored.digest(), &|| false)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read uploads in `folder` (its bytes are not those that were uploaded); check the address, the credentials, the clock and the network"
    );
    assert!(!machines.second.path(stored.id()).exists());
}

#[test]
fn a_storage_that_is_down_is_an_error_and_not_a_missing_upload() {
    let machines = machines(1_000);
    let stored = receive(&machines.first, b"talk");
    *machines.blobs.is_down.lock() = true;
    assert!(matches!(
        machines.first.share(&stored),
        Err(JobsError::Blobs { action: "store", .. })
    ));
    let opened = machines.second.open_upload(stored.id(), &stored.digest(), &|| false);
    assert!(
        matches!(opened, Err(JobsError::Blobs { action: "read", .. })),
        "{opened:?}"
    );
    *machines.blobs.is_down.lock() = false;
    assert!(
        machines
            .second
            .open_upload(stored.id(), &stored.digest(), &|| false)
            .unwrap()
            .is_none()
    );
}

#[test]
fn copies_used_least_recently_are_removed_unless_they_are_in_use_or_nowhere_else() {
    let machines = machines(10);
    let share = |bytes: &[u8]| {
        let stored = receive(&machines.first, bytes);
        machines.first.share(&stored).unwrap();
        stored.id()
    };
    let (old, used, new) = (share(b"111111"), share(b"222222"), share(b"333333"));
    let only_here = receive(&machines.second, b"444444").id();
    read(&machines.second, old, b"111111").unwrap();
    let in_use = machines
        .second
        .open_upload(used, &Digest::of(b"222222"), &|| false)
        .unwrap()
        .unwrap();
    read(&machines.second, new, b"333333").unwrap();
    let is_there = |id: UploadId| machines.second.path(id).exists();
    assert!(!is_there(old) && is_there(used) && is_there(only_here));
    drop(in_use);
    machines.second.trim().unwrap();
    assert!(!is_there(used) && is_there(only_here));
    assert_eq!(
        read(&machines.second, old, b"111111").as_deref(),
        Some(&b"111111"[..]),
        "it is fetched again"
    );
}

#[test]
fn a_copy_larger_than_the_bound_is_usable() {
    let machines = machines(1);
    let stored = receive(&machines.first, b"larger than the bound");
    machines.first.share(&stored).unwrap();
    let local = machines
        .second
        .open_upload(stored.id(), &stored.digest(), &|| false)
        .unwrap()
        .unwrap();
    assert_eq!(fs::read(local.path()).unwrap(), b"larger than the bound");
}

#[test]
fn stored_uploads_of_crashed_submissions_are_removed_when_they_are_old() {
    let machines = machines(1_000);
    let fixture = Fixture::memory(Policy::default());
    let share = |bytes: &[u8], hours: u64| {
        let stored = receive(&machines.first, bytes);
        machines.first.share(&stored).unwrap();
        let file = fs::File::options()
            .write(true)
            .open(machines.blobs.file(stored.id()).unwrap())
            .unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(hours * 3600))
            .unwrap();
        stored.id()
    };
    let (of_a_job, orphan, young) = (share(b"1", 48), share(b"2", 25), share(b"3", 1));
    fixture.submit_new(&NewJob::new(upload_request(of_a_job)));
    assert_eq!(machines.second.sweep_shared(&*fixture.store).unwrap(), 1);
    let left: Vec<_> = [of_a_job, orphan, young]
        .map(|id| machines.blobs.contains(id).unwrap())
        .into();
    assert_eq!(left, [true, false, true]);
}
