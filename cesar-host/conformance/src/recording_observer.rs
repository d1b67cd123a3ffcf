//! Observer of one run: the events of the stage, and whether they keep the contract.

use parking_lot::Mutex;

use cesar_runner::{CancelToken, StageEvents};

/// Maximum number of log lines of a short run.
const MOST_LINES: u64 = 400;

/// The received events; those that may be many are only counted.
#[derive(Debug, Default)]
struct Received {
    progress: Option<(u64, u64)>,
    wrong_progress: Option<String>,
    segments: u64,
    last_start_ms: u64,
    end_ms: u64,
    wrong_segment: Option<String>,
    lines: u64,
    /// The message of a runner that has dropped events.
    dropped: Option<String>,
}

/// Observes one run, and cancels it at the first segment if asked to.
#[derive(Debug, Default)]
pub(super) struct RecordingObserver {
    received: Mutex<Received>,
    cancels: Option<CancelToken>,
}

impl RecordingObserver {
    /// Cancels the run at its first sign of work.
    pub(super) fn cancelling(token: CancelToken) -> Self {
        Self {
            received: Mutex::default(),
            cancels: Some(token),
        }
    }

    fn with(&self, record: impl FnOnce(&mut Received)) {
        record(&mut self.received.lock());
        if let Some(cancel) = &self.cancels {
            cancel.cancel();
        }
    }

    /// Whether all segments lie within audio of this length.
    pub(super) fn segments_fit(&self, duration_ms: u64) -> Result<u64, String> {
        let received = self.received.lock();
        match &received.wrong_segment {
            Some(wrong) => Err(wrong.clone()),
            None if received.end_ms > duration_ms => {
                let end_ms = received.end_ms;
                Err(format!(
                    "a shown segment ends at {end_ms} ms, after the audio's end at {duration_ms} ms"
                ))
            }
            None => Ok(received.segments),
        }
    }

    /// Progress never falls and never exceeds the total.
    pub(super) fn progress_rises(&self) -> Result<(), String> {
        let received = self.received.lock();
        received.wrong_progress.clone().map_or(Ok(()), Err)
    }

    /// Whether the run wrote few log lines.
    pub(super) fn is_quiet(&self) -> Result<u64, String> {
        let received = self.received.lock();
        if let Some(dropped) = &received.dropped {
            return Err(format!("in one short run: {dropped}"));
        }
        if received.lines > MOST_LINES {
            return Err(format!(
                "it wrote {} log lines in one short run; at most {MOST_LINES} are fine",
                received.lines
            ));
        }
        Ok(received.lines)
    }
}

impl StageEvents for RecordingObserver {
    fn progress(&self, done: u64, total: u64) {
        self.with(|received| {
            if let Some((before, _)) = received.progress.filter(|(before, _)| done < *before) {
                received.wrong_progress = Some(format!("progress fell from {before} to {done}"));
            }
            if done > total {
                received.wrong_progress = Some(format!("progress is {done} of {total}"));
            }
            received.progress = Some((done, total));
        });
    }

    fn segment(&self, start_ms: u64, end_ms: u64, _: &str) {
        self.with(|received| {
            received.segments += 1;
            if end_ms < start_ms {
                received.wrong_segment = Some(format!(
                    "a shown segment ends at {end_ms} ms, before its start at {start_ms} ms"
                ));
            }
            if start_ms < received.last_start_ms {
                let before = received.last_start_ms;
                received.wrong_segment = Some(format!(
                    "a shown segment starts at {start_ms} ms, after one that starts at {before} ms"
                ));
            }
            received.last_start_ms = start_ms;
            received.end_ms = received.end_ms.max(end_ms);
        });
    }

    fn emit(&self, _: &str, _: &str) {
        self.with(|_| {});
    }

    fn log(&self, _: u8, target: &str, message: &str) {
        let mut received = self.received.lock();
        received.lines += 1;
        if target == "cesar" {
            received.dropped = Some(message.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_out_of_order_and_excess_lines_are_reported() {
        let observer = RecordingObserver::default();
        observer.progress(1, 2);
        observer.segment(0, 10, "a");
        assert_eq!((observer.progress_rises(), observer.segments_fit(10)), (Ok(()), Ok(1)));
        assert!(observer.segments_fit(9).is_err());
        observer.progress(0, 2);
        assert_eq!(observer.progress_rises(), Err("progress fell from 1 to 0".to_owned()));
        observer.segment(20, 30, "b");
        observer.segment(15, 18, "c");
        assert!(
            observer
                .segments_fit(100)
                .unwrap_err()
                .contains("after one that starts at 20 ms")
        );
        (0..MOST_LINES).for_each(|_| observer.log(3, "t", "m"));
        assert_eq!(observer.is_quiet(), Ok(MOST_LINES));
        observer.log(3, "t", "m");
        assert!(observer.is_quiet().is_err());
        let observer = RecordingObserver::default();
        observer.log(2, "cesar", "dropped 5 segments (rate limit)");
        assert!(observer.is_quiet().unwrap_err().contains("dropped 5 segments"));
    }
}
