//! Uploads: on the disk before their job, and removed when no job needs them.

use std::path::PathBuf;

use cesar_base::Clock as _;

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

impl Received {
    fn resumable(&self, length: Option<u64>) -> UploadId {
        let description = Description {
            length,
            label: "talk.mp3".to_owned(),
            metadata: "filename dGFsay5tcDM=".to_owned(),
        };
        self.uploads.create_resumable(&description).unwrap()
    }

    fn open(&self, id: UploadId) -> ResumableWriter {
        match self.uploads.open_resumable(id).unwrap() {
            Opened::Ready(writer) => writer,
            other => panic!("{other:?}"),
        }
    }

    fn take(&self, id: UploadId) -> StoredUpload {
        match self.uploads.take_resumable(id).unwrap() {
            Opened::Ready((stored, label)) => {
                assert_eq!(label, "talk.mp3");
                stored
            }
            other => panic!("{other:?}"),
        }
    }

    /// The same folder after the process was killed.
    fn restarted(&self) -> Uploads {
        let uploads = Uploads::open(self.folder.path(), Disk::real(), Arc::new(SeededRandom::new(9))).unwrap();
        uploads.sweep(&self.store).unwrap();
        uploads.sweep_resumable(&self.store, now_ms()).unwrap();
        uploads
    }
}

fn now_ms() -> i64 {
    cesar_base::SystemClock.now_ms()
}

#[test]
fn a_resumable_upload_continues_where_it_stopped() {
    let received = Received::new();
    let id = received.resumable(Some(11));
    let mut writer = received.open(id);
    writer.write(b"hello ", 1_000).unwrap();
    writer.sync().unwrap();
    drop(writer);
    let uploads = received.restarted();
    let state = uploads.resumable(id).unwrap().unwrap();
    assert_eq!((state.offset, state.description.length), (6, Some(11)));
    assert!(matches!(uploads.take_resumable(id).unwrap(), Opened::Incomplete));
    let mut writer = received.open(id);
    assert_eq!(writer.state().offset, 6);
    assert!(matches!(
        writer.write(b"world and more", 1_000),
        Err(JobsError::TooLarge { limit: 11 })
    ));
    writer.write(b"world", 1_000).unwrap();
    drop(writer);
    let stored = received.take(id);
    assert_eq!(stored.digest(), Digest::of(b"hello world"));
    assert_eq!(std::fs::read(stored.path()).unwrap(), b"hello world");
}

#[test]
fn a_length_may_come_later() {
    let received = Received::new();
    let id = received.resumable(None);
    let mut writer = received.open(id);
    assert!(matches!(
        writer.write(b"too long", 3),
        Err(JobsError::TooLarge { limit: 3 })
    ));
    writer.write(b"abc", 3).unwrap();
    drop(writer);
    assert!(matches!(
        received.uploads.take_resumable(id).unwrap(),
        Opened::Incomplete
    ));
    received.open(id).set_length(3).unwrap();
    assert_eq!(
        received.restarted().resumable(id).unwrap().unwrap().description.length,
        Some(3)
    );
    assert_eq!(received.take(id).digest(), Digest::of(b"abc"));
}

#[test]
fn an_upload_in_use_is_locked() {
    let received = Received::new();
    let id = received.resumable(Some(3));
    let writer = received.open(id);
    assert!(matches!(received.uploads.open_resumable(id).unwrap(), Opened::Locked));
    assert!(matches!(received.uploads.take_resumable(id).unwrap(), Opened::Locked));
    assert!(matches!(received.uploads.remove_resumable(id).unwrap(), Opened::Locked));
    // An expired one stays while a piece of it is received.
    assert_eq!(received.uploads.sweep_resumable(&received.store, i64::MAX).unwrap(), 0);
    drop(writer);
    assert!(matches!(
        received.uploads.remove_resumable(id).unwrap(),
        Opened::Ready(())
    ));
    assert!(matches!(received.uploads.open_resumable(id).unwrap(), Opened::Missing));
    assert_eq!(received.files(), Vec::<PathBuf>::new());
}

#[test]
fn a_refused_submission_gives_the_upload_back() {
    let received = Received::new();
    let id = received.resumable(Some(0));
    let stored = received.take(id);
    assert!(matches!(received.uploads.take_resumable(id).unwrap(), Opened::Missing));
    received.uploads.give_back(&stored).unwrap();
    drop(stored);
    assert_eq!(received.take(id).digest(), Digest::of(b""));
}

#[test]
fn a_crash_during_a_submission_loses_no_upload() {
    let received = Received::new();
    let id = received.resumable(Some(0));
    let stored = received.take(id);
    received.uploads.sweep(&received.store).unwrap();
    assert!(stored.path().exists(), "a submission is under way");
    drop(stored);
    // The process died before the job was stored.
    let uploads = received.restarted();
    assert_eq!(uploads.resumable(id).unwrap().unwrap().offset, 0);
    let stored = received.take(id);
    let job = NewJob::new(JobRequest::new(stored.source()));
    let Submission::New(job) = received.store.submit(&job).unwrap() else {
        panic!("the queue is empty")
    };
    drop(stored);
    // The process died before the description was removed.
    let uploads = received.restarted();
    assert_eq!(received.files(), [uploads.path(id)]);
    assert_eq!(
        received.store.job_of_upload(id).unwrap().map(|job| job.id),
        Some(job.id)
    );
}

