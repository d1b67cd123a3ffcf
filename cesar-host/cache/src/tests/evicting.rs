//! Eviction from a full cache: which entries, and no others.

use proptest::prelude::*;

use super::super::evict::Evicted;
use super::super::index::{Filter, Order, Position};
use super::*;

/// Two hundred kilobytes: a file each.
const LARGE: usize = 200_000;

fn limited_to(max_size: u64) -> Limits {
    Limits {
        max_size: Some(max_size),
        ..Limits::default()
    }
}

#[test]
fn exceeding_max_size_evicts_lowest_scores_to_the_low_mark() {
    let fixture = Fixture::limited(limited_to(2_200_000));
    // Cost rises with the number.
    for number in 1..=30 {
        fixture.put_cost(number, number as i64 * 1_000, LARGE);
        assert!(fixture.used() <= 2_200_000, "after {number}");
    }
    let kept = fixture.kept(1..=30);
    assert!(kept.len() >= 8, "{kept:?}");
    assert_eq!(kept, (31 - kept.len() as u64..=30).collect::<Vec<_>>(), "the dearest");
    let statistics = fixture.cache.stats().unwrap();
    assert_eq!(statistics.evicted, 30 - kept.len() as u64);
    let objects = || fixture.cache.parts.storage.objects.folders().unwrap();
    let files: usize = objects()
        .iter()
        .map(|folder| std::fs::read_dir(folder).unwrap().count())
        .sum();
    assert_eq!(files, kept.len());
}

#[test]
fn a_cache_at_its_limit_does_not_evict_on_every_store() {
    let fixture = Fixture::limited(limited_to(4_000_000));
    let mut rounds = 0;
    let mut before = 0;
    for number in 1..=100 {
        fixture.put_cost(number, 1_000, LARGE);
        let evicted = fixture.cache.stats().unwrap().evicted;
        rounds += u64::from(evicted > before);
        before = evicted;
    }
    assert!((20..=50).contains(&rounds), "{rounds} rounds for {before} evictions");
}

/// The example of the design, in one cache: the transcript is older and unused since.
#[test]
fn costly_transcripts_outlive_cheap_downloads() {
    let fixture = Fixture::limited(limited_to(5_000_000));
    let transcript = fixture.put_cost(1, 9 * 60_000, 40_000);
    fixture.clock.advance_ms(20 * 24 * 3_600_000);
    for number in 2..40 {
        fixture.put_cost(number, 4, 1_000_000);
    }
    assert!(fixture.cache.lookup(&transcript).unwrap().is_some());
    assert!(fixture.kept(2..40).len() <= 4);
}

#[test]
fn recently_used_results_survive_among_equals() {
    let fixture = Fixture::limited(limited_to(2_200_000));
    for number in 1..=10 {
        fixture.put_cost(number, 1_000, LARGE);
    }
    fixture.clock.advance_ms(600_000);
    for number in [1, 2] {
        fixture.cache.get(&parts(number).key()).unwrap().unwrap();
    }
    fixture.cache.flush().unwrap();
    fixture.put_cost(11, 1_000, LARGE);
    let kept = fixture.kept(1..=11);
    assert!(kept.starts_with(&[1, 2]) && kept.ends_with(&[11]), "{kept:?}");
    assert!(kept.len() < 11);
}

#[test]
fn the_entry_just_stored_is_not_evicted() {
    let fixture = Fixture::limited(limited_to(1_000_000));
    fixture.put_cost(1, 10_000_000, LARGE);
    fixture.put_cost(2, 0, 2_000_000);
    assert_eq!(fixture.kept([1, 2]), [2]);
    fixture.put_cost(3, 10, LARGE);
    assert_eq!(fixture.kept([2, 3]), [3]);
}

#[test]
fn shared_content_is_removed_with_its_last_entry() {
    let fixture = Fixture::new();
    let bytes = noise(1, LARGE);
    for number in [1, 2] {
        fixture.put_new(
            &parts(number),
            NewEntry {
                cost_ms: number as i64 * 1_000,
                ..NewEntry::default()
            },
            &bytes,
        );
    }
    let prune = |stage: &str| Prune {
        stage: Some(stage.to_owned()),
        ..Prune::default()
    };
    fixture.put_new(
        &KeyParts {
            stage: "diarize".to_owned(),
            ..parts(3)
        },
        NewEntry::default(),
        &bytes,
    );
    let pruned = fixture.cache.prune(&prune("asr")).unwrap();
    assert_eq!((pruned.entries, pruned.bytes, pruned.cost_ms), (2, 0, 3_000));
    assert!(fixture.object(&bytes).exists());
    let pruned = fixture.cache.prune(&prune("diarize")).unwrap();
    assert_eq!((pruned.entries, pruned.bytes), (1, LARGE as u64));
    assert!(!fixture.object(&bytes).exists());
    assert_eq!((fixture.count("contents"), fixture.count("parts")), (0, 0));
}

