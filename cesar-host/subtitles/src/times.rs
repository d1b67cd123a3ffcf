//! Lines with times, as SRT and WebVTT have them.

/// Start and end in ms of a line such as `00:00:01,000 --> 00:00:02,500 position:10%`; none for any other line.
pub(crate) fn timing(line: &str) -> Option<(u64, u64)> {
    let (start, rest) = line.split_once("-->")?;
    // Settings stand behind the end.
    let end = rest.split_whitespace().next()?;
    Some((time(start.trim())?, time(end)?))
}

/// `[HH:]MM:SS[,.]fff` in ms, with one to three decimals or none.
fn time(text: &str) -> Option<u64> {
    let (whole, decimals) = text.split_once([',', '.']).unwrap_or((text, ""));
    let fields: Vec<&str> = whole.split(':').collect();
    if !(2..=3).contains(&fields.len()) || decimals.len() > 9 {
        return None;
    }
    let mut seconds = 0_u64;
    for field in fields {
        seconds = seconds.checked_mul(60)?.checked_add(digits(field)?)?;
    }
    let fraction = match decimals {
        "" => 0,
        decimals => {
            // All are read, so that only digits pass; the first three count.
            digits(decimals)?;
            format!("{decimals:0<3}")[..3].parse().ok()?
        }
    };
    seconds.checked_mul(1000)?.checked_add(fraction)
}

fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_spellings_are_read() {
        let wanted = Some((1000, 3_723_004));
        for line in [
            "00:00:01,000 --> 01:02:03,004",
            "0:0:1.0 --> 1:2:3.004 align:start position:10%",
            "00:01.000-->01:02:03,004",
            "  00:00:01 -->  01:02:03,004000  ",
        ] {
            assert_eq!(timing(line), wanted, "{line}");
        }
    }

    #[test]
    fn other_lines_are_no_times() {
        for line in [
            "",
            "-->",
            "a --> b",
            "1 --> 2",
            "00:00:01,000 -> 00:00:02,000",
            "00:00:01,0x0 --> 00:00:02,000",
            "99999999999999999999:00:00 --> 00:00:02,000",
            "00:00:01,٣ --> 00:00:02",
        ] {
            assert_eq!(timing(line), None, "{line}");
        }
    }
}
