//! Uploads: on the disk before their job, and removed when no job needs them.

use std::path::PathBuf;

use super::*;

struct Received {
    folder: TempDir,
    uploads: Uploads,
    store: MemoryJobs,
}

impl Received {
    fn new() -> Self {
        let folder = folder();
        let random = Arc::new(SeededRandom::new(3));
        Self {
            uploads: Uploads::open(folder.path(), Disk::real(), random.clone()).unwrap(),
            store: MemoryJobs::new(Arc::new(ManualClock::new(START_MS)), random, Policy::default()),
            folder,
        }
    }

    fn receive(&self, bytes: &[u8]) -> StoredUpload {
        let mut writer = self.uploads.create(1_000).unwrap();
        bytes.chunks(3).for_each(|chunk| writer.write(chunk).unwrap());
        writer.finish().unwrap()
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(self.folder.path().join("uploads"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        files
    }
}

#[test]
fn an_upload_has_the_digest_of_its_content() {
    let received = Received::new();
    let upload = received.receive(b"hello world");
    assert_eq!(upload.digest(), Digest::of(b"hello world"));
    assert_eq!(std::fs::read(upload.path()).unwrap(), b"hello world");
    assert_eq!(upload.path(), received.uploads.path(upload.id()));
    let expected = Source::Upload {
        upload: upload.id(),
        bytes: 11,
        digest: upload.digest(),
    };
    assert_eq!(upload.source(), expected);
    assert_eq!(received.files(), [upload.path()]);
}

#[test]
fn an_oversized_upload_leaves_nothing() {
    let received = Received::new();
    let mut writer = received.uploads.create(10).unwrap();
    writer.write(b"0123456789").unwrap();
    assert_eq!(writer.bytes(), 10);
    let error = writer.write(b"x").unwrap_err();
    assert!(matches!(error, JobsError::TooLarge { limit: 10 }), "{error}");
    assert_eq!(received.files().len(), 1);
    drop(writer);
    assert!(received.files().is_empty());
}

#[test]
fn a_sweep_keeps_uploads_in_progress() {
    let received = Received::new();
    let mut writer = received.uploads.create(10).unwrap();
    writer.write(b"half").unwrap();
    let stored = received.receive(b"stored");
    assert_eq!(received.uploads.sweep(&received.store).unwrap(), Swept::default());

    let request = JobRequest::new(stored.source());
    assert!(matches!(
        received.store.submit(&NewJob::new(request)),
        Ok(Submission::New(_))
    ));
    let path = stored.path().to_owned();
    drop(stored);
    drop(received.receive(b"given up"));
    let swept = received.uploads.sweep(&received.store).unwrap();
    assert_eq!(
        swept,
        Swept {
            unfinished: 0,
            orphans: 1
        }
    );
    assert!(path.exists(), "a job names it");
    assert_eq!(std::fs::read(writer.finish().unwrap().path()).unwrap(), b"half");
}

#[test]
fn a_sweep_removes_leftovers_of_dead_processes() {
    let received = Received::new();
    let id = UploadId::new(&SystemRandom);
    let uploads = received.folder.path().join("uploads");
    let left = [format!("{id}.part"), id.to_string()];
    let foreign = ["README", "notes.part", "x.tmp", &format!("{id}.part.bak")].map(|name| uploads.join(name));
    left.iter()
        .for_each(|name| std::fs::write(uploads.join(name), "x").unwrap());
    foreign.iter().for_each(|path| std::fs::write(path, "x").unwrap());
    let swept = received.uploads.sweep(&received.store).unwrap();
    assert_eq!(
        swept,
        Swept {
            unfinished: 1,
            orphans: 1
        }
    );
    assert!(foreign.iter().all(|path| path.exists()), "files that are not ours stay");
}

#[test]
fn removing_an_upload_twice_is_no_error() {
    let received = Received::new();
    let id = received.receive(b"x").id();
    received.uploads.remove(id).unwrap();
    received.uploads.remove(id).unwrap();
    assert!(received.files().is_empty());
}
