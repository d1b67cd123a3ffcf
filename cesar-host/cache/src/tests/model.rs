//! Random sequences of all operations of a cache, compared with a model of it in a map: every answer, row and counter must be
//! equal.
//!
//! The model knows nothing of SQL, files or locks. `PROPTEST_CASES` asks for more sequences.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// Sizes of the contents, by number: three BLOBs and a file. Several results may have the same.
const CONTENTS: [usize; 4] = [10, 700, INLINE_LIMIT - 1, INLINE_LIMIT];

const STAGES: [&str; 2] = ["asr", "format"];

const MINUTE_MS: i64 = 60_000;

/// The size counted for the rows of an entry.
const ROW_BYTES: u64 = 2_048;

fn content(number: usize) -> Vec<u8> {
    noise(number as u64 + 1, CONTENTS[number])
}

fn is_file(number: usize) -> bool {
    CONTENTS[number] >= INLINE_LIMIT
}

fn parts_of(number: u64) -> KeyParts {
    KeyParts {
        stage: STAGES[number as usize % 2].to_owned(),
        ..parts(number)
    }
}

#[derive(Debug, Clone)]
enum Operation {
    Put {
        number: u64,
        content: usize,
        cost_ms: i64,
        lifetime_ms: Option<i64>,
    },
    Ask {
        number: u64,
        content: usize,
        refresh: bool,
    },
    Get {
        number: u64,
    },
    Damage {
        content: usize,
    },
    Lease {
        number: u64,
    },
    Release,
    Prune {
        stage: Option<usize>,
        unused_ms: Option<i64>,
        expired: bool,
        dry_run: bool,
    },
    Clear,
    Verify {
        repair: bool,
    },
    TimePasses {
        ms: i64,
    },
    Reopen,
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::{Ask, Clear, Damage, Get, Lease, Prune, Put, Release, Reopen, TimePasses, Verify};
    let (number, content) = (|| 0..6_u64, || 0..CONTENTS.len());
    prop_oneof![
        6 => (number(), content(), 0..100_000_i64, prop::option::of(1..100 * MINUTE_MS)).prop_map(
            |(number, content, cost_ms, lifetime_ms)| Put { number, content, cost_ms, lifetime_ms }
        ),
        6 => (number(), content(), prop::bool::weighted(0.2))
            .prop_map(|(number, content, refresh)| Ask { number, content, refresh }),
        6 => number().prop_map(|number| Get { number }),
        3 => content().prop_map(|content| Damage { content }),
        2 => number().prop_map(|number| Lease { number }),
        1 => Just(Release),
        3 => (prop::option::of(0..2_usize), prop::option::of(0..60 * MINUTE_MS), any::<bool>(), any::<bool>()).prop_map(
            |(stage, unused_ms, expired, dry_run)| Prune { stage, unused_ms, expired, dry_run }
        ),
        1 => Just(Clear),
        1 => any::<bool>().prop_map(|repair| Verify { repair }),
        // Fifty of them are less than the day after which housekeeping starts by itself.
        5 => (0..25 * MINUTE_MS).prop_map(|ms| TimePasses { ms }),
        1 => Just(Reopen),
    ]
}

/// An entry in the form of a list.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    content: usize,
    cost_ms: i64,
    created_ms: i64,
    last_used_ms: i64,
    expires_ms: Option<i64>,
    hits: u64,
}

#[derive(Debug, Default)]
struct Model {
    now_ms: i64,
    rows: BTreeMap<u64, Row>,
    /// Contents that are stored; a file stays until a sweep.
    contents: BTreeSet<usize>,
    damaged: BTreeSet<usize>,
    leased: BTreeSet<u64>,
    statistics: Statistics,
}

impl Model {
    fn is_named(&self, content: usize) -> bool {
        self.rows.values().any(|row| row.content == content)
    }

    fn drop_content(&mut self, content: usize) {
        self.contents.remove(&content);
        self.damaged.remove(&content);
    }

