//! `cesar check FILE…`: subtitles of any program against the rules of a guide.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use cesar_base::names::lossless;
use cesar_base::read_file;
use cesar_subtitles::{
    Cue, Fault, FaultKind, Overrides, Preset, Rules, Subtitles, Violation, check, guess_language, parse,
};
use clap::ValueHint;
use serde_json::{Value, json};

use super::args::{JsonFlag, language_code, whole};
use super::columns::aligned;
use super::humanize::count;
use super::report::{Exit, Failure, print, print_error, print_json};

/// The largest file that is read: hours of subtitles are less than 1 MB.
const LARGEST: u64 = 64_000_000;

/// The command's own arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Subtitle files (SRT or WebVTT), or `-` for standard input
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
    /// Guide whose rules apply: netflix, bbc, youtube or plain
    #[arg(long, value_name = "NAME", default_value = "plain", value_parser = preset)]
    preset: Preset,
    /// Language of the text (`en`, `ja`, …); guides have other figures for some (default: from the script, else English)
    #[arg(short, long, value_name = "LANGUAGE", value_parser = language_code)]
    language: Option<String>,
    #[command(flatten)]
    rules: RuleFlags,
    #[command(flatten)]
    json: JsonFlag,
}

/// One flag for each rule that a file can violate.
#[derive(clap::Args)]
#[command(next_help_heading = "Rules, in place of those of the preset")]
struct RuleFlags {
    /// Maximum number of characters of a line; a CJK character counts two
    #[arg(long, value_name = "N", value_parser = whole(1_u64, None))]
    max_chars_per_line: Option<u64>,
    /// Maximum number of lines
    #[arg(long, value_name = "N", value_parser = whole(1_u64, None))]
    max_lines: Option<u64>,
    /// Maximum number of characters a second; 0 for no limit
    #[arg(long, value_name = "N", value_parser = number)]
    max_cps: Option<f64>,
    /// Minimum time on screen for each word
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, value_parser = number)]
    min_word_duration: Option<f64>,
    /// Minimum time on screen
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, value_parser = number)]
    min_duration: Option<f64>,
    /// Maximum time on screen; 0 for no limit
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, value_parser = number)]
    max_duration: Option<f64>,
    /// Minimum time between two subtitles
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, value_parser = number)]
    min_gap: Option<f64>,
    /// Pauses shorter than this must be reduced to the minimum; 0 allows every pause
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, value_parser = number)]
    chain_gap: Option<f64>,
}

fn preset(name: &str) -> Result<Preset, String> {
    name.parse()
        .map_err(|error: cesar_subtitles::UnknownPreset| error.to_string())
}

fn number(text: &str) -> Result<f64, &'static str> {
    let number = text.parse().ok().filter(|number| (0.0..1e9).contains(number));
    number.ok_or("it must be a number of at least 0, such as `0.5`")
}

impl RuleFlags {
    fn overrides(&self) -> Overrides {
        let size = |given: Option<u64>| given.map(|given| usize::try_from(given).unwrap_or(usize::MAX));
        Overrides {
            max_chars_per_line: size(self.max_chars_per_line),
            max_lines: size(self.max_lines),
            max_cps: self.max_cps,
            min_word_duration: self.min_word_duration,
            min_duration: self.min_duration,
            max_duration: self.max_duration,
            min_gap: self.min_gap,
            chain_gap: self.chain_gap,
            ..Overrides::default()
        }
    }
}

/// One file and what was found in it.
struct Report {
    path: PathBuf,
    language: Option<String>,
    found: Result<(Subtitles, Vec<Violation>), String>,
}

/// Fails if a file violates a rule, or if it or one of its lines cannot be read.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let reports: Vec<Report> = args.files.iter().map(|path| report(path, args)).collect();
    if args.json.json {
        let files: Vec<Value> = reports.iter().map(to_json).collect();
        print_json(&json!({ "preset": args.preset.name(), "passed": reports.iter().all(passes), "files": files }));
    } else {
        for report in &reports {
            match &report.found {
                Ok((subtitles, violations)) => {
                    let faults: String = subtitles
                        .faults
                        .iter()
                        .map(|fault| sentence(&report.path, fault))
                        .collect();
                    print(&(faults + &table(&report.path, args.preset, subtitles, violations)));
                }
                Err(error) => print_error(error),
            }
        }
    }
    Ok(if reports.iter().all(passes) {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn passes(report: &Report) -> bool {
    matches!(&report.found, Ok((subtitles, violations)) if violations.is_empty() && subtitles.faults.is_empty())
}

fn report(path: &Path, args: &Args) -> Report {
    let read = read(path).and_then(|bytes| parse(&bytes).map_err(|error| format!("{}: {error}", lossless(path))));
    let mut language = args.language.clone();
    let found = read.map(|subtitles| {
        let guessed = || guess_language(&text(&subtitles.cues)).map(str::to_owned);
        language = language.take().or_else(guessed);
        let rules: Rules = args.rules.overrides().apply(args.preset.rules(language.as_deref()));
        let violations = check(&subtitles.cues, &rules);
        (subtitles, violations)
    });
    Report {
        path: path.to_owned(),
        language,
        found,
    }
}

fn text(cues: &[Cue]) -> String {
    cues.iter().flat_map(|cue| &cue.lines).map(String::as_str).collect()
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = match path == Path::new("-") {
        true => std::io::stdin()
            .lock()
            .take(LARGEST + 1)
            .read_to_end(&mut bytes)
            .map(drop),
        false => read_file(path, LARGEST + 1).map(|read| bytes = read),
    };
    read.map_err(|error| format!("{}: cannot read the file ({error})", lossless(path)))?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!(
            "{}: this is no subtitle file (it is larger than 64 MB)",
            lossless(path)
        ));
    }
    Ok(bytes)
}

