//! Work of one command line: plugins, models, options, recordings and outputs, decided before any of it runs.

use std::path::PathBuf;

use cesar_audio::{Slice, TrackChoice};
use cesar_base::names::{shown, visible};
use cesar_cache::Mode;
use cesar_config::Settings;
use cesar_pipeline::{
    Address, AddressPolicy, FormatRequest, Input, NamedGlossary, NamedScript, Part, Pipeline, PipelineError, Plan,
    Prompted, SpeakersRequest, Stage, StageRequest,
};
use cesar_runner::CancelToken;
use clap::ValueHint;
use plugin_api::manifest::Several;

use super::args::{Given, SettingFlags, group};
use super::corrections;
use super::formats::{self, Chosen};
use super::host::{self, Host};
use super::inputs::{self, Collected, InputError, Recording, Unusable};
use super::models;
use super::outputs::{self, OutputError, Place};
use super::parallel;
use super::progress::Show;
use super::report::Failure;
use super::{retry_command, times};

/// The arguments of `transcribe` and `cache explain`.
#[derive(clap::Args)]
pub(super) struct WorkArgs {
    /// Files, folders, URLs such as `https://example.org/talk.mp3`, or `-` for standard input
    #[arg(value_name = "INPUT", required = true, num_args = 1.., value_hint = ValueHint::AnyPath)]
    inputs: Vec<PathBuf>,
    #[command(flatten)]
    part: PartArgs,
    /// Write the text as it was recognised, without the corrections of `cesar edit` and of the server
    #[arg(long, visible_alias = "no-corrections", help_heading = "Output")]
    original: bool,
    #[command(flatten)]
    settings: SettingFlags<group::Transcribe>,
}

/// The arguments about one recording: where its text goes, and which part of it is used.
#[derive(Default, clap::Args)]
pub(super) struct PartArgs {
    /// Output file (default: standard output, `-`); its extension sets the format unless --format is given
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    output: Option<PathBuf>,
    /// Start of the part to transcribe: seconds or [HH:]MM:SS[.fff]
    #[arg(long, value_name = "TIME", value_parser = times::parse, help_heading = "Recordings")]
    start_time: Option<u64>,
    /// End of the part to transcribe: seconds or [HH:]MM:SS[.fff]
    #[arg(long, value_name = "TIME", value_parser = times::parse, help_heading = "Recordings")]
    end_time: Option<u64>,
    /// Length of the part to transcribe: seconds or [HH:]MM:SS[.fff]
    #[arg(long, value_name = "TIME", value_parser = times::parse, help_heading = "Recordings", conflicts_with = "end_time")]
    max_duration: Option<u64>,
}

/// A command's request, beside the settings.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) inputs: &'a [PathBuf],
    pub(super) part: &'a PartArgs,
    /// Whether users' corrections are left out.
    pub(super) original: bool,
    /// The text whose words get times.
    pub(super) script: Option<&'a NamedScript>,
    /// Whether the recordings come later, one by one, as for `cesar watch`.
    pub(super) later: bool,
    pub(super) given: Given<'a>,
}

impl WorkArgs {
    pub(super) fn asked(&self) -> Asked<'_> {
        Asked {
            inputs: &self.inputs,
            part: &self.part,
            original: self.original,
            script: None,
            later: false,
            given: self.settings.given(),
        }
    }
}

/// A checked request: every refusal that is possible before work has happened.
pub(super) struct Work {
    pub(super) host: Host,
    pub(super) plan: Plan,
    pub(super) recordings: Vec<Recording>,
    /// Inputs in which there is no recording.
    pub(super) failed: Vec<Unusable>,
    /// Recordings that run at a time.
    pub(super) at_a_time: usize,
    formats: Vec<String>,
    output: Option<PathBuf>,
    part: Part,
    /// The command that retries the run, unless recordings come later.
    retry: Option<String>,
}

/// Treatment of missing models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// Offer a download.
    Offered,
    /// Refuse the run.
    Refused,
}

impl PartArgs {
    fn slice(&self) -> Slice {
        let start_ms = self.start_time.unwrap_or_default();
        let by_length = self.max_duration.map(|length| start_ms.saturating_add(length));
        Slice {
            start_ms,
            end_ms: self.end_time.or(by_length),
        }
    }
}