#[test]
fn evicting_inline_results_shrinks_the_index() {
    let fixture = Fixture::new();
    for number in 0..400 {
        fixture.put_cost(number, 1_000, 60_000);
    }
    fixture.cache.parts.storage.index.empty_log().unwrap();
    let length = || std::fs::metadata(fixture.path("index.db")).unwrap().len();
    let before = (fixture.used(), length());
    assert!(before.0 > 24_000_000 && before.1 > 24_000_000, "{before:?}");
    let pruned = fixture
        .cache
        .prune(&Prune {
            max_size: Some(5_000_000),
            ..Prune::default()
        })
        .unwrap();
    assert!((300..330).contains(&pruned.entries), "{pruned:?}");
    assert!(fixture.used() <= 5_000_000);
    fixture.cache.parts.storage.index.empty_log().unwrap();
    assert!(length() < 14_000_000, "{}", length());
    assert_eq!(fixture.cache.parts.storage.index.faults().unwrap(), [""; 0]);
}

/// Candidates come in pages of 256, with the remaining amount computed between them.
#[test]
fn dry_runs_report_candidates_over_several_pages() {
    let fixture = Fixture::new();
    // Cost falls with the number.
    for number in 1..=600 {
        fixture.put_cost(number, (601 - number as i64) * 1_000, 100);
    }
    let target = Prune {
        max_size: Some(fixture.used() / 3),
        ..Prune::default()
    };
    let dry_run = Prune {
        dry_run: true,
        ..target.clone()
    };
    assert_eq!(fixture.cache.prune(&dry_run).unwrap().entries, 400);
    assert_eq!(fixture.cache.prune(&target).unwrap().entries, 400);
    assert_eq!(fixture.kept(1..=600), (1..=200).collect::<Vec<_>>());
}

#[test]
fn prune_conditions_are_combined() {
    let fixture = Fixture::new();
    let day_ms = 24 * 3_600_000;
    for (number, stage, lifetime_ms) in [(1, "asr", None), (2, "asr", Some(day_ms)), (3, "format", Some(day_ms))] {
        let new = NewEntry {
            expires_ms: lifetime_ms.map(|ms| START_MS + ms),
            cost_ms: 5,
            ..NewEntry::default()
        };
        fixture.put_new(
            &KeyParts {
                stage: stage.to_owned(),
                ..parts(number)
            },
            new,
            &noise(number, 1_000),
        );
    }
    fixture.put_cost(4, 5, 1_000);
    fixture.clock.advance_ms(2 * day_ms);
    fixture.cache.get(&parts(4).key()).unwrap().unwrap();
    let prune = |change: fn(&mut Prune)| {
        let mut prune = Prune {
            dry_run: true,
            ..Prune::default()
        };
        change(&mut prune);
        fixture.cache.prune(&prune).unwrap().entries
    };
    assert_eq!(prune(|prune| prune.expired = true), 2);
    assert_eq!(prune(|prune| prune.stage = Some("asr".to_owned())), 3);
    assert_eq!(prune(|prune| prune.unused_ms = Some(86_400_000)), 3);
    let both = |prune: &mut Prune| {
        prune.stage = Some("asr".to_owned());
        prune.expired = true;
    };
    assert_eq!(prune(both), 1);
    assert_eq!(prune(|prune| prune.max_size = Some(0)), 4);
    assert_eq!(fixture.count("results"), 4, "only looked");
    assert_eq!(fixture.cache.stats().unwrap().evicted, 0);
    fixture
        .cache
        .prune(&Prune {
            expired: true,
            ..Prune::default()
        })
        .unwrap();
    assert_eq!(fixture.count("results"), 2);
}

