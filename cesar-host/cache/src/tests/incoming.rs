//! Results that are files: stored without a copy, renewed without their bytes, found after their expiry.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::*;

const NEVER: Stop<'static> = &|| false;

fn put_file(fixture: &Fixture, parts: &KeyParts, path: &Path) -> Entry {
    let guard = fixture.cache.lock(&parts.key(), &mut never_wait).unwrap();
    let entry = fixture.cache.put_file(&guard, parts, NewEntry::default(), path, NEVER);
    entry.unwrap()
}

#[test]
fn large_files_are_moved_and_small_ones_inlined() {
    let fixture = Fixture::new();
    let folder = fixture.cache.incoming().unwrap();
    for (number, length) in [INLINE_LIMIT - 1, INLINE_LIMIT, 3_000_000].into_iter().enumerate() {
        let (parts, bytes) = (parts(number as u64), noise(5, length));
        let path = folder.path().join("media");
        fs::write(&path, &bytes).unwrap();
        let inode = fs::metadata(&path).unwrap().ino();
        let entry = put_file(&fixture, &parts, &path);
        assert_eq!((entry.digest, entry.size), (Digest::of(&bytes), length as u64));
        assert_eq!(fixture.cache.get(&parts.key()).unwrap().unwrap().bytes, bytes);
        let object = fixture.object(&bytes);
        if length < INLINE_LIMIT {
            assert!(path.exists() && !object.exists());
        } else {
            assert!(!path.exists(), "it was copied");
            assert_eq!(fs::metadata(object).unwrap().ino(), inode);
        }
    }
    drop(folder);
    assert_eq!(fs::read_dir(fixture.path("tmp")).unwrap().count(), 0);
}

#[test]
fn links_and_folders_are_refused() {
    let fixture = Fixture::new();
    let folder = fixture.cache.incoming().unwrap();
    let link = folder.path().join("media");
    std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
    let parts = parts(1);
    let guard = fixture.cache.lock(&parts.key(), &mut never_wait).unwrap();
    for path in [link.as_path(), folder.path()] {
        let refused = fixture.cache.put_file(&guard, &parts, NewEntry::default(), path, NEVER);
        assert!(matches!(refused, Err(CacheError::NotAFile { .. })), "{refused:?}");
    }
}

#[test]
fn folders_of_live_processes_are_not_swept() {
    let fixture = Fixture::new();
    let folder = fixture.cache.incoming().unwrap();
    fs::write(folder.path().join("media"), b"half").unwrap();
    // Of a dead process: its lock is free.
    let left = fixture.path("tmp").join("1-1.in");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("media"), b"half").unwrap();
    let again = fixture.reopen();
    assert!(folder.path().join("media").exists() && !left.exists());
    drop(again);
}

/// Unfinished work; `resume.json` marks it as resumable.
fn unfinished(fixture: &Fixture, number: u64, resume: bool) -> Incoming {
    let folder = fixture.cache.incoming_of(&Digest::of(&noise(number, 10))).unwrap();
    fs::write(folder.path().join("media"), b"half").unwrap();
    if resume {
        fs::write(folder.path().join(RESUME), b"{}").unwrap();
    }
    folder
}

fn waiting(fixture: &Fixture) -> usize {
    fs::read_dir(fixture.path("tmp")).unwrap().count()
}

#[test]
fn resumable_folders_are_reclaimed_by_one_holder() {
    let fixture = Fixture::new();
    let first = unfinished(&fixture, 1, true);
    let path = first.path().to_owned();
    assert_ne!(unfinished(&fixture, 1, true).path(), path, "it is held");
    assert_ne!(unfinished(&fixture, 2, true).path(), path, "it is other work");
    first.keep();
    let again = fixture.cache.incoming_of(&Digest::of(&noise(1, 10))).unwrap();
    assert_eq!(again.path(), path);
    assert_eq!(fs::read(path.join("media")).unwrap(), b"half");
    drop(again);
    assert_eq!(waiting(&fixture), 0, "done with");
    unfinished(&fixture, 1, false).keep();
    assert_eq!(waiting(&fixture), 0, "it cannot be gone on with");
    // As left by a process that was killed before it wrote anything.
    fs::create_dir(&path).unwrap();
    fs::write(path.join("media"), b"half").unwrap();
    let again = fixture.cache.incoming_of(&Digest::of(&noise(1, 10))).unwrap();
    assert_eq!(fs::read_dir(again.path()).unwrap().count(), 0);
}