impl Work {
    /// Resolves plugins, models, options and recordings.
    pub(super) fn prepare(
        asked: Asked<'_>,
        refreshed: &[Stage],
        settings: &Settings,
        mode: Mode,
        missing: Missing,
        show: &Show,
        cancel: &CancelToken,
    ) -> Result<Self, Failure> {
        let mut host = host::build_sharing(settings, mode, AddressPolicy::Any)?;
        for warning in &host.warnings {
            show.warn_of_run(warning);
        }
        let glossaries = host::glossaries(settings);
        let glossary = glossaries.of_settings().map_err(PipelineError::from)?;
        if glossary.is_none() && glossaries.prompt() && asked.given.has("glossary.prompt") {
            show.warn_of_run("--glossary-prompt has no effect without a glossary; add --glossary");
        }
        let speakers = speakers(asked, settings);
        if let Some(warning) = without_effect(asked, settings) {
            show.warn_of_run(warning);
        }
        if missing == Missing::Offered {
            models::missing::offer(
                &mut host,
                settings,
                &host::stage(&settings.asr),
                &speakers,
                show.verbosity(),
            )?;
        }
        let named = asked.part.output.as_ref();
        let Chosen { formats, output, .. } = choose_formats(
            asked,
            // Standard output is no name that an extension could be read from.
            named.filter(|file| !outputs::is_stdout(file)),
            settings,
            asked.script.is_some_and(NamedScript::has_speakers) || host.pipeline.will_identify_speakers(&speakers),
            show,
            &host,
        )?;
        let Collected {
            mut recordings,
            mut failed,
            skipped,
            passed_over,
        } = inputs::collect(asked.inputs, cancel)?;
        for warning in &skipped {
            show.warn_of_run(&warning.to_string());
        }
        for passed_over in passed_over.iter().filter(|_| show.verbosity() >= 1) {
            show.inform(&passed_over.to_string());
        }
        let is_playlist = |recording: &Recording| recording.address.is_some() && settings.download.playlist;
        let known = match asked.later || recordings.iter().any(is_playlist) {
            true => usize::MAX,
            false => recordings.len(),
        };
        let mut asr = host::stage(&settings.asr);
        if let Some(glossary) = glossary.as_ref().filter(|_| glossaries.prompt()) {
            asr = prompted(&host.pipeline, &asr, glossary, show)?;
        }
        if asked.script.is_some() {
            asr = host.pipeline.with_word_times(asr)?;
        }
        let at_a_time = parallel::at_a_time(settings.parallel, known, parallel::threads(&asr));
        parallel::share_cores(&host.pipeline, &mut asr, at_a_time);
        let planned = show.preparing(|| plan(&host.pipeline, settings, (&asr, &speakers, &formats), show, cancel));
        let mut plan = planned?.with_glossary(glossary).refreshing(refreshed.iter().copied());
        if let Some(script) = asked.script {
            plan = plan.aligning(script.clone());
        }
        if !asked.original
            && let Some(corrections) = corrections::of_transcripts(settings)?
        {
            plan = plan.correcting(corrections);
        }
        if recordings.iter().any(|recording| recording.address.is_some()) {
            plan = host.pipeline.plan_downloads(plan, cancel)?;
            if settings.download.playlist {
                recordings = expand(&host.pipeline, recordings, &mut failed, show, cancel)?;
            }
        }
        Ok(Self {
            host,
            plan,
            recordings,
            failed,
            at_a_time,
            formats,
            output: output.or_else(|| named.cloned()),
            part: Part {
                slice: asked.part.slice(),
                ..host::part(settings)
            },
            retry: (!asked.later).then(retry_command::command),
        })
    }

    /// Reads standard input and other pipes, where they are among the recordings; those that cannot be read are failed inputs. A pipe
    /// can be read once, so this comes when nothing else can be refused any more.
    pub(super) fn receive(&mut self, settings: &Settings, cancel: &CancelToken) -> Vec<Option<InputError>> {
        let spool = settings
            .cache
            .dir
            .clone()
            .filter(|folder| folder.is_dir())
            .unwrap_or_else(std::env::temp_dir);
        let recordings = self.recordings.iter_mut();
        recordings
            .map(|recording| recording.receive(&spool, cancel).err())
            .collect()
    }

