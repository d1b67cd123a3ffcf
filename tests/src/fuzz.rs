//! Random bytes for readers of untrusted input.
//!
//! A target begins with its corpus (`tests/fuzz/TARGET/`), then mutates it at random for `CESAR_FUZZ_SECONDS` (default: one second)
//! with the seed `CESAR_SEED`, which is printed. `cargo xtask fuzz --minutes N` sets the time of each target. Failing input is
//! written beside the corpus, where it stays as a regression test.

use crate::chance::{Chance, number};
use crate::workspace;
use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    time::{Duration, Instant},
};

/// Byte strings that often expose faults when inserted.
const WORDS: [&[u8]; 12] = [
    b"\0",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"null",
    b"[",
    b"{\"",
    b"\"",
    b"-1",
    b"1e999",
    b"true",
    b",",
    b"\xc3\x28",
];

/// Calls `law` with the corpus of a target and with random mutations of it; `law` panics if an invariant is broken.
///
/// # Panics
/// If an invariant is broken, after writing the input.
#[expect(clippy::print_stderr, reason = "the seed repeats a run")]
pub fn fuzz(target: &str, law: impl Fn(&[u8])) {
    let folder = workspace().join("tests/fuzz").join(target);
    let files = fs::read_dir(&folder).expect("the corpus is in the tree").flatten();
    let mut corpus: Vec<_> = files
        .map(|file| fs::read(file.path()).expect("it can be read"))
        .collect();
    corpus.sort();
    assert!(!corpus.is_empty(), "`{}` is empty", folder.display());
    let (seed, seconds) = (number("CESAR_SEED", 1), number("CESAR_FUZZ_SECONDS", 1));
    let (mut chance, began, mut tries) = (Chance(seed), Instant::now(), 0_u64);
    let check = |bytes: &[u8]| {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| law(bytes))) {
            let found = folder.join(format!("found-{seed}-{}", bytes.len()));
            fs::write(&found, bytes).expect("the corpus can be written");
            eprintln!("seed {seed}: `{}` breaks the law", found.display());
            resume_unwind(panic);
        }
    };
    corpus.iter().for_each(|sample| check(sample));
    while began.elapsed() < Duration::from_secs(seconds) {
        let (sample, other) = (index(&mut chance, corpus.len()), index(&mut chance, corpus.len()));
        check(&changed(&corpus[sample], &corpus[other], &mut chance));
        tries += 1;
    }
    eprintln!("{target}: {tries} tries with seed {seed}");
}

/// An index below `limit`, 0 if that is 0.
fn index(chance: &mut Chance, limit: usize) -> usize {
    usize::try_from(chance.below(limit.max(1) as u64)).unwrap_or_default()
}

/// Mutates a sample a few times.
fn changed(sample: &[u8], other: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = sample.to_vec();
    for _ in 0..=index(chance, 4) {
        let at = index(chance, bytes.len() + 1);
        let end = (at + index(chance, 16)).min(bytes.len());
        match index(chance, 6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << index(chance, 8),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            3 => {
                let word = WORDS[index(chance, WORDS.len())];
                bytes.splice(at..at, word.iter().copied());
            }
            4 => {
                let word = WORDS[index(chance, WORDS.len())];
                let end = (at + word.len()).min(bytes.len());
                bytes.splice(at..end, word.iter().copied());
            }
            _ => {
                let from = index(chance, other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
    bytes
}
