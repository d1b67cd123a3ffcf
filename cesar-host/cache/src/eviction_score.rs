//! The eviction score of a stored result.
//!
//! The GreedyDual-Size rule (Cao and Irani, "Cost-Aware WWW Proxy Caching Algorithms", 1997) evicts the entry with the
//! lowest `H = L + cost / size`, where `L` rises to the `H` of the last evicted entry: small and costly results stay, and
//! unused ones are overtaken in the end. With costs per byte that differ by a factor of a million, as those of a download
//! and of a transcript do, that takes a million evictions. Here `L` rises with time instead, and the score *halves* with
//! every week without use: `cost / size · 2^(-unused / week)`.
//!
//! The logarithm of that, less a term that is equal for all entries at any time, is
//!
//! ```text
//! last use + week · log2(cost / size)
//! ```
//!
//! so the order of two entries does not change with time ("forward decay": Cormode, Shkapenyuk, Srivastava and Xu,
//! 2009). The second term, the *bonus*, is computed once, when the result is stored; the sum is an index of the
//! database, and eviction reads it from its lower end.
//!
//! A 40 KB transcript that took nine minutes has a bonus of 96 days, a 200 MB download that took four seconds one of
//! minus 39: the transcript goes first only when it has been unused for 135 days longer.

use super::entry::ENTRY_BYTES;

/// The time without use in which the score halves: a week.
const HALF_LIFE_MS: f64 = 7.0 * 24.0 * 3_600_000.0;

/// Extra time that a result is kept over one with a cost of one millisecond per KiB, in milliseconds; negative for
/// large and cheap results.
pub(super) fn retention_bonus_ms(cost_ms: i64, size: u64) -> i64 {
    // A result that took no time counts as one millisecond.
    let cost = cost_ms.max(0) as f64 + 1.0;
    // The rows count as well, which keeps the score of an empty result finite.
    let kibibytes = (size as f64 + ENTRY_BYTES as f64) / 1_024.0;
    (HALF_LIFE_MS * (cost / kibibytes).log2()).round() as i64
}
