//! `cesar edit`: corrections of a recording's transcript, shared with the server.
//!
//! Corrections belong to the recording, by its SHA-256. No engine runs: they are checked against the transcripts in the cache, the last shown first, or
//! against a JSON transcript that is given in place of the recording. Without either, only corrections that need none are accepted.

mod subject;

use std::io::Read;
use std::path::{Path, PathBuf};

use cesar_base::names::shown;
use cesar_base::open_input;
use cesar_config::Settings;
use cesar_corrections::{
    Applied, Change, Corrections, CorrectionsError, History, Operation, Refused, Revision, StoreOptions, apply, check,
    check_size, operations_from_json,
};
use cesar_runner::CancelToken;
use clap::ValueHint;
use plugin_api::document::{CorrectionsProvenance, Document};
use serde_json::{Map, Value, json};

use super::args::JsonFlag;
use super::ask::confirm_removal;
use super::columns::aligned;
use super::corrections::{conflict_lines, folder};
use super::humanize::count;
use super::report::{Exit, Failure, note, print, print_json};
use super::search_index;
use subject::Subject;

/// Bytes that a file of corrections must not reach.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// Maximum retries of a batch when another process was faster.
const TRIES: usize = 10;

/// The command's arguments.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Recording, or its transcript as JSON (`cesar transcribe -f json`)
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// Rename a speaker; repeatable
    #[arg(long, value_name = "OLD=NEW", value_parser = rename)]
    rename_speaker: Vec<Operation>,
    /// Make one speaker of several; repeatable
    #[arg(long, value_name = "A,B=NAME", value_parser = merge)]
    merge_speakers: Vec<Operation>,
    /// Apply the operations in a JSON file (`-` for standard input); repeatable
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    apply: Vec<PathBuf>,
    /// Undo a revision, by default the last one in effect; undoing an undo redoes
    #[arg(long, value_name = "REVISION", num_args = 0..=1, require_equals = true)]
    undo: Option<Option<u64>>,
    /// Refuse to change corrections that are not at this revision (0: none), because another program changed them
    #[arg(long, value_name = "REVISION", conflicts_with_all = ["history", "clear"])]
    if_revision: Option<u64>,
    /// Show the revisions, with author and time
    #[arg(long, visible_alias = "list", conflicts_with_all = ["rename_speaker", "merge_speakers", "apply", "undo", "clear"])]
    history: bool,
    /// Remove all corrections of the recording, with their history
    #[arg(long, conflicts_with_all = ["rename_speaker", "merge_speakers", "apply", "undo"])]
    clear: bool,
    /// Check, without storing or removing anything
    #[arg(long)]
    dry_run: bool,
    /// Remove without confirmation
    #[arg(short, long, requires = "clear")]
    yes: bool,
    #[command(flatten)]
    json: JsonFlag,
}

fn rename(text: &str) -> Result<Operation, String> {
    let (speaker, name) = text.split_once('=').ok_or("write OLD=NEW, such as `Speaker 1=Ann`")?;
    bounded(Change::RenameSpeaker {
        speaker: speaker.trim().to_owned(),
        name: name.trim().to_owned(),
    })
}

fn merge(text: &str) -> Result<Operation, String> {
    let (speakers, name) = text
        .split_once('=')
        .ok_or("write A,B=NAME, such as `Speaker 1,Speaker 3=Ann`")?;
    bounded(Change::MergeSpeakers {
        speakers: speakers.split(',').map(|speaker| speaker.trim().to_owned()).collect(),
        name: name.trim().to_owned(),
    })
}

fn bounded(change: Change) -> Result<Operation, String> {
    let operation = Operation::from(change);
    operation.check_bounds()?;
    Ok(operation)
}

