//! Segments of a script, and how their speakers are found.

/// Whether `Name: text` at the start of a line names a speaker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Labels {
    /// If at least two lines, and half of the lines or paragraphs, begin like this.
    #[default]
    Detect,
    /// Never: the name is spoken text.
    Ignore,
}

/// A sentence or a cue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) speaker: Option<String>,
    /// At least one; each with its leading space and its punctuation.
    pub(crate) words: Vec<String>,
}
