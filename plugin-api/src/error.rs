//! Errors of a stage, classified by the host's possible reaction.

use serde::{Deserialize, Serialize};

/// The retry policy of a failure. Unknown kinds of newer plugins are read as [`ErrorKind::Internal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input (audio, document, URL) cannot be used; another attempt would fail the same way.
    InvalidInput,
    /// An option or a combination of options is refused.
    InvalidOptions,
    /// The model is absent, damaged or of another kind.
    ModelMissing,
    /// A shared library that the plugin opens at run time is absent or cannot be used.
    LibraryMissing,
    /// Memory ran out; a smaller model or batch may succeed.
    OutOfMemory,
    /// The outside world failed; trying again later may succeed.
    Transient,
    /// The host asked to stop.
    Cancelled,
    /// The plugin's code panicked; its session is unusable.
    Panic,
    /// Anything else.
    #[serde(other)]
    Internal,
}

/// A typed failure, crossing the boundary as `{"kind": …, "message": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageError {
    /// The retry policy.
    pub kind: ErrorKind,
    /// One sentence that names the thing and the remedy.
    pub message: String,
}

impl StageError {
    /// An error of `kind` with a sentence for users.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// The JSON that crosses the boundary.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::json!({ "kind": self.kind, "message": self.message }).to_string()
    }

    /// Reads that JSON; text that is not such an object becomes an internal error with that text.
    #[must_use]
    pub fn from_json(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_else(|_| Self::new(ErrorKind::Internal, text))
    }
}

impl std::fmt::Display for StageError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for StageError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crosses_the_boundary_unchanged() {
        let error = StageError::new(ErrorKind::OutOfMemory, "no room for `base`");
        assert_eq!(
            error.to_json(),
            r#"{"kind":"out_of_memory","message":"no room for `base`"}"#
        );
        assert_eq!(StageError::from_json(&error.to_json()), error);
    }

    #[test]
    fn kinds_of_a_later_contract_are_internal() {
        let error = StageError::from_json(r#"{"kind":"quota_exceeded","message":"later"}"#);
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Internal, "later"));
        assert_eq!(StageError::from_json("not JSON").message, "not JSON");
    }
}
