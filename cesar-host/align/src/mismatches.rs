//! Long parts of a script that the recording lacks, and of a recording that the script lacks.

use plugin_api::document::{Mismatch, MismatchKind, Seconds};

use crate::fit::Fit;
use crate::times::Timed;

/// The fewest words of a mismatch: less are slips of speakers and engines.
const FEWEST: usize = 6;
/// Words on the other side for which it is another wording, as a share.
const OTHER_WORDING: usize = 3;
/// Words of the text that are quoted.
const QUOTED: usize = 6;
/// The most mismatches in a document.
const MOST: usize = 100;

/// Every mismatch, in order of time.
pub(crate) fn find(fit: &Fit<'_>, times: &[Timed]) -> Vec<Mismatch> {
    let mut found = not_written(fit);
    for gap in &fit.gaps {
        let count = gap.words.len();
        if count < FEWEST || gap.heard.len() * OTHER_WORDING >= count {
            continue;
        }
        let words = fit.matched.words[gap.words.clone()]
            .iter()
            .map(|word| word.text.as_str());
        found.push(Mismatch {
            kind: MismatchKind::NotSpoken,
            start: Seconds(times[gap.words.start].span.start),
            end: Seconds(times[gap.words.end - 1].span.end),
            words: count as u64,
            text: quoted(words),
        });
    }
    found.sort_by_key(|mismatch| mismatch.start);
    found.truncate(MOST);
    found
}

fn not_written(fit: &Fit<'_>) -> Vec<Mismatch> {
    let mut found = Vec::new();
    let mut from = 0;
    for run in fit.matched.written.chunk_by(|before, after| before == after) {
        let range = from..from + run.len();
        from = range.end;
        if run[0] || run.len() < FEWEST {
            continue;
        }
        // Words of the script in the same place.
        let gap = fit
            .gaps
            .iter()
            .find(|gap| gap.heard.start < range.end && range.start < gap.heard.end);
        if gap.map_or(0, |gap| gap.words.len()) * OTHER_WORDING >= run.len() {
            continue;
        }
        let heard = &fit.matched.heard[range];
        found.push(Mismatch {
            kind: MismatchKind::NotWritten,
            start: Seconds(heard[0].start),
            end: Seconds(heard[heard.len() - 1].end),
            words: heard.len() as u64,
            text: quoted(heard.iter().map(|heard| heard.text.as_str())),
        });
    }
    found
}

fn quoted<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let text: String = words.take(QUOTED).collect();
    text.trim().to_owned()
}