#[test]
fn clear_keeps_only_the_counters() {
    let fixture = Fixture::new();
    for (number, length) in [(1, 10), (2, LARGE), (3, LARGE)] {
        fixture.put_cost(number, 1_000, length);
    }
    fixture.cache.get(&parts(1).key()).unwrap().unwrap();
    std::fs::write(fixture.path("quarantine/x-1"), b"x").unwrap();
    let orphan = fixture.object(b"orphan");
    std::fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    std::fs::write(&orphan, b"orphan").unwrap();
    let partials = |number: u64| {
        let insert = "INSERT INTO partials (key, position, digest, bytes, cost_ms, created_ms)
                      VALUES (?1, 0, zeroblob(32), x'00', 1, 1)";
        let key = *parts(number).key().as_bytes();
        fixture
            .cache
            .parts
            .storage
            .index
            .alter(|index| index.execute(insert, [key]))
            .unwrap();
    };
    partials(8);
    partials(9);
    let _computing = fixture.cache.lock(&parts(9).key(), &mut never_wait).unwrap();

    assert_eq!(fixture.cache.clear(true).unwrap().entries, 3);
    assert_eq!(fixture.count("results"), 3, "only looked");
    let cleared = fixture.cache.clear(false).unwrap();
    assert_eq!(
        (cleared.entries, cleared.bytes, cleared.cost_ms),
        (3, 10 + 2 * LARGE as u64, 3_000)
    );
    let tables = ["results", "contents", "blobs", "parts", "leases", "file_digests"];
    assert_eq!(tables.map(|table| fixture.count(table)), [0; 6]);
    assert_eq!(fixture.count("partials"), 1, "one is being computed");
    assert_eq!((fixture.files("quarantine"), orphan.exists()), (0, false));
    let statistics = fixture.cache.stats().unwrap();
    assert_eq!((statistics.hits, statistics.evicted), (1, 0));
    fixture.put_cost(1, 1_000, 10);
}

#[test]
fn cleared_and_pruned_results_leave_no_words_in_the_files() {
    for clears in [true, false] {
        let fixture = Fixture::new();
        let label = Some("gnusecret.mp3".to_owned());
        fixture.put_new(
            &parts(1),
            NewEntry {
                label,
                ..NewEntry::default()
            },
            "a gnusecret word ".repeat(500).as_bytes(),
        );
        // A checkpoint of the recognition, which is removed when the result is stored.
        let text = "another gnusecret ".repeat(30);
        let (insert, remove) = (
            "INSERT INTO partials (key, position, digest, bytes, cost_ms, created_ms) VALUES (zeroblob(32), 0, zeroblob(32), ?1, 1, 1)",
            "DELETE FROM partials",
        );
        let index = &fixture.cache.parts.storage.index;
        index.alter(|index| index.execute(insert, [text.as_bytes()])).unwrap();
        index.alter(|index| index.execute(remove, [])).unwrap();
        let occurs = || {
            ["index.db", "index.db-wal"].iter().any(|name| {
                let bytes = std::fs::read(fixture.path(name)).unwrap_or_default();
                bytes.windows(9).any(|window| window == b"gnusecret")
            })
        };
        assert!(occurs());
        let removed = match clears {
            true => fixture.cache.clear(false),
            false => fixture.cache.prune(&Prune::default()),
        };
        assert_eq!((removed.unwrap().entries, occurs()), (1, false));
    }
}

#[test]
fn candidate_queries_use_an_index() {
    let fixture = Fixture::new();
    for number in 0..50 {
        fixture.put_cost(number, 1_000, 10);
    }
    let expired = Filter {
        expired_ms: Some(START_MS),
        ..Filter::default()
    };
    for (order, filter, index) in [
        (Order::EvictionScore, Filter::default(), "results_by_worth"),
        (Order::Expiry, expired, "results_by_expiry"),
        (Order::Stored, Filter::default(), "INTEGER PRIMARY KEY"),
    ] {
        let plan = fixture.cache.parts.storage.index.plan(order, &filter).unwrap();
        assert!(plan[0].contains(index), "{order:?}: {plan:?}");
        assert!(
            plan.iter().all(|step| !step.contains("TEMP B-TREE")),
            "{order:?}: {plan:?}"
        );
    }
}

