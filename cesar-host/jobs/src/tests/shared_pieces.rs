//! Resumable uploads at several servers, which share a storage. A small piece is one that does not reach [`LARGEST_PIECE`].

use std::fs::{self, File};
use std::time::SystemTime;

use super::shared_uploads::machines;
use super::*;
use crate::shared_pieces::LARGEST_PIECE;

fn begin(uploads: &Uploads, length: Option<u64>) -> UploadId {
    let description = Description {
        length,
        label: "talk.wav".to_owned(),
        metadata: "filename dGFsay53YXY=".to_owned(),
    };
    uploads.create_resumable(&description).unwrap()
}

fn open(uploads: &Uploads, id: UploadId) -> ResumableWriter {
    match uploads.open_resumable(id).unwrap() {
        Opened::Ready(writer) => writer,
        other => panic!("{other:?}"),
    }
}

/// Sends a piece, as a request does that is acknowledged.
fn send(uploads: &Uploads, id: UploadId, bytes: &[u8]) {
    let mut writer = open(uploads, id);
    writer.write(bytes, u64::MAX).unwrap();
    writer.sync().unwrap();
}

fn offset(uploads: &Uploads, id: UploadId) -> u64 {
    uploads.resumable(id).unwrap().unwrap().offset
}

fn take(uploads: &Uploads, id: UploadId) -> (StoredUpload, String) {
    match uploads.take_resumable(id).unwrap() {
        Opened::Ready(taken) => taken,
        other => panic!("{other:?}"),
    }
}

#[test]
fn pieces_at_several_servers_are_one_upload() {
    let machines = machines(1_000);
    let (first, second) = (&machines.first, &machines.second);
    let id = begin(first, Some(21));
    send(first, id, b"seven ");
    assert_eq!(offset(second, id), 6);
    assert!(matches!(second.take_resumable(id), Ok(Opened::Incomplete)));
    send(second, id, b"minutes ");
    send(first, id, b"of ");
    send(second, id, b"talk");
    let (taken, label) = take(second, id);
    assert_eq!(label, "talk.wav");
    assert_eq!(taken.digest(), Digest::of(b"seven minutes of talk"));
    assert_eq!(fs::read(taken.path()).unwrap(), b"seven minutes of talk");
    // A submission that is refused can be made to another server.
    second.give_back(&taken).unwrap();
    drop(taken);
    let (taken, _) = take(first, id);
    assert_eq!(fs::read(taken.path()).unwrap(), b"seven minutes of talk");
    first.forget(id).unwrap();
    assert_eq!(second.resumable(id).unwrap(), None);
    assert!(matches!(second.open_resumable(id), Ok(Opened::Missing)));
    assert!(matches!(second.take_resumable(id), Ok(Opened::Missing)));
    assert_eq!(machines.blobs.unfinished().unwrap(), []);
}

#[test]
fn any_order_of_servers_and_pieces_gives_the_bytes() {
    for seed in 0..20 {
        let machines = machines(1_000);
        let random = SeededRandom::new(seed);
        let number = |below: usize| usize::try_from(random.next() % below as u64).unwrap();
        let bytes: Vec<u8> = (0..2 * LARGEST_PIECE + number(LARGEST_PIECE))
            .map(|index| ((index * 31) >> 4) as u8)
            .collect();
        let id = begin(&machines.first, Some(bytes.len() as u64));
        let server = || [&machines.first, &machines.second][number(2)];
        let mut sent = 0;
        while sent < bytes.len() {
            let end = bytes.len().min(sent + 1 + number(LARGEST_PIECE + LARGEST_PIECE / 2));
            let server = server();
            assert_eq!(offset(server, id), sent as u64);
            send(server, id, &bytes[sent..end]);
            sent = end;
        }
        let (taken, _) = take(server(), id);
        assert_eq!(taken.digest(), Digest::of(&bytes), "seed {seed}");
    }
}

#[test]
fn the_later_of_two_servers_is_refused() {
    let machines = machines(1_000);
    let id = begin(&machines.first, Some(10));
    let (mut slow, mut quick) = (open(&machines.first, id), open(&machines.second, id));
    slow.write(b"one ", u64::MAX).unwrap();
    quick.write(b"other ", u64::MAX).unwrap();
    quick.sync().unwrap();
    let refused = slow.sync().unwrap_err();
    assert!(matches!(refused, JobsError::Overtaken), "{refused}");
    drop((slow, quick));
    assert_eq!(offset(&machines.first, id), 6);
    send(&machines.first, id, b"talk");
    assert_eq!(fs::read(take(&machines.first, id).0.path()).unwrap(), b"other talk");
}

