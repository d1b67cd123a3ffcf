//! `cesar align`: word times for an existing text.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use cesar_align::{Labels, Script};
use cesar_base::names::{lossless, shown};
use cesar_base::read_file;
use cesar_config::Settings;
use cesar_pipeline::NamedScript;
use cesar_runner::CancelToken;
use clap::ValueHint;
use plugin_api::document::{AlignProvenance, Mismatch, MismatchKind};
use serde_json::json;

use super::args::{SettingFlags, group};
use super::humanize::count;
use super::inputs::InputError;
use super::outputs::is_stdout;
use super::progress::Show;
use super::report::{Exit, Failure};
use super::times;
use super::transcribe::{RunArgs, run_asked};
use super::work::{Asked, PartArgs};

/// Mismatches that are printed; the document has more.
const SHOWN: usize = 4;

/// The command's arguments.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Recording: a file, a URL, or `-` for standard input
    #[arg(value_name = "AUDIO", value_hint = ValueHint::FilePath)]
    audio: PathBuf,
    /// Its spoken text: plain, SRT or WebVTT (their times are ignored), or `-` for standard input
    #[arg(value_name = "TEXT", value_hint = ValueHint::FilePath)]
    text: PathBuf,
    /// Minimum share of the words that must match, in percent: of the text's, or of those recognised
    #[arg(long, value_name = "PERCENT", default_value_t = 25, value_parser = clap::value_parser!(u64).range(0..=100))]
    min_match: u64,
    /// Treat `Name:` at the start of lines as spoken words, not as a speaker
    #[arg(long)]
    no_speaker_names: bool,
    #[command(flatten)]
    part: PartArgs,
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    settings: SettingFlags<group::Align>,
}

/// Aligns the text and writes it as `transcribe` does.
pub(super) fn run(args: &Args, settings: &Settings, verbosity: i8, cancel: &CancelToken) -> Result<Exit, Failure> {
    if is_stdin(&args.audio) && is_stdin(&args.text) {
        return Err(InputError::StdinTwice.into());
    }
    if args.audio.is_dir() {
        let text = format!("`{}` is a folder; a text belongs to one recording", shown(&args.audio));
        return Err(Failure::usage(text));
    }
    let script = read(args)?;
    let asked = Asked {
        inputs: std::slice::from_ref(&args.audio),
        part: &args.part,
        // Corrections are of what was recognised.
        original: true,
        script: Some(&script),
        given: args.settings.given(),
    };
    run_asked(asked, &args.run, settings, verbosity, cancel)
}

fn is_stdin(path: &Path) -> bool {
    is_stdout(path)
}

fn read(args: &Args) -> Result<NamedScript, Failure> {
    let path = &args.text;
    let (label, name) = match is_stdin(path) {
        true => ("standard input".to_owned(), None),
        // The number of a pipe says nothing, and differs each time.
        false => (
            format!("`{}`", shown(path)),
            path.file_name().filter(|_| path.is_file()).map(lossless),
        ),
    };
    let most = Script::LARGEST as u64 + 1;
    let read = match is_stdin(path) {
        true => {
            let mut bytes = Vec::new();
            let read = std::io::stdin().lock().take(most).read_to_end(&mut bytes);
            read.map(|_| bytes)
        }
        false => read_file(path, most),
    };
    let bytes = read.map_err(|error| Failure::usage(format!("{label} cannot be read: {error}")))?;
    let labels = match args.no_speaker_names {
        true => Labels::Ignore,
        false => Labels::Detect,
    };
    NamedScript::parse(&bytes, name, labels, args.min_match).map_err(|error| Failure::usage(format!("{label} {error}")))
}

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
