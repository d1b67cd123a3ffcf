//! From what went wrong in the pipeline to what the job says and whether it is tried again.

use cesar_audio::AudioError;
use cesar_base::Digest;
use cesar_jobs::{Failure, FailureKind, StageError};
use cesar_pipeline::PipelineError;
use cesar_runner::RunnerError;
use plugin_api::ErrorKind;

/// The failure of a run. `stage` ran last, and `engine` is the plugin's digest.
pub(crate) fn of(error: &PipelineError, stage: &str, engine: Option<Digest>) -> Failure {
    Failure {
        error: StageError {
            code: error.code().to_owned(),
            message: error.to_string(),
            stage: Some(stage.to_owned()),
        },
        kind: judge(error, engine),
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
    fn a_recording_without_sound_fails_for_good() {
        let error = AudioError::NoAudioTrack {
            name: "talk.mp4".into(),
        };
        let failure = of(&error.into(), "decode", None);
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
        let failure = of(&error, "asr", Some(digest));
        assert_eq!(
            failure.kind,
            FailureKind::Crash {
                plugin: "echo".into(),
                digest
            }
        );
    }
}
