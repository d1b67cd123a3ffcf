//! `cesar transcribe`.

use std::io::IsTerminal as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use clap::ArgMatches;
use clap::parser::ValueSource;
use plugin_api::document::Partial;
use serde_json::json;

use super::again;
use super::cache::explain::{self, Shown};
use super::formats::{Asked, Chosen};
use super::host::{self, Host};
use super::inputs::{self, Recording};
use super::intermediate::{self, Intermediate};
use super::models;
use super::outputs::{self, Place};
use super::progress::Show;
use super::side_by_side::{self, Turn, Turns};
use super::{Exit, Failure};
use crate::audio::{Slice, TrackChoice};
use crate::cache::Mode;
use crate::config::{Progress, Settings};
use crate::pipeline::{
    Address, FormatRequest, Input, Part, Pipeline, PipelineError, Plan, SpeakersRequest, StageRequest,
};
use crate::runner::CancelToken;

/// What was asked for, settled: whatever can be refused before work is refused by now.
pub(super) struct Work {
    pub(super) host: Host,
    pub(super) plan: Plan,
    pub(super) recordings: Vec<Recording>,
    /// How many of them are worked on at a time.
    at_a_time: usize,
    formats: Vec<String>,
    output: Option<PathBuf>,
    part: Part,
}

/// What becomes of models that are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// They may be fetched.
    Offered,
    /// They are told.
    Refused,
}

impl Work {
    /// Settles plugins, models, options and recordings.
    pub(super) fn settle(
        matches: &ArgMatches,
        settings: &Settings,
        mode: Mode,
        missing: Missing,
        show: &Show,
        cancel: &CancelToken,
    ) -> Result<Self, Failure> {
        let mut host = host::build(settings, mode).map_err(Failure::failed)?;
        for warning in &host.warnings {
            show.inform(&format!("warning: {warning}"));
        }
        let speakers = speakers(matches, settings);
        if missing == Missing::Offered {
            models::missing::offer(
                &mut host,
                settings,
                &host::stage(&settings.asr),
                &speakers,
                show.verbosity(),
            )?;
        }
        let named: Option<&PathBuf> = matches.get_one("output");
        let Chosen { formats, output, .. } = formats(
            matches,
            // Standard output is no name that an extension could be read from.
            named.filter(|file| !outputs::is_stdout(file)),
            settings,
            host.pipeline.will_tell_speakers(&speakers),
            show,
            &host,
        )?;
        let inputs: Vec<&PathBuf> = matches.get_many("inputs").into_iter().flatten().collect();
        let (mut recordings, skipped) = inputs::collect(&inputs).map_err(Failure::failed)?;
        for warning in &skipped {
            show.inform(&format!("warning: {warning}"));
        }
        let is_playlist = |recording: &Recording| recording.address.is_some() && settings.download.playlist;
        let known = match recordings.iter().any(is_playlist) {
            true => usize::MAX,
            false => recordings.len(),
        };
        let stages = matches.try_get_many::<String>("refresh-stage").ok().flatten();
        let mut asr = host::stage(&settings.asr);
        let at_a_time = side_by_side::at_a_time(settings.parallel, known, side_by_side::threads(&asr));
        side_by_side::share_cores(&host.pipeline, &mut asr, at_a_time);
        let mut plan = plan(&host.pipeline, settings, (&asr, &speakers, &formats), show, cancel)?
            .refreshing(stages.into_iter().flatten().cloned());
        if recordings.iter().any(|recording| recording.address.is_some()) {
            plan = host.pipeline.plan_downloads(plan, cancel)?;
            if settings.download.playlist {
                recordings = expand(&host.pipeline, recordings, show, cancel)?;
            }
        }
        Ok(Self {
            host,
            plan,
            recordings,
            at_a_time,
            formats,
            output: output.or_else(|| named.cloned()),
            part: Part {
                slice: slice(matches),
                ..host::part(settings)
            },
        })
    }

