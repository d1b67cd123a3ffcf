//! `cesar transcribe`.

use std::io::{self, IsTerminal as _, Write};
use std::path::PathBuf;

use cesar_base::names::{lossless, shown, visible};
use cesar_config::{Progress, Settings};
use cesar_pipeline::{PipelineError, Stage, Transcript};
use cesar_runner::CancelToken;
use clap::ValueHint;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use parking_lot::Mutex;
use plugin_api::document::Partial;
use serde_json::json;

use super::alignment_report;
use super::cache::explain::{self, Refreshed, Shown};
use super::corrections;
use super::humanize::count;
use super::inputs::{InputError, Recording, Unusable};
use super::intermediate::{self, Intermediate};
use super::outputs::{self, Clobbering, Content, Outputs, Place, Replaced};
use super::parallel::{self, OutputOrder, Turn};
use super::progress::Show;
use super::report::{Exit, Failure};
use super::summary::{Done, Outcome};
use super::work::{Asked, Missing, Work, WorkArgs, mode};

/// The command's arguments.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    work: WorkArgs,
    #[command(flatten)]
    run: RunArgs,
}

/// The arguments of a run, for `align`, too.
#[derive(clap::Args)]
pub(super) struct RunArgs {
    /// Ignore cached results and recompute everything
    #[arg(long, conflicts_with = "cache.enabled", help_heading = "Cache")]
    refresh: bool,
    /// Recompute this stage (later stages only if its output changes); repeatable
    #[arg(
        long,
        value_name = "STAGE",
        value_parser = PossibleValuesParser::new(Stage::ALL.map(Stage::name)).try_map(|name| name.parse::<Stage>()),
        conflicts_with_all = ["cache.enabled", "refresh"],
        help_heading = "Cache"
    )]
    refresh_stage: Vec<Stage>,
    /// Replace files of other recordings in the output folder instead of choosing another name
    #[arg(long, help_heading = "Output")]
    overwrite: bool,
    /// Keep files that are there: a recording is transcribed only for those that are missing
    #[arg(long, conflicts_with = "overwrite", help_heading = "Output")]
    no_clobber: bool,
    /// Write each transcript into the folder of its recording
    #[arg(long, conflicts_with_all = ["output", "output.dir"], help_heading = "Output")]
    beside: bool,
    /// Save the output of each stage to this folder: audio, recognition, speaker turns, document
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Output")]
    keep_intermediate: Option<PathBuf>,
    /// Show what is cached, without running anything
    #[arg(long, conflicts_with = "cache.enabled", help_heading = "Cache")]
    cache_info: bool,
    /// Print JSON (stable schema)
    #[arg(long, requires = "cache_info", help_heading = "Cache")]
    json: bool,
}

/// Transcribes all inputs and reports the outcome.
pub(super) fn run(args: &Args, settings: &Settings, verbosity: i8, cancel: &CancelToken) -> Result<Exit, Failure> {
    run_asked(args.work.asked(), &args.run, settings, verbosity, cancel)
}

