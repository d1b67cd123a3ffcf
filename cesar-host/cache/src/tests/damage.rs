//! Flipped bits and truncated files: all damage is detected, no wrong bytes are returned.
//!
//! `CESAR_SEED` selects other damage, `CESAR_DAMAGES` its number.

use std::fs;

use rusqlite::params;

use super::*;

/// Lengths of the damaged results: BLOBs up to the largest, and files from the smallest.
const LENGTHS: [usize; 8] = [
    1,
    9,
    200,
    8_192,
    30_000,
    INLINE_LIMIT - 1,
    INLINE_LIMIT,
    INLINE_LIMIT + 70_001,
];

/// The ones that are files.
const LARGE: [u64; 2] = [6, 7];

/// One kind of damage to bytes; there is at least one byte.
fn damaged(bytes: &[u8], random: &mut SplitMix) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = random.below_length(bytes.len());
    if random.below(4) == 0 {
        bytes.truncate(at);
    } else {
        bytes[at] ^= 1 << random.below(8);
    }
    bytes
}

impl Fixture {
    /// Replaces stored bytes by others, bypassing the cache.
    pub(super) fn overwrite(&self, stored: &[u8], other: &[u8]) {
        if stored.len() >= INLINE_LIMIT {
            return fs::write(self.object(stored), other).unwrap();
        }
        let digest = Digest::of(stored);
        let rows = self.cache.parts.storage.index.alter(|index| {
            let change = "UPDATE blobs SET bytes = ?2 WHERE content_id = (SELECT id FROM contents WHERE digest = ?1)";
            index.execute(change, params![digest.as_bytes(), other])
        });
        assert_eq!(rows.unwrap(), 1);
    }
}

#[test]
fn ten_thousand_damages_are_detected_and_recomputed() {
    let (count, seed) = (variable("CESAR_DAMAGES", 10_000), variable("CESAR_SEED", 20_260_101));
    println!("seed {seed}, {count} damages");
    let (fixture, mut random) = (Fixture::new(), SplitMix(seed));
    let contents: Vec<_> = (0..)
        .zip(LENGTHS)
        .map(|(number, length)| noise(number, length))
        .collect();
    for (number, bytes) in (0..).zip(&contents) {
        fixture.put(&parts(number), bytes);
    }
    let mut files = 0;
    for round in 1..=count {
        let number = random.below(contents.len() as u64);
        let (key, bytes) = (parts(number).key(), &contents[number as usize]);
        files += u64::from(bytes.len() >= INLINE_LIMIT);
        fixture.overwrite(bytes, &damaged(bytes, &mut random));
        let served = match round % 2 {
            0 => fixture.cache.get(&key).unwrap().is_some(),
            _ => fixture.cache.get_file(&key).unwrap().is_some(),
        };
        assert!(
            !served,
            "round {round}: {} bytes that had changed were served",
            bytes.len()
        );
        let ask = fixture
            .cache
            .get_or_compute(&parts(number), Mode::ReadWrite, &mut never_wait, computed(bytes))
            .unwrap();
        assert!(matches!(ask.hit, Hit::Miss { .. }), "round {round}: {ask:?}");
        assert_eq!(ask.cache_warning, None, "round {round}");
        assert!(
            fixture
                .cache
                .get(&key)
                .unwrap()
                .is_some_and(|found| found.bytes == *bytes)
        );
    }
    println!("{files} in files, {} in BLOBs", count - files);
    assert_eq!(fixture.cache.stats().unwrap().healed, count);
    assert!(fixture.cache.verify(false, &mut |_, _| {}).unwrap().is_sound());
}

/// Flips bits anywhere in the index: its pages, schema, keys, digests, sizes, BLOBs. Whatever SQLite makes of that, returned bytes
/// are right, and a job gets its result.
#[test]
fn flipped_index_bits_yield_no_wrong_bytes() {
    let (count, seed) = (variable("CESAR_DAMAGES", 1_000), variable("CESAR_SEED", 20_260_101));
    println!("seed {seed}, {count} damages");
    let origin = Fixture::new();
    for (number, length) in (0..).zip(LENGTHS) {
        origin.put(&parts(number), &noise(number, length));
    }
    origin.cache.parts.storage.index.empty_log().unwrap();
    let image = fs::read(origin.path("index.db")).unwrap();
    let mut random = SplitMix(seed);
    let (mut without, mut recreated, mut healed) = (0, 0, 0);
    for round in 1..=count {
        let mut image = image.clone();
        let at = random.below_length(image.len());
        image[at] ^= 1 << random.below(8);
        let folder = folder();
        fs::create_dir_all(folder.path().join("v1")).unwrap();
        fs::write(folder.path().join("v1/index.db"), image).unwrap();
        for large in LARGE {
            let bytes = noise(large, LENGTHS[large as usize]);
            let object = object_path(folder.path(), &bytes);
            fs::create_dir_all(object.parent().unwrap()).unwrap();
            fs::write(object, bytes).unwrap();
        }
        let open = || Cache::open(folder.path(), Arc::new(ManualClock::new(START_MS)));
        for _ in 0..2 {
            // A job works without a cache.
            let Ok(cache) = open() else {
                without += 1;
                continue;
            };
            recreated += u64::from(!cache.warnings().is_empty());
            for (number, length) in (0..).zip(LENGTHS) {
                let bytes = noise(number, length);
                let wrong = |found: Artifact| assert!(found.bytes == bytes, "round {round}, byte {at}: {number}");
                let _ = cache.get(&parts(number).key()).map(|found| found.map(wrong));
                let ask = cache
                    .get_or_compute(&parts(number), Mode::ReadWrite, &mut never_wait, computed(&bytes))
                    .unwrap();
                assert!(ask.bytes == bytes, "round {round}, byte {at}: {number}");
            }
            healed += cache.stats().map_or(0, |statistics| statistics.healed);
        }
    }
    println!("{healed} healed, the index was recreated {recreated} times, {without} times there was no cache");
}