    /// Reads standard input, where it is one of the recordings. A pipe can be read once, so this comes when nothing else can be
    /// refused any more.
    pub(super) fn receive(&mut self, settings: &Settings, cancel: &CancelToken) -> Result<(), Failure> {
        let spool = settings
            .cache
            .dir
            .clone()
            .filter(|folder| folder.is_dir())
            .unwrap_or_else(std::env::temp_dir);
        for recording in &mut self.recordings {
            recording.receive(&spool, cancel)?;
        }
        Ok(())
    }

    /// A recording as the pipeline takes it.
    pub(super) fn input(&self, recording: &Recording) -> Input {
        Input {
            source: recording.source(),
            label: recording.label.clone(),
            part: self.part.clone(),
            retry: Some(again::command()),
        }
    }

    fn places(&self, matches: &ArgMatches, settings: &Settings) -> Result<Vec<Vec<Place>>, Failure> {
        // The settings' folder is for runs that name no file.
        let folder = settings
            .output
            .dir
            .as_deref()
            .filter(|_| self.output.is_none() || said(matches, "output.dir"));
        outputs::places(&self.recordings, &self.formats, self.output.as_ref(), folder).map_err(Failure::of_output)
    }
}

/// What the cache is used for. Not every command that settles work can be told to do it again.
pub(super) fn mode(matches: &ArgMatches, settings: &Settings) -> Mode {
    let refresh = matches.try_get_one("refresh").ok().flatten() == Some(&true);
    match (settings.cache.enabled, refresh) {
        (false, _) => Mode::Bypass,
        (true, true) => Mode::Refresh,
        (true, false) => Mode::ReadWrite,
    }
}

/// Does all inputs and says how it went.
pub(super) fn run(
    matches: &ArgMatches,
    settings: &Settings,
    verbosity: i8,
    cancel: &CancelToken,
) -> Result<Exit, Failure> {
    if matches.get_flag("cache-info") {
        return explain::run(matches, settings, verbosity, Shown::Summary, cancel);
    }
    let show = Show::new(progress_style(settings, verbosity), verbosity);
    let mut work = Work::settle(
        matches,
        settings,
        mode(matches, settings),
        Missing::Offered,
        &show,
        cancel,
    )?;
    let places = work.places(matches, settings)?;
    let intermediate: Option<&PathBuf> = matches.get_one("keep-intermediate");
    let intermediates = intermediate
        .map(|folder| intermediate::places(&work.recordings, folder))
        .transpose()
        .map_err(Failure::of_output)?;
    work.receive(settings, cancel)?;

    let mut intermediates = intermediates.unwrap_or_default().into_iter();
    let tasks: Vec<_> = (work.recordings.iter().zip(places))
        .map(|(recording, places)| Task {
            recording,
            places,
            intermediate: Mutex::new(intermediates.next()),
        })
        .collect();
    if tasks.len() > 1 {
        show.name_recordings();
    }
    let (turns, done) = (Turns::default(), Mutex::new(Done::of(tasks.len())));
    side_by_side::each(&tasks, work.at_a_time, |index, task| {
        let result = one(&work, task, &turns.of(index), &show, cancel);
        let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
        done.add(task.recording, result, &show)
    });
    let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.exit(&work.host.pipeline, &show)
}

/// One recording and where its transcript goes.
struct Task<'a> {
    recording: &'a Recording,
    places: Vec<Place>,
    /// Taken when it is begun.
    intermediate: Mutex<Option<Intermediate>>,
}

struct Done {
    inputs: usize,
    failed: usize,
    /// Transcripts that lack something.
    partial: usize,
    interrupted: bool,
    /// What the engine refuses for every input.
    refused: Option<Failure>,
}

impl Done {
    fn of(inputs: usize) -> Self {
        Self {
            inputs,
            failed: 0,
            partial: 0,
            interrupted: false,
            refused: None,
        }
    }

    /// How one went, and whether others are begun.
    fn add(&mut self, recording: &Recording, result: Result<Whole, Failure>, show: &Show) -> ControlFlow<()> {
        match result {
            Ok(Whole::Yes) => {}
            Ok(Whole::No) => self.partial += 1,
            Err(Failure { interrupted: true, .. }) => {
                self.interrupted = true;
                return ControlFlow::Break(());
            }
            // An option that the engine refuses is refused for every input.
            Err(failure) if failure.exit == Exit::Usage => {
                self.refused.get_or_insert(failure);
                return ControlFlow::Break(());
            }
            Err(failure) => {
                self.failed += 1;
                let Failure { text, code, .. } = &failure;
                show.json(&json!({ "type": "error", "input": recording.label, "code": code, "message": text }));
                show.complain(text);
            }
        }
        ControlFlow::Continue(())
    }

