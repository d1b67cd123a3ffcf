//! Lines with times, as SRT and WebVTT have them, and lines that are meant as such.

/// The arrow of both formats.
const ARROW: &str = "-->";

/// Signs that stand for [`ARROW`] in files with mistakes, the longer ones first.
const OTHER_ARROWS: [&str; 7] = ["--&gt;", "-&gt;", "->", "–>", "—>", "=>", "→"];

/// Start and end in ms of a line such as `00:00:01,000 --> 00:00:02,500 position:10%`; none for any other line.
pub(crate) fn timing(line: &str) -> Option<(u64, u64)> {
    let (start, rest) = line.split_once(ARROW)?;
    // Settings stand behind the end.
    let end = rest.split_whitespace().next()?;
    Some((time(start.trim())?, time(end)?))
}

/// Whether a line that [`timing`] cannot read is meant as times. `begins` says that a cue may begin there.
pub(crate) fn is_meant(line: &str, begins: bool) -> bool {
    let line = line.trim();
    let sides = |arrow: &str| {
        let (before, after) = line.split_once(arrow)?;
        let near = (before.split_whitespace().next_back(), after.split_whitespace().next());
        Some(near)
    };
    let is_time = |token: Option<&str>| token.is_some_and(is_clock);
    if let Some((before, after)) = sides(ARROW) {
        return begins || is_time(before) || is_time(after);
    }
    match OTHER_ARROWS.into_iter().find_map(sides) {
        Some((None, None)) => begins,
        Some((before, after)) if begins => is_time(before) || is_time(after),
        Some((before, after)) => is_time(before) && is_time(after) && line.starts_with(before.unwrap_or_default()),
        None => false,
    }
}

/// Whether a word is like a time: it begins with a digit and has a colon.
pub(crate) fn is_clock(word: &str) -> bool {
    word.starts_with(|character: char| character.is_ascii_digit()) && word.contains(':')
}

/// `[HH:]MM:SS[,.]fff` in ms, with one to three decimals or none. Only the first field may exceed 59.
fn time(text: &str) -> Option<u64> {
    let (whole, decimals) = text.split_once([',', '.']).unwrap_or((text, ""));
    let fields: Vec<&str> = whole.split(':').collect();
    if !(2..=3).contains(&fields.len()) || decimals.len() > 9 {
        return None;
    }
    let mut seconds = 0_u64;
    for (index, field) in fields.into_iter().enumerate() {
        let field = digits(field).filter(|field| index == 0 || *field < 60)?;
        seconds = seconds.checked_mul(60)?.checked_add(field)?;
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
            "00:61.000 --> 00:62.000",
            "00:60:00,000 --> 01:00:00,000",
        ] {
            assert_eq!(timing(line), None, "{line}");
        }
    }

    #[test]
    fn mistaken_times_are_distinguished_from_text() {
        for line in [
            "00:01 -> 00:02",
            "0:00:01,000 → 0:00:02,000",
            "00:01.x --> 00:02",
            " 00:01 -->",
            "00:01--&gt;00:02",
        ] {
            assert!(is_meant(line, false) && is_meant(line, true), "{line}");
        }
        for line in ["->", "-->", "a --> b", "00:01 ->", "- -> 00:02"] {
            assert!(is_meant(line, true) && !is_meant(line, false), "{line}");
        }
        for line in ["A -> B", "It begins at 10:00.", "7", "", "from 10:00 -> noon", "x => y"] {
            assert!(!is_meant(line, false), "{line}");
        }
        for line in ["A -> B", "It begins at 10:00.", "x => y"] {
            assert!(!is_meant(line, true), "{line}");
        }
    }
}
