use super::*;
use proptest::prelude::*;

const QUIET: Duration = Duration::from_secs(2);

fn stamp(size: u64, mtime_ns: i64) -> FileStamp {
    FileStamp {
        device: 1,
        inode: 7,
        size,
        mtime_ns,
        ctime_ns: 0,
    }
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn path() -> &'static Path {
    Path::new("in/talk.wav")
}

/// Looks at a time that find this stamp, with the file open or not.
fn settle(settling: &mut Settling, seconds: u64, stamp: FileStamp, is_open: bool) {
    let open = |files: &BTreeSet<FileId>| if is_open { files.clone() } else { BTreeSet::new() };
    settling.settle(at(seconds), |_| Some(stamp), open);
}

fn start(settling: &mut Settling, seconds: u64, stamp: FileStamp) -> bool {
    settling.start(at(seconds), |_| Some(stamp)).is_some()
}

#[test]
fn an_unchanged_file_settles_at_the_second_look() {
    let mut settling = Settling::new(QUIET);
    settling.look(path(), Some(stamp(9, 1)), at(0));
    assert_eq!(settling.next_look(), Some(at(2)));
    settle(&mut settling, 1, stamp(9, 1), false);
    assert!(!start(&mut settling, 1, stamp(9, 1)));
    settle(&mut settling, 2, stamp(9, 1), false);
    assert_eq!(
        settling.start(at(2), |_| Some(stamp(9, 1))),
        Some((path().to_owned(), stamp(9, 1)))
    );
    assert!(!start(&mut settling, 2, stamp(9, 1)), "it is started once");
}

#[test]
fn a_change_of_size_or_time_starts_over() {
    for changed in [
        stamp(10, 1),
        stamp(9, 2),
        FileStamp {
            inode: 8,
            ..stamp(9, 1)
        },
    ] {
        let mut settling = Settling::new(QUIET);
        settling.look(path(), Some(stamp(9, 1)), at(0));
        settle(&mut settling, 2, changed, false);
        assert!(!start(&mut settling, 2, changed), "{changed:?}");
        settle(&mut settling, 3, changed, false);
        assert!(!start(&mut settling, 3, changed), "{changed:?}");
        settle(&mut settling, 4, changed, false);
        assert!(start(&mut settling, 4, changed), "{changed:?}");
    }
}

#[test]
fn an_open_file_waits_however_long_it_is_unchanged() {
    let mut settling = Settling::new(QUIET);
    settling.look(path(), Some(stamp(9, 1)), at(0));
    for second in 2..500 {
        settle(&mut settling, second, stamp(9, 1), true);
        assert!(!start(&mut settling, second, stamp(9, 1)));
    }
    settle(&mut settling, 502, stamp(9, 1), false);
    assert!(start(&mut settling, 502, stamp(9, 1)));
}

/// The open files of other users are hidden, but not that they are written to and closed.
#[test]
fn a_written_file_waits_until_it_is_closed_or_timed_out() {
    for closed_at in [Some(7), None] {
        let mut settling = Settling::new(QUIET);
        settling.look(path(), Some(stamp(9, 1)), at(0));
        settling.written(path());
        let mut started_at = None;
        for second in 1..100 {
            if closed_at == Some(second) {
                settling.closed(path());
            }
            settle(&mut settling, second, stamp(9, 1), false);
            if start(&mut settling, second, stamp(9, 1)) {
                started_at.get_or_insert(second);
            }
        }
        let expected = if closed_at.is_some() { 8 } else { 60 };
        assert_eq!(started_at, Some(expected));
    }
}

#[test]
fn an_empty_file_waits_for_content() {
    let mut settling = Settling::new(QUIET);
    settling.look(path(), Some(stamp(0, 1)), at(0));
    settle(&mut settling, 58, stamp(0, 1), false);
    assert!(!start(&mut settling, 58, stamp(0, 1)));
    settle(&mut settling, 60, stamp(0, 1), false);
    assert!(start(&mut settling, 60, stamp(0, 1)));
}

#[test]
fn a_settled_file_that_changes_before_its_start_settles_again() {
    let mut settling = Settling::new(QUIET);
    settling.look(path(), Some(stamp(9, 1)), at(0));
    settle(&mut settling, 2, stamp(9, 1), false);
    assert!(!start(&mut settling, 3, stamp(10, 2)));
    settle(&mut settling, 5, stamp(10, 2), false);
    assert!(start(&mut settling, 5, stamp(10, 2)));
}

