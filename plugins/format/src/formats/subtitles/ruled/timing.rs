//! Times inside the rules.
//!
//! A cue begins with its first word. Where it, or a neighbour, has no time for its text, it begins earlier or later, by no more than a
//! viewer accepts (the BBC's guidelines allow 1.5 s of anticipation and 2 s of lag; less is used here). Where even the shortest cues have
//! no time, because speakers overlap, they begin later than that: text that comes late can be read, a cue of a tenth of a second cannot.

use cesar_subtitles::{Rules, words};

use crate::formats::subtitles::layout::Cue;
use crate::formats::subtitles::schedule::SHORTEST;

/// The most that a cue begins before its first word to be read in time, in ms.
const EARLIEST: u64 = 1000;
/// The most that a cue begins after its first word, in ms.
pub(super) const LATEST: u64 = 1000;

/// Sets the times of all cues; they may still break a rule, or overlap where there are more cues than time.
pub(super) fn arrange(cues: &mut [Cue<'_>], rules: &Rules, limit: u64) {
    let needs: Vec<u64> = cues.iter().map(|cue| needed(cue, rules)).collect();
    begin(cues, &needs, rules, limit);
    end(cues, &needs, rules, limit);
    separate(cues, rules, limit);
    chain(cues, rules);
}

/// The number of cues without the time that they need.
pub(super) fn too_short(cues: &[Cue<'_>], rules: &Rules) -> usize {
    let is_short = |cue: &&Cue<'_>| cue.end.saturating_sub(cue.start) < needed(cue, rules);
    cues.iter().filter(is_short).count()
}

fn needed(cue: &Cue<'_>, rules: &Rules) -> u64 {
    let columns = cue.lines.iter().map(|line| line.columns()).sum();
    let units = cue.lines.iter().flat_map(|line| &line.units);
    // Units that are not spaced are one word: of these the first counts.
    let count = units.filter(|unit| words(&unit.text) > 0).count();
    let needed = rules.needed(columns, count);
    rules.max_duration.map_or(needed, |most| needed.min(most))
}

/// Moves the starts; the ends stay as spoken.
fn begin(cues: &mut [Cue<'_>], needs: &[u64], rules: &Rules, limit: u64) {
    // The latest start with which this cue and those behind it have the time that they need.
    let mut latest = vec![0; cues.len()];
    let mut behind = limit;
    for (index, cue) in cues.iter().enumerate().rev() {
        let gap = if index + 1 == cues.len() { 0 } else { rules.min_gap };
        let start = behind.saturating_sub(needs[index].saturating_add(gap));
        latest[index] = start
            .min(cue.start.saturating_add(LATEST))
            .max(cue.start.saturating_sub(EARLIEST));
        behind = latest[index];
    }
    let (mut earliest, mut spoken) = (0, 0);
    for (index, cue) in cues.iter_mut().enumerate() {
        let with_lead = cue.start.saturating_sub(rules.lead_in).max(u64::min(spoken, cue.start));
        spoken = cue.end.saturating_add(rules.min_gap);
        cue.start = with_lead.max(earliest).min(latest[index]);
        earliest = cue.start.saturating_add(needs[index]).saturating_add(rules.min_gap);
    }
}

fn end(cues: &mut [Cue<'_>], needs: &[u64], rules: &Rules, limit: u64) {
    for index in 0..cues.len() {
        let next = cues.get(index + 1).map(|next| next.start.saturating_sub(rules.min_gap));
        let cue = &mut cues[index];
        let wanted = cue
            .end
            .saturating_add(rules.lead_out)
            .max(cue.start.saturating_add(needs[index]));
        let longest = rules
            .max_duration
            .map_or(u64::MAX, |most| cue.start.saturating_add(most));
        cue.end = wanted.min(longest).min(next.unwrap_or(limit)).min(limit).max(cue.start);
    }
}

/// Closes the pauses that are too short for a viewer to notice as such.
fn chain(cues: &mut [Cue<'_>], rules: &Rules) {
    for index in 1..cues.len() {
        let gap = cues[index].start.saturating_sub(cues[index - 1].end);
        if gap <= rules.min_gap || gap >= rules.chain_gap {
            continue;
        }
        let longest = rules
            .max_duration
            .map_or(u64::MAX, |most| cues[index - 1].start.saturating_add(most));
        cues[index - 1].end = (cues[index].start - rules.min_gap).min(longest);
        // The rest of the pause, after a cue of the greatest length, goes to the next one.
        let start = cues[index - 1].end.saturating_add(rules.min_gap);
        let longest = rules.max_duration.map_or(u64::MAX, |most| start.saturating_add(most));
        cues[index].start = start;
        cues[index].end = cues[index].end.min(longest);
    }
}

/// Gives every cue the shortest duration and gap of the rules, if all of them together have the time. Cues that have both stay as they are.
fn separate(cues: &mut [Cue<'_>], rules: &Rules, limit: u64) {
    let shortest = rules.min_duration.max(SHORTEST);
    let shortest = rules.max_duration.map_or(shortest, |most| shortest.min(most));
    let each = shortest.saturating_add(rules.min_gap);
    if each.saturating_mul(cues.len() as u64) > limit.saturating_add(rules.min_gap) {
        return;
    }
    let mut earliest = 0;
    for cue in cues.iter_mut() {
        cue.start = cue.start.max(earliest);
        earliest = cue.start.saturating_add(each);
    }
    // The time before it is enough for the cues before it, so nothing falls below 0.
    let mut behind = limit;
    for cue in cues.iter_mut().rev() {
        cue.start = cue.start.min(behind.saturating_sub(shortest));
        cue.end = cue.end.max(cue.start.saturating_add(shortest)).min(behind);
        behind = cue.start.saturating_sub(rules.min_gap);
    }
}
