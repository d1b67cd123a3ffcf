//! Days, for filters and for the age of a document.

use std::fmt;
use std::str::FromStr;

use time::{Date, Month};

/// A day of the calendar, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(Date);

/// The text is no day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a date; write it as `2026-01-31`")]
pub struct ParseDayError {
    text: String,
}

impl Day {
    /// Days since a fixed day.
    pub(crate) fn number(self) -> i64 {
        self.0.to_julian_day().into()
    }
}

impl FromStr for Day {
    type Err = ParseDayError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let parts: Vec<&str> = text.split('-').collect();
            let [year, month, day] = parts[..] else { return None };
            let digits = |part: &str, length: usize| part.len() == length && part.bytes().all(|b| b.is_ascii_digit());
            if !(digits(year, 4) && digits(month, 2) && digits(day, 2)) {
                return None;
            }
            let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
            let date = Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?);
            date.ok().map(Self)
        };
        read().ok_or_else(|| ParseDayError { text: text.to_owned() })
    }
}

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.0;
        write!(
            formatter,
            "{:04}-{:02}-{:02}",
            date.year(),
            u8::from(date.month()),
            date.day()
        )
    }
}

/// The day of an RFC 3339 time in UTC; 0 when it is none.
pub(crate) fn day_of(time: &str) -> i64 {
    let day = time.get(..10).and_then(|text| text.parse::<Day>().ok());
    day.map_or(0, Day::number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_and_written() {
        let day: Day = "2026-02-28".parse().unwrap();
        assert_eq!(day.to_string(), "2026-02-28");
        assert_eq!(day.number() + 1, "2026-03-01".parse::<Day>().unwrap().number());
        assert_eq!(day_of("2026-02-28T23:59:59Z"), day.number());
        for wrong in [
            "",
            "2026",
            "2026-02-30",
            "2026-13-01",
            "26-01-01",
            "2026-1-1",
            "+026-01-01",
            "2026-01-01-",
        ] {
            assert!(wrong.parse::<Day>().is_err(), "{wrong}");
        }
    }
}
