//! One thing that this machine has or lacks.

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Ok,
    Warning,
    Error,
}

/// One line; the schema of its JSON is stable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) state: State,
    /// `processor`, `ffmpeg`, `plugin ct2`, …
    pub(super) subject: String,
    pub(super) text: String,
    /// The user's remedy.
    pub(super) remedy: Option<String>,
}

impl Finding {
    pub(super) fn ok(subject: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            state: State::Ok,
            subject: subject.into(),
            text: text.into(),
            remedy: None,
        }
    }

    pub(super) fn warning(subject: impl Into<String>, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            state: State::Warning,
            remedy: Some(remedy.into()),
            ..Self::ok(subject, text)
        }
    }

    pub(super) fn error(subject: impl Into<String>, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            state: State::Error,
            ..Self::warning(subject, text, remedy)
        }
    }

    /// An error whose sentence has its remedy.
    pub(super) fn failed(subject: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self {
            state: State::Error,
            ..Self::ok(subject, sentence)
        }
    }
}
