//! Times that are valid whatever came in: in order, at least 1 ms long, without overlap, inside the audio.
//!
//! Times that are valid already do not change. A cue that overlaps the next ends where that begins; a cue without a length gets
//! [`SHORTEST`], and those after it begin later where they must, those before it end earlier where the audio ends.

use plugin_api::document::Document;

use super::layout::Cue;

/// The length of a cue that has none of its own, in ms, where there is room.
pub(super) const SHORTEST: u64 = 100;

/// Maximum end of a cue, in ms: the length of the audio. A document of length 0 that has segments does not know it.
pub(super) fn limit(document: &Document) -> u64 {
    let latest = || {
        document
            .segments
            .iter()
            .map(|segment| segment.start.0.max(segment.end.0))
            .max()
    };
    match document.duration.0 {
        0 => latest().unwrap_or_default().saturating_add(SHORTEST),
        length => length,
    }
}

/// The cues in the same order, with valid times up to `limit`, which is at least 1 ms.
pub(super) fn valid(cues: Vec<Cue<'_>>, limit: u64) -> Vec<Cue<'_>> {
    let mut cues = at_most(cues, limit);
    // Not 0, because there are no more cues than `limit`; so every cue can have this much.
    let shortest = SHORTEST.min(limit / (cues.len() as u64).max(1));
    let least = |cue: &Cue<'_>| match cue.end.saturating_sub(cue.start) {
        0 => shortest,
        length => length.min(shortest),
    };
    let lengths: Vec<u64> = cues.iter().map(least).collect();
    let mut earliest = 0;
    for (cue, least) in cues.iter_mut().zip(&lengths) {
        cue.start = cue.start.max(earliest);
        earliest = cue.start + least;
    }
    // The time left before `latest` is at least the sum of the lengths still to come, so nothing falls below 0.
    let mut latest = limit;
    for (cue, least) in cues.iter_mut().zip(&lengths).rev() {
        cue.start = cue.start.min(latest - least);
        cue.end = cue.end.max(cue.start + least).min(latest);
        latest = cue.start;
    }
    cues
}

/// Joins neighbours where there are more cues than milliseconds.
fn at_most(cues: Vec<Cue<'_>>, limit: u64) -> Vec<Cue<'_>> {
    let together = (cues.len() as u64).div_ceil(limit);
    let mut joined: Vec<Cue<'_>> = Vec::new();
    for (index, cue) in cues.into_iter().enumerate() {
        match joined.last_mut().filter(|_| !(index as u64).is_multiple_of(together)) {
            Some(last) => {
                last.end = last.end.max(cue.end);
                last.lines.extend(cue.lines);
            }
            None => joined.push(cue),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(cues: &[(u64, u64)], limit: u64) -> Vec<(u64, u64)> {
        let cue = |&(start, end): &(u64, u64)| Cue {
            start,
            end,
            lines: Vec::new(),
        };
        let valid = valid(cues.iter().map(cue).collect(), limit);
        valid.into_iter().map(|cue| (cue.start, cue.end)).collect()
    }

    #[test]
    fn valid_times_stay() {
        let cues = [(0, 1), (1, 50), (50, 1000), (2000, 3000)];
        assert_eq!(times(&cues, 3000), cues);
    }

    #[test]
    fn an_overlap_ends_with_the_next_cue() {
        assert_eq!(times(&[(0, 900), (500, 1000)], 2000), [(0, 500), (500, 1000)]);
    }

    #[test]
    fn a_cue_without_length_gets_one_from_its_neighbours() {
        assert_eq!(
            times(&[(0, 500), (500, 500), (500, 900)], 900),
            [(0, 500), (500, 600), (600, 900)]
        );
        assert_eq!(times(&[(0, 500), (500, 500)], 500), [(0, 400), (400, 500)]);
    }

    #[test]
    fn more_cues_than_milliseconds_are_joined() {
        assert_eq!(times(&[(0, 0); 5], 2), [(0, 1), (1, 2)]);
        assert_eq!(times(&[(0, 0); 4], 1), [(0, 1)]);
        assert_eq!(times(&[], 1), []);
    }
}
