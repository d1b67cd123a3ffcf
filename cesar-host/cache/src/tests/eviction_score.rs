//! Laws of the eviction order.

use proptest::prelude::*;

use super::super::eviction_score::retention_bonus_ms;

const DAY_MS: i64 = 24 * 3_600_000;

/// The example of the design.
#[test]
fn transcripts_score_higher_than_downloads() {
    let transcript = retention_bonus_ms(9 * 60_000, 40_000);
    let download = retention_bonus_ms(4_000, 200_000_000);
    assert_eq!((transcript - download) / DAY_MS, 135);
    assert_eq!((transcript / DAY_MS, download / DAY_MS), (95, -39));
}

#[test]
fn double_cost_adds_one_week() {
    let difference = retention_bonus_ms(2_000_000, 5_000_000) - retention_bonus_ms(1_000_000, 5_000_000);
    assert!((difference - 7 * DAY_MS).abs() < 1_000, "{difference}");
}

fn costs() -> impl Strategy<Value = i64> {
    prop_oneof![0..100_i64, 0..100_000_000_i64, any::<i64>()]
}

fn sizes() -> impl Strategy<Value = u64> {
    prop_oneof![0..100_u64, 0..10_000_000_000_u64, any::<u64>()]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn higher_cost_never_lowers_the_score(cost in costs(), more in costs(), size in sizes()) {
        let (cost, more) = (cost.min(more), cost.max(more));
        prop_assert!(retention_bonus_ms(cost, size) <= retention_bonus_ms(more, size));
    }

    #[test]
    fn larger_size_never_raises_the_score(cost in costs(), size in sizes(), more in sizes()) {
        let (size, more) = (size.min(more), size.max(more));
        prop_assert!(retention_bonus_ms(cost, size) >= retention_bonus_ms(cost, more));
    }

    /// The score is cost per byte, halved every week: the sum in the index orders two entries in the same way.
    #[test]
    fn scores_order_by_decayed_cost_per_byte(
        first in (0..100_000_000_i64, 0..10_000_000_000_u64, 0..400 * DAY_MS),
        second in (0..100_000_000_i64, 0..10_000_000_000_u64, 0..400 * DAY_MS),
        later in 0..1_000 * DAY_MS,
    ) {
        let sum = |(cost, size, used): (i64, u64, i64)| used + retention_bonus_ms(cost, size);
        let log_score = |(cost, size, used): (i64, u64, i64)| {
            let weeks = (400 * DAY_MS + later - used) as f64 / (7 * DAY_MS) as f64;
            ((cost + 1) as f64).log2() - (size as f64 + 2_048.0).log2() - weeks
        };
        let difference = log_score(first) - log_score(second);
        // Except for the error of rounding to a millisecond.
        if difference.abs() > 1e-6 {
            prop_assert_eq!(sum(first) > sum(second), difference > 0.0);
        }
    }

    /// No overflow when added to a time.
    #[test]
    fn scores_stay_within_a_few_years(cost in any::<i64>(), size in any::<u64>()) {
        prop_assert!(retention_bonus_ms(cost, size).abs() < 600 * 7 * DAY_MS / 7);
    }
}
