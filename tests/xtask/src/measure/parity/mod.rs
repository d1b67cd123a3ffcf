//! `measure parity`: differences between the transcripts of an engine and those of its reference program.
//!
//! Every recording goes through the reference and through `cesar transcribe --no-cache -f json`, from the same samples, with the
//! same options, once for each setting. The table has one line for each recording and one column for each setting; unequal cases
//! are listed below it with the first difference, and the totals come last. References are slow, so their answers are stored beside
//! the built programs and recomputed only if the recording, the model, the setting or the reference changes.

mod answer;
mod compare;
mod driver;
mod faster_whisper;
mod folder;
mod kept;
mod options;
mod pywhispercpp;
mod reference;
mod setting;
mod settings;
mod sound;
mod whisper_cpp;

use crate::{
    failure::{Failure, Outcome},
    models,
    output::announce,
    transcribe,
};
use answer::Answer;
use compare::Verdict;
use faster_whisper::FasterWhisper;
pub(crate) use options::Options;
use pywhispercpp::Pywhispercpp;
use reference::{Job, Reference};
use setting::Setting;
use std::collections::BTreeMap;
use whisper_cpp::WhisperCpp;

/// Number of each verdict, by setting.
type Totals = BTreeMap<String, BTreeMap<&'static str, usize>>;

/// The command. Fails if something could not be transcribed, or differs from the engine's own reference without a known reason.
pub(crate) fn run(options: &Options) -> Outcome {
    let names: Vec<&str> = options.models.iter().map(String::as_str).chain(["vad"]).collect();
    models::fetch(&names)?;
    let mut reference = prepared(options)?;
    let recordings = sound::recordings(options, &mut *reference)?;
    let mut unexplained = 0;
    for model in &options.models {
        let mut settings = settings::of(&options.engine, model, &options.settings)?;
        settings.retain(|setting| known(&*reference, setting));
        unexplained += table(&mut *reference, options, model, &settings, &recordings)?;
    }
    if unexplained == 0 || reference.informs() {
        Ok(())
    } else {
        Err(Failure::new(format!(
            "{unexplained} transcripts differ from those of {} without a known reason",
            reference.name()
        )))
    }
}

/// The requested reference, ready to use.
fn prepared(options: &Options) -> Outcome<Box<dyn Reference>> {
    match (options.engine.as_str(), options.reference.as_deref()) {
        ("ct2", None) => Ok(Box::new(FasterWhisper::prepare()?)),
        ("whisper-cpp", None) => Ok(Box::new(WhisperCpp::prepare()?)),
        ("whisper-cpp", Some("pywhispercpp")) => Ok(Box::new(Pywhispercpp::prepare()?)),
        (engine, None) => Err(Failure::usage(format!(
            "no reference for the engine `{engine}`; there is one for: ct2, whisper-cpp"
        ))),
        (engine, Some(other)) => Err(Failure::usage(format!(
            "no reference `{other}` for {engine}; there is another one only for whisper-cpp: pywhispercpp"
        ))),
    }
}

/// Whether a reference supports a setting; prints a line if it does not.
fn known(reference: &dyn Reference, setting: &Setting) -> bool {
    let known = reference.knows(setting);
    if !known {
        announce(&format!(
            "{} has nothing for the setting {}",
            reference.name(),
            setting.name
        ));
    }
    known
}

/// One model's table; returns the number of unexplained differences.
fn table(
    reference: &mut dyn Reference,
    options: &Options,
    model: &str,
    settings: &[Setting],
    recordings: &[sound::Recording],
) -> Outcome<usize> {
    let names: Vec<&str> = settings.iter().map(|setting| setting.name).collect();
    println!(
        "\n### {} {model}, {}, against {}\n",
        options.engine,
        options.compute_type,
        reference.name()
    );
    println!(
        "| recording | {} |\n|---|{}",
        names.join(" | "),
        "---|".repeat(names.len())
    );
    let (mut totals, mut notes) = (Totals::new(), Vec::new());
    for recording in recordings {
        let mut cells = Vec::new();
        for setting in settings {
            let job = Job {
                wav: &recording.wav,
                model,
                compute_type: &options.compute_type,
                threads: options.threads,
                setting,
            };
            let verdict = verdict(reference, options, &job)?;
            let name = verdict.name();
            *totals.entry(setting.name.into()).or_default().entry(name).or_default() += 1;
            if let Some(reason) = verdict.reason() {
                notes.push(format!("- {}, {}: {name}: {reason}", recording.name, setting.name));
            }
            cells.push(name);
        }
        println!("| {} | {} |", recording.name, cells.join(" | "));
    }
    println!();
    notes.iter().for_each(|note| println!("{note}"));
    print_totals(settings, &totals);
    let without_reason = |verdicts: &BTreeMap<&'static str, usize>| -> usize {
        Verdict::UNEXPLAINED.iter().filter_map(|name| verdicts.get(name)).sum()
    };
    Ok(totals.values().map(without_reason).sum())
}

fn verdict(reference: &mut dyn Reference, options: &Options, job: &Job<'_>) -> Outcome<Verdict> {
    let theirs = reference.answer(job)?;
    let ours = hear(options, job);
    Ok(compare::verdict(&theirs, &ours, sound::seconds(job.wav)?))
}

/// The built program's answer; a failure is an answer too.
fn hear(options: &Options, job: &Job<'_>) -> Result<Answer, String> {
    let mut command = transcribe::cesar().map_err(|failure| failure.to_string())?;
    command.arg("transcribe").arg(job.wav);
    command.args([
        "--no-cache",
        "--no-diarize",
        "-f",
        "json",
        "--progress",
        "none",
        "--asr-plugin",
        &options.engine,
    ]);
    command.args(["--model", job.model, "--threads", &options.threads.to_string()]);
    if options.engine == "ct2" {
        command.args(["--compute-type", &options.compute_type]);
    }
    // The references transcribe everything by default, and detect silence by the same file.
    let silence = match job
        .setting
        .options
        .get("vad_filter")
        .is_some_and(|wanted| *wanted == true)
    {
        true => "vad_model=silero",
        false => "vad_filter=false",
    };
    command.args(["--asr-option", silence]);
    for (name, value) in &job.setting.options {
        command.args(["--asr-option", &format!("{name}={}", settings::written(value))]);
    }
    let output = command
        .output()
        .map_err(|error| format!("cesar cannot be started: {error}"))?;
    if output.status.success() {
        Answer::of_document(&output.stdout)
    } else {
        let told = String::from_utf8_lossy(&output.stderr);
        Err(told
            .lines()
            .last()
            .unwrap_or("it failed without a word")
            .trim()
            .to_owned())
    }
}

fn print_totals(settings: &[Setting], totals: &Totals) {
    println!("\n| setting | {} |", Verdict::NAMES.join(" | "));
    println!("|---|{}", "--:|".repeat(Verdict::NAMES.len()));
    for setting in settings {
        let counts = totals.get(setting.name);
        let count = |name: &&str| {
            counts
                .and_then(|counts| counts.get(*name))
                .copied()
                .unwrap_or(0)
                .to_string()
        };
        let counts: Vec<String> = Verdict::NAMES.iter().map(count).collect();
        println!("| {} | {} |", setting.name, counts.join(" | "));
    }
}
