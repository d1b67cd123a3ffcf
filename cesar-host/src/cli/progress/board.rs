//! State of the running recordings and stages.

use std::time::{Duration, Instant};

/// Bytes of text kept of a recording: more than fit in its rows.
const KEPT_TEXT: usize = 4_000;

/// Minimum duration of a measurement of the rate.
const SHORTEST: Duration = Duration::from_millis(500);

/// Everything that the progress display shows.
#[derive(Debug)]
pub(super) struct Board {
    pub(super) began: Instant,
    /// Number of recordings of the run, if there are several.
    pub(super) total: Option<usize>,
    pub(super) finished: usize,
    pub(super) recordings: Vec<Recording>,
    /// Set while the work before all recordings runs.
    pub(super) preparing_since: Option<Instant>,
}

/// A recording in progress.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) id: usize,
    pub(super) label: String,
    /// The end of its last stage, or its own start.
    pub(super) idle_since: Instant,
    /// In the order of their starts.
    pub(super) stages: Vec<Stage>,
    /// The latest text.
    pub(super) text: String,
}

/// A running stage.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) name: String,
    pub(super) began: Instant,
    /// Another process that computes the same result, or an unknown one.
    pub(super) waits_for: Option<String>,
    /// Total units of work; 0 if unknown.
    pub(super) total: u64,
    /// Start of the measurement of the rate: after a resumed part.
    from: Point,
    last: Point,
}

#[derive(Debug, Clone, Copy)]
struct Point {
    done: u64,
    at: Instant,
}

impl Board {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            began: now,
            total: None,
            finished: 0,
            recordings: Vec::new(),
            preparing_since: None,
        }
    }

    /// A recording on the board.
    pub(super) fn recording(&mut self, id: usize) -> Option<&mut Recording> {
        self.recordings.iter_mut().find(|recording| recording.id == id)
    }
}

impl Recording {
    pub(super) fn new(id: usize, label: String, now: Instant) -> Self {
        Self {
            id,
            label,
            idle_since: now,
            stages: Vec::new(),
            text: String::new(),
        }
    }

    /// Adds a stage, replacing a waiting one of that name.
    pub(super) fn begin(&mut self, name: &str, now: Instant) -> &mut Stage {
        self.end(name, now);
        self.stages.push(Stage::new(name, now));
        let last = self.stages.len() - 1;
        &mut self.stages[last]
    }

    pub(super) fn end(&mut self, name: &str, now: Instant) {
        self.stages.retain(|stage| stage.name != name);
        self.idle_since = now;
    }

    pub(super) fn stage(&mut self, name: &str) -> Option<&mut Stage> {
        self.stages.iter_mut().find(|stage| stage.name == name)
    }

    pub(super) fn add_text(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push(' ');
        if self.text.len() > 2 * KEPT_TEXT {
            let mut from = self.text.len() - KEPT_TEXT;
            while !self.text.is_char_boundary(from) {
                from += 1;
            }
            self.text.drain(..from);
        }
    }
}

impl Stage {
    fn new(name: &str, now: Instant) -> Self {
        let start = Point { done: 0, at: now };
        Self {
            name: name.to_owned(),
            began: now,
            waits_for: None,
            total: 0,
            from: start,
            last: start,
        }
    }

    /// An earlier run did the work up to `done`.
    pub(super) fn resume(&mut self, done: u64, total: u64, now: Instant) {
        self.total = total;
        self.from = Point { done, at: now };
        self.last = self.from;
    }

    pub(super) fn progress(&mut self, done: u64, total: u64, now: Instant) {
        self.total = total;
        self.last = Point { done, at: now };
        // The time before the first unit is that of loading a model; restarted work is measured again.
        if done <= self.from.done {
            self.from = self.last;
        }
    }

    /// Units per second.
    pub(super) fn rate(&self) -> Option<f64> {
        let took = self.last.at.saturating_duration_since(self.from.at);
        #[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
        let done = self.last.done.saturating_sub(self.from.done) as f64;
        (done > 0.0 && took >= SHORTEST).then(|| done / took.as_secs_f64())
    }

    /// The finished part, up to 1, if the amount of work is known.
    pub(super) fn fraction(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
        (self.total > 0).then(|| (self.last.done as f64 / self.total as f64).min(1.0))
    }

    /// Estimated remaining time. It falls between reports, and is unknown when it has run out before the work.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let rest = self.total.checked_sub(self.last.done).filter(|_| self.total > 0)? as f64;
        let left = Duration::try_from_secs_f64(rest / self.rate()?).ok()?;
        left.checked_sub(now.saturating_duration_since(self.last.at))
            .filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn time_left_falls_between_reports() {
        let start = Instant::now();
        let mut stage = Stage::new("asr", start);
        assert_eq!(stage.left(start + seconds(3)), None);
        stage.progress(30_000, 120_000, start + seconds(5));
        assert_eq!(stage.left(start + seconds(5)), Some(seconds(15)));
        assert_eq!(stage.left(start + seconds(9)), Some(seconds(11)));
        assert_eq!(stage.left(start + seconds(60)), None);
    }

    #[test]
    fn loading_the_model_is_not_part_of_the_rate() {
        let start = Instant::now();
        let mut stage = Stage::new("asr", start);
        stage.progress(0, 120_000, start + seconds(10));
        stage.progress(40_000, 120_000, start + seconds(14));
        assert_eq!(stage.rate(), Some(10_000.0));
    }

    #[test]
    fn resumed_work_is_not_part_of_the_rate() {
        let start = Instant::now();
        let mut stage = Stage::new("asr", start);
        stage.resume(90_000, 120_000, start);
        assert_eq!(stage.rate(), None);
        assert_eq!(stage.fraction(), Some(0.75));
        stage.progress(100_000, 120_000, start + seconds(2));
        assert_eq!(stage.rate(), Some(5_000.0));
        assert_eq!(stage.left(start + seconds(2)), Some(seconds(4)));
    }

    #[test]
    fn old_text_is_dropped_between_characters() {
        let mut recording = Recording::new(0, String::new(), Instant::now());
        for _ in 0..1_000 {
            recording.add_text("日本語です");
        }
        assert!(recording.text.len() <= 2 * KEPT_TEXT);
        assert!(recording.text.ends_with("日本語です "));
    }
}
