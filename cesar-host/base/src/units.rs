//! Sizes and durations as users write them: `10 GB`, `500 MB`, `30 d`, `12 h`.
//!
//! Sizes are in powers of 1000, as disks are sold and as `df -H` shows them; `KiB`, `MiB`, `GiB` and `TiB` are powers of
//! 1024. A number may have a fraction; space between number and unit, and the case of the unit, do not matter.

const SIZES: &[(&str, u64)] = &[
    ("", 1),
    ("b", 1),
    ("k", 1_000),
    ("kb", 1_000),
    ("kib", 1 << 10),
    ("m", 1_000_000),
    ("mb", 1_000_000),
    ("mib", 1 << 20),
    ("g", 1_000_000_000),
    ("gb", 1_000_000_000),
    ("gib", 1 << 30),
    ("t", 1_000_000_000_000),
    ("tb", 1_000_000_000_000),
    ("tib", 1 << 40),
];

const DURATIONS: &[(&str, u64)] = &[
    ("ms", 1),
    ("s", 1_000),
    ("min", 60_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 604_800_000),
    ("y", 31_536_000_000),
];

/// The text for "no limit".
pub const OFF: &str = "off";

/// A size in bytes; a number without a unit is bytes.
pub fn parse_size(text: &str) -> Option<u64> {
    parse(text, SIZES)
}

/// A duration in milliseconds; the unit is required.
pub fn parse_duration(text: &str) -> Option<i64> {
    parse(text, DURATIONS).and_then(|ms| i64::try_from(ms).ok())
}

/// A time of a recording in milliseconds: seconds, or `[HH:]MM:SS`, with up to three decimals.
pub fn parse_time(text: &str) -> Option<u64> {
    let mut parts: Vec<&str> = text.split(':').collect();
    let seconds = parts.pop()?;
    let (whole, decimals) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let are_numbers = parts.iter().chain([&whole, &decimals]).all(|part| is_number(part));
    if parts.len() > 2 || decimals.len() > 3 || !are_numbers {
        return None;
    }
    let number = |text: &str| text.parse::<u64>().ok().filter(|number| *number <= 10_000_000);
    let below_60 = |text: &str| number(text).filter(|number| *number < 60);
    let seconds = match parts[..] {
        [] => number(whole)?,
        [minutes] => number(minutes)? * 60 + below_60(whole)?,
        [hours, minutes, ..] => (number(hours)? * 60 + below_60(minutes)?) * 60 + below_60(whole)?,
    };
    let ms: u64 = format!("{decimals:0<3}").parse().ok()?;
    Some(seconds * 1000 + ms)
}

fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let end = text
        .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .unwrap_or(text.len());
    let (number, unit) = (&text[..end], text[end..].trim().to_lowercase());
    let factor = units.iter().find(|(name, _)| *name == unit)?.1;
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor);
    }
    let value = number.parse::<f64>().ok()? * factor as f64;
    // Beyond 2^53 a fraction has no meaning.
    (value < 9.0e15).then_some(value.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_parsed() {
        let cases = [
            ("0", Some(0)),
            ("123", Some(123)),
            ("10 GB", Some(10_000_000_000)),
            ("10gb", Some(10_000_000_000)),
            ("1.5 MiB", Some(1_572_864)),
            (" 2k ", Some(2_000)),
            (".5kB", Some(500)),
            ("", None),
            ("GB", None),
            ("-1", None),
            ("1.2.3 MB", None),
            ("1e9", None),
            ("10 parsecs", None),
            ("99999999999999999999", None),
            ("99999999999 TB", None),
        ];
        for (text, bytes) in cases {
            assert_eq!(parse_size(text), bytes, "{text}");
        }
    }

    #[test]
    fn durations_are_parsed() {
        let cases = [
            ("30 d", Some(2_592_000_000)),
            ("12h", Some(43_200_000)),
            ("90 min", Some(5_400_000)),
            ("1.5 s", Some(1_500)),
            ("2 W", Some(1_209_600_000)),
            ("30", None),
            ("d", None),
            ("999999999999999 y", None),
        ];
        for (text, ms) in cases {
            assert_eq!(parse_duration(text), ms, "{text}");
        }
    }

    #[test]
    fn times_are_read_in_seconds_or_with_colons() {
        assert_eq!(parse_time("90"), Some(90_000));
        assert_eq!(parse_time("90.5"), Some(90_500));
        assert_eq!(parse_time("1:30"), Some(90_000));
        assert_eq!(parse_time("1:02:03.004"), Some(3_723_004));
        assert_eq!(parse_time("75:00"), Some(4_500_000));
        for wrong in [
            "",
            "x",
            "-1",
            "1:60",
            "1:60:00",
            "1:2:3:4",
            "1.2345",
            "1.",
            ":5",
            "1e3",
            "99999999999999999999",
        ] {
            assert!(parse_time(wrong).is_none(), "{wrong}");
        }
    }
}
