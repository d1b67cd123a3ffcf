//! Alignment of an existing text, a script, with a recording: times for every word of the script.
//!
//! The engine has recognised the recording, with word times. [`Fit`] matches the words of the script with the recognised ones, in order.
//! Matched words have the recognised times. The others lie between matched ones: an engine can align them with the audio
//! ([`Fit::alignment`]), else their times are interpolated. The words of the document are those of the script, all of them and in order.
//!
//! | module | content |
//! |---|---|
//! | `script` | texts as people have them: paragraphs, speakers, sentences, subtitles |
//! | `atoms` | the comparable parts of words |
//! | `matching`, `dp`, `islands` | atoms of the script to recognised ones: by rare phrases, by dynamic programming, without chance matches |
//! | `heard` | the recognised words |
//! | `matched`, `fit` | the words with their matches; whether the script fits at all |
//! | `gaps`, `passages` | words between matched ones, and what an engine has to align |
//! | `times`, `mismatches`, `document` | times for all words, parts that are missing, the document |

mod atoms;
mod document;
mod dp;
mod fit;
mod gaps;
mod heard;
mod islands;
mod matched;
mod matching;
mod mismatches;
mod passages;
mod script;
mod times;

pub use document::Origin;
pub use fit::{Fit, NoFit};
pub use script::{Labels, Script, ScriptError};

/// Named in the key of the stage: changes whenever the same inputs may give another document.
pub const VERSION: &str = "2";

#[cfg(test)]
mod tests;
