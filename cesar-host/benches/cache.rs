//! Times of the cache: tables for `docs/internals/results.md`.
//!
//! ```text
//! cargo xtask measure micro cache -- threshold        a BLOB or a file? read times around the limit
//! cargo xtask measure micro cache -- sides DIR       the cache's own hits and stores on both sides of the limit
//! cargo xtask measure micro cache -- fill DIR N       makes a cache with N small results
//! cargo xtask measure micro cache -- hits DIR…        hit time in each of these caches, in turns
//! cargo xtask measure micro cache -- prune DIR        removes half of them, then the rest, beside a writer
//! ```
//! Times are medians of single operations; what the operating system has in memory stays there, as it does on a machine
//! in use.

#![expect(clippy::print_stdout, reason = "a program that prints tables")]

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cesar_base::{Digest, SystemClock};
use cesar_cache::{Cache, INLINE_LIMIT, Key, KeyParts, NewEntry, OptionValue, Prune};
use rusqlite::Connection;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    // Cargo adds `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["threshold"] => threshold(),
        ["sides", folder] => sides(Path::new(folder)),
        ["fill", folder, count] => fill(Path::new(folder), count.parse()?),
        ["hits", folders @ ..] => hits(folders),
        ["prune", folder] => prune(Path::new(folder)),
        _ => {
            println!("commands: threshold | sides DIR | fill DIR N | hits DIR… | prune DIR");
            Ok(())
        }
    }
}

/// Numbers that look random and are the same each time (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }
}

fn median(times: &mut [Duration]) -> f64 {
    quantile(times, 0.5)
}

/// In microseconds.
fn quantile(times: &mut [Duration], part: f64) -> f64 {
    times.sort_unstable();
    let place = ((times.len() - 1) as f64 * part) as usize;
    times[place].as_secs_f64() * 1e6
}

/// Reads the same bytes as BLOBs, at two page sizes, and as files.
fn threshold() -> Outcome<()> {
    const COUNT: u64 = 400;
    const READS: usize = 4_000;
    println!("limit: {INLINE_LIMIT} bytes; median of {READS} reads in random order, µs\n");
    println!("| size | BLOB, pages of 8192 | BLOB, pages of 4096 | file | file / BLOB at 8192 |");
    println!("|--:|--:|--:|--:|--:|");
    for kilobytes in [10, 25, 50, 75, 90, 100, 110, 125, 150, 200, 300, 500] {
        let folder = tempfile::tempdir()?;
        let size = kilobytes * 1_024;
        let large = blobs(&folder.path().join("8192.db"), 8_192, size, COUNT)?;
        let small = blobs(&folder.path().join("4096.db"), 4_096, size, COUNT)?;
        let files = files(folder.path(), size, COUNT)?;
        let mut numbers = Numbers(7);
        let mut times: [Vec<Duration>; 3] = Default::default();
        // In turns, so that whatever else the machine does concerns all three.
        for _ in 0..READS {
            let number = numbers.next() % COUNT;
            let read: [&dyn Fn() -> Outcome<usize>; 3] =
                [&|| read_blob(&large, number), &|| read_blob(&small, number), &|| {
                    Ok(fs::read(&files[number as usize])?.len())
                }];
            for (times, read) in times.iter_mut().zip(read) {
                let started = Instant::now();
                let length = read()?;
                times.push(started.elapsed());
                assert_eq!(length, size, "what was written is read");
            }
        }
        let [large, small, file] = times.map(|mut times| median(&mut times));
        println!(
            "| {kilobytes} KiB | {large:.1} | {small:.1} | {file:.1} | {:.2} |",
            file / large
        );
    }
    Ok(())
}

/// A database like the index, with the settings that matter for reading.
fn blobs(path: &Path, page_size: u32, size: usize, count: u64) -> Outcome<Connection> {
    let mut connection = Connection::open(path)?;
    connection.pragma_update(None, "page_size", page_size)?;
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.execute_batch("CREATE TABLE blobs (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT")?;
    let transaction = connection.transaction()?;
    let mut numbers = Numbers(1);
    for number in 0..count {
        transaction.execute("INSERT INTO blobs VALUES (?1, ?2)", (number, numbers.bytes(size)))?;
    }
    transaction.commit()?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(connection)
}

fn read_blob(connection: &Connection, number: u64) -> Outcome<usize> {
    let mut statement = connection.prepare_cached("SELECT bytes FROM blobs WHERE id = ?1")?;
    let bytes: Vec<u8> = statement.query_row([number], |row| row.get(0))?;
    Ok(bytes.len())
}

