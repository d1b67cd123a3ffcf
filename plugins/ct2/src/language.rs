//! A detected language.

/// A language and its probability.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Language {
    /// Whisper's code.
    pub code: String,
    /// 0 to 1.
    pub probability: f64,
}
