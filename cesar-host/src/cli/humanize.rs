//! Sizes, times and counts as text.

use cesar_cache::Pruned;

/// Bytes in powers of 1000, to one decimal: `1.2 GB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] = [
        (1_000_000_000_000, "TB"),
        (1_000_000_000, "GB"),
        (1_000_000, "MB"),
        (1_000, "kB"),
    ];
    for (unit, name) in UNITS {
        if bytes >= unit {
            return format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit);
        }
    }
    format!("{bytes} B")
}

/// A length of time in its two largest units: `3 min 20 s`.
pub(crate) fn duration(ms: impl TryInto<u64>) -> String {
    let ms = ms.try_into().unwrap_or_default();
    let seconds = ms / 1_000;
    match seconds {
        0..60 => format!("{seconds}.{} s", ms % 1_000 / 100),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// A rough distance between two times: `now`, `5 min`, `3 h`, `12 d`.
pub(crate) fn distance(from_ms: i64, to_ms: i64) -> String {
    let seconds = to_ms.saturating_sub(from_ms).max(0) / 1_000;
    match seconds {
        0..60 => "now".to_owned(),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// `1 result`, `5 results`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Removed results, as part of a sentence.
pub(crate) fn amount(removed: &Pruned) -> String {
    format!(
        "{}, {}, computed in {}",
        count(removed.entries, "result", "results"),
        size(removed.bytes),
        duration(removed.cost_ms)
    )
}

/// Removed results, or those to be removed.
pub(crate) fn removed(removed: &Pruned, dry_run: bool) -> String {
    let mut text = match (removed.entries, dry_run) {
        (0, true) => "nothing would be removed\n".to_owned(),
        (0, false) => "nothing was removed\n".to_owned(),
        (_, true) => format!("would remove {}\n", amount(removed)),
        (_, false) => format!("removed {}\n", amount(removed)),
    };
    if removed.leased > 0 {
        text.push_str(&format!(
            "kept {} in use by running jobs\n",
            count(removed.leased, "result", "results")
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times() {
        let sizes = [
            0,
            999,
            1_000,
            1_250_000,
            1_299_999_999,
            20_000_000_000,
            3_400_000_000_000,
        ]
        .map(size);
        assert_eq!(
            sizes,
            ["0 B", "999 B", "1.0 kB", "1.2 MB", "1.2 GB", "20.0 GB", "3.4 TB"]
        );
        let times = [0_i64, 950, 61_000, 3_660_000, 90_000_000].map(duration);
        assert_eq!(times, ["0.0 s", "0.9 s", "1 min 1 s", "1 h 1 min", "1 d 1 h"]);
        let distances = [0, 59_999, 60_000, 3_600_000, 86_400_000].map(|ms| distance(0, ms));
        assert_eq!(distances, ["now", "now", "1 min", "1 h", "1 d"]);
        assert_eq!(distance(5, 0), "now");
    }
}
