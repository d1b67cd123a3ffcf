//! A column of the tables: one engine with its options.

use serde_json::Value;

/// One column of the tables.
pub(super) struct Column {
    pub(super) title: String,
    pub(super) engine: Engine,
}

/// The engine of a column.
pub(super) enum Engine {
    /// The options of the plugin's example.
    Pyannote(Vec<String>),
    /// A job of the driver, without the audio.
    Reference(Value),
}
