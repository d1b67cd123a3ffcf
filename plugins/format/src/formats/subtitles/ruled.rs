//! Cues by the rules of a guide, such as a limit of reading speed.
//!
//! [`phrases`] rates each place where text may be divided, [`lines`] fills the lines of one cue, [`divide`] divides the text into cues
//! at the least total cost, [`timing`] moves the times into the limits, [`direction`] marks lines of right-to-left scripts. A break of a
//! rule costs more than any awkward division. Only text that is faster than the rule allows, with no pause beside it, breaks one.

use cesar_subtitles::Rules;

use super::layout::{Cue, Line};
use super::passages::Passage;
use super::pieces::meet_without_space;
use item::Item;
use phrases::Phrases;

mod direction;
mod divide;
mod item;
mod lines;
mod phrases;
mod timing;

/// Time that a cue may expect of its neighbours, in ms.
const SLACK: u64 = 400;

/// The cues, with times inside the rules where these can be kept, and inside 0 to `limit` ms.
pub(super) fn cues<'a>(passages: Vec<Passage<'a>>, rules: &Rules, language: Option<&str>, limit: u64) -> Vec<Cue<'a>> {
    let voices: Vec<Option<String>> = passages.iter().map(|passage| passage.voice.clone()).collect();
    let items = items(passages, &Phrases::of(language));
    let parts = parts(&items, rules, &voices, limit);
    let mut cues = filled(parts, items, &voices);
    timing::arrange(&mut cues, rules, limit);
    direction::mark(&mut cues);
    cues
}

/// The number of items in each line of each cue.
///
/// A cue that is a little too short is given time by its neighbours, mostly. A division that counts on that breaks in better places, and is
/// used where it leaves no more cues too short. Sides of a long pause are decided separately.
fn parts(items: &[Item<'_>], rules: &Rules, voices: &[Option<String>], limit: u64) -> Vec<Vec<usize>> {
    let is_together =
        |left: &Item<'_>, right: &Item<'_>| right.unit.start.saturating_sub(left.unit.end) <= divide::LONG_PAUSE;
    let mut parts = Vec::new();
    let mut behind = items;
    for run in items.chunk_by(is_together) {
        behind = &behind[run.len()..];
        let end = behind.first().map_or(limit, |next| next.unit.start.min(limit));
        let [strict, lenient] = [0, SLACK].map(|slack| divide::cues(run, rules, end, slack));
        let short = |parts: &Vec<Vec<usize>>| {
            let mut cues = filled(parts.clone(), run.to_vec(), voices);
            timing::arrange(&mut cues, rules, end);
            timing::too_short(&cues, rules)
        };
        let is_better = strict != lenient && short(&lenient) <= short(&strict);
        parts.extend(if is_better { lenient } else { strict });
    }
    parts
}

/// The cues with these items.
fn filled<'a>(parts: Vec<Vec<usize>>, items: Vec<Item<'a>>, voices: &[Option<String>]) -> Vec<Cue<'a>> {
    let mut items = items.into_iter();
    parts.into_iter().map(|lines| cue(lines, &mut items, voices)).collect()
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
        let previous = index.checked_sub(2).map(|index| &items[index].unit);
        let after = phrases.cost(previous, left, right, begins_sentence);
        begins_sentence = after == phrases::SENTENCE;
        items[index - 1].after = after;
    }
    keep_names(&mut items, phrases);
    for index in prefixes {
        items[index].after = phrases::LABEL;
    }
    items
}

/// Raises the costs of divisions in names with small words.
fn keep_names(items: &mut [Item<'_>], phrases: &Phrases) {
    for index in 0..items.len() {
        let begins = index == 0 || items[index - 1].after == phrases::SENTENCE;
        let joined = items[index + 1..]
            .iter()
            .take_while(|item| item.unit.spaced && !item.turn);
        let texts = std::iter::once(&items[index])
            .chain(joined)
            .map(|item| item.unit.text.as_ref());
        let costs = phrases.in_name(texts, begins);
        for (item, cost) in items[index..].iter_mut().zip(costs) {
            item.after = item.after.max(cost);
        }
    }
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
