//! The Nth operation on the disk fails, for every N: no wrong bytes are returned, and no job fails.

use super::*;

const SIZES: [(u64, usize); 3] = [(1, 1_000), (2, 103_000), (3, 150_000)];

/// Opens, computes, stores and reads, with disk access that fails. Every fault must end in a warning or an error of
/// the cache, and all bytes must be right.
fn work(folder: &Path, io: &Io) {
    let Ok(cache) = Cache::open_with(folder, Arc::new(ManualClock::new(START_MS)), io.clone()) else {
        return;
    };
    for (number, length) in SIZES {
        let bytes = noise(number, length);
        // The second time, it may be stored or not.
        for _ in 0..2 {
            let ask = cache.get_or_compute(&parts(number), Mode::ReadWrite, &mut never_wait, computed(&bytes));
            let outcome = ask.unwrap();
            assert!(outcome.bytes == bytes);
        }
        if let Ok(Some(artifact)) = cache.get(&parts(number).key()) {
            assert!(artifact.bytes == bytes);
        }
    }
    let mut writer = cache.writer();
    if noise(4, 130_000)
        .chunks(60_000)
        .try_for_each(|chunk| writer.append(chunk))
        .is_ok()
        && let Ok(Some(guard)) = cache.try_lock(&parts(4).key())
    {
        let _ = writer.commit(&guard, &parts(4), NewEntry::default());
    }
    let _ = cache.file_digest(&folder.join("CACHEDIR.TAG"), &|| false);
    let _ = cache.stats();
}

/// Every row names bytes that exist and are right, no partial file stays, and the cache still works.
pub(super) fn check(folder: &Path, what: &str) {
    let cache = Cache::open(folder, Arc::new(ManualClock::new(START_MS))).unwrap();
    assert_eq!(cache.warnings(), [""; 0], "{what}");
    assert_eq!(std::fs::read_dir(folder.join("v1/tmp")).unwrap().count(), 0, "{what}");
    for (number, length) in SIZES.into_iter().chain([(4, 130_000)]) {
        let (key, bytes) = (parts(number).key(), noise(number, length));
        let listed = cache.lookup(&key).unwrap().is_some();
        let read = cache.get(&key).unwrap();
        assert_eq!(read.is_some(), listed, "{what}: a row without its bytes");
        assert!(
            read.is_none_or(|artifact| artifact.bytes == bytes),
            "{what}: wrong bytes"
        );
        let ask = cache.get_or_compute(&parts(number), Mode::ReadWrite, &mut never_wait, computed(&bytes));
        let outcome = ask.unwrap();
        assert_eq!(
            (outcome.bytes == bytes, outcome.entry.is_some(), outcome.cache_warning),
            (true, true, None),
            "{what}"
        );
    }
    assert_eq!(cache.stats().unwrap().healed, 0, "{what}");
}

pub(super) fn abort_at(folder: &Path, at: u64) {
    work(
        folder,
        &Io::failing(Fault {
            at,
            kind: FaultKind::Abort,
            lasting: false,
        }),
    );
}

#[test]
fn the_nth_operation_fails() {
    use FaultKind::{DiskFull, InputOutput, Interrupted, ShortWrite};
    let kinds = [
        (DiskFull, false),
        (DiskFull, true),
        (InputOutput, false),
        (Interrupted, false),
        (ShortWrite, false),
    ];
    for (kind, lasting) in kinds {
        let mut points = 0;
        for at in 1.. {
            let folder = folder();
            let io = Io::failing(Fault { at, kind, lasting });
            work(folder.path(), &io);
            check(
                folder.path(),
                &format!("{kind:?} at operation {at}, lasting: {lasting}"),
            );
            if io.operations() < at {
                break;
            }
            points = at;
        }
        println!("{kind:?}, lasting: {lasting}: {points} fault points");
        assert!(points > 40, "{points}");
    }
}

/// Interruptions and short writes are ordinary and have no effect.
#[test]
fn interruptions_and_short_writes_are_retried() {
    for kind in [FaultKind::Interrupted, FaultKind::ShortWrite] {
        for at in 1.. {
            let folder = folder();
            let io = Io::failing(Fault {
                at,
                kind,
                lasting: false,
            });
            let cache = Cache::open_with(folder.path(), Arc::new(ManualClock::new(START_MS)), io.clone()).unwrap();
            let bytes = noise(2, 150_000);
            put(&cache, &parts(2), &bytes).unwrap();
            assert_eq!(cache.get(&parts(2).key()).unwrap().unwrap().bytes, bytes);
            if io.operations() < at {
                break;
            }
        }
    }
}

/// Damage found while the disk fails: not returned, and healed once the disk works.
#[test]
fn repair_survives_disk_faults() {
    for kind in [FaultKind::DiskFull, FaultKind::InputOutput] {
        for at in 1.. {
            let folder = folder();
            let clock = Arc::new(ManualClock::new(START_MS));
            let bytes = noise(2, 150_000);
            put(&Cache::open(folder.path(), clock.clone()).unwrap(), &parts(2), &bytes).unwrap();
            std::fs::write(object_path(folder.path(), &bytes), noise(3, 150_000)).unwrap();

            let io = Io::failing(Fault {
                at,
                kind,
                lasting: false,
            });
            if let Ok(cache) = Cache::open_with(folder.path(), clock.clone(), io.clone()) {
                let ask = cache.get_or_compute(&parts(2), Mode::ReadWrite, &mut never_wait, computed(&bytes));
                assert!(ask.unwrap().bytes == bytes);
            }
            let cache = Cache::open(folder.path(), clock).unwrap();
            assert!(
                cache
                    .get(&parts(2).key())
                    .unwrap()
                    .is_none_or(|artifact| artifact.bytes == bytes)
            );
            cache
                .get_or_compute(&parts(2), Mode::ReadWrite, &mut never_wait, computed(&bytes))
                .unwrap();
            assert_eq!(
                cache.get(&parts(2).key()).unwrap().unwrap().bytes,
                bytes,
                "{kind:?} at operation {at}"
            );
            if io.operations() < at {
                break;
            }
        }
    }
}
