//! Times of all words: recognised, aligned by the engine, or interpolated.

use std::ops::Range;

use plugin_api::document::Timing;

use crate::fit::Fit;
use crate::matched::Span;

/// The most time for words that nothing is known of, as a multiple of what they usually need: they do not fill a longer pause, or the speech of
/// others.
pub(crate) const LONGEST: u64 = 2;

/// A word with its times in ms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Timed {
    pub(crate) span: Span,
    /// `None` where the word was recognised.
    pub(crate) timing: Option<Timing>,
}

/// One for each word: none begins before an earlier one or ends after a later one begins, and all are inside the recording. `answers` has
/// the engine's times for the words of each part.
pub(crate) fn times(fit: &Fit<'_>, answers: &[Option<Vec<Span>>]) -> Vec<Timed> {
    let recognised = |span: Span| Timed { span, timing: None };
    let mut known: Vec<Option<Timed>> = fit
        .matched
        .words
        .iter()
        .map(|word| word.matched.map(recognised))
        .collect();
    for (part, answer) in fit.parts.iter().zip(answers) {
        if let Some(spans) = answer.as_deref().filter(|spans| spans.len() == part.words.len()) {
            use_answer(fit, part.words.clone(), spans, &mut known);
        }
    }
    interpolate(fit, &mut known);
    let mut times: Vec<Timed> = known.into_iter().flatten().collect();
    settle(&mut times, fit.matched.duration);
    times
}

/// Takes the engine's times for the words that were not recognised, and for the words beside them that had absorbed their sound.
fn use_answer(fit: &Fit<'_>, words: Range<usize>, spans: &[Span], known: &mut [Option<Timed>]) {
    let mut wanted: Vec<bool> = words
        .clone()
        .map(|word| fit.matched.words[word].matched.is_none())
        .collect();
    let first = fit.gaps.partition_point(|gap| gap.words.start < words.start);
    for gap in fit.gaps[first..].iter().take_while(|gap| gap.words.end <= words.end) {
        if gap.end - gap.start >= fit.matched.needed(gap.words.clone()) / 2 {
            continue;
        }
        // The outermost words may have sound of words that the engine did not get.
        let beside = [gap.words.start.checked_sub(1), Some(gap.words.end)];
        for word in beside
            .into_iter()
            .flatten()
            .filter(|word| *word > words.start && *word + 1 < words.end)
        {
            wanted[word - words.start] = true;
        }
    }
    let is_fixed = |word: &usize| !words.contains(word) || !wanted[word - words.start];
    for (word, span) in words.clone().zip(spans).filter(|(word, _)| wanted[word - words.start]) {
        let before = (0..word)
            .rev()
            .find(is_fixed)
            .and_then(|before| fit.matched.words[before].matched);
        let after = (word + 1..fit.matched.words.len())
            .find(is_fixed)
            .and_then(|after| fit.matched.words[after].matched);
        let earliest = before.map_or(0, |before| before.start);
        let latest = after.map_or(fit.matched.duration, |after| after.start).max(earliest);
        known[word] = Some(Timed {
            span: Span {
                start: span.start.clamp(earliest, latest),
                end: span.end.clamp(earliest, latest),
                ..*span
            },
            timing: Some(Timing::Aligned),
        });
    }
}

/// Gives the other words the time between those around them, by their lengths.
fn interpolate(fit: &Fit<'_>, known: &mut [Option<Timed>]) {
    let mut from = 0;
    while let Some(offset) = known[from..].iter().position(Option::is_none) {
        let begin = from + offset;
        let run = known[begin..].iter().take_while(|word| word.is_none()).count();
        let words = begin..begin + run;
        from = words.end;
        let before = begin
            .checked_sub(1)
            .and_then(|before| known[before])
            .map(|timed| timed.span);
        let after = known.get(words.end).copied().flatten().map(|timed| timed.span);
        let (start, end) = place(fit, words.clone(), before, after);
        // Too little time is shared with the words beside.
        let is_short = (end - start) * 3 < fit.matched.needed(words.clone()) && words.len() <= 4;
        let spread = if is_short {
            let all = words.start - usize::from(before.is_some())..words.end + usize::from(after.is_some());
            let (start, end) = (
                before.map_or(start, |span| span.start),
                after.map_or(end, |span| span.end),
            );
            spread(fit, all, start, end)
        } else {
            spread(fit, words.clone(), start, end)
        };
        for (word, (start, end)) in spread {
            let timed = known[word].get_or_insert(Timed {
                span: Span {
                    start,
                    end,
                    probability: None,
                },
                timing: Some(Timing::Interpolated),
            });
            (timed.span.start, timed.span.end) = (start, end);
        }
    }
}

/// The time for words that nothing is known of: all that there is, or as much as they usually need beside a word that is known. The text may
/// be that of a part of the recording, so before its first known word and behind its last one, they are beside these.
fn place(fit: &Fit<'_>, words: Range<usize>, before: Option<Span>, after: Option<Span>) -> (u64, u64) {
    let mut start = before.map_or(0, |before| before.end).min(fit.matched.duration);
    let mut end = after.map_or(fit.matched.duration, |after| after.start).max(start);
    let needed = fit.matched.needed(words.clone());
    // Other words were recognised there: probably those, in another spelling.
    let gap = fit.gaps.binary_search_by_key(&words.start, |gap| gap.words.start).ok();
    let heard = gap.and_then(|gap| fit.matched.heard.get(fit.gaps[gap].heard.clone()));
    if let Some([first, .., last] | [first @ last]) = heard {
        let (first, last) = (first.start.clamp(start, end), last.end.clamp(start, end));
        if (last - first) * 3 >= needed {
            (start, end) = (first, last);
        }
    }
    let is_between = before.is_some() && after.is_some();
    if end - start <= needed * LONGEST && (is_between || heard.is_some_and(|heard| !heard.is_empty())) {
        return (start, end);
    }
    let time = needed.min(end - start);
    // A pause is beside the words: they are near the words of their own sentence.
    let segment = |word: usize| fit.matched.words.get(word).map(|word| word.segment);
    let with_after = after.is_some() && segment(words.end - 1) == segment(words.end);
    let with_before = before.is_some() && segment(words.start) == words.start.checked_sub(1).and_then(segment);
    match after.is_some() && (with_after && !with_before || before.is_none()) {
        true => (end - time, end),
        false => (start, start + time),
    }
}

/// Words in a time, by their lengths.
fn spread(fit: &Fit<'_>, words: Range<usize>, start: u64, end: u64) -> Vec<(usize, (u64, u64))> {
    let total: usize = fit.matched.words[words.clone()]
        .iter()
        .map(|word| word.length.max(1))
        .sum();
    let at = |characters: usize| start + (end - start) * characters as u64 / total.max(1) as u64;
    let mut done = 0;
    let place = |word: usize| {
        let begin = at(done);
        done += fit.matched.words[word].length.max(1);
        (word, (begin, at(done)))
    };
    words.map(place).collect()
}

fn settle(times: &mut [Timed], duration: u64) {
    let mut earliest = 0;
    for timed in &mut *times {
        timed.span.start = timed.span.start.clamp(earliest, duration.max(earliest));
        earliest = timed.span.start;
    }
    let mut latest = duration;
    for timed in times.iter_mut().rev() {
        timed.span.end = timed.span.end.clamp(timed.span.start, latest.max(timed.span.start));
        latest = timed.span.start;
    }
}
