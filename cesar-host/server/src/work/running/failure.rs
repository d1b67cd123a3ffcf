//! Failures of jobs: from an error of the pipeline to its code, its message and whether it is retried.

use cesar_audio::AudioError;
use cesar_base::Digest;
use cesar_jobs::{Failure, FailureKind, JobsError, StageError};
use cesar_pipeline::{PipelineError, Stage};
use cesar_runner::RunnerError;
use plugin_api::ErrorKind;

/// The failure of a run; `stage` is the one that ran last, and `engine` is the digest of the plugin.
pub(crate) fn classify(error: &PipelineError, stage: Stage, engine: Option<Digest>) -> Failure {
    Failure {
        error: StageError {
            code: error.code().to_owned(),
            message: error.to_string(),
            stage: Some(stage.name().to_owned()),
        },
        kind: kind(error, engine),
    }
}

/// The failure of a job whose upload cannot be read. Folders and addresses are in the log alone. Another machine may still have a copy.
pub(crate) fn without_recording(error: &JobsError, is_shared: bool) -> Failure {
    let (code, message) = match error {
        JobsError::NoUpload { .. } if is_shared => (
            "recording_gone",
            "the stored recording of the job is missing in the bucket (`server.blobs`); upload it again",
        ),
        JobsError::NoUpload { .. } => (
            "recording_gone",
            "the stored recording of the job is missing on the server; upload it again",
        ),
        _ => (
            "unreadable",
            "the server cannot read the uploaded recording; its log says why",
        ),
    };
    Failure {
        error: StageError {
            code: code.to_owned(),
            message: message.to_owned(),
            stage: Some(Stage::Decode.name().to_owned()),
        },
        kind: FailureKind::Transient,
    }
}

fn kind(error: &PipelineError, engine: Option<Digest>) -> FailureKind {
    use FailureKind::{Final, Transient};
    match error {
        PipelineError::Audio(AudioError::Unreadable { .. } | AudioError::Ffmpeg { .. }) => Transient,
        PipelineError::Download { reason, .. } if reason.is_transient() => Transient,
        PipelineError::Runner(error) => runner_kind(error, engine),
        PipelineError::Changed { .. }
        | PipelineError::Unreadable(_)
        | PipelineError::Samples(_)
        | PipelineError::Corrections(_)
        | PipelineError::Replaced
        | PipelineError::Redecoded
        | PipelineError::Unparsed { .. }
        | PipelineError::Interrupted => Transient,
        PipelineError::Audio(_)
        | PipelineError::Download { .. }
        | PipelineError::Plugin(_)
        | PipelineError::Option { .. }
        | PipelineError::Format { .. }
        | PipelineError::Glossary(_)
        | PipelineError::Model(_)
        | PipelineError::Output { .. }
        | PipelineError::Document(_)
        | PipelineError::Align(_) => Final,
    }
}

fn runner_kind(error: &RunnerError, engine: Option<Digest>) -> FailureKind {
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
    fn a_recording_without_sound_is_not_retried() {
        let error = AudioError::NoAudioTrack {
            name: "talk.mp4".into(),
        };
        let failure = classify(&error.into(), Stage::Decode, None);
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
    fn a_lost_upload_is_named_without_its_place() {
        let lost = JobsError::NoUpload {
            place: "the storage of uploads `s3://bucket/uploads`".to_owned(),
        };
        let failure = without_recording(&lost, true);
        assert_eq!(failure.error.code, "recording_gone");
        assert_eq!(
            failure.error.message,
            "the stored recording of the job is missing in the bucket (`server.blobs`); upload it again"
        );
        assert!(without_recording(&lost, false).error.message.contains("on the server;"));
        let unreadable = JobsError::TooLarge { limit: 1 };
        assert_eq!(without_recording(&unreadable, true).error.code, "unreadable");
    }

    #[test]
    fn a_crash_names_the_digest_of_the_plugin() {
        let error = PipelineError::Runner(RunnerError::Crashed {
            plugin: "echo".into(),
            how: "signal 11".into(),
            by_itself: true,
        });
        let digest = Digest::of(b"plugin");
        let failure = classify(&error, Stage::Asr, Some(digest));
        assert_eq!(
            failure.kind,
            FailureKind::Crash {
                plugin: "echo".into(),
                digest
            }
        );
    }
}
