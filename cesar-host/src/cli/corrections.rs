//! The users' corrections: where they are stored, and what of them a transcript has.

use std::path::PathBuf;
use std::sync::Arc;

use cesar_config::Settings;
use cesar_corrections::{Conflict, Corrections, StoreOptions, correct, media_of, media_of_json, parse};
use cesar_jobs::JobStore;
use cesar_pipeline::CorrectionsReport;
use serde_json::json;

use super::humanize::count;
use super::progress::Show;
use super::report::Failure;

/// Conflicts that are printed; the history has all.
const SHOWN: usize = 10;

/// The folder of the database.
pub(super) fn folder(settings: &Settings) -> Result<PathBuf, Failure> {
    settings.folders.data().ok_or_else(|| {
        Failure::usage("no folder for corrections, because neither `XDG_DATA_HOME` nor `HOME` is set; set one of them")
    })
}

/// The corrections for transcripts, where there are any.
pub(super) fn of_transcripts(settings: &Settings) -> Result<Option<Arc<Corrections>>, Failure> {
    let Some(folder) = settings.folders.data() else {
        return Ok(None);
    };
    let corrections = Corrections::open_existing(&folder, StoreOptions::default());
    let corrections = corrections
        .map_err(|error| Failure::failed(format!("{error}; `--original` transcribes without corrections")))?;
    Ok(corrections.map(Arc::new))
}

/// The document of a job with the corrections of its recording. Servers that share the jobs share the corrections.
pub(super) fn corrected(json: String, store: &dyn JobStore, settings: &Settings) -> Result<String, Failure> {
    let options = StoreOptions::default();
    let corrections = match store.records() {
        Some(records) => Some(Corrections::shared(records, options)),
        None => Corrections::open_existing(&folder(settings)?, options).map_err(Failure::failed)?,
    };
    let (Some(corrections), Some(media)) = (corrections, media_of_json(json.as_bytes())) else {
        return Ok(json);
    };
    let history = corrections.history(&media).map_err(Failure::failed)?;
    let corrected = correct(json.into_bytes(), &history).map_err(Failure::failed)?;
    String::from_utf8(corrected.json).map_err(Failure::failed)
}

/// The revision of a recording's corrections, if the document has none or an earlier one.
pub(super) fn later_than(document: &[u8], settings: &Settings) -> Option<u64> {
    let document = parse(document).ok()?;
    let corrections = Corrections::open_existing(&settings.folders.data()?, StoreOptions::default()).ok()??;
    let current = corrections.history(&media_of(&document)?).ok()?.current;
    let has = document
        .provenance
        .corrections
        .map_or(0, |corrections| corrections.revision);
    (current > has).then_some(current)
}

/// Reports the corrections of a transcript, and those that do not fit it.
pub(super) fn report(label: &str, input: &str, report: &CorrectionsReport, show: &Show) {
    let CorrectionsReport {
        revision,
        applied,
        conflicts,
    } = report;
    show.json(&json!({ "type": "corrections", "input": input, "revision": revision, "applied": applied, "conflicts": conflicts }));
    if *applied > 0 {
        show.inform(&format!(
            "applied {} (revision {revision}); --original shows the text as recognised",
            count(*applied, "correction", "corrections")
        ));
    }
    for line in conflict_lines(conflicts) {
        show.inform(&format!("warning: {label}: {line}"));
    }
}

/// One line for each conflict, and one for those that are too many.
pub(super) fn conflict_lines(conflicts: &[Conflict]) -> Vec<String> {
    let line = |conflict: &Conflict| {
        let Conflict {
            revision,
            operation,
            reason,
        } = conflict;
        format!("a correction of revision {revision} does not fit: {operation} ({reason})")
    };
    let mut lines: Vec<String> = conflicts.iter().take(SHOWN).map(line).collect();
    if conflicts.len() > SHOWN {
        let more = count(
            (conflicts.len() - SHOWN) as u64,
            "more correction does",
            "more corrections do",
        );
        lines.push(format!("{more} not fit"));
    }
    lines
}
