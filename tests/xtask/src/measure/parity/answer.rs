//! A transcript for comparison: of the reference, or from Cesar's document.

use serde_json::Value;

/// A recognised transcript.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Answer {
    /// Language code; not compared if there is no text.
    pub(crate) language: Option<String>,
    /// Segments with text.
    pub(crate) segments: Vec<Segment>,
}

/// One segment, in seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Segment {
    pub(crate) start: f64,
    pub(crate) end: f64,
    /// Without white space around it.
    pub(crate) text: String,
    pub(crate) tokens: Vec<u64>,
    /// First frame of the window.
    pub(crate) seek: Option<u64>,
    pub(crate) temperature: f64,
    pub(crate) words: Option<Vec<Word>>,
}

/// One word, in seconds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Word {
    pub(crate) start: f64,
    pub(crate) end: f64,
    pub(crate) word: String,
}

impl Answer {
    /// From a document in Cesar's JSON.
    pub(crate) fn of_document(json: &[u8]) -> Result<Self, String> {
        let document: Value = serde_json::from_slice(json).map_err(|error| format!("no document: {error}"))?;
        Ok(Self::of_value(&document))
    }

    /// The output of a reference's driver: an answer, or the reference's own `error`.
    pub(crate) fn or_error(value: &Value) -> Result<Self, String> {
        match value["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(Self::of_value(value)),
        }
    }

    /// From an object with `language` and `segments`, the common form of Cesar and faster-whisper.
    pub(crate) fn of_value(value: &Value) -> Self {
        let segments = value["segments"].as_array().map(Vec::as_slice).unwrap_or_default();
        let segments = segments
            .iter()
            .map(Segment::of)
            .filter(|segment| !segment.text.is_empty());
        Self {
            language: value["language"].as_str().map(str::to_owned),
            segments: segments.collect(),
        }
    }
}

impl Segment {
    fn of(value: &Value) -> Self {
        let tokens = value["tokens"].as_array().map(Vec::as_slice).unwrap_or_default();
        Self {
            start: number(&value["start"]),
            end: number(&value["end"]),
            text: value["text"].as_str().unwrap_or_default().trim().to_owned(),
            tokens: tokens.iter().filter_map(Value::as_u64).collect(),
            seek: value["seek"].as_u64(),
            temperature: number(&value["temperature"]),
            words: value["words"]
                .as_array()
                .map(|words| words.iter().map(Word::of).collect()),
        }
    }
}

impl Word {
    fn of(value: &Value) -> Self {
        Self {
            start: number(&value["start"]),
            end: number(&value["end"]),
            word: value["word"].as_str().unwrap_or_default().to_owned(),
        }
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}
