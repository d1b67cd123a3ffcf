//! Errors of the tools.

use cesar_align::NoFit;
use cesar_audio::{AudioError, Name};
use cesar_cache::CacheError;
use cesar_corrections::{CorrectionsError, DocumentError};
use cesar_glossary::GlossaryError;
use cesar_models::ModelError;
use cesar_runner::discovery::PluginError;
use cesar_runner::{PcmError, RunnerError};
use plugin_api::ErrorKind;
use plugin_api::download::Reason;
use plugin_api::manifest::{OptionError, StageKind};

use crate::stage::Stage;

/// Errors of the pipeline.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The recording cannot be used.
    #[error(transparent)]
    Audio(#[from] AudioError),
    /// There is nothing to be had from the address.
    #[error("{message}")]
    Download {
        /// For programs.
        reason: Reason,
        /// One sentence, which says what to do.
        message: String,
    },
    /// No such plugin, or one that cannot be used.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// An option that the plugin refuses.
    #[error("{error}{suggestion}")]
    Option {
        /// The error.
        error: OptionError,
        /// "; did you mean …?" or nothing.
        suggestion: String,
    },
    /// The model cannot be found.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The glossary cannot be used.
    #[error(transparent)]
    Glossary(#[from] GlossaryError),
    /// The given text is not that of the recording.
    #[error(transparent)]
    Align(#[from] NoFit),
    /// No plugin writes the format.
    #[error("no plugin writes the format `{asked}`; there are {known}")]
    Format {
        /// The format asked for.
        asked: String,
        /// The formats there are.
        known: String,
    },
    /// The stage failed.
    #[error(transparent)]
    Runner(RunnerError),
    /// The stage's answer breaks its contract.
    #[error(
        "the {stage} plugin `{plugin}` gave a result that cannot be right ({detail}); report it to the plugin's author"
    )]
    Output {
        /// The stage.
        stage: StageKind,
        /// The plugin's id.
        plugin: String,
        /// The error.
        detail: String,
    },
    /// A file changed between being hashed and being read.
    #[error("`{name}` changed while it was being read; run again when it is complete")]
    Changed {
        /// The file.
        name: Name,
    },
    /// A file cannot be hashed.
    #[error(transparent)]
    Unreadable(CacheError),
    /// The samples cannot be kept.
    #[error(transparent)]
    Samples(PcmError),
    /// The users' corrections cannot be read.
    #[error(transparent)]
    Corrections(#[from] CorrectionsError),
    /// The document cannot be corrected.
    #[error("the stored transcript cannot be corrected: {0}")]
    Document(#[from] DocumentError),
    /// A damaged result was replaced by another one, and what was to be made of it would get a key that does not fit: the run
    /// starts over. Never leaves `Pipeline::run`.
    #[error("a damaged result was replaced; run again")]
    Replaced,
    /// The decoder gives other samples than those of which the digest is stored: it was replaced by another one, such as a newer ffmpeg.
    #[error("the recording is decoded differently than before")]
    Redecoded,
    /// A stored result is not what the stage stores, although its bytes are: another program stored it. The run starts over, with this stage
    /// computed again. Never leaves `Pipeline::run` but if that does not help.
    #[error(
        "the stored result of the stage `{stage}` cannot be read; recompute it with `--refresh-stage {stage}`, on a server with `refresh`"
    )]
    Unparsed {
        /// The stage.
        stage: Stage,
    },
    /// The caller cancelled.
    #[error("interrupted")]
    Interrupted,
}

impl From<CacheError> for PipelineError {
    fn from(error: CacheError) -> Self {
        match error {
            CacheError::Stopped { .. } => Self::Interrupted,
            error => Self::Unreadable(error),
        }
    }
}

impl From<RunnerError> for PipelineError {
    fn from(error: RunnerError) -> Self {
        match error {
            RunnerError::Cancelled | RunnerError::Killed => Self::Interrupted,
            error => Self::Runner(error),
        }
    }
}

