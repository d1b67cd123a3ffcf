//! Many processes that put, get, compute, lease, prune, clear and run housekeeping at random, some of which are killed: every
//! result read is right, leased entries stay, and the remaining cache is sound.
//!
//! `CESAR_MIX_SECONDS=60 cargo test --release -p cesar-cache --lib concurrent_processes -- --nocapture` runs for that time;
//! otherwise each process does a fixed number of steps. `CESAR_SEED` selects other steps.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::process::Child;
use std::time::{Duration, Instant};

use super::processes::{start, until_ready, wait_for_start};
use super::*;

const PROCESSES: u64 = 16;

/// Additional processes that are killed at some point.
const VICTIMS: u64 = 8;

/// Results that they work on: small and large ones.
const RESULTS: u64 = 24;

const STEPS: u64 = 60;

/// Number of steps per line of output; a victim is killed after some number of lines.
const STEPS_A_LINE: u64 = 4;

fn content(number: u64) -> Vec<u8> {
    noise(number, 20_000 * (number as usize % 10 + 1))
}

/// One process: `words` are its seed, its number of steps and its number of seconds.
pub(super) fn mix(folder: &Path, words: &str) {
    let numbers: Vec<u64> = words.split(' ').map(|word| word.parse().unwrap()).collect();
    let [seed, steps, seconds] = numbers[..] else {
        panic!("a seed, steps and seconds")
    };
    let mut random = SplitMix(seed);
    wait_for_start(folder);
    let limits = Limits {
        max_size: Some(1_500_000),
        ..Limits::default()
    };
    let cache = Cache::open_limited(&folder.join("cache"), Arc::new(SystemClock), limits).unwrap();
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut step = 0;
    while step < steps || Instant::now() < end {
        step_once(&cache, &mut random);
        step += 1;
        if step.is_multiple_of(STEPS_A_LINE) {
            println!("step {step}");
        }
    }
    println!("{step} steps done");
}

fn step_once(cache: &Cache, random: &mut SplitMix) {
    let number = random.below(RESULTS);
    let (key, bytes) = (parts(number).key(), content(number));
    let right = |found: Artifact| assert!(found.bytes == bytes, "wrong bytes");
    match random.below(100) {
        0..35 => drop(cache.get(&key).unwrap().map(right)),
        35..70 => {
            let lease = cache.lease(&[key]).unwrap();
            let ask = cache.get_or_compute(&parts(number), Mode::ReadWrite, &mut wait_on, computed(&bytes));
            let outcome = ask.unwrap();
            assert!(outcome.bytes == bytes, "wrong bytes");
            assert_eq!(outcome.cache_warning, None);
            assert!(cache.get(&key).unwrap().map(right).is_some(), "what is leased stays");
            drop(lease);
        }
        70..85 => drop(put_again(cache, number, &bytes)),
        85..92 => drop(
            cache
                .prune(&Prune {
                    max_size: Some(1_000_000),
                    ..Prune::default()
                })
                .unwrap(),
        ),
        92..96 => drop(cache.maintain().unwrap()),
        96 => drop(cache.clear(false).unwrap()),
        _ => {
            let verification = cache.verify(true, &mut |_, _| {}).unwrap();
            assert!(verification.is_sound(), "{verification:?}");
        }
    }
}

/// Like a refresh, which holds the lock for as long as writing takes.
fn put_again(cache: &Cache, number: u64, bytes: &[u8]) -> Option<Entry> {
    let guard = cache.try_lock(&parts(number).key()).unwrap()?;
    Some(cache.put(&guard, &parts(number), NewEntry::default(), bytes).unwrap())
}

/// Kills a process after a number of its lines.
fn kill_after(child: &mut Child, lines: u64) {
    let output = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let seen = output.map_while(std::result::Result::ok).take(lines as usize).count();
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    assert_eq!(seen as u64, lines, "it ended by itself");
}

#[test]
fn concurrent_processes_store_and_remove_safely() {
    let (seconds, seed) = (variable("CESAR_MIX_SECONDS", 0), variable("CESAR_SEED", 20_260_101));
    let folder = folder();
    let mut random = SplitMix(seed);
    let start_line = File::create(folder.path().join("start")).unwrap();
    start_line.lock().unwrap();
    let mut begin = |steps: u64, seconds: u64| {
        let role = format!("mix {} {steps} {seconds}", random.below(u64::MAX));
        start(&role, folder.path())
    };
    let mut children: Vec<Child> = (0..PROCESSES).map(|_| begin(STEPS, seconds)).collect();
    let mut victims: Vec<Child> = (0..VICTIMS).map(|_| begin(u64::MAX, 0)).collect();
    children.iter_mut().chain(&mut victims).for_each(until_ready);
    start_line.unlock().unwrap();
    for mut victim in victims {
        kill_after(&mut victim, 1 + random.below(STEPS / STEPS_A_LINE));
    }
    let mut steps = 0;
    for child in children {
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}");
        let done = text.lines().find_map(|line| line.strip_suffix(" steps done"));
        steps += done.unwrap().parse::<u64>().unwrap();
    }
    println!("seed {seed}: {PROCESSES} processes, {steps} steps, {VICTIMS} more processes killed");
    check(&folder.path().join("cache"));
}

/// Checks the state that the processes left.
fn check(folder: &Path) {
    let cache = Cache::open(folder, Arc::new(SystemClock)).unwrap();
    assert_eq!(cache.warnings(), [""; 0]);
    let verification = cache.verify(false, &mut |_, _| {}).unwrap();
    assert!(verification.is_sound(), "{verification:?}");
    let statistics = cache.stats().unwrap();
    assert_eq!(statistics.healed, 0, "{statistics:?}");
    assert!(statistics.evicted > 0 && statistics.hits > 0, "{statistics:?}");
    println!("{statistics:?}");
    cache.maintain().unwrap();
    for below in ["tmp", "locks", "owners", "quarantine"] {
        let left: Vec<_> = fs::read_dir(folder.join("v1").join(below)).unwrap().collect();
        // The owner of this opening may be present.
        assert!(left.len() <= usize::from(below == "owners"), "{below}: {left:?}");
    }
    let totals = "SELECT count = (SELECT COUNT(*) FROM contents)
                     AND bytes = (SELECT COALESCE(SUM(size), 0) FROM contents)
                     AND results = (SELECT COUNT(*) FROM results)
                     AND (SELECT COUNT(*) FROM leases) = 0
                     AND (SELECT COUNT(*) FROM blobs) = (SELECT COUNT(*) FROM contents WHERE inline)
                     AND (SELECT COUNT(*) FROM parts) = (SELECT COUNT(*) FROM results)
                     AND NOT EXISTS (SELECT 1 FROM contents c WHERE NOT EXISTS (SELECT 1 FROM results WHERE content_id = c.id))
                  FROM totals";
    let right: bool = cache
        .parts
        .storage
        .index
        .inspect(|connection| connection.query_row(totals, [], |row| row.get(0)))
        .unwrap();
    assert!(right, "what the index counts is what it holds");
    cache.clear(false).unwrap();
    assert_eq!(cache.info().unwrap().entries, 0);
    let folders = cache.parts.storage.objects.folders().unwrap();
    let left: usize = folders.iter().map(|folder| fs::read_dir(folder).unwrap().count()).sum();
    assert_eq!(left, 0, "files without an owner");
}