/// Does what a command asks for, or shows what is cached for it.
pub(super) fn run_asked(
    asked: Asked<'_>,
    args: &RunArgs,
    settings: &Settings,
    verbosity: i8,
    cancel: &CancelToken,
) -> Result<Exit, Failure> {
    if args.cache_info {
        let refreshed = Refreshed {
            all: args.refresh,
            stages: &args.refresh_stage,
        };
        return explain::run(asked, refreshed, args.json, settings, verbosity, Shown::Summary, cancel);
    }
    let show = Show::new(progress_style(settings, verbosity), verbosity);
    let mut work = Work::prepare(
        asked,
        &args.refresh_stage,
        settings,
        mode(settings, args.refresh),
        Missing::Offered,
        &show,
        cancel,
    )?;
    let places = match work.recordings.is_empty() {
        true => Vec::new(),
        false => work.places(asked, args.beside, settings)?,
    };
    let intermediates = (args.keep_intermediate.as_ref())
        .map(|folder| intermediate::places(&work.recordings, folder))
        .transpose()?;
    let has_headings = work.has_headings(&places, settings);
    let state = settings.folders.state();
    let clobbering = match (args.overwrite, args.no_clobber) {
        (true, _) => Clobbering::Any,
        (_, true) => Clobbering::None,
        _ => Clobbering::Own,
    };
    let outputs = Outputs::new(&work.recordings, &places, clobbering, state.as_deref());
    let received = work.receive(settings, cancel);

    let mut intermediates = intermediates.unwrap_or_default().into_iter();
    let tasks: Vec<_> = (work.recordings.iter().zip(places).zip(received))
        .map(|((recording, place), refused)| Task {
            intermediate: Mutex::new(intermediates.next()),
            refused: Mutex::new(refused),
            has_heading: has_headings,
            ..Task::of(recording, place)
        })
        .collect();
    if tasks.len() > 1 {
        show.name_recordings(tasks.len());
    }
    let mut done = Done::of(tasks.len());
    for Unusable { input, error } in std::mem::take(&mut work.failed) {
        done.inputs += 1;
        // Nothing is done yet that could be broken off.
        let _ = done.add(&input, Err(error.into()), &show);
    }
    let (order, done) = (OutputOrder::default(), Mutex::new(done));
    parallel::each(&tasks, work.at_a_time, |index, task| {
        let label = &task.recording.label;
        let result = parallel::contained(label, || {
            run_task(&work, task, &outputs, &order.turn(index), &show, cancel)
        });
        let result = result.map(|finished| finished.outcome);
        let mut done = done.lock();
        done.add(&task.recording.input, result, &show)
    });
    let done = done.into_inner();
    done.exit(&work.host, &show, cancel)
}

/// One recording and where its transcript goes.
pub(super) struct Task<'a> {
    recording: &'a Recording,
    place: Place,
    pub(super) replaced: Replaced,
    /// Taken when it is begun.
    intermediate: Mutex<Option<Intermediate>>,
    /// The error of receiving it; taken likewise.
    refused: Mutex<Option<InputError>>,
    /// Whether the recording's name stands above its transcript on standard output.
    has_heading: bool,
}

impl<'a> Task<'a> {
    pub(super) fn of(recording: &'a Recording, place: Place) -> Self {
        Self {
            recording,
            place,
            replaced: Replaced::default(),
            intermediate: Mutex::default(),
            refused: Mutex::default(),
            has_heading: false,
        }
    }
}

/// A transcribed recording.
pub(super) struct Finished {
    pub(super) outcome: Outcome,
    /// The written files.
    pub(super) files: Vec<PathBuf>,
}

pub(super) fn progress_style(settings: &Settings, verbosity: i8) -> Progress {
    settings
        .log
        .progress
        .unwrap_or(match std::io::stderr().is_terminal() && verbosity >= 0 {
            true => Progress::Bar,
            false => Progress::None,
        })
}

/// Transcribes one recording and writes its files.
pub(super) fn run_task(
    work: &Work,
    task: &Task<'_>,
    outputs: &Outputs,
    turn: &Turn<'_>,
    show: &Show,
    cancel: &CancelToken,
) -> Result<Finished, Failure> {
    let taken = |of: &Mutex<Option<InputError>>| of.lock().take();
    if let Some(refused) = taken(&task.refused) {
        return Err(refused.into());
    }
    if cancel.is_cancelled() {
        return Err(PipelineError::Interrupted.into());
    }
    let (pipeline, plan, recording) = (&work.host.pipeline, &work.plan, task.recording);
    if let Some(kept) = outputs.kept(&task.place, &work.extensions()) {
        show.json(&json!({ "type": "kept", "input": recording.input }));
        show.inform(&format!("{}: kept {}", recording.label, shown(&kept)));
        return Ok(Finished {
            outcome: Outcome::Kept,
            files: vec![kept],
        });
    }
    let input = work.input(recording);
    let mut intermediate = task.intermediate.lock().take();
    let watched = show.watch(&recording.label, &recording.input);
    let transcript = match &mut intermediate {
        Some(files) => pipeline.run_keeping(plan, &input, &mut |artifact| files.write(&artifact), &watched, cancel),
        None => pipeline.run(plan, &input, &watched, cancel),
    };
    drop(watched);
    let transcript = transcript?;
    outputs.withdraw_earlier(&task.replaced);
    let files = write(&transcript, task, outputs, turn, show)?;
    outputs.withdraw_same(&task.replaced, &transcript.media, &files);
    if let Some(replacements) = transcript.replacements {
        show.json(&json!({ "type": "glossary", "input": recording.input, "replacements": replacements }));
        let replacements = count(replacements, "replacement", "replacements");
        show.inform(&format!("{}: {replacements} by the glossary", recording.label));
    }
    if let Some(applied) = &transcript.corrections {
        corrections::report(&recording.label, &recording.input, applied, show);
    }
    if let Some(fit) = &transcript.align {
        alignment_report::report(&recording.label, &recording.input, fit, show);
    }
    if let Some(intermediate) = intermediate {
        let wrote = intermediate.finish(outputs, &transcript.media)?;
        wrote.note.iter().for_each(|note| show.inform(note));
    }
    if let Some(partial) = &transcript.partial {
        report_partial(recording, partial, pipeline.cache().is_some(), show);
    }
    let (found, computed): (Vec<_>, Vec<_>) = (transcript.stages.iter()).partition(|stage| stage.outcome.is_found());
    let outcome = Outcome::Transcribed {
        partial: transcript.partial.is_some(),
        cached: computed.is_empty(),
        saved_ms: found.iter().map(|stage| stage.ms.unsigned_abs()).sum(),
    };
    Ok(Finished { outcome, files })
}

