//! `cesar watch`: transcripts of every recording that appears in folders.
//!
//! A thin loop: a file settles (`settle`), is transcribed and written as by `cesar transcribe`, and is moved (`processor`, `moves`). Nothing
//! has to be saved at the end: a later start finds finished work in the record (`ledger`), the cache and the folders.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cesar_base::names::shown;
use cesar_config::Settings;
use cesar_runner::CancelToken;
use clap::ValueHint;

use super::args::{SettingFlags, group};
use super::outputs::Outputs;
use super::progress::Show;
use super::report::{Exit, Failure};
use super::times;
use super::transcribe::progress_style;
use super::work::{Asked, Missing, PartArgs, Work, mode};

mod folders;
mod ledger;
mod moves;
mod processor;
mod settle;
mod watcher;
mod writers;

use folders::Folders;
use ledger::Ledger;
use processor::Processor;
use watcher::Watcher;

/// Two looks are never closer.
const SHORTEST_SETTLE_TIME: Duration = Duration::from_millis(100);

/// The command's arguments.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Folders to watch, with the folders below them
    #[arg(value_name = "FOLDER", required = true, num_args = 1.., value_hint = ValueHint::DirPath)]
    folders: Vec<PathBuf>,
    /// Move recordings with a transcript to this folder (default: they stay)
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Recordings")]
    done_dir: Option<PathBuf>,
    /// Move recordings that cannot be transcribed to this folder, each with its error in `NAME.error.txt` (default: they stay)
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Recordings")]
    failed_dir: Option<PathBuf>,
    /// Exit when every recording that is there has been transcribed
    #[arg(long)]
    once: bool,
    /// Time without a change after which a closed file is complete: seconds or [HH:]MM:SS[.fff]
    #[arg(long, value_name = "TIME", default_value = "2", value_parser = times::parse, help_heading = "Recordings")]
    settle_time: u64,
    /// Look for changes at intervals, as on network file systems, instead of being notified
    #[arg(long)]
    poll: bool,
    #[command(flatten)]
    settings: SettingFlags<group::Watch>,
}

/// Watches until the user interrupts, or with `--once` until nothing is left.
pub(super) fn run(args: &Args, settings: &Settings, verbosity: i8, cancel: &CancelToken) -> Result<Exit, Failure> {
    let Some(output) = settings.output.dir.as_deref() else {
        return Err(Failure::usage("no folder for transcripts; name one with --output-dir"));
    };
    let (done, failed) = (args.done_dir.as_deref(), args.failed_dir.as_deref());
    let others: Vec<&Path> = done.into_iter().chain(failed).collect();
    let folders = Folders::new(&args.folders, &others)?;
    if let Some(missing) = folders.missing().next().filter(|_| args.once) {
        return Err(Failure::failed(format!(
            "the folder `{}` does not exist",
            shown(missing)
        )));
    }
    for folder in others.iter().copied().chain([output]) {
        let writable = std::fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder));
        writable.map_err(|error| Failure::failed(format!("`{}` cannot be written: {error}", shown(folder))))?;
    }
    let show = Show::new(progress_style(settings, verbosity), verbosity);
    let asked = Asked {
        inputs: &[],
        part: &PartArgs::default(),
        original: false,
        script: None,
        later: true,
        given: args.settings.given(),
    };
    let mode = mode(settings, false);
    let work = Work::prepare(asked, &[], settings, mode, Missing::Offered, &show, cancel)?;
    let state = settings.folders.state();
    let (outputs, ledger) = (Outputs::one_by_one(state.as_deref()), Ledger::open(state.as_deref()));
    let processor = Processor {
        work: &work,
        outputs: &outputs,
        ledger: &ledger,
        output,
        done,
        failed,
        show: &show,
        cancel,
    };
    let settle_time = Duration::from_millis(args.settle_time).max(SHORTEST_SETTLE_TIME);
    Watcher::new(&processor, folders, settle_time, args.once).run(args.poll)
}