/// Files as the object store names them.
fn files(folder: &Path, size: usize, count: u64) -> Outcome<Vec<std::path::PathBuf>> {
    let mut numbers = Numbers(1);
    (0..count)
        .map(|_| {
            let bytes = numbers.bytes(size);
            let name = Digest::of(&bytes).to_string();
            let folder = folder.join("objects").join(&name[..2]);
            fs::create_dir_all(&folder)?;
            fs::write(folder.join(&name), bytes)?;
            Ok(folder.join(name))
        })
        .collect()
}

fn open(folder: &Path) -> Outcome<Cache> {
    Ok(Cache::open(folder, Arc::new(SystemClock))?)
}

fn parts(number: u64) -> KeyParts {
    KeyParts {
        stage: "asr".to_owned(),
        plugin: "ct2".to_owned(),
        plugin_version: "1.0.0".to_owned(),
        plugin_digest: Digest::of(b"plugin"),
        abi: 1,
        models: vec![("model".to_owned(), Digest::of(b"model"))],
        options: BTreeMap::from([("beam_size".to_owned(), OptionValue::Integer(5))]),
        inputs: vec![("pcm".to_owned(), Digest::of(&number.to_le_bytes()))],
    }
}

fn key(number: u64) -> Key {
    parts(number).key()
}

fn put(cache: &Cache, number: u64, bytes: &[u8]) -> Outcome<()> {
    let parts = parts(number);
    let guard = cache.lock(&parts.key(), &mut |_| ControlFlow::Continue(()))?;
    let new = NewEntry {
        cost_ms: (number % 1_000_000) as i64,
        ..NewEntry::default()
    };
    cache.put(&guard, &parts, new, bytes)?;
    Ok(())
}

/// Stores and hits of the last size that is a BLOB and the first that is a file, in turns, in a new cache in this folder.
fn sides(folder: &Path) -> Outcome<()> {
    const COUNT: u64 = 300;
    const READS: usize = 4_000;
    let cache = open(folder)?;
    let sizes = [INLINE_LIMIT - 1, INLINE_LIMIT];
    let (mut stores, mut hits): ([Vec<Duration>; 2], [Vec<Duration>; 2]) = Default::default();
    let mut numbers = Numbers(5);
    for number in 0..COUNT {
        for (side, size) in sizes.into_iter().enumerate() {
            let bytes = numbers.bytes(size);
            let started = Instant::now();
            put(&cache, 2 * number + side as u64, &bytes)?;
            stores[side].push(started.elapsed());
        }
    }
    for _ in 0..READS {
        let number = numbers.next() % COUNT;
        for (side, times) in hits.iter_mut().enumerate() {
            let key = key(2 * number + side as u64);
            let started = Instant::now();
            let found = cache.get(&key)?;
            times.push(started.elapsed());
            assert!(found.is_some(), "what was stored is found");
        }
    }
    println!("| kept as | bytes | store, median µs | hit, median µs |");
    println!("|---|--:|--:|--:|");
    for (((kind, size), mut stores), mut hits) in ["BLOB", "file"].into_iter().zip(sizes).zip(stores).zip(hits) {
        println!(
            "| {kind} | {size} | {:.0} | {:.1} |",
            median(&mut stores),
            median(&mut hits)
        );
    }
    Ok(())
}

/// Results that are stored as they always are, and are looked for afterwards. The others are written straight into the
/// index, between them: a million stores take too long to be repeated.
const REAL: u64 = 2_000;

fn fill(folder: &Path, count: u64) -> Outcome<()> {
    let cache = open(folder)?;
    let real = count.min(REAL);
    let mut others = Connection::open(folder.join("v1/index.db"))?;
    others.pragma_update(None, "synchronous", "OFF")?;
    let mut numbers = Numbers(1);
    let started = Instant::now();
    for number in 0..real {
        put(&cache, number, &numbers.bytes(200))?;
        fill_in(
            &mut others,
            &mut numbers,
            count * (number + 1) / real - count * number / real - 1,
        )?;
    }
    println!("{count} results in {:.1} s", started.elapsed().as_secs_f64());
    let info = cache.info()?;
    println!(
        "{} entries, {} bytes in use, an index of {} bytes",
        info.entries, info.used_bytes, info.index_bytes
    );
    Ok(())
}

