//! Operations on a transcript, and their bounds.

use cesar_base::names::{is_blank, visible};
use plugin_api::document::Seconds;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::error::CorrectionsError;
use crate::shape;

/// The most operations of a batch.
pub const MAX_OPERATIONS: usize = 2_000;

/// The most bytes of a batch as JSON.
pub const MAX_BATCH: u64 = 1_000_000;

/// The longest text of an operation, in bytes.
pub const MAX_TEXT: usize = 10_000;

/// Maximum number of revisions that a batch undoes; all operations are applied again for each.
const MAX_UNDOS: usize = 10;

/// The longest name of a speaker, in bytes.
pub const MAX_LABEL: usize = 200;

/// The most anchors of an operation, and the most speakers that it merges.
pub(crate) const MAX_SPEAKERS: usize = 200;

/// The most anchors of one renamed or merged speaker.
pub(crate) const MAX_STRETCHES: usize = 5;

/// A correction. Segments are counted by their ids, words from 0; a segment without word times has the words that white space separates.
/// Each operation refers to the document as the operations before it left it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Operation {
    /// Its change.
    #[serde(flatten)]
    pub change: Change,
    /// Its place, for other documents of the recording: one, or some for each speaker that is renamed or merged. Cesar adds it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub anchors: Vec<Anchor>,
}

/// A change of a transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// Replaces words by others. As many new words as old ones keep the times of each; otherwise the time of the old words is divided by
    /// the length of the new ones.
    ReplaceWords {
        /// The segment.
        segment: u64,
        /// The first word.
        word: u64,
        /// The number of words; 1 when absent.
        #[serde(default = "one")]
        #[schema(required = false)]
        count: u64,
        /// The new words.
        text: String,
    },
    /// Inserts words before a word, or after it. They get the time between its neighbours.
    InsertWords {
        /// The segment.
        segment: u64,
        /// The word.
        word: u64,
        /// The new words.
        text: String,
        /// Insert after the word.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        #[schema(required = false)]
        after: bool,
    },
    /// Deletes words. A segment without words is deleted.
    DeleteWords {
        /// The segment.
        segment: u64,
        /// The first word.
        word: u64,
        /// The number of words; 1 when absent.
        #[serde(default = "one")]
        #[schema(required = false)]
        count: u64,
    },
    /// Splits a segment before a word.
    SplitSegment {
        /// The segment.
        segment: u64,
        /// The first word of the second part.
        word: u64,
    },
    /// Joins a segment with the next one, under the speaker of the first.
    JoinSegments {
        /// The first of the two segments.
        segment: u64,
    },
    /// Gives segments to a speaker, who may be a new one.
    SetSpeaker {
        /// The first segment.
        segment: u64,
        /// The number of segments; 1 when absent.
        #[serde(default = "one")]
        #[schema(required = false)]
        count: u64,
        /// The speaker.
        speaker: String,
    },
    /// Renames a speaker.
    RenameSpeaker {
        /// The speaker.
        speaker: String,
        /// The new name, of no other speaker.
        name: String,
    },
    /// Makes one speaker of several.
    MergeSpeakers {
        /// The speakers.
        speakers: Vec<String>,
        /// The name of the one speaker.
        name: String,
    },
    /// Undoes a revision; that of an undo redoes what it undid.
    Undo {
        /// The revision.
        revision: u64,
    },
}

/// A place on the recording's clock, with the text that was there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// Start, in seconds from the start of the recording.
    #[schema(value_type = f64)]
    pub start: Seconds,
    /// End.
    #[schema(value_type = f64)]
    pub end: Seconds,
    /// The words, or the name of the speaker.
    pub text: String,
    /// `translate` where the text is a translation; absent for a transcript.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The word before the words; absent at the beginning, and for speakers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The word after them; absent at the end, and for speakers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

const fn one() -> u64 {
    1
}

impl From<Change> for Operation {
    fn from(change: Change) -> Self {
        Self {
            change,
            anchors: Vec::new(),
        }
    }
}

/// Unknown fields are refused, which `flatten` alone does not do.
impl<'de> Deserialize<'de> for Operation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let mut fields = Map::deserialize(deserializer)?;
        let anchors = fields.remove("anchors").unwrap_or_else(|| Value::Array(Vec::new()));
        Ok(Self {
            change: Change::deserialize(Value::Object(fields)).map_err(D::Error::custom)?,
            anchors: Vec::deserialize(anchors).map_err(D::Error::custom)?,
        })
    }
}

/// The list `operations` of a JSON object, each within its bounds.
///
/// # Errors
/// The number of the operation that is refused (none for the list itself), and the reason.
pub fn operations_from_json(mut object: Map<String, Value>) -> Result<Vec<Operation>, (Option<usize>, String)> {
    let whole = |reason: String| (None, reason);
    let list = object.remove("operations");
    if let Some(name) = object.keys().next() {
        return Err(whole(format!(
            "there is no field `{name}`; the only one is `operations`"
        )));
    }
    let Some(Value::Array(list)) = list else {
        return Err(whole("`operations` must be a list of operations".to_owned()));
    };
    if list.is_empty() || list.len() > MAX_OPERATIONS {
        return Err(whole(format!(
            "`operations` has {} operations; send 1 to {MAX_OPERATIONS} at a time",
            list.len()
        )));
    }
    let read = |(index, value): (usize, Value)| {
        shape::check(&value).map_err(|reason| (Some(index), reason))?;
        let unreadable = |error| (Some(index), format!("`anchors` cannot be read ({error})"));
        let operation = Operation::deserialize(value).map_err(unreadable)?;
        operation.check_bounds().map_err(|reason| (Some(index), reason))?;
        Ok(operation)
    };
    let operations: Result<Vec<Operation>, (Option<usize>, String)> = list.into_iter().enumerate().map(read).collect();
    let operations = operations?;
    let is_undo = |operation: &&Operation| matches!(operation.change, Change::Undo { .. });
    match operations.iter().filter(is_undo).count() {
        ..=MAX_UNDOS => Ok(operations),
        undos => Err(whole(format!(
            "`operations` undoes {undos} revisions; undo at most {MAX_UNDOS} at a time"
        ))),
    }
}

