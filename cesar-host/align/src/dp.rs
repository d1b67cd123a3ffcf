//! Matches by dynamic programming over all pairs: the most and longest equal atoms, also similar ones, preferably in a row.

use std::collections::HashMap;

use crate::atoms::Lexicon;

/// The score of any two equal atoms, and for each of their characters, up to ten.
const EQUAL: i32 = 10;
const EQUAL_CHARACTER: i32 = 2;
/// A pair that follows a pair directly.
const IN_A_ROW: i32 = 6;
/// The least similarity of a match, and the least length of atoms that are compared so.
const SIMILAR: f64 = 0.6;
const SIMILAR_LENGTH: usize = 4;

/// The way to the best score of a cell.
const MATCHED: u8 = 1;
/// A match after a match.
const AFTER_MATCH: u8 = 2;
/// Without a match: from the cell before in the first sequence, else in the second.
const FROM_FIRST: u8 = 4;

/// Scores of one row: of all ways, of those that end with a match, of those that do not.
#[derive(Clone, Copy)]
struct Cell {
    matched: i32,
    open: i32,
}

impl Cell {
    fn best(self) -> i32 {
        self.matched.max(self.open)
    }
}

/// Positions of an atom in the first and the second sequence.
pub(crate) type Pair = (usize, usize);

/// The best matches between two short sequences.
pub(crate) fn matches(a: &[u32], b: &[u32], lexicon: &Lexicon) -> Vec<Pair> {
    let mut scores = Scores {
        lexicon,
        similar: HashMap::new(),
    };
    let width = b.len() + 1;
    let mut ways = vec![0_u8; (a.len() + 1) * width];
    let start = Cell {
        matched: i32::MIN / 2,
        open: 0,
    };
    let mut row = vec![start; width];
    for (i, first) in a.iter().enumerate() {
        // The cell before in the row above.
        let mut diagonal = row[0];
        for (j, second) in b.iter().enumerate() {
            let above = row[j + 1];
            let left = row[j];
            let mut way = 0;
            let from_first = above.best() >= left.best();
            if from_first {
                way |= FROM_FIRST;
            }
            let open = above.best().max(left.best());
            let matched = match scores.score(*first, *second) {
                0 => i32::MIN / 2,
                score => {
                    let in_a_row = diagonal.matched + IN_A_ROW;
                    if in_a_row > diagonal.open {
                        way |= AFTER_MATCH;
                    }
                    score + in_a_row.max(diagonal.open)
                }
            };
            if matched > open {
                way |= MATCHED;
            }
            ways[(i + 1) * width + j + 1] = way;
            diagonal = above;
            row[j + 1] = Cell { matched, open };
        }
    }
    trace_back(&ways, a.len(), b.len())
}

/// Knowledge of the way out of a cell.
enum Traceback {
    /// By the better one.
    Best,
    /// By its match: the match after it counts as one in a row.
    ByMatch,
    /// Without a match.
    Open,
}

fn trace_back(ways: &[u8], mut i: usize, mut j: usize) -> Vec<Pair> {
    let width = j + 1;
    let mut pairs = Vec::new();
    let mut traceback = Traceback::Best;
    while i > 0 && j > 0 {
        let way = ways[i * width + j];
        let is_match = match traceback {
            Traceback::Best => way & MATCHED != 0,
            Traceback::ByMatch => true,
            Traceback::Open => false,
        };
        traceback = match is_match {
            true if way & AFTER_MATCH != 0 => Traceback::ByMatch,
            true => Traceback::Open,
            false => Traceback::Best,
        };
        if is_match {
            (i, j) = (i - 1, j - 1);
            pairs.push((i, j));
        } else if way & FROM_FIRST != 0 {
            i -= 1;
        } else {
            j -= 1;
        }
    }
    pairs.reverse();
    pairs
}

struct Scores<'a> {
    lexicon: &'a Lexicon,
    similar: HashMap<(u32, u32), i32>,
}

impl Scores<'_> {
    /// 0 for atoms that do not match.
    fn score(&mut self, first: u32, second: u32) -> i32 {
        let (a, b) = (self.lexicon.text(first), self.lexicon.text(second));
        let (shorter, longer) = (a.len().min(b.len()), a.len().max(b.len()));
        let score = |length: usize| EQUAL + EQUAL_CHARACTER * i32::try_from(length.min(10)).unwrap_or(10);
        if first == second {
            return score(a.len());
        }
        // Most pairs are excluded by their first letters and lengths.
        if shorter < SIMILAR_LENGTH || shorter * 5 < longer * 3 || (a[0] != b[0] && a[a.len() - 1] != b[b.len() - 1]) {
            return 0;
        }
        *self.similar.entry((first, second)).or_insert_with(|| {
            let (a, b): (String, String) = (a.iter().collect(), b.iter().collect());
            let similarity = strsim::normalized_levenshtein(&a, &b);
            #[expect(clippy::cast_possible_truncation, reason = "at most 30")]
            let score = (f64::from(score(shorter)) * similarity * 0.7) as i32;
            if similarity >= SIMILAR { score } else { 0 }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(a: &str, b: &str) -> Vec<Pair> {
        let mut lexicon = Lexicon::default();
        let mut keys = |text: &str| -> Vec<u32> {
            let atoms = lexicon.atoms(text.split_whitespace()).into_iter();
            atoms.map(|atom| atom.key).collect()
        };
        let (a, b) = (keys(a), keys(b));
        matches(&a, &b, &lexicon)
    }

    #[test]
    fn insertions_losses_and_other_words_are_passed_over() {
        assert_eq!(
            matched("we ship the next release", "we ship a next release"),
            [(0, 0), (1, 1), (3, 3), (4, 4)]
        );
        assert_eq!(matched("a b c", "x a c y"), [(0, 1), (2, 2)]);
        assert_eq!(matched("a b", "c d"), []);
        assert_eq!(matched("", "c d"), []);
    }

    #[test]
    fn similar_words_match_where_no_equal_one_does() {
        assert_eq!(matched("the colour red", "the color red"), [(0, 0), (1, 1), (2, 2)]);
        assert_eq!(matched("colour", "colours colour"), [(0, 1)]);
        assert_eq!(matched("harbour", "hardware"), []);
    }

    #[test]
    fn words_in_a_row_are_preferred() {
        assert_eq!(matched("of the", "the of the"), [(0, 1), (1, 2)]);
        assert_eq!(matched("the end", "the x the end"), [(0, 2), (1, 3)]);
        assert_eq!(matched("the x y end", "the end the"), [(0, 0), (3, 1)]);
    }
}