/// Rows like those of real results. They have no right seal, and are never asked for.
fn fill_in(index: &mut Connection, numbers: &mut Numbers, count: u64) -> Outcome<()> {
    let json = parts(0).to_json().to_string();
    let transaction = index.transaction()?;
    for _ in 0..count {
        transaction
            .prepare_cached("INSERT INTO contents (digest, size, inline, created_ms) VALUES (?1, 200, 1, 0)")?
            .execute([numbers.bytes(32)])?;
        let content = transaction.last_insert_rowid();
        transaction
            .prepare_cached("INSERT INTO blobs (content_id, bytes) VALUES (?1, ?2)")?
            .execute((content, numbers.bytes(200)))?;
        transaction
            .prepare_cached(
                "INSERT INTO results (key, content_id, stage, plugin, plugin_version, inputs_digest, cost_ms, created_ms,
                                      last_used_ms, seal, bonus_ms)
                 VALUES (?1, ?2, 'asr', 'ct2', '1.0.0', ?3, 1, 0, 0, ?4, ?5)",
            )?
            .execute((numbers.bytes(32), content, numbers.bytes(32), numbers.bytes(16), numbers.next() >> 30))?;
        let result = transaction.last_insert_rowid();
        transaction
            .prepare_cached("INSERT INTO parts (result_id, json) VALUES (?1, ?2)")?
            .execute((result, &json))?;
    }
    Ok(transaction.commit()?)
}

/// Hits in each cache in turns: within a process, and with the opening.
fn hits(folders: &[&str]) -> Outcome<()> {
    const HITS: usize = 20_000;
    const OPENINGS: usize = 300;
    let caches: Vec<Cache> = folders
        .iter()
        .map(|folder| open(Path::new(folder)))
        .collect::<Outcome<_>>()?;
    let counts: Vec<u64> = caches
        .iter()
        .map(|cache| Ok(cache.info()?.entries))
        .collect::<Outcome<_>>()?;
    let mut numbers = Numbers(3);
    let mut within: Vec<Vec<Duration>> = vec![Vec::new(); caches.len()];
    for _ in 0..HITS {
        for ((cache, count), times) in caches.iter().zip(&counts).zip(&mut within) {
            let key = key(numbers.next() % REAL.min(*count));
            let started = Instant::now();
            let found = cache.get(&key)?;
            times.push(started.elapsed());
            assert!(found.is_some(), "what was filled in is found");
        }
    }
    drop(caches);
    let mut opening: Vec<Vec<Duration>> = vec![Vec::new(); folders.len()];
    for _ in 0..OPENINGS {
        for ((folder, count), times) in folders.iter().zip(&counts).zip(&mut opening) {
            let key = key(numbers.next() % REAL.min(*count));
            let started = Instant::now();
            let cache = open(Path::new(folder))?;
            let found = cache.get(&key)?;
            drop(cache);
            times.push(started.elapsed());
            assert!(found.is_some(), "what was filled in is found");
        }
    }
    println!("| entries | hit, median µs | 95 % | open, hit and close, median µs |");
    println!("|--:|--:|--:|--:|");
    for ((count, mut within), mut opening) in counts.into_iter().zip(within).zip(opening) {
        let (hit, most) = (median(&mut within), quantile(&mut within, 0.95));
        println!("| {count} | {hit:.1} | {most:.1} | {:.0} |", median(&mut opening));
    }
    Ok(())
}

/// Prunes to half the size and then clears, while a job keeps storing.
fn prune(folder: &Path) -> Outcome<()> {
    println!("| what | entries | seconds | µs each | stores beside it | median ms | longest ms |");
    println!("|---|--:|--:|--:|--:|--:|--:|");
    let cache = open(folder)?;
    let half = cache.info()?.used_bytes / 2;
    let to_half = Prune {
        max_size: Some(half),
        ..Prune::default()
    };
    beside_a_writer(folder, "prune to half", || Ok(cache.prune(&to_half)?.entries))?;
    beside_a_writer(folder, "clear", || Ok(cache.clear(false)?.entries))
}

fn beside_a_writer(folder: &Path, what: &str, remove: impl FnOnce() -> Outcome<u64>) -> Outcome<()> {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let cache = open(folder).map_err(|error| error.to_string())?;
            let mut times = Vec::new();
            let mut numbers = Numbers(9);
            while !done.load(Ordering::Relaxed) {
                let bytes = numbers.bytes(200);
                let started = Instant::now();
                put(&cache, numbers.next(), &bytes).map_err(|error| error.to_string())?;
                times.push(started.elapsed());
                std::thread::sleep(Duration::from_millis(20));
            }
            Ok::<_, String>(times)
        });
        let started = Instant::now();
        let entries = remove();
        let seconds = started.elapsed().as_secs_f64();
        done.store(true, Ordering::Relaxed);
        let mut times = writer.join().map_err(|_| "the writer panicked")??;
        let entries = entries?;
        println!(
            "| {what} | {entries} | {seconds:.1} | {:.1} | {} | {:.1} | {:.1} |",
            seconds * 1e6 / entries.max(1) as f64,
            times.len(),
            median(&mut times) / 1e3,
            quantile(&mut times, 1.0) / 1e3
        );
        Ok(())
    })
}