    fn exit(self, pipeline: &Pipeline, show: &Show) -> Result<Exit, Failure> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        let exit = match (self.interrupted, self.failed) {
            (true, _) => Exit::Interrupted,
            (false, 0) if self.partial > 0 => Exit::Partial,
            (false, 0) => Exit::Done,
            (false, failed) if failed == self.inputs => Exit::Failed,
            (false, _) => Exit::SomeFailed,
        };
        if self.interrupted {
            super::complain("interrupted; finished stages are kept in the cache");
        }
        show.json(&json!({
            "type": "done",
            "exit_code": exit as u8,
            "inputs": self.inputs,
            "failed": self.failed,
            "partial": self.partial,
            "runner_starts": pipeline.runners.starts(),
            "stage_runs": pipeline.runners.runs(),
        }));
        Ok(exit)
    }
}

fn progress_style(settings: &Settings, verbosity: i8) -> Progress {
    settings
        .log
        .progress
        .unwrap_or(match std::io::stderr().is_terminal() && verbosity >= 0 {
            true => Progress::Bar,
            false => Progress::None,
        })
}

/// The formats to write and the name of the output, which is asked to be `output`; a name that is corrected is told.
fn formats(
    matches: &ArgMatches,
    output: Option<&PathBuf>,
    settings: &Settings,
    speakers: bool,
    show: &Show,
    host: &Host,
) -> Result<Chosen, Failure> {
    let asked = Asked {
        formats: &settings.output.formats,
        on_command_line: said(matches, "output.formats"),
        output: output.map(PathBuf::as_path),
        speakers,
        correct: settings.output.correct_extension,
        known: &host.pipeline.formats(),
    };
    let chosen = asked.choose()?;
    if let (true, Some(asked), Some(file)) = (chosen.corrected, output, &chosen.output) {
        show.inform(&format!(
            "writing {} instead of {}, because there are speakers; -f txt or --keep-extension keeps the name",
            file.display(),
            asked.display()
        ));
    }
    Ok(chosen)
}

/// Speakers as asked for. Whoever says something about them on the command line wants them.
fn speakers(matches: &ArgMatches, settings: &Settings) -> SpeakersRequest {
    const ABOUT: [&str; 6] = [
        "diarize.plugin",
        "diarize.num_speakers",
        "diarize.min_speakers",
        "diarize.max_speakers",
        "diarize.options",
        "diarize.speaker_names",
    ];
    let mut speakers = host::speakers(&settings.diarize);
    speakers.channels |= settings.audio.track == TrackChoice::All;
    let is_said = || ABOUT.iter().any(|setting| said(matches, setting));
    speakers.wanted = speakers.wanted.or_else(|| is_said().then_some(true));
    speakers
}

/// Whether a setting was said on the command line, not by the file or the environment.
fn said(matches: &ArgMatches, setting: &str) -> bool {
    matches.value_source(setting) == Some(ValueSource::CommandLine)
}

/// Settles everything that can be refused before work, and says what was chosen where nothing was asked for.
fn plan(
    pipeline: &Pipeline,
    settings: &Settings,
    (asr, speakers, formats): (&StageRequest, &SpeakersRequest, &[String]),
    show: &Show,
    cancel: &CancelToken,
) -> Result<Plan, Failure> {
    let format_stage = host::stage(&settings.format);
    let requests = formats.iter().map(|format| FormatRequest {
        format: format.clone(),
        stage: format_stage.clone(),
    });
    let plan = pipeline.plan(asr, speakers, &requests.collect::<Vec<_>>(), cancel)?;
    let model_chosen = plan.model().is_some() && !settings.asr.options.contains_key("model");
    if settings.asr.plugin.is_none() || model_chosen {
        let model = plan
            .model()
            .map(|model| format!(" with model {model}"))
            .unwrap_or_default();
        show.inform(&format!(
            "transcribing by {}{model}; choose with --asr-plugin and --model",
            plan.engine()
        ));
    }
    if speakers.wanted.is_none() && plan.tells_speakers() {
        show.inform("telling speakers apart; --no-diarize leaves that out");
    }
    Ok(plan)
}

