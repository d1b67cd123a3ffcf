//! Names of the stages, the host's own and those that plugins do.

use std::str::FromStr;

use cesar_cache::KeyParts;
use plugin_api::manifest::StageKind;
use serde::Serialize;

/// A stage of the work on one recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// An address to a recording, by a plugin.
    Download,
    /// A recording to samples, by the host.
    Decode,
    /// Samples to a transcription, by a plugin.
    Asr,
    /// Samples to speaker turns, by a plugin or from the channels.
    Diarize,
    /// Transcription and turns to a document, by the host.
    Merge,
    /// A document to one with corrected spelling, by the host.
    Glossary,
    /// A document to one with the words of a given text, by the host and the engine.
    Align,
    /// A document to a file, by a plugin.
    Format,
}

impl Stage {
    /// All stages, in the order of the work.
    pub const ALL: [Self; 8] = [
        Self::Download,
        Self::Decode,
        Self::Asr,
        Self::Diarize,
        Self::Merge,
        Self::Glossary,
        Self::Align,
        Self::Format,
    ];

    /// The name in keys, messages and options.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Decode => "decode",
            Self::Asr => "asr",
            Self::Diarize => "diarize",
            Self::Merge => "merge",
            Self::Glossary => "glossary",
            Self::Align => "align",
            Self::Format => "format",
        }
    }

    /// The stage of a key that this crate made.
    pub(crate) fn of_key(parts: &KeyParts) -> Self {
        parts
            .stage
            .parse()
            .expect("this crate makes keys with names of stages only")
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

impl From<StageKind> for Stage {
    fn from(kind: StageKind) -> Self {
        match kind {
            StageKind::Download => Self::Download,
            StageKind::Asr => Self::Asr,
            StageKind::Diarize => Self::Diarize,
            StageKind::Format => Self::Format,
        }
    }
}

/// A name of no stage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no stage `{0}`")]
pub struct UnknownStage(String);

impl FromStr for Stage {
    type Err = UnknownStage;

    fn from_str(name: &str) -> Result<Self, UnknownStage> {
        let stage = Self::ALL.into_iter().find(|stage| stage.name() == name);
        stage.ok_or_else(|| UnknownStage(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_keys_json_and_plugins() {
        for stage in Stage::ALL {
            assert_eq!(stage.name().parse(), Ok(stage));
            assert_eq!(serde_json::to_value(stage).unwrap(), stage.name());
        }
        for kind in StageKind::ALL {
            assert_eq!(Stage::from(kind).name(), kind.name());
        }
        assert!("ASR".parse::<Stage>().is_err());
    }
}