#[test]
fn a_file_is_taken_again_only_when_it_changes() {
    let mut settling = Settling::new(QUIET);
    settling.look(path(), Some(stamp(9, 1)), at(0));
    settle(&mut settling, 2, stamp(9, 1), false);
    assert!(start(&mut settling, 2, stamp(9, 1)));
    assert!(!settling.is_idle());
    settling.end(path(), &stamp(9, 1), End::Finished, at(3));
    assert!(settling.is_idle());
    // Other looks, and a rename back and forth, which changes the inode's time only.
    let renamed = FileStamp {
        ctime_ns: 5,
        ..stamp(9, 1)
    };
    settling.scanned([(path().to_owned(), renamed)], |_| None, at(60));
    assert!(settling.is_idle() && settling.next_look().is_none());
    settling.scanned([(path().to_owned(), stamp(12, 4))], |_| None, at(120));
    settle(&mut settling, 122, stamp(12, 4), false);
    assert!(start(&mut settling, 122, stamp(12, 4)));
}

#[test]
fn a_change_during_the_work_or_a_request_takes_it_again() {
    for (end, seen) in [(End::Finished, stamp(12, 4)), (End::Again, stamp(9, 1))] {
        let mut settling = Settling::new(QUIET);
        settling.look(path(), Some(stamp(9, 1)), at(0));
        settle(&mut settling, 2, stamp(9, 1), false);
        assert!(start(&mut settling, 2, stamp(9, 1)));
        settling.look(path(), Some(seen), at(3));
        settling.end(path(), &stamp(9, 1), end, at(4));
        settle(&mut settling, 6, seen, false);
        assert!(start(&mut settling, 6, seen), "{end:?}");
    }
}

/// Its transcript is not written under two names.
#[test]
fn a_recording_for_later_waits_until_then() {
    let mut settling = Settling::new(QUIET);
    settling.look(path(), Some(stamp(9, 1)), at(0));
    settle(&mut settling, 2, stamp(9, 1), false);
    assert!(start(&mut settling, 2, stamp(9, 1)));
    settling.end(path(), &stamp(9, 1), End::At(at(30)), at(4));
    settle(&mut settling, 29, stamp(9, 1), false);
    assert!(!start(&mut settling, 29, stamp(9, 1)), "others come first");
    settle(&mut settling, 30, stamp(9, 1), false);
    assert!(start(&mut settling, 30, stamp(9, 1)));
}

#[test]
fn a_file_renamed_during_the_work_waits_for_its_end() {
    let mut settling = Settling::new(QUIET);
    let other = Path::new("in/renamed.wav");
    settling.look(path(), Some(stamp(9, 1)), at(0));
    settle(&mut settling, 2, stamp(9, 1), false);
    assert!(start(&mut settling, 2, stamp(9, 1)));
    settling.scanned([(other.to_owned(), stamp(9, 1))], |_| None, at(3));
    for second in 5..20 {
        settle(&mut settling, second, stamp(9, 1), false);
        assert!(!start(&mut settling, second, stamp(9, 1)));
    }
    settling.end(path(), &stamp(9, 1), End::Again, at(20));
    settle(&mut settling, 22, stamp(9, 1), false);
    assert_eq!(
        settling.start(at(22), |_| Some(stamp(9, 1))).map(|(path, _)| path),
        Some(other.to_owned())
    );
}

#[test]
fn a_file_that_is_gone_is_forgotten_in_every_state() {
    for steps in 0..4 {
        let mut settling = Settling::new(QUIET);
        settling.look(path(), Some(stamp(9, 1)), at(0));
        if steps > 0 {
            settle(&mut settling, 2, stamp(9, 1), false);
        }
        if steps > 1 {
            assert!(start(&mut settling, 2, stamp(9, 1)));
        }
        if steps > 2 {
            settling.end(path(), &stamp(9, 1), End::Finished, at(3));
        }
        settling.scanned([], |_| None, at(4));
        if steps == 2 {
            settling.end(path(), &stamp(9, 1), End::Finished, at(5));
        }
        assert!(settling.is_idle() && settling.files.is_empty(), "{steps}");
        settling.look(path(), Some(stamp(9, 1)), at(6));
        settle(&mut settling, 8, stamp(9, 1), false);
        assert!(start(&mut settling, 8, stamp(9, 1)), "{steps}: it came back");
    }
}

