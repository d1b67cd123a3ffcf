//! A repeatable source of random numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::id::Random;

/// Numbers that follow from a seed (SplitMix64), for tests.
#[derive(Debug, Default)]
pub(super) struct SeededRandom(AtomicU64);

impl SeededRandom {
    /// The numbers of this seed.
    pub(super) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Random for SeededRandom {
    fn next(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let state = self.0.fetch_add(STEP, Ordering::SeqCst).wrapping_add(STEP);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}