#[test]
fn candidate_pages_visit_each_entry_once() {
    let fixture = Fixture::new();
    // Many of equal score.
    for number in 0..100 {
        fixture.put_cost(number, number as i64 / 20, 10);
    }
    for order in [Order::Stored, Order::EvictionScore] {
        let mut position = Position::START;
        let mut seen = Vec::new();
        loop {
            let page = fixture
                .cache
                .parts
                .storage
                .index
                .candidates(order, &Filter::default(), position, 7)
                .unwrap();
            let Some(last) = page.last() else { break };
            position = last.position();
            seen.extend(page.iter().map(|candidate| candidate.id));
        }
        assert_eq!(seen, (1..=100).collect::<Vec<_>>(), "{order:?}");
    }
}

/// Entries used or replaced between selection and removal stay.
#[test]
fn entries_used_since_selection_are_not_evicted() {
    let fixture = Fixture::new();
    for number in 1..=3 {
        fixture.put_cost(number, 1_000, 10);
    }
    let index = &fixture.cache.parts.storage.index;
    let page = index
        .candidates(Order::EvictionScore, &Filter::default(), Position::START, 10)
        .unwrap();
    fixture.clock.advance_ms(100_000);
    fixture.cache.get(&parts(1).key()).unwrap().unwrap();
    fixture.cache.flush().unwrap();
    fixture.put(&parts(2), b"another");
    let removed = index.remove(&page, super::super::index::Counting::Evicted).unwrap();
    assert_eq!(removed.entries, 1);
    assert_eq!(fixture.kept(1..=3), [1, 2]);
}

/// A reader that found the row earlier and opens the file after the removal gets a miss, not damage.
#[test]
fn eviction_during_a_read_is_a_miss() {
    let fixture = Fixture::new();
    fixture.put_cost(1, 1_000, LARGE);
    std::fs::remove_file(fixture.object(&noise(1, LARGE))).unwrap();
    let open = fixture.reopen();
    // As if the eviction's transaction came after the lookup of the row.
    open.clear(false).unwrap();
    assert_eq!(fixture.cache.get(&parts(1).key()).unwrap(), None);
    assert_eq!(fixture.cache.stats().unwrap().healed, 0);
}

#[test]
fn an_open_file_survives_its_eviction() {
    let fixture = Fixture::new();
    fixture.put_cost(1, 1_000, LARGE);
    let found = fixture.cache.get_file(&parts(1).key()).unwrap().unwrap();
    fixture.cache.clear(false).unwrap();
    let ArtifactSource::File { mut file, .. } = found.source else {
        panic!("a large result is a file")
    };
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
    assert!(bytes == noise(1, LARGE));
}

/// The Nth operation of an eviction fails: no row without its bytes, and the next round finishes.
#[test]
fn eviction_survives_a_fault_at_any_operation() {
    for kind in [FaultKind::DiskFull, FaultKind::InputOutput] {
        for lasting in [false, true] {
            let points = eviction_fails_everywhere(kind, lasting);
            println!("{kind:?}, lasting: {lasting}: {points} operations of an eviction that failed");
            assert!(points > 30, "{points}");
        }
    }
}

