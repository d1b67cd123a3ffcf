//! Times inside the rules.
//!
//! A cue begins with its first word. Where it, or a neighbour, has no time for its text, it begins earlier or later, by no more than a
//! viewer accepts (the BBC's guidelines allow 1.5 s of anticipation and 2 s of lag; less is used here). Where even the shortest cues have
//! no time, because speakers overlap, they begin later than that: text that comes late can be read, a cue of a tenth of a second cannot.
//! A cue without the time for its text then ends where the next one begins, and that one cannot begin later.

use cesar_subtitles::{Rules, words};

use crate::formats::subtitles::layout::Cue;
use crate::formats::subtitles::schedule::SHORTEST;

/// The most that a cue begins before its first word to be read in time, in ms.
const EARLIEST: u64 = 1000;
/// The most that a cue begins after its first word, in ms.
pub(super) const LATEST: u64 = 1000;

/// Sets the times of all cues; they may still break a rule, or overlap where there are more cues than milliseconds.
pub(super) fn arrange(cues: &mut [Cue<'_>], rules: &Rules, limit: u64) {
    let needs: Vec<u64> = cues.iter().map(|cue| needed(cue, rules)).collect();
    let latest = latest(cues);
    let (least, min_gap) = least(cues, rules, limit);
    begin(cues, &needs, rules, limit);
    let rules = Rules { min_gap, ..*rules };
    separate(cues, &least, &rules, limit);
    delay(cues, &needs, &latest, &rules, limit);
    end(cues, &needs, &rules, limit);
    chain(cues, &rules);
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

/// The latest start of each cue that only lacks time to be read: a cue also waits for the words of those before it.
fn latest(cues: &[Cue<'_>]) -> Vec<u64> {
    let spoken = cues.iter().scan(0, |latest: &mut u64, cue| {
        *latest = cue.start.max(*latest);
        Some(latest.saturating_add(LATEST))
    });
    spoken.collect()
}

/// Moves starts behind cues that lack time, as far as the time behind allows: no cue that has its time loses it. A cue that other speakers
/// have moved beyond its latest start may come later by [`LATEST`] once more.
fn delay(cues: &mut [Cue<'_>], needs: &[u64], latest: &[u64], rules: &Rules, limit: u64) {
    let mut delayed = vec![0; cues.len()];
    let mut until = limit;
    for (index, cue) in cues.iter().enumerate().rev() {
        let by_need = until.saturating_sub(needs[index]);
        let latest = match cue.start > latest[index] {
            true => cue.start.saturating_add(LATEST),
            false => latest[index],
        };
        delayed[index] = by_need.min(latest).max(cue.start);
        until = delayed[index].saturating_sub(rules.min_gap);
    }
    let mut earliest = 0;
    for (index, cue) in cues.iter_mut().enumerate() {
        cue.start = earliest.clamp(cue.start, delayed[index]);
        earliest = cue.start.saturating_add(needs[index]).saturating_add(rules.min_gap);
    }
}

/// Moves the ends into the time behind.
fn end(cues: &mut [Cue<'_>], needs: &[u64], rules: &Rules, limit: u64) {
    for index in 0..cues.len() {
        let next = cues.get(index + 1).map(|next| next.start.saturating_sub(rules.min_gap));
        let cue = &mut cues[index];
        let wanted = cue
            .end
            .saturating_add(rules.lead_out)
            .max(cue.start.saturating_add(needs[index].max(SHORTEST)));
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

/// Moves the starts, so that every cue has its least duration, and the gap. Cues that have both stay as they are.
fn separate(cues: &mut [Cue<'_>], least: &[u64], rules: &Rules, limit: u64) {
    let mut earliest = 0;
    for (cue, least) in cues.iter_mut().zip(least) {
        cue.start = cue.start.max(earliest);
        earliest = cue.start.saturating_add(*least).saturating_add(rules.min_gap);
    }
    // The time before it is enough for the cues before it, so nothing falls below 0.
    let mut behind = limit;
    for (cue, least) in cues.iter_mut().zip(least).rev() {
        cue.start = cue.start.min(behind.saturating_sub(*least));
        behind = cue.start.saturating_sub(rules.min_gap);
    }
}

/// The shortest duration of the rules for every cue, and the gap. Where all cues together have not the time, those that lack it where
/// they are spoken share what the others leave.
fn least(cues: &[Cue<'_>], rules: &Rules, limit: u64) -> (Vec<u64>, u64) {
    let shortest = rules.min_duration.max(SHORTEST);
    let shortest = rules.max_duration.map_or(shortest, |most| shortest.min(most));
    let (count, gap) = (cues.len() as u64, rules.min_gap);
    let each = shortest.saturating_add(gap);
    let time = limit.saturating_add(gap);
    if each.saturating_mul(count) <= time {
        return (vec![shortest; cues.len()], gap);
    }
    let begins = |index: usize| cues.get(index).map_or(time, |cue| cue.start);
    let has_time = |index: usize| begins(index + 1).saturating_sub(begins(index)) >= each;
    let with_time = (0..cues.len()).filter(|index| has_time(*index)).count() as u64;
    // Of the time without that of the cues which keep theirs, for each of the others.
    let share = |kept: u64, gap: u64| {
        let left = limit.saturating_add(gap).saturating_sub(each.saturating_mul(kept));
        (left / (count - kept).max(1)).saturating_sub(gap)
    };
    let readable = SHORTEST.min(shortest);
    let shared = share(with_time, gap);
    if with_time < count && shared >= readable {
        let own = |index: usize| {
            if has_time(index) {
                shortest
            } else {
                shared.min(shortest)
            }
        };
        return ((0..cues.len()).map(own).collect(), gap);
    }
    // A cue that is seen matters more than a gap.
    let (shared, gap) = match share(0, gap) {
        shared if shared >= readable => (shared, gap),
        _ => (share(0, 0), 0),
    };
    (vec![shared.min(shortest); cues.len()], gap)
}

#[cfg(test)]
mod tests {
    use cesar_subtitles::Preset;
    use proptest::prelude::*;

    use super::*;
    use crate::formats::subtitles::layout::Line;
    use crate::formats::subtitles::passages::Unit;

    /// A cue with so many words of five letters.
    fn cue(start: u64, length: u64, words: usize) -> Cue<'static> {
        let mut line = Line::default();
        for _ in 0..words {
            line.push(Unit {
                text: "harbo".into(),
                columns: 5,
                spaced: true,
                breaks: false,
                start,
                end: start + length,
                word: None,
            });
        }
        Cue {
            start,
            end: start + length,
            lines: vec![line],
        }
    }

    fn arranged(mut cues: Vec<Cue<'static>>, rules: &Rules, limit: u64) -> Vec<(u64, u64)> {
        arrange(&mut cues, rules, limit);
        cues.iter().map(|cue| (cue.start, cue.end)).collect()
    }

    #[test]
    fn a_cue_behind_another_speaker_lasts_into_the_silence() {
        let rules = Preset::Netflix.rules(None);
        let cues = vec![cue(2000, 3000, 8), cue(6000, 1000, 3), cue(3000, 200, 8)];
        let times = arranged(cues, &rules, 30_000);
        assert_eq!(times[2].1 - times[2].0, 2350, "{times:?}");
    }

    #[test]
    fn a_cue_is_delayed_where_the_one_before_lacks_time_and_there_is_time_behind() {
        let rules = Preset::Netflix.rules(None);
        // Between a later speaker, whose words come first, and one who is too late already.
        let cues = vec![cue(2000, 4000, 10), cue(6375, 1000, 6), cue(3000, 200, 8)];
        let times = arranged(cues, &rules, 30_000);
        assert!(
            times[1].1 - times[1].0 >= 1750 && times[2].1 - times[2].0 >= 2350,
            "{times:?}"
        );
    }

    #[test]
    fn cues_without_time_take_none_from_others_and_keep_the_gap() {
        let rules = Preset::Netflix.rules(None);
        let crowded = (0..6).map(|index| cue(index * 330, 330, 14));
        let cues = crowded.chain([cue(2000, 1000, 3)]).collect();
        let times = arranged(cues, &rules, 3000);
        assert!(times[6].1 - times[6].0 >= 833, "{times:?}");
        assert!(times.iter().all(|(start, end)| end - start >= 270), "{times:?}");
        assert!(
            times.is_sorted_by(|before, after| before.1 + rules.min_gap <= after.0),
            "{times:?}"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        /// Of a cue without the time for its text, the cue behind begins at once, as late as it may, or has no more time than it needs
        /// itself, and so on; or the recording ends.
        #[test]
        fn no_cue_lacks_time_that_is_behind(
            spoken in prop::collection::vec((0..20_000_u64, 0..5000_u64, 1..14_usize), 1..12),
            sorted: bool,
            preset in prop::sample::select(Preset::ALL.as_slice()),
            silence in 0..60_000_u64,
        ) {
            let (rules, mut spoken) = (preset.rules(None), spoken);
            if sorted {
                spoken.sort_unstable();
            }
            let end = spoken.iter().map(|(start, length, _)| start + length).max().unwrap_or(0);
            let limit = (end + silence).max(1000);
            let cues: Vec<_> = spoken.iter().map(|(start, length, words)| cue(*start, *length, *words)).collect();
            let (needs, latest): (Vec<u64>, _) = (cues.iter().map(|cue| needed(cue, &rules)).collect(), latest(&cues));
            let fits = (rules.min_duration.max(SHORTEST) + rules.min_gap) * cues.len() as u64 <= limit + rules.min_gap;
            let times = arranged(cues, &rules, limit);
            if !fits {
                prop_assert!(times.is_sorted_by(|before, after| before.1 <= after.0), "{times:?}");
                return Ok(());
            }
            let length = |index: usize| times[index].1 - times[index].0;
            for short in (0..times.len()).filter(|index| length(*index) < needs[*index]) {
                for index in short..times.len() {
                    // What this cue has, less what it needs, is left to the ones before it.
                    let is_blocked = index > short && times[index].0 >= latest[index];
                    if is_blocked || index > short && length(index) < needs[index] {
                        break;
                    }
                    let until = times.get(index + 1).map_or(limit, |next| next.0.saturating_sub(rules.min_gap));
                    prop_assert!(times[index].1 == until, "silence behind {index} in {times:?}, {needs:?}");
                    prop_assert!(length(index) <= needs[index], "{index} has time for {short} in {times:?}, {needs:?}");
                }
            }
            prop_assert!(times.is_sorted_by(|before, after| before.1 + rules.min_gap <= after.0), "{times:?}");
        }
    }
}