#[test]
fn uploads_without_bytes_for_a_day_are_removed() {
    let received = Received::new();
    let id = received.resumable(Some(3));
    let day = 24 * 3_600_000;
    assert_eq!(
        received
            .uploads
            .sweep_resumable(&received.store, now_ms() + day - 60_000)
            .unwrap(),
        0
    );
    assert_eq!(
        received
            .uploads
            .sweep_resumable(&received.store, now_ms() + day + 1)
            .unwrap(),
        1
    );
    assert_eq!(received.uploads.resumable(id).unwrap(), None);
    assert_eq!(received.files(), Vec::<PathBuf>::new());
}

#[test]
fn a_sweep_of_a_running_server_leaves_what_is_in_use() {
    let received = Received::new();
    let clock = ManualClock::new(now_ms());
    let sweep = || {
        let swept = received.uploads.sweep(&received.store).unwrap();
        let expired = received.uploads.sweep_resumable(&received.store, clock.now_ms());
        (swept.unfinished, swept.orphans, expired.unwrap())
    };
    let form = received.uploads.create(10).unwrap();
    let submitted = received.receive(b"submitted");
    let of_job = received.receive(b"of a job");
    received
        .store
        .submit(&NewJob::new(JobRequest::new(of_job.source())))
        .unwrap();
    let job_file = of_job.path().to_owned();
    drop((of_job, received.receive(b"orphan")));
    // Its submission ended without an answer of the store.
    let left = received.resumable(Some(0));
    drop(received.take(left));
    let taken = received.take(received.resumable(Some(0)));
    let growing = received.resumable(None);
    let mut writer = received.open(growing);
    writer.write(b"abc", 10).unwrap();
    assert_eq!(sweep(), (0, 1, 0), "the orphan");
    assert!(received.uploads.resumable(left).unwrap().is_some(), "it can be resumed");

    clock.advance_ms(LIFETIME_MS + 60_000);
    assert_eq!(sweep(), (0, 0, 1), "what no client continues");
    assert!(submitted.path().exists() && taken.path().exists() && job_file.exists());
    assert_eq!(received.uploads.resumable(left).unwrap(), None);
    writer.write(b"def", 10).unwrap();
    drop(writer);
    assert_eq!(received.uploads.resumable(growing).unwrap().unwrap().offset, 6);
    assert!(form.finish().unwrap().path().exists());
    received.uploads.give_back(&taken).unwrap();
    assert!(matches!(
        received.uploads.take_resumable(taken.id()).unwrap(),
        Opened::Locked
    ));
}

#[test]
fn unfinished_uploads_reserve_what_they_have_or_will_have() {
    let received = Received::new();
    let [announced, growing] = [Some(11), None].map(|length| received.resumable(length));
    let mut writer = received.open(growing);
    writer.write(b"abc", 10).unwrap();
    drop(writer);
    let mut reserved = received.uploads.reserved().unwrap();
    reserved.sort_by_key(|(_, bytes)| *bytes);
    assert_eq!(reserved, [(growing, 3), (announced, 11)]);
    received.open(growing).set_length(20).unwrap();
    received.uploads.remove_resumable(announced).unwrap();
    assert_eq!(received.uploads.reserved().unwrap(), [(growing, 20)]);
}

#[test]
fn every_failure_of_the_disk_keeps_what_was_acknowledged() {
    for at in 1.. {
        let received = Received::new();
        let fault = Fault {
            at,
            kind: FaultKind::InputOutput,
            lasting: false,
        };
        let disk = Disk::failing(fault);
        let random = Arc::new(SeededRandom::new(5));
        let Ok(uploads) = Uploads::open(received.folder.path(), disk.clone(), random) else {
            continue;
        };
        let mut acknowledged = Vec::new();
        let mut id = None;
        let mut run = || -> Result<()> {
            let created = uploads.create_resumable(&Description {
                length: Some(6),
                ..Description::default()
            })?;
            id = Some(created);
            for piece in [b"abc", b"def"] {
                let Opened::Ready(mut writer) = uploads.open_resumable(created)? else {
                    panic!("it is there")
                };
                writer.write(piece, 10)?;
                writer.sync()?;
                acknowledged.extend_from_slice(piece);
            }
            Ok(())
        };
        let result = run();
        let after = received.restarted();
        match id {
            Some(id) => {
                let state = after.resumable(id).unwrap().unwrap();
                assert!(state.offset >= acknowledged.len() as u64, "operation {at}");
                let bytes = std::fs::read(after.path(id).with_extension("tus")).unwrap();
                assert!(b"abcdef".starts_with(&bytes[..]) && bytes.starts_with(&acknowledged));
            }
            None => assert_eq!(received.files(), Vec::<PathBuf>::new(), "operation {at}"),
        }
        if result.is_ok() {
            assert!(at > 10, "only {at} operations were tried");
            return;
        }
    }
}
