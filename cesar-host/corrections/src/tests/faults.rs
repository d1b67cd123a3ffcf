//! The Nth operation on the disk fails, for every N: no acknowledged batch is lost, and no revision is there by half.

use std::path::Path;

use cesar_base::{Fault, FaultKind, Io};

use super::store::{folder, media, open, options, rename};
use crate::{Corrections, StoreOptions};

/// Adds batches through an access that fails, and reports each that was acknowledged. Gives up those that fail.
pub(super) fn work(folder: &Path, io: &Io, report: &mut dyn FnMut(String)) {
    let options = StoreOptions {
        io: io.clone(),
        ..options()
    };
    let Ok(store) = Corrections::open(folder, options) else {
        return;
    };
    for number in 0..6 {
        let Ok(history) = store.history(&media()) else { continue };
        if number == 3 {
            if store.clear(&media()).is_ok() {
                report(format!("cleared {}", history.current));
            }
        } else if let Ok(new) = store.append(&media(), history.current, "ann", &rename(&format!("name {number}"))) {
            report(format!("appended {new}"));
        }
    }
}

/// All that was acknowledged is so.
pub(super) fn check(folder: &Path, reported: &[String], what: &str) {
    let store = open(folder);
    let history = store.history(&media()).unwrap();
    let mut kept: Vec<u64> = Vec::new();
    for line in reported {
        match line.split_once(' ').unwrap() {
            ("appended", number) => kept.push(number.parse().unwrap()),
            ("cleared", _) => kept.clear(),
            other => panic!("{other:?}"),
        }
    }
    let cleared = history.cleared;
    for number in kept {
        // A clearing that was not acknowledged may have happened.
        let is_there = history.revisions.iter().any(|kept| kept.revision == number);
        assert!(
            is_there || number < cleared,
            "{what}: revision {number} is lost: {history:?}"
        );
    }
    let numbers: Vec<u64> = history.revisions.iter().map(|kept| kept.revision).collect();
    let expected: Vec<u64> = (cleared + 1..=history.current).collect();
    assert_eq!(numbers, expected, "{what}");
    assert!(
        history.revisions.iter().all(|kept| kept.operations.len() == 1),
        "{what}"
    );
    let sound: String = store
        .inspect(|connection| connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)))
        .unwrap();
    assert_eq!(sound, "ok", "{what}");
}

#[test]
fn the_nth_operation_fails() {
    use FaultKind::{DiskFull, InputOutput, Interrupted};
    for (kind, lasting) in [
        (DiskFull, false),
        (DiskFull, true),
        (InputOutput, false),
        (InputOutput, true),
        (Interrupted, false),
    ] {
        let mut points = 0;
        for at in 1.. {
            let folder = folder();
            let io = Io::failing(Fault { at, kind, lasting });
            let mut reported = Vec::new();
            work(folder.path(), &io, &mut |line| reported.push(line));
            check(
                folder.path(),
                &reported,
                &format!("{kind:?} at operation {at}, lasting: {lasting}"),
            );
            if io.operations() < at {
                assert_eq!(reported.len(), 6, "nothing failed");
                break;
            }
            points = at;
        }
        println!("{kind:?}, lasting: {lasting}: {points} fault points");
        assert!(points > 25, "{points}");
    }
}