fn eviction_fails_everywhere(kind: FaultKind, lasting: bool) -> u64 {
    for at in 1.. {
        let folder = folder();
        let clock = Arc::new(ManualClock::new(START_MS));
        let fill = Cache::open(folder.path(), clock.clone()).unwrap();
        let large: Vec<u64> = (1..=4).collect();
        large.iter().for_each(|number| {
            put(&fill, &parts(*number), &noise(*number, 120_000)).unwrap();
        });
        put(&fill, &parts(5), b"small").unwrap();
        drop(fill);
        let io = Io::failing(Fault { at, kind, lasting });
        if let Ok(cache) = Cache::open_as(folder.path(), clock.clone(), io.clone(), limited_to(300_000)) {
            let _ = cache.maintain();
            let _ = cache.prune(&Prune {
                stage: Some("asr".to_owned()),
                ..Prune::default()
            });
        }
        let cache = Cache::open(folder.path(), clock).unwrap();
        for number in 1..=5 {
            let listed = cache.lookup(&parts(number).key()).unwrap().is_some();
            let read = cache.get(&parts(number).key()).unwrap();
            assert_eq!(read.is_some(), listed, "{kind:?} at {at}: a row without its bytes");
        }
        assert_eq!(cache.stats().unwrap().healed, 0, "{kind:?} at {at}");
        cache.clear(false).unwrap();
        let left = cache.parts.storage.objects.folders().unwrap();
        assert!(
            left.iter()
                .all(|folder| std::fs::read_dir(folder).unwrap().count() == 0),
            "{kind:?} at {at}"
        );
        if io.operations() < at {
            return at - 1;
        }
    }
    unreachable!("the loop ends when no operation is left to fail")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// For any stored results: pruning to a size leaves those with the highest scores, and they fit.
    #[test]
    fn pruning_keeps_the_highest_scores(
        entries in prop::collection::vec((0..1_000_000_i64, 0..3_u64, 0..40_i64), 1..40),
        percent in 0..100_u64,
    ) {
        let fixture = Fixture::new();
        let sizes = [500, 90_000, 150_000];
        for (number, (cost_ms, size, days)) in (0..).zip(&entries) {
            fixture.clock.set_ms(START_MS + days * 24 * 3_600_000);
            fixture.put_cost(number, *cost_ms, sizes[*size as usize]);
        }
        let by_worth = fixture.cache.list(None, Sort::EvictionScore, None).unwrap();
        let target = fixture.used() * percent / 100;
        let dry = fixture.cache.prune(&Prune { max_size: Some(target), dry_run: true, ..Prune::default() }).unwrap();
        let pruned = fixture.cache.prune(&Prune { max_size: Some(target), ..Prune::default() }).unwrap();
        let left = fixture.cache.list(None, Sort::EvictionScore, None).unwrap();
        prop_assert_eq!(pruned.entries, (by_worth.len() - left.len()) as u64);
        prop_assert_eq!(&by_worth[..left.len()], &left[..], "the least worthy went");
        prop_assert!(left.is_empty() || fixture.used() <= target);
        prop_assert!(dry.entries <= pruned.entries);
        for listed in left {
            prop_assert!(fixture.cache.get(&listed.entry.key).unwrap().is_some());
        }
    }
}

#[test]
fn evicted_counts_add_up() {
    let evicted = |number: u64, stopped| Evicted {
        entries: number,
        bytes: number * 10,
        cost_ms: i64::MAX - 7 * number as i64,
        leased: number * 100,
        stopped,
    };
    for (first, second) in [(false, true), (true, false), (false, false)] {
        let mut sum = evicted(2, first);
        sum.add(evicted(3, second));
        let expected = Evicted {
            cost_ms: i64::MAX,
            ..evicted(5, first || second)
        };
        assert_eq!(sum, expected);
        let mut told = Pruned::from(evicted(2, first));
        told.add(&evicted(3, second).into());
        assert_eq!(told, expected.into());
    }
}

#[test]
fn unnamed_contents_are_found_page_by_page() {
    let fixture = Fixture::new();
    for number in 1..=4 {
        fixture.put(&parts(number), &noise(number, LARGE));
    }
    let index = &fixture.cache.parts.storage.index;
    index
        .alter(|index| index.execute("DELETE FROM results WHERE content_id <> 2", []))
        .unwrap();
    let (mut found, mut pages) = (Vec::new(), 0);
    let mut after = Some(i64::MIN);
    while let Some(from) = after {
        let (unnamed, next) = index.unnamed_contents(from, 2).unwrap();
        found.extend(unnamed);
        (after, pages) = (next, pages + 1);
    }
    assert_eq!((found, pages), (vec![1, 3, 4], 3), "the third page is empty");
    // A missing file is not an error.
    let objects = &fixture.cache.parts.storage.objects;
    for _ in 0..2 {
        objects.remove(&Digest::of(&noise(1, LARGE))).unwrap();
    }
}

/// Includes this process's uses that are not written to the index yet.
#[test]
fn lists_include_unwritten_uses() {
    let fixture = Fixture::new();
    fixture.put_cost(1, 1, 10);
    for _ in 0..2 {
        fixture.cache.get(&parts(1).key()).unwrap().unwrap();
    }
    let stored = || fixture.reopen().list(None, Sort::Used, None).unwrap()[0].hits;
    assert_eq!(stored(), 0, "uses are written in batches");
    assert_eq!(fixture.cache.list(None, Sort::Used, None).unwrap()[0].hits, 2);
    for _ in 0..1_000 {
        fixture.cache.get(&parts(1).key()).unwrap().unwrap();
    }
    assert!(stored() > 500, "a batch does not wait for long: {}", stored());
}
