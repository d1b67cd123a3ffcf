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
}