/// Writes a transcript to its place, and reports and returns the files.
fn write(
    transcript: &Transcript,
    task: &Task<'_>,
    outputs: &Outputs,
    turn: &Turn<'_>,
    show: &Show,
) -> Result<Vec<PathBuf>, Failure> {
    let recording = task.recording;
    if task.place == Place::Stdout {
        turn.wait();
        let is_terminal = io::stdout().is_terminal();
        let mut texts = transcript.renderings.iter();
        if let Some(binary) = texts
            .clone()
            .find(|one| is_terminal && str::from_utf8(&one.bytes).is_err())
        {
            return Err(outputs::not_text(&binary.format));
        }
        // A pipe that is full would stop the display, and with it the other recordings.
        let print = |bytes: &[u8]| match is_terminal {
            true => show.suspend(|| outputs::print(bytes)),
            false => outputs::print(bytes),
        };
        if task.has_heading {
            let heading = format!("==> {} <==\n", visible(&recording.label));
            let below = texts.flat_map(|rendering| [&rendering.bytes[..], b"\n"]);
            [heading.as_bytes()].into_iter().chain(below).try_for_each(print)?;
        } else {
            texts.try_for_each(|rendering| print(&rendering.bytes[..]))?;
        }
        return Ok(Vec::new());
    }
    let fills: Vec<_> = (transcript.renderings.iter())
        .map(|rendering| |file: &mut dyn Write| file.write_all(&rendering.bytes))
        .collect();
    let contents: Vec<_> = (transcript.renderings.iter().zip(&fills))
        .map(|(rendering, fill)| Content {
            extension: &rendering.extension,
            fill,
        })
        .collect();
    let wrote = outputs.write(&task.place, &transcript.media, &contents)?;
    wrote.note.iter().for_each(|note| show.inform(note));
    for file in &wrote.files {
        show.json(&json!({ "type": "written", "input": recording.input, "path": lossless(file) }));
        show.inform(&format!("{} → {}", recording.label, shown(file)));
    }
    Ok(wrote.files)
}

/// Reports what is missing; stages that are `kept` in the cache are not repeated.
fn report_partial(recording: &Recording, partial: &Partial, kept: bool, show: &Show) {
    show.json(
        &json!({ "type": "partial", "input": recording.input, "stage": partial.stage, "reason": partial.reason,
        "message": partial.message, "retry": partial.retry }),
    );
    let how = if kept { "to retry only this stage" } else { "to retry" };
    let retry = partial.retry.iter().map(|command| format!("\n{how}: {command}"));
    let lack = match partial.stage.parse() {
        Ok(Stage::Decode) => "the transcript is incomplete",
        _ => "the transcript has no speakers",
    };
    show.print_error(&format!(
        "{}: {lack}: {}{}",
        recording.label,
        partial.message,
        retry.collect::<String>()
    ));
}