#[test]
fn resumable_folders_expire_after_a_day() {
    let fixture = Fixture::limited(Limits {
        max_size: Some(5_000),
        ..Limits::default()
    });
    let hours = |folder: &Path, hours: i64| {
        for file in ["media", RESUME] {
            age(&folder.join(file), hours * 3_600_000);
        }
    };
    let leave = |number, age| {
        let folder = unfinished(&fixture, number, true);
        let path = folder.path().to_owned();
        folder.keep();
        hours(&path, age);
        path
    };
    let left: Vec<_> = (0..6)
        .map(|number| leave(number, 23 - i64::try_from(number).unwrap()))
        .collect();
    let held = unfinished(&fixture, 9, true);
    hours(held.path(), 100);
    drop(fixture.reopen());
    let found: Vec<_> = left.iter().map(|path| path.exists()).collect();
    assert_eq!(found, [false, false, true, true, true, true], "the youngest");
    fixture.clock.advance_ms(4 * 3_600_000);
    fixture.cache.maintain().unwrap();
    let found: Vec<_> = left.iter().map(|path| path.exists()).collect();
    assert_eq!(found, [false, false, false, true, true, true], "for a day");
    for number in 1..4 {
        fixture.put_cost(number, 1, 2_000);
    }
    assert_eq!((waiting(&fixture), held.path().exists()), (1, true), "room was needed");
    leave(1, 0);
    fixture.cache.clear(false).unwrap();
    assert_eq!(waiting(&fixture), 1);
}

#[test]
fn renewing_shares_content_between_keys() {
    for length in [10, INLINE_LIMIT] {
        let fixture = Fixture::new();
        let bytes = noise(4, length);
        let first = fixture.put(&parts(1), &bytes);
        let next = parts(2);
        let guard = fixture.cache.lock(&next.key(), &mut never_wait).unwrap();
        let renewed = fixture
            .cache
            .renew(&guard, &next, NewEntry::default(), &first.key)
            .unwrap()
            .unwrap();
        assert_eq!((renewed.digest, renewed.key), (first.digest, next.key()));
        assert_eq!(fixture.cache.get(&next.key()).unwrap().unwrap().bytes, bytes);
        assert_eq!(fixture.count("contents"), 1);
        drop(guard);

        let lost = parts(3);
        let guard = fixture.cache.lock(&lost.key(), &mut never_wait).unwrap();
        let none = fixture.cache.renew(&guard, &lost, NewEntry::default(), &parts(9).key());
        assert_eq!(none.unwrap(), None, "there is nothing to renew");
        // Truncated, and then missing.
        let object = fixture.object(&bytes);
        if let Ok(file) = fs::File::options().write(true).open(&object) {
            file.set_len(5).unwrap();
            let cut = fixture.cache.renew(&guard, &lost, NewEntry::default(), &first.key);
            assert_eq!(cut.unwrap(), None);
        }
        let _ = fs::remove_file(&object);
        let gone = fixture
            .cache
            .renew(&guard, &lost, NewEntry::default(), &first.key)
            .unwrap();
        assert_eq!(
            gone.is_some(),
            length < INLINE_LIMIT,
            "no row names bytes that are not there"
        );
    }
}

#[test]
fn results_for_inputs_are_newest_first_including_expired() {
    let fixture = Fixture::new();
    let step = |step: i64| {
        let mut parts = parts(1);
        parts.options.insert("time_step".into(), OptionValue::Integer(step));
        parts
    };
    for number in 1..=3 {
        let parts = step(number);
        let guard = fixture.cache.lock(&parts.key(), &mut never_wait).unwrap();
        let new = NewEntry {
            expires_ms: Some(fixture.clock.now_ms() + 10),
            ..NewEntry::default()
        };
        fixture
            .cache
            .put(&guard, &parts, new, &noise(number as u64, 50))
            .unwrap();
        fixture.clock.advance_ms(1_000);
    }
    let stage = &parts(1).stage;
    let found = fixture
        .cache
        .results_for_inputs(stage, &parts(1).inputs_digest())
        .unwrap();
    let steps: Vec<_> = found
        .iter()
        .map(|(_, parts)| parts.options["time_step"].clone())
        .collect();
    assert_eq!(steps, [3, 2, 1].map(OptionValue::Integer));
    let key = step(3).key();
    assert!(fixture.cache.get_file(&key).unwrap().is_none());
    assert!(fixture.cache.get_file_ignoring_expiry(&key).unwrap().is_some());
}

#[test]
fn results_are_found_by_one_of_their_inputs() {
    let fixture = Fixture::new();
    let media = Digest::of(b"recording");
    let with = |number: u64, kind: &str| {
        let mut parts = parts(number);
        parts.inputs.push((kind.to_owned(), media));
        parts
    };
    let older = fixture.put(&with(1, "media"), &noise(1, 50));
    fixture.clock.advance_ms(1_000);
    let newer = fixture.put(&with(2, "media"), &noise(2, 50));
    // Named elsewhere in the key, and no input.
    let mut elsewhere = parts(3);
    elsewhere
        .options
        .insert("label".into(), OptionValue::Text(media.to_string()));
    fixture.put(&elsewhere, &noise(3, 50));
    let mut other_stage = with(4, "media");
    other_stage.stage = "other".into();
    fixture.put(&other_stage, &noise(4, 50));
    let found = fixture.cache.results_with_input(&parts(1).stage, &media).unwrap();
    let keys: Vec<_> = found.iter().map(|entry| entry.key).collect();
    assert_eq!(keys, [newer.key, older.key]);
}
