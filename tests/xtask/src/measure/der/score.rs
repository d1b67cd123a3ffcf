//! Diarization error of an answer, by the definitions of `tests/tools/score.py`, to the millisecond.
//!
//! Speakers of the answer are mapped to those of the reference, one to one, so that their common time is greatest. Then each moment
//! counts as missed, false or confused speech, once for each speaker. Overlap is scored. With a collar, the time around each edge of
//! the reference is left out. A speaker of the reference is *found* if the mapping gives one of the answer, with common time.

use std::collections::BTreeSet;
use std::iter::Sum;
use std::ops::Add;

use crate::failure::{Failure, Outcome};

/// A turn: start and end in milliseconds, and the speaker.
pub(super) type Turn = (u64, u64, String);

/// Milliseconds of speech and of its errors, and numbers of speakers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Score {
    pub(super) speech: u64,
    pub(super) missed: u64,
    pub(super) invented: u64,
    pub(super) confused: u64,
    /// Speakers of the reference, those found, and speakers of the answer.
    pub(super) speakers: usize,
    pub(super) found: usize,
    pub(super) answered: usize,
}

impl Score {
    /// A duration as a percentage of the speech.
    pub(super) fn percent(&self, ms: u64) -> f64 {
        100.0 * ms as f64 / self.speech.max(1) as f64
    }

    /// All errors.
    pub(super) fn errors(&self) -> u64 {
        self.missed + self.invented + self.confused
    }
}

impl Add for Score {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            speech: self.speech + other.speech,
            missed: self.missed + other.missed,
            invented: self.invented + other.invented,
            confused: self.confused + other.confused,
            speakers: self.speakers + other.speakers,
            found: self.found + other.found,
            answered: self.answered + other.answered,
        }
    }
}

/// Recordings pooled: longer speech weighs more.
impl Sum for Score {
    fn sum<I: Iterator<Item = Self>>(scores: I) -> Self {
        scores.fold(Self::default(), Add::add)
    }
}

/// The turns of an RTTM file.
pub(super) fn read(rttm: &str) -> Outcome<Vec<Turn>> {
    let lines = rttm.lines().filter(|line| line.starts_with("SPEAKER"));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let number = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok());
            match (number(3), number(4), fields.get(7)) {
                (Some(start), Some(length), Some(speaker)) => {
                    Ok((ms(start), ms(start + length), (*speaker).to_owned()))
                }
                _ => Err(Failure::new(format!("no line of RTTM: {line}"))),
            }
        })
        .collect()
}

/// Seconds in milliseconds.
pub(super) fn ms(seconds: f64) -> u64 {
    (seconds * 1000.0).round().max(0.0) as u64
}

/// A time between two edges, with the speakers of both sides.
struct Piece {
    length: u64,
    reference: Vec<usize>,
    answer: Vec<usize>,
}

/// The errors of an answer; `collar` in milliseconds.
pub(super) fn score(reference: &[Turn], answer: &[Turn], collar: u64) -> Score {
    let (known, given) = (names(reference), names(answer));
    let pieces = pieces((reference, &known), (answer, &given), collar);
    let mut common = vec![vec![0_u64; given.len()]; known.len()];
    for piece in &pieces {
        for of_reference in &piece.reference {
            for of_answer in &piece.answer {
                common[*of_reference][*of_answer] += piece.length;
            }
        }
    }
    let mapping = mapping(&common, given.len());
    let mut score = Score {
        speakers: known.len(),
        found: mapping.iter().flatten().count(),
        answered: given.len(),
        ..Score::default()
    };
    for piece in &pieces {
        let (expected, got) = (piece.reference.len() as u64, piece.answer.len() as u64);
        let is_right = |speaker: &&usize| mapping[**speaker].is_some_and(|mapped| piece.answer.contains(&mapped));
        let right = piece.reference.iter().filter(is_right).count() as u64;
        score.speech += expected * piece.length;
        score.missed += expected.saturating_sub(got) * piece.length;
        score.invented += got.saturating_sub(expected) * piece.length;
        score.confused += (expected.min(got) - right) * piece.length;
    }
    score
}

fn names(turns: &[Turn]) -> Vec<&str> {
    let names: BTreeSet<&str> = turns.iter().map(|(_, _, speaker)| speaker.as_str()).collect();
    names.into_iter().collect()
}

/// The scored time, divided at every edge.
fn pieces((reference, known): (&[Turn], &[&str]), (answer, given): (&[Turn], &[&str]), collar: u64) -> Vec<Piece> {
    let edges: BTreeSet<u64> = reference.iter().flat_map(|(start, end, _)| [*start, *end]).collect();
    let mut cuts: BTreeSet<u64> = answer.iter().flat_map(|(start, end, _)| [*start, *end]).collect();
    for edge in &edges {
        cuts.extend([edge.saturating_sub(collar), *edge, edge + collar]);
    }
    let cuts: Vec<u64> = cuts.into_iter().collect();
    let speaking = |turns: &[Turn], names: &[&str], at: u64| {
        let now = turns.iter().filter(|(start, end, _)| *start <= at && at < *end);
        let numbers: BTreeSet<usize> = now
            .filter_map(|(_, _, who)| names.iter().position(|name| name == who))
            .collect();
        numbers.into_iter().collect::<Vec<_>>()
    };
    let is_scored = |at: u64| {
        let mut near = edges.range(at.saturating_sub(collar)..=at + collar);
        collar == 0 || near.all(|edge| edge + collar <= at)
    };
    let pairs = cuts.windows(2).filter(|pair| is_scored(pair[0]));
    pairs
        .map(|pair| Piece {
            length: pair[1] - pair[0],
            reference: speaking(reference, known, pair[0]),
            answer: speaking(answer, given, pair[0]),
        })
        .collect()
}