/// Corrects, or shows what was corrected.
pub(super) fn run(args: &Args, settings: &Settings, cancel: &CancelToken) -> Result<Exit, Failure> {
    let folder = folder(settings)?;
    let mut batch: Vec<Operation> = args
        .rename_speaker
        .iter()
        .chain(&args.merge_speakers)
        .cloned()
        .collect();
    for file in &args.apply {
        batch.extend(read(file)?);
    }
    check_size(&batch).map_err(Failure::usage)?;
    let subject = Subject::of(&args.file, settings, cancel)?;
    if batch.is_empty() && args.undo.is_none() && !args.clear {
        let corrections = Corrections::open_existing(&folder, StoreOptions::default()).map_err(Failure::failed)?;
        let history = corrections
            .map(|corrections| corrections.history(&subject.media))
            .transpose();
        let history = history.map_err(Failure::failed)?.unwrap_or_default();
        check_revision(args, &history)?;
        show(args, &subject, &history);
        return Ok(Exit::Done);
    }
    let corrections = Corrections::open(&folder, StoreOptions::default()).map_err(Failure::failed)?;
    let done = match args.clear {
        true => clear(args, &corrections, &subject),
        false => correct(args, &corrections, &subject, batch),
    };
    if done.is_ok()
        && !args.dry_run
        && let Some(cache) = subject::open_cache(settings)
    {
        search_index::refresh(&subject.media, &cache, &corrections, settings);
    }
    done
}

/// The operations in a file.
fn read(file: &Path) -> Result<Vec<Operation>, Failure> {
    let unreadable = |error| Failure::usage(format!("`{}` cannot be read: {error}", shown(file)));
    let source: Box<dyn Read> = match file.as_os_str() == "-" {
        true => Box::new(std::io::stdin()),
        false => Box::new(open_input(file).map_err(unreadable)?),
    };
    let text = std::io::read_to_string(source.take(MAX_FILE_BYTES)).map_err(unreadable)?;
    if text.len() as u64 == MAX_FILE_BYTES {
        return Err(Failure::usage(format!(
            "`{}` is too long; corrections have less than {MAX_FILE_BYTES} bytes",
            shown(file)
        )));
    }
    let refused = |reason: String| Failure::usage(format!("`{}`: {reason}", shown(file)));
    // A list alone is accepted as well.
    let object = match serde_json::from_str(&text) {
        Ok(Value::Object(object)) => object,
        Ok(list @ Value::Array(_)) => Map::from_iter([("operations".to_owned(), list)]),
        Ok(_) => return Err(refused("it is neither a JSON object nor a list".to_owned())),
        Err(error) => return Err(refused(format!("it is not JSON ({error})"))),
    };
    operations_from_json(object).map_err(|(index, reason)| match index {
        Some(index) => refused(format!("operation {}: {reason}", index + 1)),
        None => refused(reason),
    })
}

struct Accepted {
    revision: u64,
    operations: Vec<Operation>,
    applied: Option<Applied>,
}

fn correct(args: &Args, corrections: &Corrections, subject: &Subject, batch: Vec<Operation>) -> Result<Exit, Failure> {
    let accepted = append(args, corrections, subject, &batch)?;
    let conflicts = accepted.applied.as_ref().map_or(&[][..], |applied| &applied.conflicts);
    if args.json.json {
        print_json(&json!({
            "media_sha256": subject.media,
            "revision": accepted.revision,
            "checked": accepted.applied.is_some(),
            "dry_run": args.dry_run,
            "operations": accepted.operations,
            "conflicts": conflicts,
        }));
        return Ok(Exit::Done);
    }
    let operations = format!(
        "{} ({})",
        count(accepted.operations.len() as u64, "operation", "operations"),
        summary(&accepted.operations)
    );
    let revision = accepted.revision;
    note(&match (args.dry_run, &accepted.applied) {
        (true, _) => format!("{operations} would be revision {revision}"),
        (false, Some(_)) => format!("stored {operations} as revision {revision}"),
        (false, None) => format!("stored {operations} as revision {revision}, to be checked at the next transcription"),
    });
    conflict_lines(conflicts)
        .iter()
        .for_each(|line| note(&format!("warning: {line}")));
    Ok(Exit::Done)
}

/// Checks and stores a batch; again when another process was faster.
fn append(args: &Args, corrections: &Corrections, subject: &Subject, batch: &[Operation]) -> Result<Accepted, Failure> {
    let mut tries = 0;
    loop {
        tries += 1;
        let history = corrections.history(&subject.media).map_err(Failure::failed)?;
        check_revision(args, &history)?;
        let mut batch = batch.to_vec();
        if let Some(revision) = args.undo {
            let revision = revision.or_else(|| last_in_effect(&history));
            let revision = revision.ok_or_else(|| Failure::usage("there is no revision to undo"))?;
            batch.push(Change::Undo { revision }.into());
        }
        let (operations, applied) = checked(subject, &history, &batch)?;
        if args.dry_run {
            let revision = history.current + 1;
            return Ok(Accepted {
                revision,
                operations,
                applied,
            });
        }
        match corrections.append(&subject.media, history.current, &author(), &operations) {
            Ok(revision) => {
                return Ok(Accepted {
                    revision,
                    operations,
                    applied,
                });
            }
            Err(CorrectionsError::Conflict { .. }) if tries < TRIES => {}
            Err(error) => return Err(Failure::failed(error)),
        }
    }
}

