//! Rules for subtitles: presets of broadcasters, a parser of SRT and WebVTT, and a checker.
//!
//! * [`Rules`] are the limits, [`Preset`] their published sets, with figures per language.
//! * [`parse`] reads the files of any program and returns their [`Cue`]s, and a [`Fault`] for each line that is none by mistake.
//! * [`check`] returns every [`Violation`] of the rules.
//!
//! One measure serves layout and checker: a character is a column of a terminal, so that a full-width character (Chinese, Japanese,
//! Korean) counts two, a combining mark none. Limits of guides that count full-width characters are doubled here.

mod check;
mod cue;
mod decode;
mod markup;
mod measure;
mod parse;
mod presets;
mod rules;
mod times;

pub use check::{Rule, Violation, check};
pub use cue::Cue;
pub use measure::{columns, words};
pub use parse::{Fault, FaultKind, FileKind, NotSubtitles, Subtitles, parse};
pub use presets::{Preset, UnknownPreset, guess_language};
pub use rules::{Overrides, Rules};