    /// A recording as the pipeline takes it.
    pub(super) fn input(&self, recording: &Recording) -> Input {
        Input {
            source: recording.source(),
            label: recording.label.clone(),
            part: self.part.clone(),
            retry: self.retry.clone(),
        }
    }

    pub(super) fn places(&self, asked: Asked<'_>, beside: bool, settings: &Settings) -> Result<Vec<Place>, Failure> {
        if beside {
            return outputs::beside(&self.recordings).map_err(Failure::from);
        }
        // The settings' folder is for runs that name no file.
        let folder = settings
            .output
            .dir
            .as_deref()
            .filter(|_| self.output.is_none() || asked.given.has("output.dir"));
        let places = outputs::places(&self.recordings, &self.formats, self.output.as_ref(), folder)?;
        let unfit = self.formats.iter().find(|format| {
            let several = self.several(format, settings);
            !matches!(several, Some(Several::Named | Several::Stream))
        });
        match unfit.filter(|_| are_several(&places)) {
            Some(format) => Err(OutputError::StdoutForMany(places.len(), format.clone()).into()),
            None => Ok(places),
        }
    }

    /// Whether the transcripts at these places stand below the names of their recordings.
    pub(super) fn has_headings(&self, places: &[Place], settings: &Settings) -> bool {
        let is_named = |format: &String| self.several(format, settings) == Some(Several::Named);
        are_several(places) && self.formats.iter().all(is_named)
    }

    fn several(&self, format: &str, settings: &Settings) -> Option<Several> {
        self.host.pipeline.several(&FormatRequest {
            format: format.to_owned(),
            stage: host::stage(&settings.format),
        })
    }
}

impl Work {
    /// The ends of the names of a recording's files, without the dot.
    pub(super) fn extensions(&self) -> Vec<String> {
        let known = self.host.pipeline.format_extensions();
        let extension = |format: &String| known.iter().find(|(name, _)| name == format).map(|(_, end)| end);
        let end = |format: &String| extension(format).unwrap_or(format).clone();
        self.formats.iter().map(end).collect()
    }
}

/// Whether several transcripts go to standard output.
fn are_several(places: &[Place]) -> bool {
    places.iter().filter(|place| **place == Place::Stdout).count() > 1
}

/// Use of the cache.
pub(super) fn mode(settings: &Settings, refresh: bool) -> Mode {
    match (settings.cache.enabled, refresh) {
        (false, _) => Mode::Bypass,
        (true, true) => Mode::Refresh,
        (true, false) => Mode::ReadWrite,
    }
}

/// The formats to write and the name of the output. Reports a corrected name.
fn choose_formats(
    command: Asked<'_>,
    output: Option<&PathBuf>,
    settings: &Settings,
    speakers: bool,
    show: &Show,
    host: &Host,
) -> Result<Chosen, Failure> {
    let with_speakers = host.pipeline.format_with_speakers();
    let asked = formats::Asked {
        formats: &settings.output.formats,
        on_command_line: command.given.has("output.formats"),
        output: output.map(PathBuf::as_path),
        speakers,
        correct: settings.output.correct_extension,
        known: &host.pipeline.format_extensions(),
        with_speakers: with_speakers.as_deref(),
    };
    let chosen = asked.choose()?;
    if let (true, Some(asked), Some(file)) = (chosen.corrected, output, &chosen.output) {
        show.inform(&format!(
            "writing {} instead of {}, because speakers are identified (`output.correct_extension`)",
            shown(file),
            shown(asked)
        ));
    }
    Ok(chosen)
}

/// The request whose engine is shown the terms of a glossary. Reports those that it is not shown.
fn prompted(
    pipeline: &Pipeline,
    asr: &StageRequest,
    glossary: &NamedGlossary,
    show: &Show,
) -> Result<StageRequest, Failure> {
    let Prompted {
        asr,
        terms,
        all,
        option,
    } = pipeline.prompted(asr, glossary)?;
    match option {
        None => show.inform("the engine takes no terms of a glossary; correcting its text only (--glossary-prompt)"),
        Some(option) if terms < all => show.inform(&format!(
            "the engine is shown the first {terms} of {all} terms of the glossary, which is what `{option}` holds"
        )),
        Some(_) => {}
    }
    Ok(asr)
}

