//! Digests of files: remembered only when that is safe.

use std::fs::{self, File, FileTimes};
use std::time::SystemTime;

use super::*;

struct Files {
    fixture: Fixture,
    path: PathBuf,
}

impl Files {
    fn new() -> Self {
        let fixture = Fixture::new();
        let path = fixture.folder.path().join("recording.wav");
        fs::write(&path, b"one").unwrap();
        Self { fixture, path }
    }

    /// Sets the clock to this long after the file's last change, rounded up to a millisecond.
    fn at(&self, after_ms: i64) -> &Self {
        let stamp = FileStamp::of(&self.path).unwrap();
        self.fixture
            .clock
            .set_ms(stamp.mtime_ns.max(stamp.ctime_ns) / 1_000_000 + 1 + after_ms);
        self
    }

    fn digest(&self) -> Digest {
        self.fixture.cache.file_digest(&self.path, &|| false).unwrap()
    }

    fn remembered(&self) -> i64 {
        self.fixture.count("file_digests")
    }

    /// Changes the remembered digest, so that its use is visible.
    fn falsify(&self) -> Digest {
        let index = &self.fixture.cache.parts.storage.index;
        assert_eq!(
            index
                .alter(|index| index.execute("UPDATE file_digests SET digest = zeroblob(32)", []))
                .unwrap(),
            1
        );
        Digest::from_bytes([0; 32])
    }
}

#[test]
fn a_file_younger_than_two_seconds_is_not_remembered() {
    let files = Files::new();
    for after_ms in [-3_600_000, 0, 1_998] {
        assert_eq!(files.at(after_ms).digest(), Digest::of(b"one"));
        assert_eq!(files.remembered(), 0, "{after_ms}");
    }
    assert_eq!(files.at(2_000).digest(), Digest::of(b"one"));
    assert_eq!(files.remembered(), 1);
}

#[test]
fn a_stamp_is_settled_when_both_times_are_old() {
    let files = Files::new();
    files.at(5_000);
    // The content is old, but the inode (changed by this very call) is not.
    let file = File::options().write(true).open(&files.path).unwrap();
    file.set_times(FileTimes::new().set_modified(SystemTime::UNIX_EPOCH))
        .unwrap();
    files
        .fixture
        .clock
        .set_ms(FileStamp::of(&files.path).unwrap().ctime_ns / 1_000_000 + 1_000);
    files.digest();
    assert_eq!(files.remembered(), 0);
}

#[test]
fn a_remembered_digest_is_used_until_the_file_changes() {
    let files = Files::new();
    files.at(5_000).digest();
    let false_digest = files.falsify();
    assert_eq!(files.digest(), false_digest);
    assert_eq!(
        files.fixture.reopen().file_digest(&files.path, &|| false).unwrap(),
        false_digest
    );

    fs::write(&files.path, b"two").unwrap();
    assert_eq!(files.at(5_000).digest(), Digest::of(b"two"));
    assert_eq!(files.remembered(), 1);
}

#[test]
fn a_change_with_restored_size_and_mtime_is_noticed() {
    let files = Files::new();
    files.at(5_000).digest();
    let before = fs::metadata(&files.path).unwrap().modified().unwrap();
    fs::write(&files.path, b"two").unwrap();
    let file = File::options().write(true).open(&files.path).unwrap();
    file.set_times(FileTimes::new().set_modified(before)).unwrap();
    assert_eq!(files.digest(), Digest::of(b"two"));
}

#[test]
fn a_replaced_file_is_hashed_again() {
    let files = Files::new();
    files.at(5_000).digest();
    let other = files.path.with_extension("other");
    fs::write(&other, b"two").unwrap();
    fs::rename(&other, &files.path).unwrap();
    assert_eq!(files.digest(), Digest::of(b"two"));
}

#[test]
fn hard_links_share_a_remembered_digest() {
    let files = Files::new();
    files.at(5_000).digest();
    let link = files.path.with_extension("link");
    fs::hard_link(&files.path, &link).unwrap();
    files.at(5_000).digest();
    let false_digest = files.falsify();
    assert_eq!(files.fixture.cache.file_digest(&link, &|| false).unwrap(), false_digest);
}

#[test]
fn the_returned_stamp_detects_later_changes() {
    let files = Files::new();
    let (digest, stamp) = files.fixture.cache.stamped_file_digest(&files.path, &|| false).unwrap();
    assert_eq!(
        (digest, stamp),
        (Digest::of(b"one"), FileStamp::of(&files.path).unwrap())
    );
    fs::write(&files.path, b"longer").unwrap();
    assert_ne!(stamp, FileStamp::of(&files.path).unwrap());
}

#[test]
fn large_files_are_hashed_in_full() {
    let files = Files::new();
    let bytes = noise(1, 700_001);
    fs::write(&files.path, &bytes).unwrap();
    assert_eq!(
        (files.digest(), hash_file(&files.path, &|| false).unwrap()),
        (Digest::of(&bytes), Digest::of(&bytes))
    );
}

#[test]
fn hashing_can_be_stopped() {
    let files = Files::new();
    fs::write(&files.path, noise(1, 700_001)).unwrap();
    files.at(5_000);
    let asked = std::cell::Cell::new(0);
    let stop = || asked.replace(asked.get() + 1) == 1;
    let error = files.fixture.cache.file_digest(&files.path, &stop).unwrap_err();
    assert!(matches!(error, CacheError::Stopped { .. }), "{error}");
    assert_eq!((asked.get(), files.remembered()), (2, 0));
}

#[test]
fn only_regular_files_have_a_digest() {
    let files = Files::new();
    let digest = |path: &Path| {
        files
            .fixture
            .cache
            .file_digest(path, &|| false)
            .unwrap_err()
            .to_string()
    };
    let folder = files.fixture.folder.path();
    assert_eq!(
        digest(folder),
        format!("`{}` is not a regular file; give the path of a file", folder.display())
    );
    assert!(digest(Path::new("/dev/zero")).contains("not a regular file"));
    let missing = digest(&folder.join("missing.wav"));
    assert!(
        missing.starts_with("cannot read `") && missing.contains("missing.wav"),
        "{missing}"
    );
}

#[test]
fn index_errors_do_not_prevent_hashing() {
    let files = Files::new();
    files
        .fixture
        .cache
        .parts
        .storage
        .index
        .alter(|index| index.execute("DROP TABLE file_digests", []))
        .unwrap();
    assert_eq!(files.at(5_000).digest(), Digest::of(b"one"));
}

#[test]
fn digests_older_than_180_days_are_forgotten() {
    const DAY_MS: i64 = 24 * 3_600_000;
    let files = Files::new();
    files.at(2_000).digest();
    files.fixture.clock.advance_ms(179 * DAY_MS);
    files.fixture.cache.maintain().unwrap();
    assert_eq!(files.remembered(), 1);
    files.fixture.clock.advance_ms(2 * DAY_MS);
    files.fixture.cache.maintain().unwrap();
    assert_eq!(files.remembered(), 0);
}
