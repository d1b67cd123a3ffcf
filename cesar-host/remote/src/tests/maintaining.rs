//! Maintenance: what is counted, removed and found damaged.

use super::*;

/// A machine that has stored a small and a large result, and the same large one under another key.
fn filled(place: &Place) -> Machine {
    let machine = Machine::new(place.open());
    machine.get(1, &result(7, SMALL).bytes);
    machine.settle();
    for number in [2, 3] {
        machine.get(number, &result(8, LARGE).bytes);
        machine.settle();
    }
    machine
}

#[test]
fn everything_is_counted() {
    for place in Place::each() {
        let machine = filled(&place);
        let orphan = machine.remote.shared.layout.object(&cesar_base::Digest::of(b"orphan"));
        plant(&machine.remote, orphan.as_ref(), b"orphan");
        let info = machine.remote.info().unwrap();
        assert_eq!(
            (info.entries, info.objects, info.orphans, info.locks, info.rejected),
            (3, 2, 1, 0, 0)
        );
        assert_eq!(info.bytes, (SMALL + LARGE) as u64);
        let stage = &info.stages[0];
        assert_eq!(
            (info.stages.len(), stage.stage.as_str(), stage.entries, stage.bytes),
            (1, "asr", 3, (SMALL + 2 * LARGE) as u64)
        );
    }
}

#[test]
fn damage_is_found_and_removed() {
    for place in Place::each() {
        let machine = filled(&place);
        let sound = machine.remote.verify(false, |_, _| ()).unwrap();
        assert!(sound.is_sound() && sound.damaged.is_empty(), "{sound:?}");
        assert_eq!(
            (sound.entries, sound.contents, sound.bytes),
            (3, 1, (SMALL + LARGE) as u64)
        );
        let small = machine.remote.shared.layout.manifest(&parts(1).key()).to_string();
        for (name, mut content) in objects(&machine.remote) {
            if name == small || name.contains("/objects/") {
                *content.last_mut().unwrap() ^= 1;
                plant(&machine.remote, &name, &content);
            }
        }
        let damaged = machine.remote.verify(false, |_, _| ()).unwrap();
        assert_eq!(
            (damaged.damaged.len(), damaged.repaired, damaged.is_sound()),
            (3, 0, false)
        );
        let repaired = machine.remote.verify(true, |_, _| ()).unwrap();
        assert_eq!((repaired.damaged.len(), repaired.repaired), (3, 3));
        assert_eq!(
            machine.remote.verify(false, |_, _| ()).unwrap(),
            RemoteVerification::default()
        );
    }
}

#[test]
fn old_results_and_their_bytes_are_removed() {
    for place in Place::each() {
        let machine = filled(&place);
        let prune = |older_ms, stage: Option<&str>, dry_run| {
            let prune = RemotePrune {
                older_ms,
                stage: stage.map(str::to_owned),
                dry_run,
            };
            machine.remote.prune(&prune).unwrap().entries
        };
        assert_eq!(prune(None, None, false), 0, "without a condition, leftovers alone");
        assert_eq!(
            (prune(Some(3_600_000), None, false), prune(None, Some("diarize"), false)),
            (0, 0)
        );
        assert_eq!(
            (prune(None, Some("asr"), true), machine.remote.info().unwrap().entries),
            (3, 3)
        );
        assert_eq!(prune(None, Some("asr"), false), 3);
        let names: Vec<_> = objects(&machine.remote).into_keys().collect();
        assert_eq!(names, [machine.remote.shared.layout.marker().to_string()]);
    }
}
