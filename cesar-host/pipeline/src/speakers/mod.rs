//! Speakers: the plugin that identifies them, the speaker turns, and the speaker of each word.
//!
//! `plan` chooses the diarizer before any work: a plugin, or, for recordings with one speaker per channel, the host itself
//! (`channels`). `turns` runs that stage, keyed and cached like every other, in parallel with recognition. `attribute` assigns the
//! turns to words when the document is merged.
//!
//! No failure here costs a transcript. It becomes a [`Reason`] in the document, even during planning if a model or a plugin is
//! absent. Only a mistake in the request itself (an unknown option, contradictory numbers of speakers) is refused, before there
//! is a transcript.

use plugin_api::document::Partial;

use super::error::PipelineError;
use super::prepared::Prepared;
use super::request::StageRequest;
use super::stage::Stage;

pub(super) mod attribute;
mod channels;
mod plan;
mod turns;

pub(super) use plan::{diarizer, plan, why_no_speakers, will_identify};
pub(super) use turns::{Turns, prepare, spoken_by_channel};

/// The stage's name.
pub(super) const STAGE: Stage = Stage::Diarize;

/// The request for speakers.
#[derive(Debug, Clone, Default)]
pub struct SpeakersRequest {
    /// Whether to identify them; `None`: if a plugin has its models.
    pub wanted: Option<bool>,
    /// The plugin and its options.
    pub stage: StageRequest,
    /// The names of speakers, in order of appearance, or of channels.
    pub names: Vec<String>,
    /// Whether each channel of the recording is a speaker; then no plugin is needed.
    pub channels: bool,
}

/// The plan for speakers.
#[derive(Debug, Clone)]
pub(super) struct SpeakersPlan {
    /// Whether the request requires them; otherwise a transcript without them is complete.
    pub(super) asked: bool,
    pub(super) by: Diarizer,
    pub(super) names: Vec<String>,
}

impl SpeakersPlan {
    /// Whether each channel is a speaker.
    pub(super) fn is_by_channel(&self) -> bool {
        matches!(self.by, Diarizer::Channels)
    }

    /// The reason for missing speakers that the request does not require: the transcript is complete without them.
    pub(super) fn left_out(&self) -> Option<&Reason> {
        match &self.by {
            Diarizer::Missing(reason) if !self.asked => Some(reason),
            _ => None,
        }
    }
}

/// The diarizer.
#[derive(Debug, Clone)]
pub(super) enum Diarizer {
    /// A plugin.
    Plugin(Prepared),
    /// The host, by the channels of the recording.
    Channels,
    /// Nothing.
    Missing(Reason),
}

/// Reason for no speakers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reason {
    code: &'static str,
    message: String,
}

impl Reason {
    fn from_error(error: &PipelineError) -> Self {
        Self {
            code: error.code(),
            // It is written into documents and sent to clients, which must not learn the machine's folders of models.
            message: match error {
                PipelineError::Model(error) => error.brief(),
                error => error.to_string(),
            },
        }
    }

    /// The note if the request does not require speakers.
    pub(super) fn note(&self, label: &str) -> String {
        format!("{label}: no speakers: {} (disable with --no-diarize)", self.message)
    }

    /// One sentence.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// The entry in the document; `retry` is the command for the user.
    pub(super) fn partial(&self, retry: Option<&str>) -> Partial {
        Partial {
            stage: STAGE.name().to_owned(),
            reason: self.code.to_owned(),
            message: self.message.clone(),
            // The recording does not change, so that a retry fails in the same way.
            retry: retry.filter(|_| self.code != "invalid_audio").map(str::to_owned),
        }
    }
}

/// A speaker's speech without a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spoken {
    pub(super) start_ms: u64,
    pub(super) end_ms: u64,
    /// The number of the name.
    pub(super) speaker: usize,
}
