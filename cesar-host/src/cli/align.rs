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

use super::args::{SettingFlags, group, whole};
use super::inputs::InputError;
use super::outputs::is_stdout;
use super::report::{Exit, Failure};
use super::transcribe::{RunArgs, run_asked};
use super::work::{Asked, PartArgs};

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
    #[arg(long, value_name = "PERCENT", default_value_t = 25, value_parser = whole(0_u64, Some(100)))]
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
        later: false,
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