    fn put(&mut self, number: u64, content: usize, cost_ms: i64, lifetime_ms: Option<i64>) {
        let row = Row {
            content,
            cost_ms,
            created_ms: self.now_ms,
            last_used_ms: self.now_ms,
            expires_ms: lifetime_ms.map(|lifetime_ms| self.now_ms + lifetime_ms),
            hits: 0,
        };
        let replaced = self.rows.insert(number, row).map(|row| row.content);
        self.contents.insert(content);
        self.damaged.remove(&content);
        if let Some(replaced) = replaced.filter(|replaced| !self.is_named(*replaced) && !is_file(*replaced)) {
            self.drop_content(replaced);
        }
    }

    fn current(&self, number: u64) -> Option<&Row> {
        let is_current = |row: &&Row| row.expires_ms.is_none_or(|expires_ms| self.now_ms < expires_ms);
        self.rows.get(&number).filter(is_current)
    }

    /// Reads a content; if it is damaged, all its results are removed.
    fn get(&mut self, number: u64) -> Option<usize> {
        let content = self.current(number)?.content;
        if self.damaged.contains(&content) {
            self.rows.retain(|_, row| row.content != content);
            self.drop_content(content);
            self.statistics.healed += 1;
            return None;
        }
        let (now_ms, row) = (self.now_ms, self.rows.get_mut(&number)?);
        row.hits += 1;
        if now_ms - row.last_used_ms >= MINUTE_MS {
            row.last_used_ms = now_ms;
        }
        self.statistics.hits += 1;
        self.statistics.bytes_saved += CONTENTS[content] as u64;
        self.statistics.ms_saved += row.cost_ms as u64;
        Some(content)
    }

    /// Removes the matching rows, except leased ones; returns how many were removed and how many stayed.
    fn remove(&mut self, dry_run: bool, fits: impl Fn(u64, &Row) -> bool) -> (u64, u64) {
        let fitting: Vec<u64> = self
            .rows
            .iter()
            .filter(|(number, row)| fits(**number, row))
            .map(|(number, _)| *number)
            .collect();
        let (stay, go): (Vec<_>, Vec<_>) = fitting.into_iter().partition(|number| self.leased.contains(number));
        if !dry_run {
            for number in &go {
                let removed = self.rows.remove(number).unwrap();
                if !self.is_named(removed.content) {
                    self.drop_content(removed.content);
                }
            }
        }
        (go.len() as u64, stay.len() as u64)
    }
}

/// The cache and its model.
struct Pair {
    fixture: Fixture,
    leases: Vec<Lease>,
    model: Model,
}

impl Pair {
    fn new() -> Self {
        let model = Model {
            now_ms: START_MS,
            ..Model::default()
        };
        Self {
            fixture: Fixture::new(),
            leases: Vec::new(),
            model,
        }
    }

