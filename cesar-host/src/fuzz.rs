//! Bytes and texts that nobody should send, by the thousand: what reads a plugin's file, its options, its runner's
//! frames, and forms.
//!
//! Each target begins with its corpus (`tests/fuzz/TARGET/`), then changes what is in it at random for `CESAR_FUZZ_SECONDS` (a second
//! unless given) with the seed `CESAR_SEED`, which is printed. `cargo xtask fuzz --minutes N` gives each target its time. What fails is
//! written beside the corpus, to be kept there once it is mended.
//!
//! The laws: nothing panics, nothing is accepted that is not accepted again, and every refusal is a sentence.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use plugin_api::manifest::{Manifest, OptionSpec};
use serde_json::Value;

use crate::http::multipart::{boundary, tests::parts_of};
use crate::plugins::elf;
use crate::runner::protocol::{Channel, FromRunner, ToRunner};

/// A generator of random numbers (SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap_or_default()
    }
}

/// What is worth putting somewhere.
const WORDS: [&[u8]; 16] = [
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
    b"\r\n--",
    b"\n",
    b"--",
    b"; filename*=",
];

/// Changes a sample a few times.
fn changed(sample: &[u8], other: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = sample.to_vec();
    for _ in 0..=chance.below(4) {
        let at = chance.below(bytes.len() + 1);
        let end = (at + chance.below(16)).min(bytes.len());
        match chance.below(6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << chance.below(8),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            3 => {
                let word = WORDS[chance.below(WORDS.len())];
                bytes.splice(at..at, word.iter().copied());
            }
            4 => {
                let word = WORDS[chance.below(WORDS.len())];
                let end = (at + word.len()).min(bytes.len());
                bytes.splice(at..end, word.iter().copied());
            }
            _ => {
                let from = chance.below(other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
    bytes
}

/// Tries the corpus of a target and what chance makes of it.
fn fuzz(target: &str, law: impl Fn(&[u8])) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fuzz")
        .join(target);
    let files = std::fs::read_dir(&folder).expect("the corpus is in the tree").flatten();
    let mut corpus: Vec<_> = files
        .map(|file| std::fs::read(file.path()).expect("it can be read"))
        .collect();
    corpus.sort();
    assert!(!corpus.is_empty(), "`{}` is empty", folder.display());
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (seed, seconds) = (
        number("CESAR_SEED").unwrap_or(1),
        number("CESAR_FUZZ_SECONDS").unwrap_or(1),
    );
    let (mut chance, began, mut tries) = (Chance(seed), Instant::now(), 0_u64);
    let check = |bytes: &[u8]| {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| law(bytes))) {
            let found = folder.join(format!("found-{seed}-{}", bytes.len()));
            std::fs::write(&found, bytes).expect("the corpus can be written");
            eprintln!("seed {seed}: `{}` breaks the law", found.display());
            std::panic::resume_unwind(panic);
        }
    };
    corpus.iter().for_each(|sample| check(sample));
    while began.elapsed() < Duration::from_secs(seconds) {
        let (sample, other) = (chance.below(corpus.len()), chance.below(corpus.len()));
        check(&changed(&corpus[sample], &corpus[other], &mut chance));
        tries += 1;
    }
    eprintln!("{target}: {tries} tries with seed {seed}");
}

/// Whatever is in a file: it is refused in a sentence, or its manifest can be written and read again.
#[test]
fn the_section_of_the_manifest() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("libfuzz.so");
    fuzz("section", |bytes| {
        std::fs::write(&path, bytes).expect("the folder can be written");
        match elf::read_manifest(&path) {
            Ok(manifest) => {
                let text = serde_json::to_string(&manifest).expect("a manifest is JSON");
                assert_eq!(Manifest::parse(&text).as_ref(), Ok(&manifest));
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    });
}

/// A row of an option table and a value for it, divided by a line's end: what is accepted stays what it is.
#[test]
fn the_validator_of_options() {
    fuzz("options", |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let (row, value) = text.split_once('\n').unwrap_or((&text, ""));
        let Ok(option) = serde_json::from_str::<OptionSpec>(row) else {
            return;
        };
        let given = [option.parse("o", value), option.validate("o", &Value::from(value))];
        let json = serde_json::from_str::<Value>(value)
            .ok()
            .map(|value| option.validate("o", &value));
        for accepted in given.into_iter().chain(json) {
            match accepted {
                Ok(value) => assert_eq!(option.validate("o", &value), Ok(value)),
                Err(error) => assert!(error.to_string().contains("must be")),
            }
        }
    });
}

/// Whatever comes from the other side: messages, or an end.
#[test]
fn the_protocol_of_runners() {
    fuzz("protocol", |bytes| {
        let receive = |read: &mut dyn FnMut(&mut Channel) -> std::io::Result<bool>| {
            let (ours, mut theirs) = UnixStream::pair().expect("a socket");
            let sent = &bytes[..bytes.len().min(100_000)];
            theirs.write_all(sent).expect("the socket has room for as much");
            drop(theirs);
            let mut channel = Channel::new(ours);
            // Each message takes at least its length; then the stream ends, or is refused.
            for _ in 0..=sent.len() / 4 {
                match read(&mut channel) {
                    Ok(true) => {}
                    Ok(false) => panic!("it waits for what cannot come"),
                    Err(error) => return assert!(!error.to_string().is_empty()),
                }
            }
            panic!("more messages than bytes");
        };
        let patience = Duration::from_secs(20);
        receive(&mut |channel| Ok(channel.receive::<FromRunner>(patience)?.is_some()));
        receive(&mut |channel| Ok(channel.receive::<ToRunner>(patience)?.is_some()));
    });
}

/// A content type and a body, divided by a line's end: parts or a refusal, the same ones however the network cuts the bytes.
#[test]
fn the_parser_of_forms() {
    fuzz("multipart", |bytes| {
        let line = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
        let (content_type, body) = (&bytes[..line], bytes.get(line + 1..).unwrap_or_default());
        let Some(boundary) = boundary(&String::from_utf8_lossy(content_type)) else {
            return;
        };
        let whole = parts_of(body, &boundary, &[usize::MAX]);
        let sizes = [1 + bytes.len() % 7, 1 + body.len() % 31];
        assert_eq!(parts_of(body, &boundary, &sizes), whole);
        match whole {
            Ok(parts) => assert!(parts.iter().map(|(_, data)| data.len()).sum::<usize>() <= body.len()),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    });
}
