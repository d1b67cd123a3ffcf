//! Matches between two sequences of atoms, in order.
//!
//! Ten hours have some 100,000 words, for which a table of all pairs is too large. So phrases that both sides have exactly once are
//! matched first, as in a patience diff, the longest first; between them the parts are small enough for a table ([`dp`]).

use std::collections::HashMap;
use std::ops::Range;

use crate::atoms::Lexicon;
use crate::dp::{self, Pair};

/// Pairs that one table may have: some milliseconds and 2 MB.
const TABLE: usize = 2_000_000;
/// Lengths of phrases, in atoms.
const PHRASES: [usize; 4] = [6, 3, 2, 1];

/// Both positions rise from pair to pair.
pub(crate) fn matches(a: &[u32], b: &[u32], lexicon: &Lexicon) -> Vec<Pair> {
    let mut matcher = Matcher {
        a,
        b,
        lexicon,
        pairs: Vec::new(),
    };
    matcher.part(0..a.len(), 0..b.len());
    matcher.pairs
}

struct Matcher<'a> {
    a: &'a [u32],
    b: &'a [u32],
    lexicon: &'a Lexicon,
    pairs: Vec<Pair>,
}

impl Matcher<'_> {
    fn part(&mut self, a: Range<usize>, b: Range<usize>) {
        if a.is_empty() || b.is_empty() {
            return;
        }
        if a.len().saturating_mul(b.len()) <= TABLE {
            let pairs = dp::matches(&self.a[a.clone()], &self.b[b.clone()], self.lexicon);
            self.pairs
                .extend(pairs.into_iter().map(|(i, j)| (a.start + i, b.start + j)));
            return;
        }
        for length in PHRASES {
            let anchors = rising(shared_once(&self.a[a.clone()], &self.b[b.clone()], length));
            if anchors.is_empty() {
                continue;
            }
            let (mut from_a, mut from_b) = (a.start, b.start);
            for (i, j) in anchors {
                let (i, j) = (a.start + i, b.start + j);
                // Phrases that overlap the one before it are matched in the part between them.
                if i < from_a || j < from_b {
                    continue;
                }
                self.part(from_a..i, from_b..j);
                self.pairs.extend((0..length).map(|offset| (i + offset, j + offset)));
                (from_a, from_b) = (i + length, j + length);
            }
            return self.part(from_a..a.end, from_b..b.end);
        }
        // Nothing is rare: without any knowledge, halves belong together.
        let (middle_a, middle_b) = (a.start + a.len() / 2, b.start + b.len() / 2);
        self.part(a.start..middle_a, b.start..middle_b);
        self.part(middle_a..a.end, middle_b..b.end);
    }
}

/// Place and count of a phrase.
#[derive(Default)]
struct Places {
    a: (usize, usize),
    b: (usize, usize),
}

/// The phrases that both have exactly once, in the order of `a`.
fn shared_once(a: &[u32], b: &[u32], length: usize) -> Vec<Pair> {
    let mut phrases: HashMap<&[u32], Places> = HashMap::new();
    for (position, phrase) in a.windows(length).enumerate() {
        let places = phrases.entry(phrase).or_default();
        places.a = (places.a.0 + 1, position);
    }
    for (position, phrase) in b.windows(length).enumerate() {
        if let Some(places) = phrases.get_mut(phrase) {
            places.b = (places.b.0 + 1, position);
        }
    }
    let once = |places: Places| (places.a.0 == 1 && places.b.0 == 1).then_some((places.a.1, places.b.1));
    let mut pairs: Vec<Pair> = phrases.into_values().filter_map(once).collect();
    pairs.sort_unstable();
    pairs
}

/// The longest subsequence whose second positions rise, too.
fn rising(pairs: Vec<Pair>) -> Vec<Pair> {
    // The pair that ends the best subsequence of each length, and the pair before each.
    let (mut ends, mut before): (Vec<usize>, Vec<Option<usize>>) = (Vec::new(), Vec::with_capacity(pairs.len()));
    for (index, pair) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| pairs[*end].1 < pair.1);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        match ends.get_mut(length) {
            Some(end) => *end = index,
            None => ends.push(index),
        }
    }
    let mut longest: Vec<Pair> = std::iter::successors(ends.last().copied(), |index| before[*index])
        .map(|index| pairs[index])
        .collect();
    longest.reverse();
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(a: &[u32], b: &[u32]) -> Vec<Pair> {
        let texts: Vec<String> = (0..40_000).map(|number| format!("w{number}w")).collect();
        let mut lexicon = Lexicon::default();
        lexicon.atoms(texts.iter().map(String::as_str));
        matches(a, b, &lexicon)
    }

    #[test]
    fn long_sequences_with_insertions_and_losses_are_matched() {
        // A few words are frequent.
        let random = |number: u32| number.wrapping_mul(2_654_435_761) >> 16;
        let a: Vec<u32> = (0..30_000)
            .map(|number| random(number) % (1 + random(number + 77) % 3_000))
            .collect();
        let mut b = a.clone();
        b.splice(20_000..20_000, (0..3_000).map(|number| random(number + 99_999) % 3_000));
        b.drain(5_000..6_000);
        let pairs = matched(&a, &b);
        assert!(pairs.is_sorted_by(|before, after| before.0 < after.0 && before.1 < after.1));
        assert!(pairs.iter().all(|&(i, j)| a[i] == b[j]));
        assert!(pairs.len() >= 28_900, "{}", pairs.len());
    }

    #[test]
    fn long_sequences_of_one_word_are_matched_in_the_middle() {
        assert_eq!(matched(&[1; 4_000], &[1; 4_000]).len(), 4_000);
    }

    #[test]
    fn the_longest_rising_subsequence_is_kept() {
        assert_eq!(
            rising(vec![(0, 5), (1, 1), (2, 2), (3, 0), (4, 4)]),
            [(1, 1), (2, 2), (4, 4)]
        );
        assert_eq!(rising(Vec::new()), []);
    }
}
