//! Engines and models that measurements compare by default.

/// The compared engines, in the order of the columns.
pub(super) const ENGINES: [&str; 2] = ["ct2", "whisper-cpp"];
/// The compared models.
pub(super) const MODELS: [&str; 2] = ["tiny.en", "base"];
