//! The interface of a family of models.

use plugin_api::StageError;

use crate::network::Stop;

/// A loaded model.
pub(crate) trait Family: Send + Sync {
    /// The lengths of audio that it bears.
    fn lengths(&self) -> Lengths;
    /// Whether its tokens have times.
    fn is_timed(&self) -> bool;
    /// The languages that it knows; empty if that is unknown.
    fn languages(&self) -> &'static [&'static str];
    /// The model for one thread.
    fn lane(&self) -> Box<dyn Listener + '_>;
}

/// A model as used by one thread.
pub(crate) trait Listener: Send {
    /// The tokens of a part of a recording.
    fn hear(&mut self, samples: &[f32], stop: &Stop) -> Result<Heard, StageError>;
}

/// Lengths of parts, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Lengths {
    /// Parts are gathered up to this one.
    pub(crate) best: f64,
    /// No part is longer.
    pub(crate) longest: f64,
}

/// The text of a part.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Heard {
    /// In order.
    pub(crate) tokens: Vec<Token>,
    /// Whether the limit of tokens ended it.
    pub(crate) is_cut: bool,
}

/// One token.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    /// Its id in the model's vocabulary.
    pub(crate) id: u32,
    /// Its part of UTF-8 text, with a space where a word begins.
    pub(crate) bytes: Vec<u8>,
    /// Its probability, 0 to 1.
    pub(crate) probability: f64,
    /// Start and end within the part, in seconds, where the model has them.
    pub(crate) span: Option<(f64, f64)>,
}
