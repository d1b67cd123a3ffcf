//! Lines to segments: paragraphs, and speakers at the starts of lines.

use super::segment::{Labels, Segment};
use super::sentences::sentences;
use super::words::{joined_lines, words};

/// The longest name of a speaker, in characters.
const LONGEST_NAME: usize = 40;
/// The most words in the name of a speaker.
const MOST_NAME_WORDS: usize = 4;

/// The sentences of a plain text.
pub(super) fn paragraphs(text: &str, labels: Labels) -> Vec<Segment> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut blocks = vec![Vec::new()];
    for line in text.lines() {
        match line.trim() {
            "" => blocks.push(Vec::new()),
            line => blocks.last_mut().into_iter().for_each(|block| block.push(line)),
        }
    }
    let turns = turns(&blocks, labels).into_iter();
    let segments = turns.flat_map(|turn| {
        let sentences = sentences(&turn.text).into_iter();
        let segment = move |sentence: String| segment(turn.speaker, &sentence);
        sentences.filter_map(segment).collect::<Vec<_>>()
    });
    segments.collect()
}

/// The cues of subtitles, each with its lines.
pub(super) fn cues(cues: &[String], labels: Labels) -> Vec<Segment> {
    let blocks: Vec<Vec<&str>> = cues.iter().map(|cue| cue.lines().collect()).collect();
    let turns = turns(&blocks, labels).into_iter();
    turns.filter_map(|turn| segment(turn.speaker, &turn.text)).collect()
}

fn segment(speaker: Option<&str>, text: &str) -> Option<Segment> {
    let words = words(text);
    (!words.is_empty()).then(|| Segment {
        speaker: speaker.map(str::to_owned),
        words,
    })
}

/// Lines of one speaker in one paragraph.
struct Turn<'a> {
    speaker: Option<&'a str>,
    text: String,
}

/// A speaker stays until the next one is named.
fn turns<'a>(blocks: &[Vec<&'a str>], labels: Labels) -> Vec<Turn<'a>> {
    let named = labels == Labels::Detect && has_labels(blocks);
    let (mut turns, mut speaker) = (Vec::new(), None);
    let mut push = |speaker, lines: &mut Vec<&str>| {
        let text = joined_lines(lines);
        lines.clear();
        if !text.is_empty() {
            turns.push(Turn { speaker, text });
        }
    };
    for block in blocks {
        let mut lines = Vec::new();
        for line in block {
            let (name, rest) = label(line).filter(|_| named).unzip();
            if name.is_some() {
                push(speaker, &mut lines);
                speaker = name;
            }
            lines.push(rest.unwrap_or(line));
        }
        push(speaker, &mut lines);
    }
    turns
}

/// A single line such as `Note: …` is text.
fn has_labels(blocks: &[Vec<&str>]) -> bool {
    let lines = blocks.iter().flatten();
    let labelled = lines.clone().filter(|line| label(line).is_some()).count();
    let paragraphs = blocks.iter().filter(|block| !block.is_empty()).count();
    labelled >= 2 && labelled * 2 >= lines.count().min(paragraphs)
}

/// The name and the rest of a line `Name: text`.
fn label(line: &str) -> Option<(&str, &str)> {
    let at = line.find([':', '：'])?;
    let (name, rest) = (line[..at].trim(), &line[at..]);
    let rest = rest.strip_prefix('：').or_else(|| {
        // `12:30` and `https://…` are no names.
        let rest = rest.strip_prefix(':')?;
        rest.chars().next().is_none_or(char::is_whitespace).then_some(rest)
    })?;
    let is_name = name.chars().count() <= LONGEST_NAME
        && name.split_whitespace().count() <= MOST_NAME_WORDS
        && name.chars().any(char::is_alphabetic)
        && !name.contains([',', ';', '?', '!', '"', '“', '”', '。', '、'])
        && !name.chars().next().is_some_and(char::is_lowercase);
    is_name.then(|| (name, rest.trim()))
}
