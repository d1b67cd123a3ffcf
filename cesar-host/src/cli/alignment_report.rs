//! Report on the fit of a text to its recording.

use plugin_api::document::{AlignProvenance, Mismatch, MismatchKind};
use serde_json::json;

use super::humanize::count;
use super::progress::Show;
use super::times;

/// Mismatches that are printed; the document has more.
const SHOWN: usize = 4;

/// Reports how well the text fits: words that were not recognised, and parts that are missing.
pub(super) fn report(label: &str, input: &str, fit: &AlignProvenance, show: &Show) {
    let AlignProvenance {
        words,
        matched,
        aligned,
        interpolated,
        unmatched,
        mismatches,
        ..
    } = fit;
    show.json(
        &json!({ "type": "align", "input": input, "words": words, "matched": matched, "aligned": aligned,
        "interpolated": interpolated, "unmatched": unmatched, "mismatches": mismatches }),
    );
    if matched < words {
        let others = [(aligned, "aligned by the engine"), (interpolated, "interpolated")];
        let others = others.into_iter().filter(|(count, _)| **count > 0);
        let others: Vec<String> = others.map(|(count, how)| format!("{count} {how}")).collect();
        show.inform(&format!(
            "{label}: {matched} of {} recognised; times: {}",
            count(*words, "word", "words"),
            others.join(", ")
        ));
    }
    for mismatch in mismatches.iter().take(SHOWN) {
        show.inform(&format!("warning: {label}: {}", sentence(mismatch)));
    }
    if mismatches.len() > SHOWN {
        let more = count(
            (mismatches.len() - SHOWN) as u64,
            "more part differs",
            "more parts differ",
        );
        show.inform(&format!(
            "warning: {label}: {more} (`provenance.align` of -f json has the first 100)"
        ));
    }
}

fn sentence(mismatch: &Mismatch) -> String {
    let Mismatch {
        kind,
        start,
        words,
        text,
        ..
    } = mismatch;
    let (words, at) = (count(*words, "word", "words"), times::clock(start.0));
    match kind {
        MismatchKind::NotSpoken => format!("{words} of the text, from `{text}` on, are not in the recording (at {at})"),
        MismatchKind::NotWritten => format!("{words} of the recording, from `{text}` at {at} on, are not in the text"),
    }
}

#[cfg(test)]
mod tests {
    use plugin_api::document::Seconds;

    use super::*;

    #[test]
    fn mismatches_are_one_sentence() {
        let mismatch = |kind| {
            sentence(&Mismatch {
                kind,
                start: Seconds(61_500),
                end: Seconds(64_000),
                words: 12,
                text: "and then".to_owned(),
            })
        };
        assert_eq!(
            mismatch(MismatchKind::NotSpoken),
            "12 words of the text, from `and then` on, are not in the recording (at 1:01)"
        );
        assert_eq!(
            mismatch(MismatchKind::NotWritten),
            "12 words of the recording, from `and then` at 1:01 on, are not in the text"
        );
    }
}