/// Refuses a history at another revision than that of `--if-revision`.
fn check_revision(args: &Args, history: &History) -> Result<(), Failure> {
    let current = history.current;
    match args.if_revision.filter(|expected| *expected != current) {
        Some(expected) => Err(Failure::failed(CorrectionsError::Conflict { expected, current })),
        None => Ok(()),
    }
}

fn checked(
    subject: &Subject,
    history: &History,
    batch: &[Operation],
) -> Result<(Vec<Operation>, Option<Applied>), Failure> {
    let refused = |refused: Refused| {
        let hint = match subject.documents.is_empty() {
            false => "",
            true => "; transcribe the recording first",
        };
        Failure::usage(format!("{refused}{hint}"))
    };
    let Some(document) = subject.corrected() else {
        let [newest, older @ ..] = &subject.documents[..] else {
            return check(None, history, batch).map_err(refused);
        };
        // The newest transcript may be one without speakers, or of another part.
        let checked = check(Some(newest), history, batch);
        let older = older.iter().map(|document| check(Some(document), history, batch));
        return checked
            .or_else(|error| older.into_iter().find_map(Result::ok).ok_or(error))
            .map_err(refused);
    };
    // A transcript that has corrections already is the state that the batch is about.
    if !has_all(document, history) {
        return Err(Failure::usage(format!(
            "the transcript has not the corrections of revision {}; write it again with `cesar transcribe`, or name the recording",
            history.current
        )));
    }
    let (undo, batch): (Vec<_>, Vec<_>) =
        (batch.iter().cloned()).partition(|operation| matches!(operation.change, Change::Undo { .. }));
    let state = History {
        revisions: Vec::new(),
        ..history.clone()
    };
    let (mut operations, applied) = check(Some(document), &state, &batch).map_err(refused)?;
    operations.extend(check(None, history, &undo).map_err(refused)?.0);
    Ok((operations, applied))
}

/// Whether a corrected transcript has all corrections in effect. Its provenance names the last one that changed it, so later ones must be
/// without effect on it; it was made before an undo if it names, or counts, more than is in effect.
fn has_all(document: &Document, history: &History) -> bool {
    let Some(CorrectionsProvenance { revision, operations }) = document.provenance.corrections else {
        return false;
    };
    let (before, later): (Vec<_>, Vec<_>) = history.edits().partition(|edit| edit.revision <= revision);
    let is_in_effect = before.iter().any(|edit| edit.revision == revision);
    is_in_effect && before.len() as u64 >= operations && apply(document.clone(), later).applied == 0
}

/// The last revision that is in effect and corrects something.
fn last_in_effect(history: &History) -> Option<u64> {
    history.edits().map(|edit| edit.revision).max()
}

fn author() -> String {
    let name = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    let name = name.filter(|name| !name.trim().is_empty());
    name.unwrap_or_else(|| format!("user {}", rustix::process::getuid().as_raw()))
}

fn clear(args: &Args, corrections: &Corrections, subject: &Subject) -> Result<Exit, Failure> {
    let history = corrections.history(&subject.media).map_err(Failure::failed)?;
    let revisions = |number: usize| count(number as u64, "revision", "revisions");
    let found = history.revisions.len();
    if found > 0 && !args.dry_run && !args.yes {
        let what = format!("{} of corrections of `{}`", revisions(found), shown(&args.file));
        if !confirm_removal(&what)? {
            return Ok(Exit::Done);
        }
    }
    if !args.dry_run {
        corrections.clear(&subject.media).map_err(Failure::failed)?;
    }
    if args.json.json {
        print_json(&json!({ "media_sha256": subject.media, "removed": found, "dry_run": args.dry_run }));
    } else if args.dry_run {
        note(&format!("would remove {}", revisions(found)));
    } else {
        note(&format!("removed {}", revisions(found)));
    }
    Ok(Exit::Done)
}