impl PipelineError {
    /// Whether the request itself is at fault: wrong names, values, paths.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Option { .. }
                | Self::Format { .. }
                | Self::Glossary(_)
                | Self::Audio(AudioError::EmptySlice { .. })
                | Self::Plugin(PluginError::Unknown { .. })
                | Self::Runner(RunnerError::Stage {
                    kind: ErrorKind::InvalidOptions,
                    ..
                })
        )
    }
    /// A stable name for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Audio(AudioError::Unreadable { .. } | AudioError::Ffmpeg { .. }) | Self::Unreadable(_) => {
                "unreadable"
            }
            Self::Audio(AudioError::NoSuchTrack { .. }) => "track_not_found",
            Self::Audio(_) => "invalid_audio",
            Self::Download { reason, .. } => reason.code(),
            Self::Plugin(_) => "plugin_unavailable",
            Self::Option { .. } | Self::Format { .. } => "invalid_option",
            Self::Glossary(GlossaryError::Unknown { .. }) => "glossary_not_found",
            Self::Glossary(GlossaryError::Unreadable { .. } | GlossaryError::Shared(_)) => "unreadable",
            Self::Glossary(_) => "invalid_glossary",
            Self::Align(_) => "text_does_not_fit",
            Self::Model(_) => "model_not_found",
            Self::Runner(error) => runner_code(error),
            Self::Output { .. } => "invalid_output",
            Self::Changed { .. } => "changed",
            Self::Corrections(_) => "corrections_unavailable",
            Self::Document(_) => "invalid_output",
            Self::Samples(PcmError::Memory(_)) => "out_of_memory",
            Self::Samples(PcmError::Disk { .. }) => "disk_full",
            Self::Unparsed { .. } => "invalid_output",
            Self::Replaced | Self::Redecoded | Self::Interrupted => "interrupted",
        }
    }
}

fn runner_code(error: &RunnerError) -> &'static str {
    match error {
        RunnerError::Stage { kind, .. } => match kind {
            ErrorKind::InvalidInput => "invalid_audio",
            ErrorKind::InvalidOptions => "invalid_option",
            ErrorKind::ModelMissing => "model_not_found",
            ErrorKind::LibraryMissing => "library_not_found",
            ErrorKind::OutOfMemory => "out_of_memory",
            ErrorKind::Transient => "transient",
            _ => "stage_failed",
        },
        RunnerError::Crashed { .. }
        | RunnerError::CrashedInCompany { .. }
        | RunnerError::Panicked { .. }
        | RunnerError::Protocol { .. } => "plugin_crashed",
        RunnerError::OutOfMemory { .. } => "out_of_memory",
        RunnerError::OutOfTime { .. } => "out_of_time",
        RunnerError::Refused { .. } | RunnerError::TooSlow { .. } | RunnerError::Start { .. } => "plugin_unavailable",
        RunnerError::Cancelled | RunnerError::Killed => "interrupted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of failures in partial transcripts and the server's jobs; `docs/reference/document.md` lists them.
    #[test]
    fn failures_have_stable_names() {
        let of_stage = |kind| {
            let error = RunnerError::Stage {
                plugin: "pyannote".to_owned(),
                kind,
                message: String::new(),
            };
            PipelineError::from(error).code()
        };
        let kinds = [
            (ErrorKind::OutOfMemory, "out_of_memory"),
            (ErrorKind::LibraryMissing, "library_not_found"),
            (ErrorKind::ModelMissing, "model_not_found"),
            (ErrorKind::InvalidInput, "invalid_audio"),
            (ErrorKind::Transient, "transient"),
            (ErrorKind::Internal, "stage_failed"),
        ];
        for (kind, name) in kinds {
            assert_eq!(of_stage(kind), name);
        }
        let plugin = || "pyannote".to_owned();
        let killed = RunnerError::Crashed {
            plugin: plugin(),
            how: "SIGKILL".to_owned(),
            by_itself: false,
        };
        assert_eq!(PipelineError::from(killed).code(), "plugin_crashed");
        let full = RunnerError::OutOfMemory { plugin: plugin() };
        assert_eq!(PipelineError::from(full).code(), "out_of_memory");
        assert_eq!(PipelineError::from(RunnerError::Killed).code(), "interrupted");
    }
}
