//! Times as files write them. Each form rounds first and splits afterwards, so that no `00:60.0` can appear; hours grow past 99.

/// `HH:MM:SS` and milliseconds after `marker`: `,` in SRT, `.` in WebVTT.
pub(crate) fn subtitle(milliseconds: u64, marker: char) -> String {
    let (hours, minutes, seconds) = split(milliseconds / 1000);
    let fraction = milliseconds % 1000;
    format!("{hours:02}:{minutes:02}:{seconds:02}{marker}{fraction:03}")
}

/// `MM:SS.d`, and `HH:MM:SS.d` from the first hour on.
pub(crate) fn stamp(milliseconds: u64) -> String {
    let tenths = milliseconds / 100 + u64::from(milliseconds % 100 >= 50);
    let (hours, minutes, seconds) = split(tenths / 10);
    let fraction = tenths % 10;
    if hours == 0 {
        format!("{minutes:02}:{seconds:02}.{fraction}")
    } else {
        format!("{hours:02}:{minutes:02}:{seconds:02}.{fraction}")
    }
}

/// A length in whole seconds, rounded down as players do: `M:SS`, and `H:MM:SS` from the first hour on.
pub(crate) fn length(milliseconds: u64) -> String {
    let (hours, minutes, seconds) = split(milliseconds / 1000);
    if hours == 0 {
        format!("{minutes}:{seconds:02}")
    } else {
        format!("{hours}:{minutes:02}:{seconds:02}")
    }
}

/// Seconds with three decimals.
pub(crate) fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000)
}

/// In hundredths of a second, rounded to the nearest.
pub(crate) fn hundredths(milliseconds: u64) -> u64 {
    milliseconds / 10 + u64::from(milliseconds % 10 >= 5)
}

/// Hours, minutes, seconds.
fn split(seconds: u64) -> (u64, u64, u64) {
    (seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_carries_into_minutes_and_hours() {
        assert_eq!(stamp(59_949), "00:59.9");
        assert_eq!(stamp(59_950), "01:00.0");
        assert_eq!(stamp(3_599_949), "59:59.9");
        assert_eq!(stamp(3_599_950), "01:00:00.0");
    }

    #[test]
    fn hours_are_not_limited_to_two_digits() {
        assert_eq!(subtitle(3_723_004, ','), "01:02:03,004");
        assert_eq!(subtitle(363_723_004, '.'), "101:02:03.004");
        assert_eq!(stamp(363_723_000), "101:02:03.0");
        assert_eq!(length(363_723_999), "101:02:03");
        assert_eq!(subtitle(u64::MAX, '.'), "5124095576030:25:51.615");
    }

    /// Hours (none when `text` has two fields), minutes, seconds and the fraction after a dot.
    fn read(text: &str) -> (u64, u64, u64, u64) {
        let (whole, fraction) = text.split_once('.').unwrap();
        let fields: Vec<u64> = whole.split(':').map(|field| field.parse().unwrap()).collect();
        let (hours, rest) = fields.split_at(fields.len() - 2);
        (
            hours.first().copied().unwrap_or(0),
            rest[0],
            rest[1],
            fraction.parse().unwrap(),
        )
    }

    proptest::proptest! {
        /// Written times are times: never `00:60.0`, hours only where there are some, and off by half of the last digit at most.
        #[test]
        fn stamps_are_times(near in 0_u64..=400_000_000, minute in 0_u64..7_000, offset in -60_i64..60) {
            for milliseconds in [near, (minute * 60_000).saturating_add_signed(offset)] {
                let text = stamp(milliseconds);
                let (hours, minutes, seconds, tenths) = read(&text);
                assert!(minutes < 60 && seconds < 60 && tenths < 10, "{text}");
                assert_eq!(text.matches(':').count(), if hours > 0 { 2 } else { 1 }, "{text}");
                let total = ((hours * 60 + minutes) * 60 + seconds) * 1000 + tenths * 100;
                assert!(total.abs_diff(milliseconds) <= 50, "{text} for {milliseconds}");
                let (hours, minutes, seconds, thousandths) = read(&subtitle(milliseconds, '.'));
                assert_eq!(((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths, milliseconds);
            }
        }
    }

    #[test]
    fn lengths_and_seconds() {
        assert_eq!(length(0), "0:00");
        assert_eq!(length(61_999), "1:01");
        assert_eq!(seconds(7), "0.007");
        assert_eq!(seconds(1_234_567), "1234.567");
    }
}
