//! Cues for formats other than srt and vtt: the same text, lines and times, with each line divided into timed words.

use super::cues::cues;
use super::layout::{Cue, Line};
use super::passages::Naming;
use crate::settings::Settings;

/// Lines shown together.
#[derive(Debug)]
pub(crate) struct Caption {
    /// In ms.
    pub(crate) start: u64,
    /// In ms, after the start.
    pub(crate) end: u64,
    /// At least one.
    pub(crate) lines: Vec<CaptionLine>,
}

/// A line of a caption.
#[derive(Debug)]
pub(crate) struct CaptionLine {
    /// The speaker, if known and wanted.
    pub(crate) voice: Option<String>,
    /// At least one.
    pub(crate) words: Vec<CaptionWord>,
}

/// Text that is spoken together.
#[derive(Debug)]
pub(crate) struct CaptionWord {
    /// Whether a space stands before it.
    pub(crate) is_spaced: bool,
    /// Not empty.
    pub(crate) text: String,
    /// Start and end in ms inside the caption, where the time of the word is known.
    pub(crate) time: Option<(u64, u64)>,
}

impl CaptionLine {
    /// The whole line.
    pub(crate) fn text(&self) -> String {
        let words = self.words.iter();
        words
            .map(|word| {
                if word.is_spaced {
                    format!(" {}", word.text)
                } else {
                    word.text.clone()
                }
            })
            .collect()
    }
}

/// The captions with speakers beside the text.
pub(crate) fn with_voices(settings: &Settings<'_>) -> Vec<Caption> {
    cues(settings, Naming::Voice).iter().map(caption).collect()
}

/// The captions with the name of the speaker before the text of each turn.
pub(crate) fn with_names(settings: &Settings<'_>) -> Vec<Caption> {
    cues(settings, Naming::Prefix).iter().map(caption).collect()
}

fn caption(cue: &Cue<'_>) -> Caption {
    let (start, end) = (cue.start, cue.end);
    Caption {
        start,
        end,
        lines: cue.lines.iter().map(|one| line(one, start, end)).collect(),
    }
}

fn line(line: &Line<'_>, start: u64, end: u64) -> CaptionLine {
    let mut words: Vec<CaptionWord> = Vec::new();
    let mut last = None;
    for (index, unit) in line.units.iter().enumerate() {
        let is_spaced = index > 0 && unit.spaced;
        let time = unit
            .word
            .map(|_| (unit.start.clamp(start, end), unit.end.clamp(start, end)));
        match words.last_mut().filter(|_| unit.word.is_some() && unit.word == last) {
            Some(word) => {
                if is_spaced {
                    word.text.push(' ');
                }
                word.text.push_str(&unit.text);
                word.time = word.time.zip(time).map(|(first, last)| (first.0, last.1.max(first.0)));
            }
            None => words.push(CaptionWord {
                is_spaced,
                text: unit.text.as_ref().to_owned(),
                time: time.map(|(start, end)| (start, end.max(start))),
            }),
        }
        last = unit.word;
    }
    CaptionLine {
        voice: line.voice.clone(),
        words,
    }
}
