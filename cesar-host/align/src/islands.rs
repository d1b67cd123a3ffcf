//! Chance matches: short common words far from all others match something in any two texts.

use std::ops::Range;

use crate::dp::Pair;

/// Atoms that may lie between two matches of one run.
const WITHIN: usize = 3;
/// Characters of a run that is no chance.
const SURE: usize = 9;
/// Atoms around a short run that make it an island.
const APART: usize = 8;

/// The matches without short runs that lie apart; `length` gives the characters of a match.
pub(crate) fn without_chance(pairs: Vec<Pair>, sizes: Pair, length: impl Fn(Pair) -> usize) -> Vec<Pair> {
    let runs = runs(&pairs);
    let weight = |run: &Range<usize>| pairs[run.clone()].iter().map(|pair| length(*pair)).sum::<usize>();
    let mut kept: Vec<Pair> = Vec::with_capacity(pairs.len());
    for (index, run) in runs.iter().enumerate() {
        let (first, last) = (pairs[run.start], pairs[run.end - 1]);
        let before = match kept.last() {
            Some(before) => distance(*before, first),
            None => first.0.max(first.1),
        };
        let after = match runs.get(index + 1) {
            Some(next) => distance(last, pairs[next.start]),
            None => (sizes.0 - 1 - last.0).max(sizes.1 - 1 - last.1),
        };
        if weight(run) >= SURE || before.min(after) <= APART {
            kept.extend(&pairs[run.clone()]);
        }
    }
    kept
}

/// Atoms between two pairs, on the side that has more.
fn distance(before: Pair, after: Pair) -> usize {
    (after.0 - before.0 - 1).max(after.1 - before.1 - 1)
}

fn runs(pairs: &[Pair]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for index in 0..pairs.len() {
        match runs.last_mut() {
            Some(run) if distance(pairs[index - 1], pairs[index]) <= WITHIN => run.end = index + 1,
            _ => runs.push(index..index + 1),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_runs_far_from_others_are_dropped() {
        let kept = |pairs: &[Pair]| without_chance(pairs.to_vec(), (100, 100), |_| 3);
        let run = [(20, 20), (21, 21), (22, 22), (23, 24)];
        assert_eq!(kept(&run), run);
        assert_eq!(
            kept(&[(3, 2), (20, 20), (21, 21), (22, 22)]),
            [(3, 2), (20, 20), (21, 21), (22, 22)],
            "near the start"
        );
        assert_eq!(
            kept(&[(20, 20), (21, 21), (22, 22), (50, 40), (70, 80), (95, 97)]),
            [(20, 20), (21, 21), (22, 22), (95, 97)]
        );
        assert_eq!(kept(&[(50, 50)]), []);
    }
}
