//! Ranges of bytes (RFC 9110, section 14): one range a request, which is what players and resumed downloads ask for.

use axum::http::HeaderMap;
use axum::http::header::{IF_RANGE, RANGE};

/// The bytes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Selection {
    /// All: no range, several ones, or one that cannot be read, all of which a server may answer with the whole.
    All,
    /// From the first to before the last.
    Part { start: u64, end: u64 },
    /// A range behind the end.
    Unsatisfiable,
}

/// The bytes that a request asks for, of a file with this size and tag.
pub(crate) fn select(headers: &HeaderMap, size: u64, tag: &str) -> Selection {
    let Some(range) = headers.get(RANGE).and_then(|value| value.to_str().ok()) else {
        return Selection::All;
    };
    // A weak tag or a date does not say that the bytes are the same.
    if headers
        .get(IF_RANGE)
        .is_some_and(|known| known.as_bytes() != tag.as_bytes())
    {
        return Selection::All;
    }
    parse(range, size).unwrap_or(Selection::All)
}

fn parse(range: &str, size: u64) -> Option<Selection> {
    let (unit, range) = range.split_once('=')?;
    let (first, last) = range.trim().split_once('-').filter(|_| !range.contains(','))?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let number = |text: &str| match text.trim() {
        "" => Some(None),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(Some(digits.parse().unwrap_or(u64::MAX))),
        _ => None,
    };
    let (start, end) = match (number(first)?, number(last)?) {
        (None, None) => return None,
        (None, Some(suffix)) => (size.saturating_sub(suffix), if suffix == 0 { 0 } else { size }),
        (Some(start), None) => (start, size),
        (Some(start), Some(last)) if last < start => return None,
        (Some(start), Some(last)) => (start, last.saturating_add(1).min(size)),
    };
    Some(match start < end && start < size {
        true => Selection::Part { start, end },
        false => Selection::Unsatisfiable,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    const TAG: &str = "\"tag\"";

    fn of(range: &str, size: u64) -> Selection {
        let headers = HeaderMap::from_iter([(RANGE, HeaderValue::from_str(range).unwrap())]);
        select(&headers, size, TAG)
    }

    #[test]
    fn one_range_is_selected() {
        let part = |start, end| Selection::Part { start, end };
        for (range, wanted) in [
            ("bytes=0-", part(0, 100)),
            ("bytes=0-0", part(0, 1)),
            ("bytes=10-19", part(10, 20)),
            ("bytes=90-1000", part(90, 100)),
            ("bytes=-10", part(90, 100)),
            ("bytes=-1000", part(0, 100)),
            ("BYTES = 5 - 6 ", part(5, 7)),
            ("bytes=0-99999999999999999999999999", part(0, 100)),
            ("bytes=100-", Selection::Unsatisfiable),
            ("bytes=99999999999999999999999999-", Selection::Unsatisfiable),
            ("bytes=-0", Selection::Unsatisfiable),
            ("bytes=0-1,5-6", Selection::All),
            ("bytes=5-4", Selection::All),
            ("bytes=-", Selection::All),
            ("bytes=a-b", Selection::All),
            ("bytes=+1-2", Selection::All),
            ("lines=0-1", Selection::All),
            ("bytes", Selection::All),
        ] {
            assert_eq!(of(range, 100), wanted, "{range}");
        }
        assert_eq!(of("bytes=0-", 0), Selection::Unsatisfiable);
        assert_eq!(select(&HeaderMap::new(), 100, TAG), Selection::All);
    }

    #[test]
    fn a_range_of_another_version_gives_the_whole() {
        let mut headers = HeaderMap::from_iter([(RANGE, HeaderValue::from_static("bytes=1-2"))]);
        for (known, wanted) in [
            (TAG, Selection::Part { start: 1, end: 3 }),
            ("\"other\"", Selection::All),
            ("W/\"tag\"", Selection::All),
            ("Sat, 28 Nov 2026 21:32:45 GMT", Selection::All),
        ] {
            headers.insert(IF_RANGE, HeaderValue::from_static(known));
            assert_eq!(select(&headers, 100, TAG), wanted, "{known}");
        }
    }

    proptest! {
        #[test]
        fn a_part_is_inside_of_the_file(range in "(bytes=)?[0-9]{0,21}-?[0-9]{0,21}", size in any::<u64>()) {
            if let Selection::Part { start, end } = of(&range, size) {
                prop_assert!(start < end && end <= size);
            }
        }
    }
}