/// Refuses a batch of more than [`MAX_BATCH`], before the time is spent to fit it.
///
/// # Errors
/// [`CorrectionsError::LongBatch`].
pub fn check_size(batch: &[Operation]) -> Result<(), CorrectionsError> {
    let bytes = to_json(batch).len() as u64;
    match bytes > MAX_BATCH {
        true => Err(CorrectionsError::LongBatch {
            bytes,
            limit: MAX_BATCH,
        }),
        false => Ok(()),
    }
}

/// Operations as they are stored.
pub(crate) fn to_json(operations: &[Operation]) -> String {
    serde_json::to_string(operations).expect("texts and numbers with text keys always serialise")
}

impl Operation {
    /// Refuses texts and names that are empty or too long.
    ///
    /// # Errors
    /// The reason, as half a sentence.
    pub fn check_bounds(&self) -> Result<(), String> {
        let text = |text: &str| match text {
            text if is_blank(text) => Err("`text` is empty; use `delete_words` to delete words".to_owned()),
            text if text.len() > MAX_TEXT => Err(format!("`text` is longer than {MAX_TEXT} bytes")),
            // White space separates words, also a line break.
            text if text
                .chars()
                .any(|letter| letter.is_control() && !letter.is_whitespace()) =>
            {
                Err("`text` has a control character".to_owned())
            }
            _ => Ok(()),
        };
        match &self.change {
            Change::ReplaceWords { text: new, .. } | Change::InsertWords { text: new, .. } => text(new)?,
            Change::SetSpeaker { speaker, .. } => label("speaker", speaker)?,
            Change::RenameSpeaker { name, .. } => label("name", name)?,
            Change::MergeSpeakers { speakers, name } => {
                label("name", name)?;
                if speakers.is_empty() || speakers.len() > MAX_SPEAKERS {
                    return Err(format!("`speakers` must have 1 to {MAX_SPEAKERS} names"));
                }
            }
            Change::DeleteWords { .. }
            | Change::SplitSegment { .. }
            | Change::JoinSegments { .. }
            | Change::Undo { .. } => {}
        }
        if self.anchors.len() > MAX_SPEAKERS || self.anchors.iter().any(|anchor| anchor.text.len() > 4 * MAX_TEXT) {
            return Err("`anchors` is too long".to_owned());
        }
        Ok(())
    }
}

fn label(field: &str, label: &str) -> Result<(), String> {
    let is_name = label.trim() == label && !is_blank(label) && !label.chars().any(char::is_control);
    match is_name && label.len() <= MAX_LABEL {
        true => Ok(()),
        false => Err(format!(
            "`{field}` must be a name of 1 to {MAX_LABEL} bytes without line breaks and without white space at its ends"
        )),
    }
}

/// The most characters of a text in a message.
const SHOWN: usize = 60;

/// A text as a message shows it: on one line, without control characters, and its beginning where it is long.
fn shown(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    let mut short: String = line.chars().take(SHOWN).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    visible(&short).into_owned()
}

impl std::fmt::Display for Operation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let old = || {
            self.anchors
                .first()
                .map_or_else(|| "…".to_owned(), |anchor| shown(&anchor.text))
        };
        match &self.change {
            Change::ReplaceWords { text, .. } => write!(formatter, "replace `{}` by `{}`", old(), shown(text)),
            Change::InsertWords { text, after: false, .. } => {
                write!(formatter, "insert `{}` before `{}`", shown(text), old())
            }
            Change::InsertWords { text, after: true, .. } => {
                write!(formatter, "insert `{}` after `{}`", shown(text), old())
            }
            Change::DeleteWords { .. } => write!(formatter, "delete `{}`", old()),
            Change::SplitSegment { .. } => write!(formatter, "split before `{}`", old()),
            Change::JoinSegments { .. } => write!(formatter, "join with the segment before `{}`", old()),
            Change::SetSpeaker { speaker, .. } => write!(formatter, "give `{}` to `{}`", old(), shown(speaker)),
            Change::RenameSpeaker { speaker, name } => {
                write!(formatter, "rename speaker `{}` to `{}`", shown(speaker), shown(name))
            }
            Change::MergeSpeakers { speakers, name } => {
                let speakers: Vec<String> = speakers.iter().map(|speaker| shown(speaker)).collect();
                write!(
                    formatter,
                    "merge speakers `{}` into `{}`",
                    speakers.join("`, `"),
                    shown(name)
                )
            }
            Change::Undo { revision } => write!(formatter, "undo revision {revision}"),
        }
    }
}
