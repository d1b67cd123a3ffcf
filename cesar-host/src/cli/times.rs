//! Times on the command line: seconds, or `[HH:]MM:SS`, with up to three decimals.

/// Milliseconds of a time.
///
/// # Errors
/// One sentence about the expected form.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    let wanted = || "it must be seconds (`90`, `90.5`) or `[HH:]MM:SS[.fff]` (`1:30`)".to_owned();
    let mut parts: Vec<&str> = text.split(':').collect();
    let seconds = parts.pop().ok_or_else(wanted)?;
    let (whole, decimals) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if parts.len() > 2
        || decimals.len() > 3
        || ![&parts[..], &[whole, decimals]]
            .concat()
            .iter()
            .all(|part| digits(part))
    {
        return Err(wanted());
    }
    let number = |text: &str| {
        text.parse::<u64>()
            .ok()
            .filter(|number| *number <= 10_000_000)
            .ok_or_else(wanted)
    };
    let seconds = number(whole)?;
    if !parts.is_empty() && seconds >= 60 {
        return Err(wanted());
    }
    let (hours, minutes) = match parts[..] {
        [] => (0, 0),
        [minutes] => (0, number(minutes)?),
        [hours, minutes] => (
            number(hours)?,
            number(minutes)
                .ok()
                .filter(|minutes| *minutes < 60)
                .ok_or_else(wanted)?,
        ),
        _ => return Err(wanted()),
    };
    let ms = format!("{decimals:0<3}").parse::<u64>().map_err(|_| wanted())?;
    Ok(((hours * 60 + minutes) * 60 + seconds) * 1000 + ms)
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
    use super::{clock, parse};

    #[test]
    fn clocks_have_hours_only_where_needed() {
        assert_eq!([61_500, 3_723_004].map(clock), ["1:01", "1:02:03"]);
    }

    #[test]
    fn times_are_read_in_seconds_or_with_colons() {
        assert_eq!(parse("90"), Ok(90_000));
        assert_eq!(parse("90.5"), Ok(90_500));
        assert_eq!(parse("1:30"), Ok(90_000));
        assert_eq!(parse("1:02:03.004"), Ok(3_723_004));
        assert_eq!(parse("75:00"), Ok(4_500_000));
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
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
