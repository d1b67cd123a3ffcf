//! Times on the command line: seconds, or `[HH:]MM:SS`, with up to three decimals.

use cesar_base::parse_time;

/// Milliseconds of a time.
///
/// # Errors
/// One sentence about the expected form.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    parse_time(text).ok_or_else(|| "it must be seconds (`90`, `90.5`) or `[HH:]MM:SS[.fff]` (`1:30`)".to_owned())
}

/// `M:SS`, or `H:MM:SS`.
pub(super) fn clock(ms: u64) -> String {
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        hours => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::clock;

    #[test]
    fn clocks_have_hours_only_where_needed() {
        assert_eq!([61_500, 3_723_004].map(clock), ["1:01", "1:02:03"]);
    }
}