/// The requested speakers. Any flag about speakers on the command line enables them, unless it has `--no-diarize` as well.
fn speakers(asked: Asked<'_>, settings: &Settings) -> SpeakersRequest {
    const ABOUT: [&str; 6] = [
        "diarize.plugin",
        "diarize.num_speakers",
        "diarize.min_speakers",
        "diarize.max_speakers",
        "diarize.options",
        "diarize.speaker_names",
    ];
    let mut speakers = host::speakers(&settings.diarize);
    if asked.script.is_some() {
        // The text names them, or has none.
        speakers.wanted = Some(false);
        return speakers;
    }
    let is_given = |setting: &str| asked.given.has(setting);
    let has_all_tracks = host::track(settings) == TrackChoice::All;
    speakers.channels |= has_all_tracks;
    if is_given("diarize.enabled") || is_given("no-diarize") {
        return speakers;
    }
    // The command line has precedence over `diarize.enabled = false` of the file or the environment.
    if ABOUT.into_iter().any(is_given) {
        speakers.wanted = Some(true);
    } else if is_given("diarize.channels") || (has_all_tracks && is_given("audio.track")) {
        // Channels are speakers by default.
        speakers.wanted = speakers.wanted.filter(|wanted| *wanted);
    }
    speakers
}

/// What `--no-diarize` does to another flag that the user gave.
fn without_effect(asked: Asked<'_>, settings: &Settings) -> Option<&'static str> {
    let is_given = |setting: &str| asked.given.has(setting);
    if !is_given("no-diarize") {
        None
    } else if host::track(settings) == TrackChoice::All && is_given("audio.track") {
        Some("--no-diarize mixes the tracks of `--audio-track all`; without it each is a speaker")
    } else if is_given("diarize.channels") {
        Some("--channels-as-speakers has no effect with --no-diarize; leave one of them out")
    } else {
        None
    }
}

/// Plans the stages, which checks all that can be refused before work, and reports choices made by default.
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
    let requests: Vec<FormatRequest> = requests.collect();
    let plan = pipeline.plan(asr, speakers, &requests, cancel)?;
    for warning in host::warnings_about_options(pipeline, &settings.format, &requests) {
        show.warn_of_run(&warning);
    }
    let model_chosen = plan.model().is_some() && !settings.asr.options.contains_key("model");
    if settings.asr.plugin.is_none() || model_chosen {
        let model = plan
            .model()
            .map(|model| format!(" with model {model}"))
            .unwrap_or_default();
        show.inform(&format!(
            "using {}{model} (change with --asr-plugin, --model)",
            plan.engine()
        ));
    }
    if let Some(why) = pipeline.why_no_speakers(speakers) {
        show.inform(&format!("no speakers: {why} (disable with --no-diarize)"));
    }
    if speakers.wanted.is_none() && plan.identifies_speakers() {
        show.inform("identifying speakers (disable with --no-diarize)");
    }
    Ok(plan)
}

