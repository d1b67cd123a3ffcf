//! Slow copies, renames and deletions while the watcher is killed again and again.
//!
//! `CESAR_KILLS=300 cargo test --release -p cesar-tests --test cli watch::kills` kills more often; `CESAR_SEED` selects other moments.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use cesar_tests::chance::{Chance, number};
use cesar_tests::server::with_echo;

use super::{MOVING, Watcher, files, names, once, peaks, text, wave};

/// A recording that is written in pieces.
struct Writing {
    number: u64,
    file: File,
    rest: Vec<u8>,
    /// The name with which it is written, and the final one if it differs.
    path: PathBuf,
    rename_to: Option<PathBuf>,
}

/// A user who writes, renames and deletes recordings.
struct Author {
    inbox: PathBuf,
    chance: Chance,
    begun: u64,
    /// Number of recordings to begin for now.
    limit: u64,
    writing: Vec<Writing>,
    deleted: BTreeSet<u64>,
    renamed: u64,
}

impl Author {
    const FILES: u64 = 200;

    fn is_idle(&self) -> bool {
        self.begun == self.limit && self.writing.is_empty()
    }

    /// One small step.
    fn step(&mut self) {
        match self.chance.below(12) {
            0 | 1 if self.begun < self.limit && self.writing.len() < 12 => self.begin(),
            2 => self.rename(),
            3 if self.chance.once_in(3) => self.delete(),
            _ if self.writing.is_empty() && self.begun < self.limit => self.begin(),
            _ => self.write(),
        }
    }

    fn begin(&mut self) {
        let number = self.begun;
        self.begun += 1;
        let folder = self.inbox.join(["", "a", "b/c"][usize::try_from(number % 3).unwrap()]);
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{number}.wav"));
        // As browsers and copy programs do.
        let (path, rename_to) = match self.chance.once_in(4) {
            true => (folder.join(format!("{number}.wav.part")), Some(path)),
            false => (path, None),
        };
        self.writing.push(Writing {
            number,
            file: File::create(&path).unwrap(),
            rest: wave(&peaks(number)),
            path,
            rename_to,
        });
    }

    fn write(&mut self) {
        if self.writing.is_empty() {
            return;
        }
        let index = usize::try_from(self.chance.below(self.writing.len() as u64)).unwrap();
        let writing = &mut self.writing[index];
        let length = usize::try_from(4_000 + self.chance.below(40_000))
            .unwrap()
            .min(writing.rest.len());
        let piece: Vec<u8> = writing.rest.drain(..length).collect();
        writing.file.write_all(&piece).unwrap();
        if writing.rest.is_empty() {
            let writing = self.writing.swap_remove(index);
            if let Some(name) = writing.rename_to {
                fs::rename(writing.path, name).unwrap();
            }
        }
    }

    /// A recording in the inbox, complete or not, that has its final name.
    fn some(&mut self) -> Option<(u64, PathBuf)> {
        let all: Vec<_> = files(&self.inbox, "wav").into_values().collect();
        let path = all
            .get(usize::try_from(self.chance.below(all.len().max(1) as u64)).unwrap())?
            .clone();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let number = name.rsplit('-').next().unwrap().parse().unwrap();
        Some((number, path))
    }

    /// Renames a recording, which may be settling, in work, or moved at the same moment.
    fn rename(&mut self) {
        if let Some((number, path)) = self.some() {
            let to = path.with_file_name(format!("renamed{}-{number}.wav", self.renamed));
            self.renamed += u64::from(fs::rename(path, to).is_ok());
        }
    }

    fn delete(&mut self) {
        if let Some((number, path)) = self.some()
            && fs::remove_file(path).is_ok()
        {
            self.deleted.insert(number);
            self.writing.retain(|writing| writing.number != number);
        }
    }
}

/// Every recording that was not deleted is moved, and has exactly one transcript, which is of its final bytes and has its name.
#[test]
fn every_file_has_one_transcript_of_its_final_bytes_through_kills() {
    let (kills, seed) = (number("CESAR_KILLS", 30), number("CESAR_SEED", 20_261_129));
    println!("seed {seed}, {kills} kills");
    let sandbox = with_echo();
    sandbox.run(["plugins", "list"]).exits(0);
    fs::create_dir(sandbox.work().join("inbox")).unwrap();
    let mut chance = Chance(seed);
    let mut author = Author {
        inbox: sandbox.work().join("inbox"),
        chance: Chance(seed + 1),
        begun: 0,
        limit: 0,
        writing: Vec::new(),
        deleted: BTreeSet::new(),
        renamed: 0,
    };
    let more = [&MOVING[..], &["--asr-option", "pace_ms=10"]].concat();
    let mut killed_in: BTreeMap<&str, u64> = BTreeMap::new();
    for kill in 0..kills {
        let watcher = Watcher::start(&sandbox, &more);
        author.limit = (kill + 1) * Author::FILES / kills;
        let (lines, mut seen, mut last) = (chance.below(100), 0, String::new());
        while seen < lines {
            let is_idle = author.is_idle();
            if !is_idle || chance.once_in(8) {
                author.step();
            }
            let time = if is_idle { 1_500 } else { chance.below(8) };
            match watcher.line(Duration::from_millis(time)) {
                Some(line) => (seen, last) = (seen + 1, line),
                // Nothing is left for this round.
                None if is_idle => break,
                None => {}
            }
        }
        watcher.kill();
        let place = ["\"started\"", "\"progress\"", "\"written\"", "\"moved\"", "\"stage\""];
        let place = place.into_iter().find(|place| last.contains(place)).unwrap_or("other");
        *killed_in.entry(place).or_default() += 1;
        (0..chance.below(20)).for_each(|_| author.step());
    }
    while !author.is_idle() {
        author.step();
    }
    println!(
        "killed after {killed_in:?}; {} renamed, {} deleted",
        author.renamed,
        author.deleted.len()
    );
    let run = once(&sandbox, &more).exits(0);

    let folder = |name: &str| sandbox.work().join(name);
    assert_eq!(names(&folder("inbox"), "wav"), [""; 0], "{}", run.stderr);
    assert_eq!(names(&folder("failed"), "wav"), [""; 0]);
    let (done, out) = (files(&folder("done"), "wav"), files(&folder("out"), "txt"));
    let number_of = |name: &str| name.rsplit(['/', '-']).next().unwrap().parse::<u64>().unwrap();
    let numbers: BTreeSet<u64> = done.keys().map(|name| number_of(name)).collect();
    let expected: BTreeSet<u64> = (0..Author::FILES)
        .filter(|number| !author.deleted.contains(number))
        .collect();
    assert_eq!(numbers, expected);
    assert_eq!(done.len(), expected.len(), "one file each");
    for (name, path) in &done {
        let peaks = peaks(number_of(name));
        assert_eq!(fs::read(path).unwrap(), wave(&peaks), "{name}");
        let transcript = out
            .get(name)
            .unwrap_or_else(|| panic!("{name} has no transcript: {out:#?}"));
        assert_eq!(fs::read_to_string(transcript).unwrap(), text(&peaks), "{name}");
    }
    // A recording may be deleted after it was transcribed and before it was moved.
    let others = out.keys().filter(|name| !done.contains_key(*name));
    let others: Vec<_> = others
        .filter(|name| !author.deleted.contains(&number_of(name)))
        .collect();
    assert!(others.is_empty(), "transcripts under earlier names: {others:?}");
    assert!(author.renamed > 10 && author.deleted.len() > 2 && killed_in.len() > 2);
}