#[test]
fn bytes_that_are_not_stored_outside_are_not_acknowledged() {
    let machines = machines(1_000);
    let id = begin(&machines.first, Some(8));
    send(&machines.first, id, b"some");
    let mut writer = open(&machines.first, id);
    writer.write(b" tal", u64::MAX).unwrap();
    *machines.blobs.is_down.lock() = true;
    assert!(matches!(writer.sync(), Err(JobsError::Blobs { .. })));
    drop(writer);
    assert!(machines.first.open_resumable(id).is_err());
    *machines.blobs.is_down.lock() = false;
    assert_eq!(offset(&machines.first, id), 4);
    send(&machines.first, id, b" tal");
    assert_eq!(fs::read(take(&machines.first, id).0.path()).unwrap(), b"some tal");
}

/// The process was killed while it wrote.
#[test]
fn a_file_with_a_part_of_a_piece_is_completed() {
    for left in [0, 1, 4, 6] {
        let machines = machines(1_000);
        let id = begin(&machines.first, Some(8));
        send(&machines.first, id, b"some");
        send(&machines.first, id, b" tal");
        let file = File::options().write(true).open(machines.first.data(id)).unwrap();
        file.set_len(left).unwrap();
        drop(file);
        assert_eq!(offset(&machines.first, id), 8);
        assert_eq!(fs::read(take(&machines.first, id).0.path()).unwrap(), b"some tal");
    }
}

#[test]
fn a_length_that_comes_later_is_known_everywhere_and_never_changes() {
    let machines = machines(1_000);
    let id = begin(&machines.first, None);
    send(&machines.first, id, b"some");
    assert!(matches!(machines.second.take_resumable(id), Ok(Opened::Incomplete)));
    let mut late = open(&machines.first, id);
    open(&machines.second, id).set_length(4).unwrap();
    assert!(matches!(late.set_length(5), Err(JobsError::Overtaken)));
    drop(late);
    let state = machines.first.resumable(id).unwrap().unwrap();
    assert_eq!(
        (state.description.length, state.description.metadata.len()),
        (Some(4), 21)
    );
    assert_eq!(fs::read(take(&machines.first, id).0.path()).unwrap(), b"some");
}

#[test]
fn removed_uploads_are_gone_everywhere() {
    let machines = machines(1_000);
    let id = begin(&machines.first, Some(4));
    send(&machines.first, id, b"so");
    assert!(matches!(machines.second.remove_resumable(id), Ok(Opened::Ready(()))));
    assert!(matches!(machines.first.open_resumable(id), Ok(Opened::Missing)));
    assert!(matches!(machines.first.remove_resumable(id), Ok(Opened::Missing)));
    let store = MemoryJobs::new(
        Arc::new(ManualClock::new(START_MS)),
        Arc::new(SeededRandom::new(1)),
        Policy::default(),
    );
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let now_ms = i64::try_from(now.as_millis()).unwrap();
    assert_eq!(machines.first.sweep_resumable(&store, now_ms).unwrap(), 1);
    assert!(!machines.first.data(id).exists() && !machines.first.record(id).exists());
}

#[test]
fn unfinished_uploads_without_a_byte_for_a_day_are_removed() {
    let machines = machines(1_000);
    let store = MemoryJobs::new(
        Arc::new(ManualClock::new(START_MS)),
        Arc::new(SeededRandom::new(1)),
        Policy::default(),
    );
    let (old, young) = (begin(&machines.first, Some(4)), begin(&machines.first, Some(4)));
    for id in [old, young] {
        send(&machines.first, id, b"so");
    }
    machines
        .blobs
        .make_older(old, Duration::from_millis(LIFETIME_MS.unsigned_abs() + 1_000));
    assert_eq!(machines.second.sweep_shared(&store).unwrap(), 1);
    assert_eq!(machines.first.resumable(old).unwrap(), None);
    assert_eq!(offset(&machines.first, young), 2);
}
