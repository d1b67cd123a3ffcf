//! What a stage said while it ran, and whether it may say so.

use parking_lot::Mutex;

use cesar_runner::{CancelToken, StageEvents};

/// Most log lines that a short run may write.
const MOST_LINES: u64 = 400;

/// What was heard, counted rather than kept where it may be much.
#[derive(Debug, Default)]
struct Said {
    progress: Option<(u64, u64)>,
    wrong_progress: Option<String>,
    segments: u64,
    last_start_ms: u64,
    end_ms: u64,
    wrong_segment: Option<String>,
    lines: u64,
    /// What a runner says of a flood that it cut.
    cut: Option<String>,
}

/// Listens to one run, and cancels it at the first word when it is told to.
#[derive(Debug, Default)]
pub(super) struct Heard {
    said: Mutex<Said>,
    cancels: Option<CancelToken>,
}

impl Heard {
    /// Cancels the run as soon as it shows that it is at work.
    pub(super) fn cancelling(token: CancelToken) -> Self {
        Self {
            said: Mutex::default(),
            cancels: Some(token),
        }
    }

    fn with(&self, hear: impl FnOnce(&mut Said)) {
        hear(&mut self.said.lock());
        if let Some(cancel) = &self.cancels {
            cancel.cancel();
        }
    }

    /// The audio was so long.
    pub(super) fn segments_fit(&self, duration_ms: u64) -> Result<u64, String> {
        let said = self.said.lock();
        match &said.wrong_segment {
            Some(wrong) => Err(wrong.clone()),
            None if said.end_ms > duration_ms => {
                let end_ms = said.end_ms;
                Err(format!(
                    "a shown segment ends at {end_ms} ms, after the audio's end at {duration_ms} ms"
                ))
            }
            None => Ok(said.segments),
        }
    }

    /// Never falling, never beyond the total.
    pub(super) fn progress_rises(&self) -> Result<(), String> {
        let said = self.said.lock();
        said.wrong_progress.clone().map_or(Ok(()), Err)
    }

    /// Not a flood.
    pub(super) fn is_quiet(&self) -> Result<u64, String> {
        let said = self.said.lock();
        if let Some(cut) = &said.cut {
            return Err(format!("in one short run, {cut}"));
        }
        if said.lines > MOST_LINES {
            return Err(format!(
                "it wrote {} log lines in one short run; at most {MOST_LINES} are fine",
                said.lines
            ));
        }
        Ok(said.lines)
    }
}

impl StageEvents for Heard {
    fn progress(&self, done: u64, total: u64) {
        self.with(|said| {
            if let Some((before, _)) = said.progress.filter(|(before, _)| done < *before) {
                said.wrong_progress = Some(format!("progress fell from {before} to {done}"));
            }
            if done > total {
                said.wrong_progress = Some(format!("progress is {done} of {total}"));
            }
            said.progress = Some((done, total));
        });
    }

    fn segment(&self, start_ms: u64, end_ms: u64, _: &str) {
        self.with(|said| {
            said.segments += 1;
            if end_ms < start_ms {
                said.wrong_segment = Some(format!(
                    "a shown segment ends at {end_ms} ms, before its start at {start_ms} ms"
                ));
            }
            if start_ms < said.last_start_ms {
                let before = said.last_start_ms;
                said.wrong_segment = Some(format!(
                    "a shown segment starts at {start_ms} ms, after one that starts at {before} ms"
                ));
            }
            said.last_start_ms = start_ms;
            said.end_ms = said.end_ms.max(end_ms);
        });
    }

    fn emit(&self, _: &str, _: &str) {
        self.with(|_| {});
    }

    fn log(&self, _: u8, target: &str, message: &str) {
        let mut said = self.said.lock();
        said.lines += 1;
        if target == "cesar" {
            said.cut = Some(message.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_order_is_noticed() {
        let heard = Heard::default();
        heard.progress(1, 2);
        heard.segment(0, 10, "a");
        assert_eq!((heard.progress_rises(), heard.segments_fit(10)), (Ok(()), Ok(1)));
        assert!(heard.segments_fit(9).is_err());
        heard.progress(0, 2);
        assert_eq!(heard.progress_rises(), Err("progress fell from 1 to 0".to_owned()));
        heard.segment(20, 30, "b");
        heard.segment(15, 18, "c");
        assert!(
            heard
                .segments_fit(100)
                .unwrap_err()
                .contains("after one that starts at 20 ms")
        );
        (0..MOST_LINES).for_each(|_| heard.log(3, "t", "m"));
        assert_eq!(heard.is_quiet(), Ok(MOST_LINES));
        heard.log(3, "t", "m");
        assert!(heard.is_quiet().is_err());
        let heard = Heard::default();
        heard.log(2, "cesar", "5 segments were too many and are left out");
        assert!(heard.is_quiet().unwrap_err().contains("5 segments were too many"));
    }
}
