//! The cases, in order: those that run no code of the plugin, loading, then processing of audio.

use std::time::{Duration, Instant};

use cesar_runner::{Pcm, RunnerError};
use object::read::elf::{ElfFile64, FileHeader as _};
use object::{Endianness, Object as _, ObjectSymbol as _};
use plugin_api::ErrorKind;
use plugin_api::host::HEADER_SYMBOL;
use plugin_api::manifest::{Manifest, StageKind};
use serde_json::Value;

use super::fetching::{self, cancelled};
use super::recording_observer::RecordingObserver;
use super::subject::{Subject, audio, noise};
use super::verdict::{Seen, Verdict};

/// One case.
pub(super) struct Case {
    pub(super) name: &'static str,
    /// The requirement of the contract.
    pub(super) asks: &'static str,
    /// Whether it applies to a plugin that cannot be opened.
    pub(super) without_loading: bool,
    /// Whether no later case is meaningful when this one fails.
    pub(super) is_basis: bool,
    pub(super) run: fn(&Subject<'_>) -> Verdict,
}

const fn before_loading(name: &'static str, asks: &'static str, run: fn(&Subject<'_>) -> Verdict) -> Case {
    Case {
        name,
        asks,
        without_loading: true,
        is_basis: false,
        run,
    }
}

const fn basis(name: &'static str, asks: &'static str, run: fn(&Subject<'_>) -> Verdict) -> Case {
    Case {
        is_basis: true,
        without_loading: false,
        ..before_loading(name, asks, run)
    }
}

const fn case(name: &'static str, asks: &'static str, run: fn(&Subject<'_>) -> Verdict) -> Case {
    Case {
        without_loading: false,
        ..before_loading(name, asks, run)
    }
}

/// All cases.
pub(super) const CASES: &[Case] = &[
    before_loading(
        "manifest",
        "the manifest says what the plugin is, and documents each option",
        manifest,
    ),
    before_loading("symbols", "exactly one symbol is exported, the library header", symbols),
    basis(
        "load",
        "it loads within 10 s, and its code carries the manifest of its file",
        load,
    ),
    basis("open", "a session opens with these options", open),
    case("options", "options of a wrong kind are refused, not fatal", options),
    case(
        "reopen",
        "a session closes, and another one opens in the same process",
        reopen,
    ),
    basis(
        "speech",
        "an output that can be right, progress that never falls, shown segments in order",
        speech,
    ),
    case(
        "refusals",
        "a download that is missing, too large or not public is refused",
        refusals,
    ),
    case("empty", "empty audio gives an answer or a typed refusal", |subject| {
        short(subject, 0)
    }),
    case("one-sample", "a single sample does too", |subject| short(subject, 1)),
    case("nan", "samples that are no numbers do too", nan),
    case(
        "silence",
        "a long silence gives no error, and segments inside of it",
        silence,
    ),
    case(
        "standard-output",
        "nothing is written to standard output, and the standard streams stay open",
        standard_output,
    ),
    case("quiet", "no flood of log lines", quiet),
    case("repeatable", "the same input gives the same bytes", repeatable),
    case("cancel", "a cancel is answered within 2 s", cancel),
    case(
        "growth",
        "runs in a row leave no memory, files or processes behind",
        growth,
    ),
];

fn fine(says: impl Into<String>) -> Verdict {
    Ok(Seen::Fine(says.into()))
}

fn message_of(error: RunnerError) -> String {
    error.to_string()
}

fn manifest(subject: &Subject<'_>) -> Verdict {
    let manifest = &subject.plugin.manifest;
    let mut missing: Vec<String> = Vec::new();
    for (field, text) in [("license", &manifest.license), ("description", &manifest.description)] {
        if text.trim().is_empty() {
            missing.push(format!("`{field}` is empty"));
        }
    }
    let undocumented = manifest
        .options
        .iter()
        .filter(|(_, option)| option.doc.trim().is_empty());
    missing.extend(undocumented.map(|(name, _)| format!("the option `{name}` has no `doc`")));
    if missing.is_empty() {
        fine(format!(
            "{} {}, {} options",
            manifest.id,
            manifest.version,
            manifest.options.len()
        ))
    } else {
        Err(missing.join(", "))
    }
}

fn symbols(subject: &Subject<'_>) -> Verdict {
    let bytes = std::fs::read(&subject.plugin.path).map_err(|error| error.to_string())?;
    let file = ElfFile64::<Endianness>::parse(&bytes[..]).map_err(|error| error.to_string())?;
    debug_assert!(file.elf_header().is_supported());
    let exported = file
        .dynamic_symbols()
        .filter(|symbol| symbol.is_definition() && symbol.is_global());
    let mut names: Vec<_> = exported.filter_map(|symbol| symbol.name().ok()).collect();
    names.sort_unstable();
    names.dedup();
    let others: Vec<_> = names.iter().filter(|name| **name != HEADER_SYMBOL).collect();
    if others.len() == names.len() {
        return Err(format!("`{HEADER_SYMBOL}` is not exported; use `cesar_plugin!`"));
    }
    match others.first() {
        None => fine("one"),
        Some(first) => Err(format!(
            "{} more are exported, such as `{first}`; hide them",
            others.len()
        )),
    }
}

fn load(subject: &Subject<'_>) -> Verdict {
    let began = Instant::now();
    let process = subject.load().map_err(message_of)?;
    let loaded = Manifest::parse(process.manifest()).map_err(|error| format!("the manifest in its code {error}"))?;
    if loaded != subject.plugin.manifest {
        return Err("its code carries another manifest than its file; build it again".to_owned());
    }
    fine(format!("in {} ms", began.elapsed().as_millis()))
}

fn open(subject: &Subject<'_>) -> Verdict {
    let began = Instant::now();
    subject.session().map_err(message_of)?;
    fine(format!("in {} ms", began.elapsed().as_millis()))
}

fn options(subject: &Subject<'_>) -> Verdict {
    let manifest = &subject.plugin.manifest;
    let unknown = [("no-such-option".to_owned(), Value::Null)].into();
    if manifest.effective(&unknown).is_ok() {
        return Err("its table accepts an option that it does not have".to_owned());
    }
    let mut process = subject.load().map_err(message_of)?;
    match subject.open_wrongly(&mut process) {
        // Without session options there is nothing to refuse.
        Ok(()) => fine("there is nothing to refuse when a session opens"),
        Err(RunnerError::Stage {
            kind: ErrorKind::InvalidOptions,
            ..
        }) => fine("refused as `invalid_options`"),
        Err(RunnerError::Stage { kind, message, .. }) => {
            Err(format!("refused as {kind:?}, not `invalid_options`: {message}"))
        }
        Err(error) => Err(message_of(error)),
    }
}

fn reopen(subject: &Subject<'_>) -> Verdict {
    let mut process = subject.session().map_err(message_of)?;
    subject.open(&mut process).map_err(message_of)?;
    // A panic while the session closes reaches no caller, but is printed by the standard library.
    let (_, lines) = process.finish();
    match lines.iter().any(|line| line.contains("panicked at")) {
        true => Err("a session panicked while it closed".to_owned()),
        false => fine(""),
    }
}

/// Runs `work` if the stage takes audio.
fn hearing(subject: &Subject<'_>, work: impl FnOnce() -> Verdict) -> Verdict {
    if subject.hears() {
        work()
    } else {
        Ok(Seen::Skipped(format!("a {} stage takes no audio", subject.stage())))
    }
}

fn once(subject: &Subject<'_>, audio: &Pcm) -> Verdict {
    let mut process = subject.session().map_err(message_of)?;
    let answer = subject.ask_soundly(&mut process, audio, &RecordingObserver::default())?;
    fine(if answer.is_some() { "answered" } else { "refused" })
}

fn short(subject: &Subject<'_>, samples: u64) -> Verdict {
    hearing(subject, || once(subject, &audio(samples, |_| 0.1)?))
}

fn nan(subject: &Subject<'_>) -> Verdict {
    let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, -0.0];
    hearing(subject, || {
        once(subject, &audio(32_000, |index| odd[(index % 5) as usize])?)
    })
}

fn silence(subject: &Subject<'_>) -> Verdict {
    hearing(subject, || {
        let seconds = subject.effort.silence_s;
        let silence = audio(u64::from(seconds) * 16_000, |_| 0.0)?;
        let (mut process, observer) = (subject.session().map_err(message_of)?, RecordingObserver::default());
        match subject.ask_soundly(&mut process, &silence, &observer)? {
            Some(_) => {
                observer.segments_fit(u64::from(seconds) * 1000)?;
                fine(format!("{seconds} s"))
            }
            None => Err(format!("{seconds} s of silence are refused")),
        }
    })
}

/// A few seconds, as a stage without audio would ignore them.
fn sample() -> Result<Pcm, String> {
    noise(Duration::from_millis(3_300))
}

fn speech(subject: &Subject<'_>) -> Verdict {
    if subject.stage() == StageKind::Download {
        return fetching::download(subject);
    }
    let (mut process, observer) = (subject.session().map_err(message_of)?, RecordingObserver::default());
    let answer = subject.ask_soundly(&mut process, &sample()?, &observer)?;
    observer.progress_rises()?;
    let shown = observer.segments_fit(3_300)?;
    match answer {
        Some(output) => fine(format!("{} bytes, {shown} segments shown", output.len())),
        None => Err("an ordinary request is refused".to_owned()),
    }
}

fn refusals(subject: &Subject<'_>) -> Verdict {
    match subject.stage() {
        StageKind::Download => fetching::refusals(subject),
        _ => Ok(Seen::Skipped("only a download stage fetches".to_owned())),
    }
}

fn standard_output(subject: &Subject<'_>) -> Verdict {
    let before = subject.printed();
    let mut process = subject.session().map_err(message_of)?;
    subject.ask_soundly(&mut process, &sample()?, &RecordingObserver::default())?;
    let open = |number: u32, worker: u32| std::fs::symlink_metadata(format!("/proc/{worker}/fd/{number}")).is_ok();
    let worker = process.worker().ok_or("its process is gone")?;
    if let Some(closed) = (0..3).find(|number| !open(*number, worker)) {
        return Err(format!("it closed the standard stream {closed}"));
    }
    drop(process);
    match subject.printed().saturating_sub(before) {
        0 => fine(""),
        bytes => Err(format!("it wrote {bytes} bytes to standard output; use `tracing`")),
    }
}

fn quiet(subject: &Subject<'_>) -> Verdict {
    let (mut process, observer) = (subject.session().map_err(message_of)?, RecordingObserver::default());
    subject.ask_soundly(&mut process, &sample()?, &observer)?;
    /// Maximum output of a short run to standard error, in bytes.
    const MOST: u64 = 100_000;
    let lines = observer.is_quiet()?;
    match process.finish() {
        (printed @ MOST.., _) => Err(format!("it printed {printed} bytes to standard error in one short run")),
        (printed, _) => fine(format!("{lines} lines, {printed} bytes printed")),
    }
}

fn repeatable(subject: &Subject<'_>) -> Verdict {
    let audio = sample()?;
    let mut process = subject.session().map_err(message_of)?;
    let mut ask = || subject.ask_soundly(&mut process, &audio, &RecordingObserver::default());
    let (first, second) = (ask()?, ask()?);
    let mut fresh = subject.session().map_err(message_of)?;
    let third = subject.ask_soundly(&mut fresh, &audio, &RecordingObserver::default())?;
    let is_sampled = |output: &Option<String>| {
        let value: Value = output
            .as_deref()
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        value["sampled"] == true
    };
    if first == second && second == third {
        fine("three times, in two processes")
    } else if [&first, &second, &third].into_iter().any(is_sampled) {
        fine("it differs, and says that it is sampled")
    } else {
        Err("the same request gave other bytes; an output that is drawn by chance must say `sampled`".to_owned())
    }
}

fn cancel(subject: &Subject<'_>) -> Verdict {
    if subject.stage() == StageKind::Download {
        return fetching::cancel(subject);
    }
    hearing(subject, || {
        let mut process = subject.session().map_err(message_of)?;
        let audio = noise(Duration::from_secs(600))?;
        // At the first event of the stage, or after a moment without one.
        cancelled(|token| {
            subject.ask(
                &mut process,
                &audio,
                &RecordingObserver::cancelling(token.clone()),
                token,
            )
        })
    })
}

fn growth(subject: &Subject<'_>) -> Verdict {
    /// Memory that a run may leave, in bytes; `ONCE` is what an allocator may keep in total after the first half of the runs.
    const PER_RUN: u64 = 64 << 10;
    const ONCE: u64 = 16 << 20;
    let runs = subject.effort.runs;
    let audio = sample()?;
    let mut process = subject.session().map_err(message_of)?;
    let mut before = None;
    for run in 0..runs {
        subject.ask_soundly(&mut process, &audio, &RecordingObserver::default())?;
        if run == runs / 2 {
            before = process.memory().zip(process.worker().map(open_files));
        }
    }
    let left = process.below_worker();
    let names: Vec<_> = left.iter().map(|process| name_of(*process)).collect();
    if !names.is_empty() {
        return Err(format!(
            "it leaves {} processes behind, such as `{}`",
            names.len(),
            names[0]
        ));
    }
    let after = process.memory().zip(process.worker().map(open_files));
    let ((memory_before, files_before), (memory, files)) = before.zip(after).ok_or("its process is gone")?;
    let grown = memory.saturating_sub(memory_before);
    if grown > ONCE + u64::from(runs) * PER_RUN {
        return Err(format!("{runs} runs left {} MB of memory behind", grown / 1_000_000));
    }
    if files > files_before + 3 {
        return Err(format!("{runs} runs left {} files open", files - files_before));
    }
    fine(format!("{runs} runs, {} kB", grown / 1000))
}

fn open_files(process: u32) -> usize {
    std::fs::read_dir(format!("/proc/{process}/fd")).map_or(0, Iterator::count)
}

fn name_of(process: u32) -> String {
    let name = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
    name.trim().to_owned()
}
