//! Speakers: which plugin identifies them, who spoke when, and who said which word.
//!
//! `plan` settles before any work what identifies speakers: a plugin, or, for recordings with one speaker a channel, the host itself
//! (`channels`). `turns` runs that stage, keyed and kept like every other, beside recognition. `attribute` gives the turns to words when the
//! document is merged.
//!
//! Nothing here costs a transcript. What a stage fails of becomes [`Reason`], already while planning when a model or a plugin is
//! absent, and the document says so. Only what is a mistake in the request itself (an unknown option, numbers of speakers that
//! exclude each other) is refused, before there is a transcript.

use plugin_api::document::Partial;

use super::plan::{Prepared, StageRequest};
use super::{PipelineError, Plan, Stage};

pub(super) mod attribute;
mod channels;
mod plan;
mod turns;

pub(super) use plan::{diarizer, plan, why_no_speakers, will_identify};
pub(super) use turns::{Turns, check, prepare};

/// The stage's name.
pub(super) const STAGE: Stage = Stage::Diarize;

/// Speakers as asked for.
#[derive(Debug, Clone, Default)]
pub struct SpeakersRequest {
    /// Whether to identify them; `None`: if a plugin has its models.
    pub wanted: Option<bool>,
    /// The plugin and its options.
    pub stage: StageRequest,
    /// The names of speakers, in order of appearance, or of channels.
    pub names: Vec<String>,
    /// Whether each channel of the recording is a speaker; no plugin is needed then.
    pub channels: bool,
}

/// Speakers as settled.
#[derive(Debug, Clone)]
pub(super) struct SpeakersPlan {
    /// Whether the request asks for them; otherwise a transcript without them is whole.
    pub(super) asked: bool,
    pub(super) by: Diarizer,
    pub(super) names: Vec<String>,
}

impl SpeakersPlan {
    /// Why there will be no speakers, where the request does not ask for them: the transcript is whole without them.
    pub(super) fn left_out(&self) -> Option<&Reason> {
        match &self.by {
            Diarizer::Missing(reason) if !self.asked => Some(reason),
            _ => None,
        }
    }
}

/// What identifies speakers.
#[derive(Debug, Clone)]
pub(super) enum Diarizer {
    /// A plugin.
    Plugin(Prepared),
    /// The host, by the channels of the recording.
    Channels,
    /// Nothing.
    Missing(Reason),
}

/// Why speakers are unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reason {
    code: &'static str,
    message: String,
}

impl Reason {
    fn from_error(error: &PipelineError) -> Self {
        Self {
            code: error.code(),
            // It is written into documents and sent to clients, which must not learn where this machine looks for models.
            message: match error {
                PipelineError::Model(error) => error.brief(),
                error => error.to_string(),
            },
        }
    }

    /// The note where the request does not ask for speakers.
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
            // The recording stays what it is, so that a retry fails in the same way.
            retry: retry.filter(|_| self.code != "invalid_audio").map(str::to_owned),
        }
    }
}

/// A speaker speaks without a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spoken {
    pub(super) start_ms: u64,
    pub(super) end_ms: u64,
    /// The number of the name.
    pub(super) speaker: usize,
}

impl Plan {
    /// Whether speakers are to be identified.
    #[must_use]
    pub fn identifies_speakers(&self) -> bool {
        self.speakers.is_some()
    }
}
