//! faster-whisper, in its own Python environment beside the built programs.

use super::{
    answer::Answer,
    driver::Driver,
    reference::{Job, Reference},
};
use crate::{
    failure::{Outcome, quiet_step},
    measure::reference::{self, FASTER_WHISPER},
};
use serde_json::json;
use std::path::Path;

pub(super) struct FasterWhisper(Driver);

impl FasterWhisper {
    pub(super) fn prepare() -> Outcome<Self> {
        Driver::prepare(&FASTER_WHISPER).map(Self)
    }
}

impl Reference for FasterWhisper {
    fn name(&self) -> String {
        FASTER_WHISPER.to_string()
    }

    fn decode(&mut self, recording: &Path, wav: &Path) -> Outcome {
        quiet_step(self.0.command()?.arg("wav").arg(recording).arg(wav))
    }

    fn answer(&mut self, job: &Job<'_>) -> Outcome<Result<Answer, String>> {
        let asked = json!({
            "audio": job.wav,
            "model": reference::model("ct2", job.model),
            "compute_type": job.compute_type,
            "threads": job.threads,
            "options": job.setting.options,
        });
        self.0.answer(&asked, job.wav).map(|answer| Answer::or_error(&answer))
    }
}
