//! Verification of everything.

use super::*;

fn filled() -> Fixture {
    let fixture = Fixture::new();
    for (number, length) in [(1, 10), (2, 150_000), (3, 90_000), (4, 300_000)] {
        fixture.put_new(
            &parts(number),
            NewEntry {
                label: Some(format!("{number}.wav")),
                ..NewEntry::default()
            },
            &noise(number, length),
        );
    }
    // Another entry of the same content.
    fixture.put(&parts(5), &noise(4, 300_000));
    fixture
}

fn verify(fixture: &Fixture, repair: bool) -> Verification {
    fixture.cache.verify(repair, &mut |_, _| {}).unwrap()
}

#[test]
fn a_sound_cache_verifies() {
    let mut told = (0, 0);
    let verification = filled()
        .cache
        .verify(false, &mut |entries, bytes| told = (entries, bytes))
        .unwrap();
    let expected = Verification {
        entries: 5,
        contents: 4,
        bytes: 540_010,
        ..Verification::default()
    };
    assert_eq!((&verification, verification.is_sound()), (&expected, true));
    assert_eq!(told, (5, 540_010));
}

#[test]
fn verify_reports_damage_without_repair() {
    let fixture = filled();
    std::fs::write(fixture.object(&noise(4, 300_000)), noise(9, 300_000)).unwrap();
    std::fs::remove_file(fixture.object(&noise(2, 150_000))).unwrap();
    fixture
        .cache
        .parts
        .storage
        .index
        .alter(|index| index.execute("UPDATE results SET cost_ms = 77 WHERE id = 1", []))
        .unwrap();
    let verification = verify(&fixture, false);
    let damage: Vec<_> = verification
        .damaged
        .iter()
        .map(|entry| (entry.label.as_deref(), entry.damage.as_str()))
        .collect();
    let expected = [
        (None, "its index row had changed"),
        (Some("2.wav"), "its bytes were missing"),
        (Some("4.wav"), "its bytes had changed"),
        (None, "its bytes had changed"),
    ];
    assert_eq!(damage, expected);
    assert!(!verification.is_sound());
    assert_eq!(
        (
            verification.repaired,
            fixture.count("results"),
            fixture.files("quarantine")
        ),
        (0, 5, 0)
    );
}

#[test]
fn repair_quarantines_damage_and_keeps_the_rest() {
    let fixture = filled();
    std::fs::write(fixture.object(&noise(4, 300_000)), noise(9, 300_000)).unwrap();
    fixture
        .cache
        .parts
        .storage
        .index
        .alter(|index| index.execute("UPDATE results SET cost_ms = 77 WHERE id = 1", []))
        .unwrap();
    let verification = verify(&fixture, true);
    assert_eq!(
        (
            verification.damaged.len(),
            verification.repaired,
            verification.is_sound()
        ),
        (3, 3, true)
    );
    assert_eq!((fixture.count("results"), fixture.files("quarantine")), (2, 1));
    let again = verify(&fixture, false);
    assert_eq!((again.entries, again.is_sound()), (2, true));
    assert_eq!(fixture.cache.stats().unwrap().healed, 2, "one content and one row");
}

#[test]
fn repair_includes_expired_entries() {
    let fixture = Fixture::new();
    let bytes = noise(1, 150_000);
    fixture.put_new(
        &parts(1),
        NewEntry {
            expires_ms: Some(START_MS + 1),
            ..NewEntry::default()
        },
        &bytes,
    );
    fixture.clock.advance_ms(10);
    std::fs::write(fixture.object(&bytes), b"x").unwrap();
    assert_eq!(verify(&fixture, true).repaired, 1);
    assert_eq!(fixture.count("results"), 0);
}

#[test]
fn orphaned_objects_are_counted_and_swept() {
    let fixture = filled();
    let orphan = fixture.object(b"orphan");
    std::fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    std::fs::write(&orphan, b"orphan").unwrap();
    assert_eq!(
        verify(&fixture, false).orphans,
        0,
        "written just now: perhaps its row is to come"
    );
    age(&orphan, 2 * 3_600_000);
    let verification = verify(&fixture, false);
    assert_eq!(
        (verification.orphans, verification.orphan_bytes, verification.is_sound()),
        (1, 6, true)
    );
    assert!(orphan.exists(), "it was only looked at");
    verify(&fixture, true);
    assert!(!orphan.exists());
}

#[test]
fn index_damage_is_reported() {
    let fixture = filled();
    assert_eq!(fixture.cache.parts.storage.index.faults().unwrap(), [""; 0]);
    fixture
        .cache
        .parts
        .storage
        .index
        .alter(|index| {
            index.pragma_update(None, "foreign_keys", false)?;
            index.execute("INSERT INTO statistics (name, value) VALUES ('x', 1)", [])
        })
        .unwrap();
    assert!(verify(&fixture, false).is_sound());
}

#[test]
fn index_inconsistencies_are_reported() {
    let fixture = filled();
    let damage = "PRAGMA ignore_check_constraints = ON; UPDATE contents SET size = -1 WHERE id = 1;
                  PRAGMA ignore_check_constraints = OFF";
    fixture
        .cache
        .parts
        .storage
        .index
        .alter(|index| index.execute_batch(damage))
        .unwrap();
    let verification = verify(&fixture, false);
    assert_eq!(verification.index_faults, ["CHECK constraint failed in contents"]);
    assert!(!verification.is_sound());
}

#[test]
fn damaged_blobs_are_quarantined() {
    let fixture = filled();
    let damage = "UPDATE blobs SET bytes = zeroblob(10) WHERE content_id = 1";
    fixture
        .cache
        .parts
        .storage
        .index
        .alter(|index| index.execute(damage, []))
        .unwrap();
    let verification = verify(&fixture, true);
    assert_eq!((verification.damaged.len(), verification.repaired), (1, 1));
    let aside = std::fs::read_dir(fixture.path("quarantine")).unwrap().next().unwrap();
    assert_eq!(std::fs::read(aside.unwrap().path()).unwrap(), [0; 10]);
}
