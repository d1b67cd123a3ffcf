//! srt and vtt: what is said, in cues with times.
//!
//! Three steps, each a pure function: [`passages`] divides every segment into units (the least [`pieces`] of text that stay
//! together) with times; [`layout`] fills lines and cues with them, by the rules of openai-whisper's subtitle writer; [`schedule`] makes the
//! times valid. With a preset or a rule, [`ruled`] takes the place of [`layout`] and sets times of its own. These laws hold for any document:
//! * cues are in order, each is at least 1 ms long, none overlaps another, and none ends after the audio (a document of length 0
//!   that has text counts as of unknown length);
//! * all text is written, in order of time; no cue holds an empty line or `-->`;
//! * no line is wider than `max_line_width`, save for a single character that is, and no cue has more lines than `max_line_count`,
//!   save where the audio has fewer milliseconds than there are cues.
//!
//! Speakers: SRT has no notation, so the name stands before the first line of each turn; WebVTT has voice spans, in each cue.
//! SRT has no escapes either: tags in the text stay as they are, and `-->` becomes `->`.

use std::borrow::Cow;

use crate::clock;
use crate::settings::Settings;
pub(crate) use captions::{Caption, CaptionLine, with_names, with_voices};
use cues::cues;
use layout::{Cue, Line};
use passages::Naming;

mod captions;
mod cues;
mod layout;
mod passages;
mod pieces;
mod ruled;
mod schedule;

/// The whole SubRip file; empty for a transcript without text.
pub(crate) fn srt(settings: &Settings<'_>) -> String {
    let (mut text, mut number) = (String::new(), 0_u64);
    for cue in &cues(settings, Naming::Prefix) {
        for state in states(cue, settings.highlight_words) {
            number += 1;
            let (start, end) = (clock::subtitle(state.start, ','), clock::subtitle(state.end, ','));
            text.push_str(&format!("{number}\n{start} --> {end}\n"));
            for line in &cue.lines {
                text.push_str(&without_arrows(line_text(line, state.word, |text| text.into())));
                text.push('\n');
            }
            text.push('\n');
        }
    }
    text
}

/// The whole WebVTT file; the header alone for a transcript without text.
pub(crate) fn vtt(settings: &Settings<'_>) -> String {
    let mut text = "WEBVTT\n\n".to_owned();
    for cue in &cues(settings, Naming::Voice) {
        for state in states(cue, settings.highlight_words) {
            let (start, end) = (clock::subtitle(state.start, '.'), clock::subtitle(state.end, '.'));
            text.push_str(&format!("{start} --> {end}\n{}\n\n", voiced_lines(cue, state.word)));
        }
    }
    text
}

/// A constant look of a cue: one word underlined, or none.
struct State {
    start: u64,
    end: u64,
    word: Option<usize>,
}

/// The cue's time, divided where another word is spoken. Words that take no time are never underlined.
fn states(cue: &Cue<'_>, highlight: bool) -> Vec<State> {
    let (mut states, mut now) = (Vec::new(), cue.start);
    let mut show = |until: u64, word: Option<usize>| {
        if until > now {
            states.push(State {
                start: now,
                end: until,
                word,
            });
            now = until;
        }
    };
    for (word, start, end) in cue.words().into_iter().filter(|_| highlight) {
        show(start.min(cue.end), None);
        show(end.min(cue.end), Some(word));
    }
    show(cue.end, None);
    states
}

/// A cue's lines with a voice span wherever the speaker changes; the last span ends with the cue.
fn voiced_lines(cue: &Cue<'_>, word: Option<usize>) -> String {
    let (mut text, mut voice) = (String::new(), None);
    for (index, line) in cue.lines.iter().enumerate() {
        let changes = line.voice != voice;
        if changes && voice.is_some() {
            text.push_str("</v>");
        }
        if index > 0 {
            text.push('\n');
        }
        if let Some(name) = line.voice.as_ref().filter(|_| changes) {
            // Space around a name is not part of it; without it, the end of the tag completes an arrow.
            let space = if name.ends_with("--") { " " } else { "" };
            text.push_str(&format!("<v {}{space}>", markup_escaped(name)));
        }
        voice.clone_from(&line.voice);
        text.push_str(&line_text(line, word, markup_escaped));
    }
    text
}

/// A line with the units of one word underlined.
fn line_text(line: &Line<'_>, word: Option<usize>, escape: fn(&str) -> Cow<'_, str>) -> String {
    let (mut text, mut underlined) = (String::new(), false);
    for (index, unit) in line.units.iter().enumerate() {
        let wanted = word.is_some() && unit.word == word;
        if underlined && !wanted {
            text.push_str("</u>");
        }
        if index > 0 && unit.spaced {
            text.push(' ');
        }
        if wanted && !underlined {
            text.push_str("<u>");
        }
        underlined = wanted;
        text.push_str(&escape(&unit.text));
    }
    if underlined {
        text.push_str("</u>");
    }
    text
}

/// WebVTT's three escapes; without a bare `>` no `-->` can remain.
fn markup_escaped(text: &str) -> Cow<'_, str> {
    if text.contains(['&', '<', '>']) {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .into()
    } else {
        text.into()
    }
}

/// Every `-->`, however many hyphens it has, as `->`.
fn without_arrows(mut line: String) -> String {
    while line.contains("-->") {
        line = line.replace("-->", "->");
    }
    line
}
