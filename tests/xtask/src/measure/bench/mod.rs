//! `measure bench`: time and memory of one hour of audio, and of the same command again.
//!
//! For each engine and model, with an empty cache: the wall time of the whole command and the peak memory of the host
//! and of the plugin's runner (two processes); then the same command, which must start no runner, as the median of
//! many runs of the whole process; then the same transcript as subtitles, which needs only formatting. The audio is
//! the bundled meeting, repeated. The tables are markdown, for `docs/internals/results.md`.

pub(crate) mod audio;
pub(crate) mod memory;
mod options;

use crate::{
    failure::{Failure, Outcome},
    models,
    output::announce,
    transcribe,
};
use memory::Peaks;
pub(crate) use options::Options;
use serde_json::Value;
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// The figures of one engine with one model.
struct Figures {
    engine: String,
    model: String,
    first: Duration,
    peaks: Peaks,
    again: Duration,
    runner_starts: u64,
    subtitles: Duration,
}

/// The command.
pub(crate) fn run(options: &Options) -> Outcome {
    models::fetch(&options.models.iter().map(String::as_str).collect::<Vec<_>>())?;
    let folder = tempfile::tempdir().map_err(|error| Failure::new(format!("no temporary folder: {error}")))?;
    let recording = folder.path().join("audio.wav");
    announce(&format!("{} min of audio from meeting.flac", options.minutes));
    audio::write_repeated(&recording, &["meeting.flac"], options.minutes)?;
    let mut all = Vec::new();
    for (engine, model) in options.pairs() {
        announce(&format!("{engine} {model}"));
        let cache = folder.path().join(format!("cache-{engine}-{model}"));
        all.push(measure(&recording, engine, model, &cache, options.runs)?);
    }
    print(options, &all);
    Ok(())
}

fn measure(recording: &Path, engine: &str, model: &str, cache: &Path, runs: u32) -> Outcome<Figures> {
    let command = |format: &str| -> Outcome<Command> {
        let mut command = transcribe::command(recording, engine, model, cache)?;
        command
            .args(["-f", format])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        Ok(command)
    };
    let (first, peaks) = memory::watch(command("txt")?.args(["--progress", "none"]))?;
    let mut again = Vec::new();
    for _ in 0..runs {
        again.push(timed(command("txt")?.args(["--progress", "none"]))?.0);
    }
    let (_, told) = timed(command("txt")?.args(["--progress", "json"]))?;
    let (subtitles, _) = timed(command("srt")?.args(["--progress", "none"]))?;
    let figures = Figures {
        engine: engine.to_owned(),
        model: model.to_owned(),
        first,
        peaks,
        again: median(again),
        runner_starts: runner_starts(&told)?,
        subtitles,
    };
    fs::remove_dir_all(cache).map_err(|error| Failure::path(cache, &error))?;
    Ok(figures)
}

/// Wall time of the whole process, and its standard error.
fn timed(command: &mut Command) -> Outcome<(Duration, String)> {
    let begin = Instant::now();
    let output = command
        .output()
        .map_err(|error| Failure::new(format!("cesar cannot be started: {error}")))?;
    let took = begin.elapsed();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        return Ok((took, told));
    }
    Err(Failure::new(format!(
        "cesar failed ({}): {}",
        output.status,
        told.trim()
    )))
}

/// The median: the middle of an odd number of times, the upper middle of an even one.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// The number in the last event of `--progress json`.
fn runner_starts(told: &str) -> Outcome<u64> {
    let mut events = told.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let done = events.next_back().filter(|event| event["type"] == "done");
    done.and_then(|event| event["runner_starts"].as_u64()).ok_or_else(|| {
        Failure::new(format!(
            "cesar's last event is not `done` with `runner_starts`: {}",
            told.trim()
        ))
    })
}

fn print(options: &Options, all: &[Figures]) {
    println!(
        "{} min of audio (meeting.flac repeated, wav 16 kHz mono); {}.\n",
        options.minutes,
        machine()
    );
    println!("| engine | model | wall time | times real time | peak memory, host | peak memory, runner |");
    println!("|---|---|--:|--:|--:|--:|");
    for figures in all {
        let speed = 60.0 * f64::from(options.minutes) / figures.first.as_secs_f64();
        println!(
            "| {} | {} | {:.1} s | {speed:.1} | {} MiB | {} MiB |",
            figures.engine,
            figures.model,
            figures.first.as_secs_f64(),
            figures.peaks.host_kib / 1024,
            figures.peaks.runner_kib / 1024,
        );
    }
    println!(
        "\nThe same command again (whole process, median of {} runs), then `-f srt`:\n",
        options.runs
    );
    println!("| engine | model | again | runner starts | `-f srt` |\n|---|---|--:|--:|--:|");
    for figures in all {
        println!(
            "| {} | {} | {:.1} ms | {} | {:.1} ms |",
            figures.engine,
            figures.model,
            1000.0 * figures.again.as_secs_f64(),
            figures.runner_starts,
            1000.0 * figures.subtitles.as_secs_f64(),
        );
    }
}

/// The processor and the number of usable threads.
pub(crate) fn machine() -> String {
    let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = information
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let name = name.map_or("unknown processor", |(_, name)| name.trim());
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get());
    format!("{name}, {threads} threads")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_ignores_outliers() {
        let times = [9, 1, 2, 300, 3].map(Duration::from_millis).to_vec();
        assert_eq!(median(times), Duration::from_millis(3));
    }

    #[test]
    fn runner_starts_come_from_the_last_event() {
        let told = "a log line\n{\"type\":\"stage\"}\n{\"type\":\"done\",\"runner_starts\":0}\n";
        assert_eq!(runner_starts(told).expect("an event `done`"), 0);
        assert!(runner_starts("{\"type\":\"stage\"}").is_err());
    }
}
