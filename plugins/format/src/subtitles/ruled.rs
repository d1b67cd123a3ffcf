//! Cues by the rules of a guide, such as a limit of reading speed.
//!
//! [`phrases`] rates each place where text may be divided, [`lines`] fills the lines of one cue, [`divide`] divides the text into cues
//! at the least total cost, [`timing`] moves the times into the limits, [`direction`] marks lines of right-to-left scripts. A break of a
//! rule costs more than any awkward division. What remains broken is more text a second than the rule allows, with no pause beside it.

use cesar_subtitles::Rules;

use super::layout::{Cue, Line};
use super::passages::{Passage, Unit};
use super::pieces::meet_without_space;
use phrases::Phrases;

mod direction;
mod divide;
mod lines;
mod phrases;
mod timing;

/// A unit with what layout must know of it.
struct Item<'a> {
    unit: Unit<'a>,
    /// The passage that it belongs to.
    passage: usize,
    /// Whether another speaker spoke before.
    turn: bool,
    /// The cost of a division behind it.
    after: u32,
}

impl Item<'_> {
    /// Whether it must begin a line.
    fn begins_line(&self) -> bool {
        self.turn || self.unit.breaks
    }
}

/// The cues, with times inside the rules where these can be kept, and inside 0 to `limit` ms.
pub(super) fn cues<'a>(passages: Vec<Passage<'a>>, rules: &Rules, language: Option<&str>, limit: u64) -> Vec<Cue<'a>> {
    let voices: Vec<Option<String>> = passages.iter().map(|passage| passage.voice.clone()).collect();
    let items = items(passages, &Phrases::of(language));
    let parts = divide::cues(&items, rules, limit);
    let mut items = items.into_iter();
    let mut cues: Vec<Cue<'a>> = parts.into_iter().map(|lines| cue(lines, &mut items, &voices)).collect();
    timing::arrange(&mut cues, rules, limit);
    direction::mark(&mut cues);
    cues
}

fn items<'a>(passages: Vec<Passage<'a>>, phrases: &Phrases) -> Vec<Item<'a>> {
    let mut items: Vec<Item<'a>> = Vec::new();
    let mut prefixes = Vec::new();
    for (
        passage,
        Passage {
            turn, units, prefix, ..
        },
    ) in passages.into_iter().enumerate()
    {
        prefixes.extend(items.len()..items.len() + prefix);
        for (index, mut unit) in units.into_iter().enumerate() {
            let first = index == 0;
            if let Some(last) = items.last().filter(|_| first) {
                unit.spaced = !meet_without_space(&last.unit.text, &unit.text);
            }
            items.push(Item {
                unit,
                passage,
                turn: turn && first,
                after: 0,
            });
        }
    }
    let mut begins_sentence = true;
    for index in 1..items.len() {
        let (left, right) = (&items[index - 1].unit, &items[index].unit);
        let after = phrases.cost(left, right, begins_sentence);
        begins_sentence = after == phrases::SENTENCE;
        items[index - 1].after = after;
    }
    for index in prefixes {
        items[index].after = phrases::LABEL;
    }
    items
}

/// Takes the units of the lines, given by their numbers, from `items`.
fn cue<'a>(lines: Vec<usize>, items: &mut impl Iterator<Item = Item<'a>>, voices: &[Option<String>]) -> Cue<'a> {
    let (mut start, mut end, mut made) = (u64::MAX, 0, Vec::new());
    for count in lines {
        let mut line = Line::default();
        for item in items.take(count) {
            start = start.min(item.unit.start);
            end = end.max(item.unit.end);
            if line.units.is_empty() {
                line.voice.clone_from(&voices[item.passage]);
            }
            line.push(item.unit);
        }
        made.push(line);
    }
    Cue {
        start: start.min(end),
        end,
        lines: made,
    }
}
