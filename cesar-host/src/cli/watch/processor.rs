//! Work on one settled recording: its transcript, then its move.

use std::path::{Path, PathBuf};

use cesar_base::FileStamp;
use cesar_base::names::shown;
use cesar_runner::CancelToken;
use serde_json::json;

use super::folders::look;
use super::ledger::{Ledger, Recorded};
use super::moves::{Moved, durable, move_into};
use super::settle::is_same;
use crate::cli::inputs::Recording;
use crate::cli::outputs::{self, Outputs, Place};
use crate::cli::parallel::{self, OutputOrder};
use crate::cli::progress::Show;
use crate::cli::report::{Exit, Failure};
use crate::cli::summary::Outcome;
use crate::cli::transcribe::{self, Finished, Task};
use crate::cli::work::Work;

/// Failures of a recording. All others may pass: the recording stays, and is tried again.
const OF_RECORDING: [&str; 6] = [
    "invalid_audio",
    "invalid_output",
    "out_of_time",
    "plugin_crashed",
    "stage_failed",
    "track_not_found",
];
/// Failures that every recording would have: the command ends.
const OF_ALL: [&str; 3] = ["plugin_unavailable", "model_not_found", "library_not_found"];

/// Everything that the work needs.
pub(super) struct Processor<'a> {
    pub(super) work: &'a Work,
    pub(super) outputs: &'a Outputs,
    pub(super) ledger: &'a Ledger,
    pub(super) output: &'a Path,
    pub(super) done: Option<&'a Path>,
    pub(super) failed: Option<&'a Path>,
    pub(super) show: &'a Show,
    pub(super) cancel: &'a CancelToken,
}

/// The result of the work.
pub(super) enum Processed {
    Transcribed(Outcome),
    /// It had its transcript.
    Known,
    /// The recording cannot be transcribed.
    Failed(Failure),
    /// It is gone, or has changed.
    Changed,
    /// It is to be tried again later.
    Later(Failure),
    /// No recording can be transcribed, or the user interrupts.
    End(Failure),
}

impl Processor<'_> {
    pub(super) fn process(&self, recording: &Recording, stamp: &FileStamp) -> Processed {
        let (path, extensions) = (&recording.path, self.work.extensions());
        if let Some(files) = self.ledger.transcripts(path, stamp, &extensions) {
            self.detail(&format!("{} has its transcript {}", recording.label, list(&files)));
            return self.finish(recording, stamp, &files, Processed::Known);
        }
        match self.transcribe(recording, stamp, &extensions) {
            Ok(Finished { outcome, files }) => self.finish(recording, stamp, &files, Processed::Transcribed(outcome)),
            Err(failure) => self.failure(recording, stamp, failure),
        }
    }

    fn transcribe(&self, recording: &Recording, stamp: &FileStamp, extensions: &[String]) -> Result<Finished, Failure> {
        let path = &recording.path;
        let mut names = outputs::names(std::slice::from_ref(recording), self.output)?;
        // One recording has one name.
        let place = names.pop().map_or(Place::Stdout, Place::Folder);
        let recorded = Recorded::new(path, *stamp);
        if let Some(recorded) = &recorded {
            self.ledger.begin(recorded, &place.likely_files(extensions));
        }
        let mut task = Task::of(recording, place);
        task.replaced = self.ledger.replaced(path, stamp).below(self.output);
        let order = OutputOrder::default();
        let work = || transcribe::run_task(self.work, &task, self.outputs, &order.turn(0), self.show, self.cancel);
        let finished = parallel::contained(&recording.label, work)?;
        if let Some(recorded) = &recorded {
            self.ledger.remember(recorded, &finished.files);
        }
        Ok(finished)
    }

    /// Moves a recording that has its transcripts in `files`.
    fn finish(&self, recording: &Recording, stamp: &FileStamp, files: &[PathBuf], processed: Processed) -> Processed {
        if look(&recording.path).is_none_or(|now| !is_same(&now, stamp)) {
            return Processed::Changed;
        }
        let Some(folder) = self.done else { return processed };
        // A machine that fails after the move must not lose a transcript that nothing would make again.
        if let Err(error) = files.iter().try_for_each(|file| durable(file)) {
            let text = format!("the transcript of `{}` cannot be stored: {error}", recording.label);
            return Processed::Later(Failure::failed(text));
        }
        self.move_away(recording, stamp, folder, None)
            .map_or_else(|processed| processed, |()| processed)
    }

    fn failure(&self, recording: &Recording, stamp: &FileStamp, failure: Failure) -> Processed {
        let is_one_of = |codes: &[&str]| failure.code.is_some_and(|code| codes.contains(&code));
        if failure.interrupted || failure.exit == Exit::Usage || is_one_of(&OF_ALL) {
            return Processed::End(failure);
        }
        // Also a change of its owner or mode is noticed by the pipeline.
        if look(&recording.path).is_none_or(|now| now != *stamp) {
            return Processed::Changed;
        }
        if failure.code == Some("changed") {
            // Not the recording: a plugin or a model was replaced, which the next start of the command loads.
            return Processed::End(failure);
        }
        // A defect of Cesar has no code, and would be met again.
        if failure.code.is_some() && !is_one_of(&OF_RECORDING) {
            return Processed::Later(failure);
        }
        if let Some(folder) = self.failed
            && let Err(processed) = self.move_away(recording, stamp, folder, Some(&failure.text))
        {
            return processed;
        }
        Processed::Failed(failure)
    }

    fn move_away(
        &self,
        recording: &Recording,
        stamp: &FileStamp,
        folder: &Path,
        reason: Option<&str>,
    ) -> Result<(), Processed> {
        match move_into(folder, &recording.name, &recording.path, stamp, reason) {
            Ok(Moved::To(target)) => {
                self.ledger.forget(&recording.path);
                let to = cesar_base::names::lossless(&target);
                self.show
                    .json(&json!({ "type": "moved", "input": recording.input, "path": to }));
                self.detail(&format!("{} moved to {}", recording.label, shown(&target)));
                Ok(())
            }
            Ok(Moved::Changed) => Err(Processed::Changed),
            Err(_) if look(&recording.path).is_none() => Err(Processed::Changed),
            Err(error) => {
                let (label, folder) = (&recording.label, shown(folder));
                let text = format!("`{label}` cannot be moved to `{folder}`: {error}");
                Err(Processed::Later(Failure::failed(text)))
            }
        }
    }

    fn detail(&self, text: &str) {
        if self.show.verbosity() >= 1 {
            self.show.inform(text);
        }
    }
}

fn list(files: &[PathBuf]) -> String {
    let files: Vec<String> = files.iter().map(shown).collect();
    files.join(", ")
}
