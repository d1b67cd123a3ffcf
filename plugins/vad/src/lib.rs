//! Voice activity detection built into both engines.
//!
//! | module | does |
//! |---|---|
//! | [`network`] | Silero VAD, whose weights come with the crate `rustvani-vad`: the probability of speech in every 32 ms |
//! | [`silero`] | the network of Silero VAD 6 with the weights of an ONNX file |
//! | [`parts`] | from the probabilities to the parts of a recording that hold speech |
//! | [`activity`] | questions about the probabilities: where speech begins, whether a segment lies in silence |
//! | [`phrases`] | sentences that Whisper is known to write over silence |
//!
//! The library is linked into each engine; it is no plugin.

pub mod activity;
pub mod network;
pub mod parts;
pub mod phrases;
pub mod silero;

/// Samples a second.
pub const SAMPLE_RATE: usize = 16_000;
/// Samples in one window of the network: 32 ms.
pub const WINDOW: usize = 512;
/// No segment spans removed silence that is longer than this, in ms.
pub const LONGEST_SPANNED_SILENCE_MS: u64 = 2000;
