//! Entries that running jobs need.

use super::*;

#[test]
fn leased_entries_are_never_removed() {
    let fixture = Fixture::limited(Limits {
        max_size: Some(500_000),
        ..Limits::default()
    });
    fixture.put_cost(1, 1, 200_000);
    let lease = fixture.cache.lease(&[parts(1).key()]).unwrap();
    for number in 2..6 {
        fixture.put_cost(number, 1_000_000, 200_000);
    }
    let everything = Prune {
        max_size: Some(0),
        ..Prune::default()
    };
    let pruned = fixture.reopen().prune(&everything).unwrap();
    assert!(pruned.entries > 0);
    assert_eq!(fixture.kept(1..6), [1]);
    assert_eq!(fixture.reopen().clear(false).unwrap().leased, 1);
    assert!(fixture.cache.list(None, Sort::Used, None).unwrap()[0].leased);
    drop(lease);
    assert_eq!(fixture.cache.clear(false).unwrap().entries, 1);
    assert_eq!(fixture.count("leases"), 0);
}

#[test]
fn a_lease_covers_entries_stored_later() {
    let fixture = Fixture::new();
    let lease = fixture.cache.lease(&[]).unwrap();
    lease.add(&[parts(1).key()]).unwrap();
    fixture.put_cost(1, 1, 10);
    assert_eq!(fixture.cache.clear(false).unwrap().entries, 0);
    assert_eq!(fixture.kept([1]), [1]);
}

#[test]
fn leases_of_one_process_are_independent() {
    let fixture = Fixture::new();
    fixture.put_cost(1, 1, 10);
    let (first, second) = (
        fixture.cache.lease(&[parts(1).key()]),
        fixture.cache.lease(&[parts(1).key()]),
    );
    drop(first.unwrap());
    assert_eq!(fixture.cache.clear(false).unwrap().leased, 1);
    drop(second.unwrap());
    assert_eq!(fixture.cache.clear(false).unwrap().entries, 1);
}

/// The owner's life decides, not the time.
#[test]
fn leases_of_live_processes_do_not_expire() {
    let fixture = Fixture::new();
    fixture.put_cost(1, 1, 10);
    let _lease = fixture.cache.lease(&[parts(1).key()]).unwrap();
    fixture.clock.advance_ms(30 * 24 * 3_600_000);
    assert_eq!(fixture.reopen().clear(false).unwrap().leased, 1);
}

#[test]
fn leases_of_unknown_owners_expire() {
    let fixture = Fixture::new();
    fixture.put_cost(1, 1, 10);
    let lease = fixture.cache.lease(&[parts(1).key()]).unwrap();
    // An owner's file that cannot be opened: a link to itself.
    let owner = std::fs::read_dir(fixture.path("owners"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    std::fs::remove_file(&owner).unwrap();
    std::os::unix::fs::symlink(&owner, &owner).unwrap();
    let other = fixture.reopen();
    fixture.clock.advance_ms(23 * 3_600_000);
    assert_eq!(other.clear(false).unwrap().leased, 1);
    fixture.clock.advance_ms(3_600_000);
    assert_eq!(other.clear(false).unwrap().entries, 1);
    std::mem::forget(lease);
}

#[test]
fn leases_of_dead_owners_are_dropped() {
    let fixture = Fixture::new();
    fixture.put_cost(1, 1, 10);
    let lease = fixture.cache.lease(&[parts(1).key()]).unwrap();
    std::fs::remove_dir_all(fixture.path("owners")).unwrap();
    std::fs::create_dir(fixture.path("owners")).unwrap();
    assert_eq!(fixture.reopen().clear(false).unwrap().entries, 1);
    std::mem::forget(lease);
}

#[test]
fn closing_the_cache_removes_the_owner_file() {
    let fixture = Fixture::new();
    drop(fixture.cache.lease(&[parts(1).key()]).unwrap());
    assert_eq!(fixture.files("owners"), 1);
    let Fixture { folder, cache, .. } = fixture;
    drop(cache);
    assert_eq!(std::fs::read_dir(folder.path().join("v1/owners")).unwrap().count(), 0);
}

#[test]
fn recently_used_entries_are_leased_while_computing() {
    let fixture = Fixture::new();
    fixture.put_cost(1, 1, 10);
    fixture.put_cost(2, 1, 10);
    let other = fixture.reopen();
    other.lookup(&parts(1).key()).unwrap().unwrap();
    let clear = || {
        assert_eq!(fixture.reopen().clear(false).unwrap().leased, 1);
        Ok::<_, Infallible>(b"x".to_vec())
    };
    other
        .get_or_compute(&parts(3), Mode::ReadWrite, &mut never_wait, clear)
        .unwrap();
    assert_eq!(fixture.kept(1..=3), [1, 3]);
    assert_eq!(fixture.count("leases"), 0, "given back");
    // An hour later it no longer counts as in use; the entry just stored does.
    fixture.clock.advance_ms(3_600_000);
    let clear = || {
        assert_eq!(fixture.reopen().clear(false).unwrap().entries, 2);
        Ok::<_, Infallible>(b"x".to_vec())
    };
    other
        .get_or_compute(&parts(4), Mode::ReadWrite, &mut never_wait, clear)
        .unwrap();
}

/// Process numbers are reused: later, or at the same time in another container on the same folder.
#[test]
fn taken_owner_names_are_skipped() {
    let fixture = Fixture::new();
    // Opening sweeps files without a holder, so it comes first.
    let other = fixture.reopen();
    let _lease = fixture.cache.lease(&[parts(1).key()]).unwrap();
    let _incoming = fixture.cache.incoming().unwrap();
    let next_of = |folder: &str| {
        let first = std::fs::read_dir(fixture.path(folder)).unwrap().next().unwrap();
        let name = first.unwrap().file_name().into_string().unwrap();
        let (process, number) = name.trim_end_matches(".in").split_once('-').unwrap();
        let number: u64 = number.parse().unwrap();
        // Other tests advance the counter meanwhile.
        let path = |number| fixture.path(&format!("{folder}/{process}-{number}"));
        (number + 1..number + 6_000).map(path).collect::<Vec<_>>()
    };
    let (owners, temporaries) = (next_of("owners"), next_of("tmp"));
    for name in owners.iter().chain(&temporaries[..2_000]) {
        std::fs::write(name, b"").unwrap();
    }
    // The folders come after the files.
    for name in &temporaries[2_000..] {
        std::fs::create_dir(name.with_extension("in")).unwrap();
    }
    let lease = other.lease(&[parts(1).key()]).unwrap();
    fixture.put(&parts(1), &noise(1, 200_000));
    other.incoming().unwrap();
    drop(lease);
}