/// For each speaker of the reference the one of the answer, so that the common time of all pairs is greatest; by the Hungarian
/// method with potentials (Kuhn 1955, Munkres 1957) on a square of costs.
fn mapping(common: &[Vec<u64>], given: usize) -> Vec<Option<usize>> {
    let size = common.len().max(given);
    let cost = |row: usize, column: usize| {
        let shared = common.get(row).and_then(|row| row.get(column)).copied().unwrap_or(0);
        -i64::try_from(shared).unwrap_or(i64::MAX)
    };
    // Rows and columns count from 1; 0 is the row being placed.
    let (mut of_row, mut of_column) = (vec![0_i64; size + 1], vec![0_i64; size + 1]);
    let mut row_at = vec![0_usize; size + 1];
    for row in 1..=size {
        row_at[0] = row;
        let (mut column, mut least, mut before, mut used) =
            (0, vec![i64::MAX; size + 1], vec![0; size + 1], vec![false; size + 1]);
        while row_at[column] != 0 {
            used[column] = true;
            let (from, mut delta, mut next) = (row_at[column], i64::MAX, 0);
            for other in (1..=size).filter(|other| !used[*other]) {
                let reduced = cost(from - 1, other - 1) - of_row[from] - of_column[other];
                if reduced < least[other] {
                    (least[other], before[other]) = (reduced, column);
                }
                if least[other] < delta {
                    (delta, next) = (least[other], other);
                }
            }
            for other in 0..=size {
                if used[other] {
                    of_row[row_at[other]] += delta;
                    of_column[other] -= delta;
                } else {
                    least[other] = least[other].saturating_sub(delta);
                }
            }
            column = next;
        }
        while column != 0 {
            row_at[column] = row_at[before[column]];
            column = before[column];
        }
    }
    let mut mapping = vec![None; common.len()];
    for (column, row) in row_at.into_iter().skip(1).enumerate() {
        let row = row - 1;
        if cost(row, column) < 0 {
            mapping[row] = Some(column);
        }
    }
    mapping
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(turns: &[(u64, u64, &str)]) -> Vec<Turn> {
        let turn = |(start, end, speaker): &(u64, u64, &str)| (*start, *end, (*speaker).to_owned());
        turns.iter().map(turn).collect()
    }

    #[test]
    fn errors_are_counted_by_kind() {
        let reference = turns(&[(0, 1000, "a"), (800, 2000, "b"), (3000, 4000, "a")]);
        let answer = turns(&[(0, 900, "1"), (900, 2100, "2"), (3000, 3500, "2")]);
        let expected = Score {
            speech: 3200,
            missed: 200 + 500,
            invented: 100,
            confused: 500,
            speakers: 2,
            found: 2,
            answered: 2,
        };
        assert_eq!(score(&reference, &answer, 0), expected);
        assert_eq!(expected.errors(), 1300);
    }

    #[test]
    fn a_collar_leaves_out_the_time_around_edges() {
        let reference = turns(&[(1000, 3000, "a")]);
        let answer = turns(&[(1200, 3400, "1")]);
        let score = score(&reference, &answer, 250);
        assert_eq!((score.speech, score.missed, score.invented), (1500, 0, 150));
    }

    #[test]
    fn the_mapping_maximises_the_common_time() {
        // A greedy mapping takes 5 and leaves 1.
        assert_eq!(mapping(&[vec![5, 4], vec![4, 1]], 2), [Some(1), Some(0)]);
        assert_eq!(mapping(&[vec![0, 0, 7], vec![0, 0, 9]], 3), [None, Some(2)]);
        assert_eq!(mapping(&[vec![3], vec![2], vec![4]], 1), [None, None, Some(0)]);
        assert_eq!(mapping(&[], 2), []);
        assert_eq!(mapping(&[vec![], vec![]], 0), [None, None]);
    }

    #[test]
    fn one_speaker_who_overlaps_himself_counts_once() {
        let reference = turns(&[(0, 1000, "a"), (500, 1500, "a")]);
        let score = score(&reference, &turns(&[(0, 1500, "x")]), 0);
        assert_eq!((score.speech, score.errors()), (1500, 0));
    }

    #[test]
    fn pools_weigh_by_speech() {
        let one = Score {
            speech: 9000,
            missed: 900,
            ..Score::default()
        };
        let other = Score {
            speech: 1000,
            missed: 1000,
            ..Score::default()
        };
        let pool: Score = [one, other].into_iter().sum();
        assert!((pool.percent(pool.errors()) - 19.0).abs() < 1e-9);
    }

    #[test]
    fn lines_of_rttm_are_turns() {
        let text = "SPKR-INFO x 1 <NA>\nSPEAKER x 1 0.500 1.250 <NA> <NA> Bo <NA> <NA>\n";
        assert_eq!(read(text).unwrap(), turns(&[(500, 1750, "Bo")]));
        assert!(read("SPEAKER x 1 a b").is_err());
    }
}
