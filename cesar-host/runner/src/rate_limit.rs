//! Rate limit of a plugin's events: excess log lines, segments and progress are dropped, counted and reported.
//!
//! Each kind has a bucket of tokens that fills with time. Ordinary plugins never empty one: a bucket of segments is three hours of
//! speech at once. Checkpoints always pass, because a dropped one would be missing from a resumed result; the host keeps only the
//! latest state and the segments, which the result contains anyway.

use parking_lot::Mutex;
use std::time::Instant;

use super::StageEvents;

/// Maximum length of the text of a log line or a shown segment, in bytes.
const LONGEST_TEXT: usize = 8 << 10;

/// A token bucket, with a capacity and a rate per second.
#[derive(Debug)]
pub(super) struct Bucket {
    most: f64,
    per_second: f64,
    level: f64,
    filled: Instant,
    dropped: u64,
}

impl Bucket {
    pub(super) fn new(most: u32, per_second: u32, now: Instant) -> Self {
        Self {
            most: most.into(),
            per_second: per_second.into(),
            level: most.into(),
            filled: now,
            dropped: 0,
        }
    }

    /// For log lines, of the `tracing` kind or printed.
    pub(super) fn of_lines(now: Instant) -> Self {
        Self::new(500, 50, now)
    }

    /// Whether one more may pass.
    pub(super) fn admits(&mut self, now: Instant) -> bool {
        let seconds = now.saturating_duration_since(self.filled).as_secs_f64();
        self.filled = self.filled.max(now);
        self.level = (self.level + seconds * self.per_second).min(self.most);
        let admits = self.level >= 1.0;
        if admits {
            self.level -= 1.0;
        } else {
            self.dropped += 1;
        }
        admits
    }

    /// The number of events dropped since the last call.
    pub(super) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }
}

/// The buckets of one session, by kind.
#[derive(Debug)]
pub(super) struct Buckets {
    pub(super) lines: Bucket,
    pub(super) segments: Bucket,
    pub(super) progress: Bucket,
    others: Bucket,
}

impl Buckets {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            lines: Bucket::of_lines(now),
            segments: Bucket::new(10_000, 500, now),
            progress: Bucket::new(1_000, 100, now),
            others: Bucket::new(1_000, 100, now),
        }
    }

    /// The events dropped since the last call: number and kind.
    pub(super) fn take_dropped(&mut self) -> Vec<(u64, &'static str)> {
        let kinds = [
            (self.lines.take_dropped(), "log lines"),
            (self.segments.take_dropped(), "segments"),
        ];
        kinds.into_iter().filter(|(count, _)| *count > 0).collect()
    }
}

/// Passes on the events of a plugin within limits.
pub(super) struct Bounded<'a> {
    plugin: &'a str,
    events: &'a dyn StageEvents,
    buckets: Mutex<Buckets>,
}

impl<'a> Bounded<'a> {
    pub(super) fn new(plugin: &'a str, events: &'a dyn StageEvents) -> Self {
        Self {
            plugin,
            events,
            buckets: Mutex::new(Buckets::new(Instant::now())),
        }
    }

    fn admits(&self, bucket: impl FnOnce(&mut Buckets) -> &mut Bucket) -> bool {
        let mut buckets = self.buckets.lock();
        bucket(&mut buckets).admits(Instant::now())
    }
}

impl StageEvents for Bounded<'_> {
    fn progress(&self, done: u64, total: u64) {
        if self.admits(|buckets| &mut buckets.progress) {
            self.events.progress(done, total);
        }
    }
    fn segment(&self, start_ms: u64, end_ms: u64, text: &str) {
        if self.admits(|buckets| &mut buckets.segments) {
            self.events.segment(start_ms, end_ms, beginning(text));
        }
    }
    fn emit(&self, kind: &str, json: &str) {
        if kind == plugin_api::resume::KIND || self.admits(|buckets| &mut buckets.others) {
            self.events.emit(kind, json);
        }
    }
    fn log(&self, level: u8, target: &str, message: &str) {
        if self.admits(|buckets| &mut buckets.lines) {
            self.events.log(level, target, beginning(message));
        }
    }
}

impl Drop for Bounded<'_> {
    fn drop(&mut self) {
        let buckets = self.buckets.get_mut();
        for (count, what) in buckets.take_dropped() {
            let text = format!("plugin `{}`: dropped {count} {what} (rate limit)", self.plugin);
            self.events.log(2, "cesar", &text);
        }
    }
}

/// The text, truncated to the maximum length.
fn beginning(text: &str) -> &str {
    let mut end = text.len().min(LONGEST_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn excess_log_lines_are_dropped_and_counted() {
        #[derive(Default)]
        struct Received(Mutex<Vec<String>>);
        impl StageEvents for Received {
            fn progress(&self, _: u64, _: u64) {}
            fn segment(&self, _: u64, _: u64, _: &str) {}
            fn emit(&self, _: &str, json: &str) {
                self.0.lock().push(json.to_owned());
            }
            fn log(&self, _: u8, _: &str, message: &str) {
                self.0.lock().push(message.to_owned());
            }
        }
        let received = Received::default();
        let bounded = Bounded::new("loud", &received);
        let long = "é".repeat(LONGEST_TEXT);
        for _ in 0..100_000 {
            bounded.log(3, "t", &long);
        }
        (0..5_000).for_each(|_| bounded.emit("checkpoint", "kept"));
        drop(bounded);
        let received = received.0.into_inner();
        assert_eq!(received.iter().filter(|text| *text == "kept").count(), 5_000);
        assert!(received.iter().all(|text| text.len() <= LONGEST_TEXT));
        let last = received.last().unwrap();
        assert!(
            last.starts_with("plugin `loud`: dropped ") && last.ends_with(" log lines (rate limit)"),
            "{last}"
        );
        let lines = received.len() - 5_001;
        assert!((500..1_500).contains(&lines), "{lines}");
    }

    proptest! {
        /// Never more than the capacity plus the refill over time.
        #[test]
        fn a_bucket_keeps_its_rate(pauses in proptest::collection::vec(0_u64..200, 1..300)) {
            let begin = Instant::now();
            let (mut bucket, mut now, mut passed) = (Bucket::new(20, 10, begin), begin, 0_u64);
            for pause in &pauses {
                now += Duration::from_millis(*pause);
                passed += u64::from(bucket.admits(now));
            }
            let millis: u64 = pauses.iter().sum();
            prop_assert!(passed <= 20 + millis / 100 + 1);
            prop_assert_eq!(passed + bucket.take_dropped(), pauses.len() as u64);
        }
    }
}