/// The first operations, with the texts that they change.
fn summary(operations: &[Operation]) -> String {
    let mut changes: Vec<String> = operations.iter().take(3).map(ToString::to_string).collect();
    if operations.len() > 3 {
        changes.push(format!("and {} more", operations.len() - 3));
    }
    changes.join(", ")
}

fn show(args: &Args, subject: &Subject, history: &History) {
    let views = history.views();
    if args.json.json {
        print_json(&json!({ "media_sha256": subject.media, "revision": history.current, "revisions": views }));
        return;
    }
    if views.is_empty() {
        note("no corrections");
        return;
    }
    let change = |revision: &Revision, undone: bool| {
        let undone = if undone { " (undone)" } else { "" };
        format!("{}{undone}", summary(&revision.operations))
    };
    let header = ["REVISION", "AUTHOR", "TIME", "CHANGE"].map(str::to_owned);
    let rows = views.iter().zip(&history.revisions).map(|(view, revision)| {
        [
            view.revision.to_string(),
            view.author.clone(),
            view.created_at.clone(),
            change(revision, view.undone),
        ]
    });
    print(&aligned(&[header].into_iter().chain(rows).collect::<Vec<_>>()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(segments: &[&str], corrections: Option<(u64, u64)>) -> Document {
        let segments: Vec<Value> = (0..)
            .zip(segments)
            .map(|(at, text)| {
                json!({ "id": at, "start": at, "end": at + 1, "text": text, "avg_logprob": null, "compression_ratio": null,
                    "no_speech_prob": null, "temperature": null, "tokens": null, "seek": null })
            })
            .collect();
        let corrections =
            corrections.map(|(revision, operations)| json!({ "revision": revision, "operations": operations }));
        serde_json::from_value(json!({
            "schema": 1, "language": "en", "language_probability": 1.0, "task": "transcribe", "duration": 9.0,
            "created": "2026-01-02T03:04:05Z", "segments": segments,
            "provenance": { "cesar": "1.0.0", "sampled": false, "corrections": corrections,
                "audio": { "media_sha256": "a".repeat(64), "pcm_sha256": "", "codec": "flac", "offset": 0.0 },
                "asr": { "plugin": "ct2", "version": "1.0.0", "plugin_sha256": "", "model": null, "model_sha256": null, "options": {} } }
        }))
        .unwrap()
    }

    /// A revision for each list of operations; each is anchored in the transcript before it.
    fn history(batches: &[Value]) -> History {
        let original = document(&["one two", "three four"], None);
        let mut history = History::default();
        for batch in batches {
            let object = Map::from_iter([("operations".to_owned(), batch.clone())]);
            let batch = operations_from_json(object).unwrap();
            let (operations, _) = check(Some(&original), &history, &batch).unwrap();
            history.current += 1;
            history.revisions.push(Revision {
                revision: history.current,
                author: String::new(),
                created_ms: 0,
                operations,
            });
        }
        history
    }

    fn replace(word: u64, text: &str) -> Value {
        json!([{ "op": "replace_words", "segment": 0, "word": word, "text": text }])
    }

    #[test]
    fn a_transcript_is_current_when_later_operations_have_no_effect() {
        let first = history(&[replace(0, "uno")]);
        let second = history(&[replace(0, "uno"), replace(1, "due")]);
        let written = document(&["uno two", "three four"], Some((1, 1)));
        assert!(has_all(&written, &first));
        assert!(!has_all(&written, &second), "it lacks `due`");
        // Made for another transcript of the recording, in which this word was wrong.
        let elsewhere = document(&["uno due", "three four"], Some((1, 1)));
        assert!(has_all(&elsewhere, &second));
    }

    #[test]
    fn a_transcript_from_before_an_undo_is_not_current() {
        let undo = json!([{ "op": "undo", "revision": 1 }]);
        let both = document(&["uno due", "three four"], Some((2, 2)));
        let undone = history(&[replace(0, "uno"), replace(1, "due"), undo]);
        assert!(!has_all(&both, &undone));
        let rest = document(&["one due", "three four"], Some((2, 1)));
        assert!(has_all(&rest, &undone));
    }

    #[test]
    fn messages_name_the_replaced_text() {
        let history = history(&[replace(1, "due")]);
        assert_eq!(summary(&history.revisions[0].operations), "replace `two` by `due`");
    }
}