/// Replaces playlists by their recordings; an unavailable playlist is a failed input.
fn expand(
    pipeline: &Pipeline,
    recordings: Vec<Recording>,
    failed: &mut Vec<Unusable>,
    show: &Show,
    cancel: &CancelToken,
) -> Result<Vec<Recording>, Failure> {
    let mut expanded = Vec::new();
    for recording in recordings {
        let Some(address) = &recording.address else {
            expanded.push(recording);
            continue;
        };
        let watched = show.watch(&recording.label, &recording.input);
        let entries = match pipeline.playlist(address, &watched, cancel) {
            Ok(entries) => entries,
            Err(interrupted @ PipelineError::Interrupted) => return Err(interrupted.into()),
            Err(error) => {
                let (input, error) = (recording.input.clone(), Box::new(error).into());
                failed.push(Unusable { input, error });
                continue;
            }
        };
        show.inform(&format!("{address}: {} recordings", entries.len()));
        for entry in entries {
            let title = entry.title.unwrap_or_default();
            show.inform(&format!("  {} {}", visible(&entry.url), visible(&title)));
            match Address::parse(&entry.url) {
                Ok(address) => expanded.push(inputs::address(address)),
                Err(error) => failed.push(Unusable {
                    input: entry.url,
                    error: error.into(),
                }),
            }
        }
    }
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cesar_config::Layers;
    use clap::{Args as _, FromArgMatches as _};

    /// Whether speakers are wanted, and whether they are channels, for these variables and flags of `cesar transcribe`.
    fn speakers_of(variables: &[(&str, &str)], flags: &[&str]) -> (Option<bool>, bool) {
        let command = WorkArgs::augment_args(clap::Command::new("transcribe"));
        let words = ["transcribe", "talk.wav"].iter().chain(flags);
        let matches = command.try_get_matches_from(words).unwrap();
        let layers = Layers::load(None, variables.iter().copied()).unwrap();
        let settings = layers.with_flags(&matches).resolve().unwrap().settings();
        let args = WorkArgs::from_arg_matches(&matches).unwrap();
        let speakers = speakers(args.asked(), &settings);
        (speakers.wanted, speakers.channels)
    }

    #[test]
    fn flags_that_no_diarize_switches_off_are_named() {
        let warning = |flags: &[&str]| {
            let command = WorkArgs::augment_args(clap::Command::new("transcribe"));
            let words = ["transcribe", "talk.wav"].iter().chain(flags);
            let matches = command.try_get_matches_from(words).unwrap();
            let layers = Layers::load(None, [("CESAR_AUDIO_TRACK", "all")]).unwrap();
            let settings = layers.with_flags(&matches).resolve().unwrap().settings();
            without_effect(WorkArgs::from_arg_matches(&matches).unwrap().asked(), &settings).unwrap_or_default()
        };
        assert_eq!(
            warning(&["--no-diarize"]),
            "",
            "the settings ask for tracks, and this command line for none"
        );
        assert!(warning(&["--no-diarize", "--audio-track", "all"]).contains("mixes the tracks"));
        assert!(warning(&["--no-diarize", "--channels-as-speakers"]).contains("has no effect"));
        assert_eq!(warning(&["--channels-as-speakers", "--audio-track", "all"]), "");
    }

    #[test]
    fn flags_about_speakers_override_the_settings() {
        let off = [("CESAR_DIARIZE_ENABLED", "false")];
        assert_eq!(speakers_of(&off, &[]), (Some(false), false));
        for flags in [
            ["--num-speakers", "2"],
            ["--min-speakers", "2"],
            ["--max-speakers", "2"],
            ["--speaker-names", "Ann"],
            ["--diarize-option", "a=b"],
            ["--diarize-plugin", "other"],
        ] {
            assert_eq!(speakers_of(&[], &flags), (Some(true), false), "{flags:?}");
            assert_eq!(speakers_of(&off, &flags), (Some(true), false), "{flags:?}");
            let refused = [flags[0], flags[1], "--no-diarize"];
            assert_eq!(speakers_of(&[], &refused), (Some(false), false), "{refused:?}");
        }
    }

    #[test]
    fn channels_on_the_command_line_override_the_settings() {
        let off = [("CESAR_DIARIZE_ENABLED", "false")];
        let on = [("CESAR_DIARIZE_ENABLED", "true")];
        let channels: [&[&str]; 2] = [&["--channels-as-speakers"], &["--audio-track", "all"]];
        for flags in channels {
            assert_eq!(speakers_of(&[], flags), (None, true), "{flags:?}");
            assert_eq!(speakers_of(&off, flags), (None, true), "{flags:?}");
            assert_eq!(speakers_of(&on, flags), (Some(true), true), "{flags:?}");
            let refused = [flags, &["--no-diarize"]].concat();
            assert_eq!(speakers_of(&on, &refused), (Some(false), true), "{refused:?}");
        }
        // A track is no speaker.
        assert_eq!(speakers_of(&off, &["--audio-track", "2"]), (Some(false), false));
        // Both in the settings: the switch is about the channels as well.
        let both = [off[0], ("CESAR_DIARIZE_CHANNELS", "true"), ("CESAR_AUDIO_TRACK", "all")];
        assert_eq!(speakers_of(&both, &[]), (Some(false), true));
    }
}