    fn do_both(&mut self, operation: &Operation) {
        let (model, cache) = (&mut self.model, &self.fixture.cache);
        match *operation {
            Operation::Put {
                number,
                content: of,
                cost_ms,
                lifetime_ms,
            } => {
                let new = NewEntry {
                    cost_ms,
                    expires_ms: lifetime_ms.map(|lifetime_ms| model.now_ms + lifetime_ms),
                    ..NewEntry::default()
                };
                self.fixture.put_new(&parts_of(number), new, &content(of));
                model.put(number, of, cost_ms, lifetime_ms);
            }
            Operation::Ask {
                number,
                content: of,
                refresh,
            } => {
                let mode = if refresh { Mode::Refresh } else { Mode::ReadWrite };
                let ask = cache.get_or_compute(&parts_of(number), mode, &mut never_wait, computed(&content(of)));
                let outcome = ask.unwrap();
                let found = if refresh { None } else { model.get(number) };
                if found.is_none() {
                    model.statistics.misses += 1;
                    model.put(number, of, 0, None);
                }
                assert!(outcome.bytes == content(found.unwrap_or(of)));
                assert_eq!(matches!(outcome.hit, Hit::Hit { .. }), found.is_some());
                assert_eq!(outcome.cache_warning, None);
            }
            Operation::Get { number } => {
                let key = parts_of(number).key();
                assert_eq!(cache.lookup(&key).unwrap().is_some(), model.current(number).is_some());
                let found = cache.get(&key).unwrap().map(|artifact| artifact.bytes);
                assert!(found == model.get(number).map(content));
            }
            Operation::Damage { content: of } => {
                if model.contents.contains(&of) {
                    self.fixture.overwrite(&content(of), &noise(99, CONTENTS[of]));
                    model.damaged.insert(of);
                }
            }
            Operation::Lease { number } => {
                self.leases.push(cache.lease(&[parts_of(number).key()]).unwrap());
                model.leased.insert(number);
            }
            Operation::Release => {
                self.leases.clear();
                model.leased.clear();
            }
            Operation::Prune {
                stage,
                unused_ms,
                expired,
                dry_run,
            } => {
                let prune = Prune {
                    stage: stage.map(|stage| STAGES[stage].to_owned()),
                    unused_ms,
                    expired,
                    max_size: None,
                    dry_run,
                };
                let pruned = cache.prune(&prune).unwrap();
                let now_ms = model.now_ms;
                let counts = model.remove(dry_run, |number, row| {
                    stage.is_none_or(|stage| number as usize % 2 == stage)
                        && unused_ms.is_none_or(|unused_ms| row.last_used_ms <= now_ms - unused_ms)
                        && (!expired || row.expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms))
                });
                assert_eq!((pruned.entries, pruned.leased), counts);
                model.statistics.evicted += if dry_run { 0 } else { pruned.entries };
            }
            Operation::Clear => {
                let cleared = cache.clear(false).unwrap();
                let counts = model.remove(false, |_, _| true);
                assert_eq!((cleared.entries, cleared.leased), counts);
                for content in 0..CONTENTS.len() {
                    if !model.is_named(content) {
                        model.drop_content(content);
                    }
                }
            }
            Operation::Verify { repair } => {
                let verification = cache.verify(repair, &mut |_, _| {}).unwrap();
                let is_damaged = |row: &&Row| model.damaged.contains(&row.content);
                assert_eq!(
                    verification.damaged.len(),
                    model.rows.values().filter(is_damaged).count()
                );
                if repair {
                    let named: Vec<_> = model
                        .damaged
                        .iter()
                        .copied()
                        .filter(|content| model.is_named(*content))
                        .collect();
                    model.statistics.healed += named.len() as u64;
                    for content in named {
                        model.rows.retain(|_, row| row.content != content);
                        model.drop_content(content);
                    }
                }
            }
            Operation::TimePasses { ms } => {
                self.fixture.clock.advance_ms(ms);
                model.now_ms += ms;
            }
            Operation::Reopen => self.fixture.cache = self.fixture.reopen(),
        }
    }

    /// Compares all visible state of both.
    fn compare(&self) {
        let (cache, model) = (&self.fixture.cache, &self.model);
        let listed = cache.list(None, Sort::Used, None).unwrap();
        let listed: BTreeMap<Key, (Row, Digest, bool)> = listed
            .into_iter()
            .map(|listed| {
                let entry = listed.entry;
                let row = Row {
                    content: CONTENTS.iter().position(|length| *length as u64 == entry.size).unwrap(),
                    cost_ms: entry.cost_ms,
                    created_ms: entry.created_ms,
                    last_used_ms: entry.last_used_ms,
                    expires_ms: entry.expires_ms,
                    hits: listed.hits,
                };
                (entry.key, (row, entry.digest, listed.leased))
            })
            .collect();
        let expected: BTreeMap<Key, (Row, Digest, bool)> = model
            .rows
            .iter()
            .map(|(number, row)| {
                let leased = model.leased.contains(number);
                let digest = Digest::of(&content(row.content));
                (parts_of(*number).key(), (row.clone(), digest, leased))
            })
            .collect();
        assert_eq!(listed, expected);
        let info = cache.info().unwrap();
        let bytes: u64 = model.contents.iter().map(|content| CONTENTS[*content] as u64).sum();
        let entries = model.rows.len() as u64;
        assert_eq!((info.entries, info.used_bytes), (entries, bytes + entries * ROW_BYTES));
        assert_eq!(info.statistics, model.statistics);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: variable("PROPTEST_CASES", 64) as u32,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_index_behaves_like_a_map(operations in prop::collection::vec(operation(), 1..50)) {
        let mut pair = Pair::new();
        for operation in &operations {
            pair.do_both(operation);
            pair.compare();
        }
    }
}
