//! From what went wrong in the pipeline to what the job says and whether it is tried again.

use plugin_api::ErrorKind;

use crate::audio::AudioError;
use crate::cache::Digest;
use crate::jobs::{Failure, FailureKind, StageError};
use crate::pipeline::PipelineError;
use crate::runner::RunnerError;

/// The failure of a run. `stage` ran last, `path` is the recording, which people know as `label`, and `engine` is the plugin's digest.
pub(crate) fn of(error: &PipelineError, stage: &str, path: &str, label: &str, engine: Option<Digest>) -> Failure {
    let (code, kind) = (error.code(), judge(error, engine));
    // A path of this machine means nothing to a client, and is none of its business.
    let message = match path {
        // Planning failed, so nothing of a recording is in the message.
        "" => error.to_string(),
        path => error.to_string().replace(path, label),
    };
    Failure {
        error: StageError {
            code: code.to_owned(),
            message,
            stage: Some(stage.to_owned()),
        },
        kind,
    }
}

fn judge(error: &PipelineError, engine: Option<Digest>) -> FailureKind {
    use FailureKind::{Final, Transient};
    match error {
        PipelineError::Audio(AudioError::Unreadable { .. } | AudioError::Ffmpeg { .. }) => Transient,
        PipelineError::Download { reason, .. } if reason.is_transient() => Transient,
        PipelineError::Runner(error) => of_runner(error, engine),
        PipelineError::Changed { .. }
        | PipelineError::Unreadable(_)
        | PipelineError::Samples(_)
        | PipelineError::Replaced
        | PipelineError::Interrupted => Transient,
        PipelineError::Audio(_)
        | PipelineError::Fetched { .. }
        | PipelineError::Download { .. }
        | PipelineError::Plugin(_)
        | PipelineError::Option { .. }
        | PipelineError::Format { .. }
        | PipelineError::Model(_)
        | PipelineError::Output { .. } => Final,
    }
}

fn of_runner(error: &RunnerError, engine: Option<Digest>) -> FailureKind {
    use FailureKind::{Crash, Final, Transient};
    let crash = |plugin: &str| match engine {
        Some(digest) => Crash {
            plugin: plugin.to_owned(),
            digest,
        },
        None => Transient,
    };
    match error {
        RunnerError::Stage { kind, .. } => match kind {
            ErrorKind::OutOfMemory | ErrorKind::Transient => Transient,
            _ => Final,
        },
        RunnerError::Crashed { plugin, .. }
        | RunnerError::Panicked { plugin, .. }
        | RunnerError::Protocol { plugin, .. } => crash(plugin),
        RunnerError::Refused { .. } | RunnerError::OutOfTime { .. } => Final,
        RunnerError::OutOfMemory { .. }
        | RunnerError::CrashedInCompany { .. }
        | RunnerError::TooSlow { .. }
        | RunnerError::Start { .. }
        | RunnerError::Cancelled
        | RunnerError::Killed => Transient,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_see_their_name_of_the_recording() {
        let path = "/data/uploads/4f";
        let error = AudioError::NoAudioTrack { path: path.into() }.into();
        let failure = of(&error, "decode", path, "talk.mp4", None);
        assert_eq!(
            failure.error.message,
            "`talk.mp4` has no audio track: give a recording with sound"
        );
        assert_eq!(
            (failure.error.code.as_str(), failure.kind),
            ("invalid_audio", FailureKind::Final)
        );
    }

    #[test]
    fn a_crash_counts_against_the_build_that_crashed() {
        let error = PipelineError::Runner(RunnerError::Crashed {
            plugin: "echo".into(),
            how: "signal 11".into(),
            by_itself: true,
        });
        let digest = Digest::of(b"plugin");
        let failure = of(&error, "asr", "/x", "x", Some(digest));
        assert_eq!(
            failure.kind,
            FailureKind::Crash {
                plugin: "echo".into(),
                digest
            }
        );
    }

    #[test]
    fn a_message_without_a_recording_stays_as_it_is() {
        let failure = of(&PipelineError::Replaced, "asr", "", "talk.mp3", None);
        assert_eq!(failure.error.message, PipelineError::Replaced.to_string());
    }
}