/// Puts the recordings of playlists in their place.
fn expand(
    pipeline: &Pipeline,
    recordings: Vec<Recording>,
    show: &Show,
    cancel: &CancelToken,
) -> Result<Vec<Recording>, Failure> {
    let mut expanded = Vec::new();
    for recording in recordings {
        let Some(address) = &recording.address else {
            expanded.push(recording);
            continue;
        };
        let entries = pipeline.playlist(address, &show.watch(&recording.label), cancel)?;
        show.inform(&format!("{address}: {} recordings", entries.len()));
        for entry in entries {
            let address = Address::parse(&entry.url).map_err(Failure::failed)?;
            show.inform(&format!("  {address} {}", entry.title.unwrap_or_default()));
            expanded.push(inputs::address(address));
        }
    }
    Ok(expanded)
}

fn slice(matches: &ArgMatches) -> Slice {
    let time = |name: &str| matches.get_one::<u64>(name).copied();
    let start_ms = time("start-time").unwrap_or_default();
    let end_ms = time("end-time").or(time("max-duration").map(|length| start_ms + length));
    Slice { start_ms, end_ms }
}

fn one(work: &Work, task: &Task<'_>, turn: &Turn<'_>, show: &Show, cancel: &CancelToken) -> Result<Whole, Failure> {
    if cancel.is_cancelled() {
        return Err(PipelineError::Interrupted.into());
    }
    let (pipeline, plan, recording) = (&work.host.pipeline, &work.plan, task.recording);
    let input = work.input(recording);
    let mut intermediate = (task.intermediate.lock().unwrap_or_else(PoisonError::into_inner)).take();
    let watched = show.watch(&recording.label);
    let transcript = match &mut intermediate {
        Some(files) => pipeline.run_keeping(plan, &input, &mut |artifact| files.write(&artifact), &watched, cancel),
        None => pipeline.run(plan, &input, &watched, cancel),
    };
    drop(watched);
    let transcript = transcript.map_err(|error| naming(recording, error))?;
    if task.places.contains(&Place::Stdout) {
        turn.wait();
    }
    for (rendering, place) in transcript.renderings.iter().zip(&task.places) {
        outputs::write(place, &rendering.text).map_err(Failure::of_output)?;
        if let Place::File(file) = place {
            show.json(&json!({ "type": "written", "input": recording.label, "path": file }));
            show.inform(&format!("{} → {}", recording.label, Path::display(file)));
        }
    }
    intermediate
        .map_or(Ok(()), Intermediate::finish)
        .map_err(Failure::of_output)?;
    match &transcript.partial {
        None => Ok(Whole::Yes),
        Some(partial) => {
            tell_partial(&recording.label, partial, pipeline.cache.is_some(), show);
            Ok(Whole::No)
        }
    }
}

/// Whether a transcript lacks nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whole {
    Yes,
    No,
}

/// What is `kept` of a run is not done again.
fn tell_partial(label: &str, partial: &Partial, kept: bool, show: &Show) {
    show.json(
        &json!({ "type": "partial", "input": label, "stage": partial.stage, "reason": partial.reason,
        "message": partial.message, "retry": partial.retry }),
    );
    let alone = if kept { ", and nothing else" } else { "" };
    let retry = partial
        .retry
        .iter()
        .map(|command| format!("\nto try that again{alone}: {command}"));
    let lack = match partial.stage.as_str() {
        "decode" => "the transcript is incomplete",
        _ => "the transcript is without speakers",
    };
    show.complain(&format!(
        "{label}: {lack}: {}{}",
        partial.message,
        retry.collect::<String>()
    ));
}

/// What came through standard input has a path that means nothing to a person.
pub(super) fn naming(recording: &Recording, error: PipelineError) -> Failure {
    let mut failure = Failure::from(error);
    failure.text = failure.text.replace(
        &format!("`{}`", recording.path.display()),
        &format!("`{}`", recording.label),
    );
    failure
}