/// A line that belongs to no cue.
fn sentence(path: &Path, fault: &Fault) -> String {
    let Fault { line, rule, text } = fault;
    let why = match rule {
        FaultKind::UnreadableTimes => "cannot be read as times; write `00:00:01,000 --> 00:00:02,500`",
        FaultKind::NoTimes => "has no times before it, so no player shows it",
        FaultKind::NoText => "has no text behind it: the cue shows nothing",
    };
    format!("{}: line {line}: `{text}` {why} ({})\n", lossless(path), rule.name())
}

/// The violations as rows, and a summary.
fn table(path: &Path, preset: Preset, subtitles: &Subtitles, violations: &[Violation]) -> String {
    let (name, cues) = (lossless(path), count(subtitles.cues.len() as u64, "cue", "cues"));
    let faults = |is_empty: bool| {
        let faults = subtitles.faults.iter();
        faults
            .filter(|fault| (fault.rule == FaultKind::NoText) == is_empty)
            .count() as u64
    };
    let mut lost = match faults(false) {
        0 => String::new(),
        lines => format!("; {} in no cue", count(lines, "line is", "lines are")),
    };
    if faults(true) > 0 {
        lost.push_str(&format!("; {} without text", count(faults(true), "cue", "cues")));
    }
    if violations.is_empty() {
        return format!("{name}: no violation of `{}` in {cues}{lost}\n", preset.name());
    }
    let head = ["cue", "time", "rule", "measured", "allowed"].map(str::to_owned);
    let rows = violations.iter().map(|violation| {
        [
            violation.cue.to_string(),
            clock(violation.start),
            violation.rule.name().to_owned(),
            decimal(violation.measured),
            decimal(violation.allowed),
        ]
    });
    let rows: Vec<[String; 5]> = std::iter::once(head).chain(rows).collect();
    let found = count(violations.len() as u64, "violation", "violations");
    format!(
        "{}{name}: {found} of `{}` in {cues}{lost}\n",
        aligned(&rows),
        preset.name()
    )
}

/// `HH:MM:SS.mmm`.
fn clock(milliseconds: u64) -> String {
    let (seconds, fraction) = (milliseconds / 1000, milliseconds % 1000);
    format!(
        "{:02}:{:02}:{:02}.{fraction:03}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// At most three decimals.
fn decimal(number: f64) -> String {
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn to_json(report: &Report) -> Value {
    let path = lossless(&report.path);
    let (subtitles, violations) = match &report.found {
        Ok(found) => found,
        Err(error) => return json!({ "path": path, "error": error }),
    };
    let rounded = |number: f64| (number * 1000.0).round() / 1000.0;
    let violations: Vec<Value> = violations
        .iter()
        .map(|violation| {
            json!({
                "cue": violation.cue,
                "start": violation.start as f64 / 1000.0,
                "rule": violation.rule,
                "measured": rounded(violation.measured),
                "allowed": rounded(violation.allowed),
            })
        })
        .collect();
    json!({
        "path": path, "format": subtitles.kind, "language": report.language, "cues": subtitles.cues.len(), "violations": violations,
        "faults": subtitles.faults
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_more_decimals_than_they_need() {
        assert_eq!(
            ["20", "0.833", "12.5"],
            [20.0, 0.833, 12.5].map(decimal).each_ref().map(String::as_str)
        );
        assert_eq!(clock(3_723_004), "01:02:03.004");
    }

    #[test]
    fn only_numbers_of_at_least_zero_are_limits() {
        assert_eq!(number("0.5"), Ok(0.5));
        for text in ["-1", "NaN", "inf", "x", ""] {
            assert!(number(text).is_err(), "{text}");
        }
    }
}
