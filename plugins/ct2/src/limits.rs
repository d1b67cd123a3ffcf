//! Limits of every Whisper model.

/// Maximum number of tokens of the model: prompt and text together.
pub const MAX_LENGTH: usize = 448;
