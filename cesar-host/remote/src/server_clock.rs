//! The time of the store, from its responses: that of this machine may be wrong.

use std::time::{Instant, SystemTime};

use parking_lot::Mutex;

/// The store's time, as of its last response.
#[derive(Debug, Default)]
pub(crate) struct ServerClock {
    last: Mutex<Option<(Instant, i64)>>,
}

impl ServerClock {
    /// Reads the `Date` of a response that has just arrived.
    pub(crate) fn observe(&self, date: &str) {
        if let Ok(date) = httpdate::parse_http_date(date) {
            *self.last.lock() = Some((Instant::now(), ms(date)));
        }
    }

    /// The time in milliseconds since 1970, to within a second; `None` before the first response, and for folders.
    pub(crate) fn now_ms(&self) -> Option<i64> {
        let (at, ms) = (*self.last.lock())?;
        Some(ms.saturating_add(i64::try_from(at.elapsed().as_millis()).unwrap_or(i64::MAX)))
    }

    /// The lead of this machine's clock, in milliseconds.
    pub(crate) fn lead_ms(&self) -> Option<i64> {
        self.now_ms().map(|server_ms| ms(SystemTime::now()) - server_ms)
    }
}

fn ms(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_that_of_the_last_response() {
        let clock = ServerClock::default();
        assert_eq!((clock.now_ms(), clock.lead_ms()), (None, None));
        clock.observe("no date");
        assert_eq!(clock.now_ms(), None);
        clock.observe("Thu, 01 Jan 2026 00:00:00 GMT");
        let now_ms = clock.now_ms().unwrap();
        assert!((1_767_225_600_000..1_767_225_660_000).contains(&now_ms), "{now_ms}");
        assert!(clock.lead_ms().unwrap() > 0, "the tests run after 2025");
    }
}