/// A walk that could not read a folder does not mean that its files are gone.
#[test]
fn files_that_a_walk_missed_are_looked_at() {
    let mut settling = Settling::new(QUIET);
    settling.look(path(), Some(stamp(9, 1)), at(0));
    settling.scanned([], |_| Some(stamp(9, 1)), at(1));
    settle(&mut settling, 2, stamp(9, 1), false);
    assert!(start(&mut settling, 2, stamp(9, 1)));
}

/// Names only in memory: each is looked at twice before it is taken, all are taken once, in order, and a later walk takes none.
#[test]
fn a_hundred_thousand_files_are_each_taken_once_in_order() {
    const FILES: u64 = 100_000;
    let all: BTreeMap<PathBuf, FileStamp> = (0..FILES)
        .map(|number| {
            let inode = number;
            let path = PathBuf::from(format!("in/{:03}/{number:06}.wav", number % 317));
            (path, FileStamp { inode, ..stamp(9, 1) })
        })
        .collect();
    let looks = std::cell::Cell::new(0_u64);
    let look = |path: &Path| {
        looks.set(looks.get() + 1);
        all.get(path).copied()
    };
    let mut settling = Settling::new(QUIET);
    settling.scanned(all.clone(), look, at(0));
    let mut asked = Vec::new();
    settling.settle(at(2), look, |files| {
        asked.push(files.len());
        BTreeSet::new()
    });
    assert_eq!(
        (looks.get(), asked),
        (FILES, vec![100_000]),
        "one look and one question for all"
    );
    let mut taken = Vec::new();
    while let Some((path, stamp)) = settling.start(at(2), look) {
        settling.end(&path, &stamp, End::Finished, at(3));
        taken.push(path);
    }
    assert!(taken.iter().eq(all.keys()));
    settling.scanned(all.clone(), look, at(60));
    assert!(settling.is_idle() && settling.start(at(60), look).is_none());
}

#[derive(Debug, Clone)]
enum Step {
    Write,
    Close,
    Open,
    Delete,
    Wait(u64),
    Start,
    End,
}

proptest! {
    /// Whatever happens to a file: work starts only on a content that was the same for the quiet time and is closed, never twice on the
    /// same content, and in the end on the last one.
    #[test]
    fn only_settled_content_is_taken_and_the_last_one_is(
        steps in prop::collection::vec(prop_oneof![
            3 => Just(Step::Write), 2 => Just(Step::Close), 1 => Just(Step::Open), 1 => Just(Step::Delete),
            4 => (1_u64..5).prop_map(Step::Wait), 4 => Just(Step::Start), 3 => Just(Step::End),
        ], 0..60)
    ) {
        let mut settling = Settling::new(QUIET);
        let (mut now, mut size, mut changed_at, mut is_open, mut is_there) = (0, 1, 0, false, false);
        let (mut running, mut done) = (None, Vec::new());
        let rest = [Step::End, Step::Write, Step::Close, Step::Wait(5), Step::Start, Step::End, Step::Wait(5), Step::Start];
        for step in steps.into_iter().chain(rest) {
            let found = |size, is_there: bool| is_there.then(|| stamp(size, 1));
            match step {
                Step::Write => {
                    (size, changed_at, is_open, is_there) = (size + 1, now, true, true);
                    if settling.written(path()) {
                        settling.look(path(), found(size, is_there), at(now));
                    }
                }
                Step::Close => {
                    is_open = false;
                    settling.closed(path());
                    settling.look(path(), found(size, is_there), at(now));
                }
                Step::Open => is_open = is_there,
                Step::Delete => {
                    (is_there, is_open) = (false, false);
                    settling.look(path(), None, at(now));
                }
                Step::Wait(seconds) => {
                    for _ in 0..seconds {
                        now += 1;
                        let open = |files: &BTreeSet<FileId>| if is_open { files.clone() } else { BTreeSet::new() };
                        settling.settle(at(now), |_| found(size, is_there), open);
                    }
                }
                Step::Start => if let Some((_, taken)) = settling.start(at(now), |_| found(size, is_there)) {
                    prop_assert!(is_there && now >= changed_at + 2 && taken.size == size);
                    prop_assert!(running.is_none());
                    running = Some(taken);
                },
                Step::End => if let Some(taken) = running.take() {
                    done.push(taken.size);
                    settling.end(path(), &taken, End::Finished, at(now));
                },
            }
        }
        prop_assert_eq!(running.map(|stamp: FileStamp| stamp.size).or(done.last().copied()), Some(size));
    }
}
