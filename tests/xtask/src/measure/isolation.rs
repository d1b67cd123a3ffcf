//! `measure isolation`: the cost of running plugins in separate processes, and the time until they stop.
//!
//! - The same recording in a runner and with `--in-process`, in alternation, without the cache: medians of the whole command, and their ratio.
//! - From the start of a runner to its hello: the cost of a plugin before it opens a model, as in `plugins check`.
//! - From Ctrl-C to the end of the program and all its processes, while a plugin works: for responsive plugins (soft), and for one
//!   of the zoo that ignores it, whose runner is killed (hard).
//! - `plugins list` without new files, with fifty plugins.
//!
//! The tables are markdown, for `docs/internals/results.md`.

use crate::failure::{Failure, Outcome};
use crate::measure::{bench::audio::write_repeated, compared::MODELS};
use cesar_tests::running::is_running;
use cesar_tests::speakers::with_speakers;
use cesar_tests::zoo::{ANIMALS, Animal, put_numbered};
use cesar_tests::{Output, Sandbox};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const PARTS: [&str; 4] = ["pairs", "starts", "cancels", "list"];

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Part to measure; repeatable
    #[arg(long = "part", value_name = "NAME", default_values = PARTS, value_parser = PARTS)]
    parts: Vec<String>,
    /// Length of a recording; repeatable
    #[arg(long, value_name = "N", default_values_t = [10, 600, 3600])]
    seconds: Vec<u32>,
    /// Model to measure; repeatable
    #[arg(long = "model", value_name = "NAME", default_values = MODELS)]
    models: Vec<String>,
    /// Runs whose median is printed
    #[arg(long, value_name = "N", default_value_t = 5)]
    runs: usize,
}

/// The command.
pub(crate) fn run(options: &Options) -> Outcome {
    let sandbox = with_speakers();
    let runs = options.runs;
    for part in &options.parts {
        match part.as_str() {
            "pairs" => pairs(&sandbox, options)?,
            "starts" => starts(&sandbox, runs)?,
            "cancels" => cancels(&sandbox, runs * 4)?,
            _ => list(&sandbox, runs * 4)?,
        }
    }
    Ok(())
}

fn pairs(sandbox: &Sandbox, options: &Options) -> Outcome {
    println!("| audio | model | runner | `--in-process` | ratio |\n|--:|---|--:|--:|--:|");
    for seconds in &options.seconds {
        let recording = audio(sandbox, *seconds)?;
        for model in &options.models {
            let (apart, together) = pair(sandbox, &recording, model, options.runs)?;
            println!(
                "| {seconds} s | {model} | {:.3} s | {:.3} s | {:.4} |",
                apart.as_secs_f64(),
                together.as_secs_f64(),
                apart.as_secs_f64() / together.as_secs_f64()
            );
        }
    }
    Ok(())
}

/// `seconds` of the bundled meeting.
fn audio(sandbox: &Sandbox, seconds: u32) -> Outcome<PathBuf> {
    let whole = sandbox.work().join("whole.wav");
    write_repeated(&whole, &["meeting.flac"], seconds.div_ceil(60))?;
    let bytes = std::fs::read(&whole).map_err(|error| Failure::path(&whole, &error))?;
    let data = seconds * 32_000;
    let mut cut = bytes[..bytes.len().min(44 + data as usize)].to_vec();
    cut[4..8].copy_from_slice(&(36 + data).to_le_bytes());
    cut[40..44].copy_from_slice(&data.to_le_bytes());
    Ok(sandbox.write(&format!("{seconds}.wav"), cut))
}

fn words<'a>(recording: &'a Path, engine: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let path = recording.to_str().unwrap_or_default();
    let mut words = vec![
        "transcribe",
        path,
        "--asr-plugin",
        engine,
        "--no-cache",
        "--no-diarize",
        "-o",
        "out.txt",
        "-q",
    ];
    words.extend(more);
    words
}

fn done(output: Output) -> Outcome {
    match output.code {
        0 => Ok(()),
        _ => Err(Failure::new(format!("cesar failed: {}", output.stderr.trim()))),
    }
}

fn timed(work: impl FnOnce() -> Outcome) -> Outcome<Duration> {
    let began = Instant::now();
    work()?;
    Ok(began.elapsed())
}

fn pair(sandbox: &Sandbox, recording: &Path, model: &str, runs: usize) -> Outcome<(Duration, Duration)> {
    let run =
        |more: &[&str]| timed(|| done(sandbox.run(words(recording, "ct2", &[&["--model", model], more].concat()))));
    run(&[])?;
    let (mut apart, mut together) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        apart.push(run(&[])?);
        together.push(run(&["--in-process"])?);
    }
    Ok((at(&mut apart, 50), at(&mut together, 50)))
}

/// The percentile of the times.
fn at(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() * percent / 100).min(times.len() - 1)]
}

fn starts(sandbox: &Sandbox, runs: usize) -> Outcome {
    println!("\n| plugin | start of a runner to its hello, median |\n|---|--:|");
    for plugin in ["format", "ct2", "whisper-cpp", "pyannote"] {
        let mut times = Vec::new();
        for _ in 0..runs {
            // Probing only starts a runner; without it the command does the same.
            let retried = timed(|| done(sandbox.run(["plugins", "retry", plugin])))?;
            let without = timed(|| done(sandbox.run(["plugins", "why", plugin])))?;
            times.push(retried.saturating_sub(without));
        }
        println!("| {plugin} | {:.1} ms |", 1000.0 * at(&mut times, 50).as_secs_f64());
    }
    Ok(())
}

fn cancels(sandbox: &Sandbox, runs: usize) -> Outcome {
    let deaf = ANIMALS
        .iter()
        .find(|animal| animal.name == "deaf")
        .map(Animal::id)
        .unwrap_or_default();
    let zoo = sandbox.work().join("zoo");
    for animal in ANIMALS.iter().filter(|animal| animal.name == "deaf") {
        animal.put_into(&zoo);
    }
    let recording = audio(sandbox, 600)?;
    let diarized = recording.to_str().unwrap_or_default();
    let folder = zoo.to_str().unwrap_or_default();
    let of_zoo = [
        "--plugin-dir",
        folder,
        "--asr-option",
        "behaviour=deaf",
        "--progress",
        "json",
    ];
    let cases = [
        (
            "ct2, tiny.en",
            words(&recording, "ct2", &["--model", "tiny.en", "--progress", "json"]),
        ),
        (
            "whisper-cpp, tiny.en",
            words(&recording, "whisper-cpp", &["--model", "tiny.en", "--progress", "json"]),
        ),
        (
            "pyannote",
            vec![
                "transcribe",
                diarized,
                "--asr-plugin",
                "ct2",
                "--model",
                "tiny.en",
                "--diarize",
                "--no-cache",
                "-o",
                "out.txt",
                "--progress",
                "json",
            ],
        ),
        ("one that does not listen", words(&recording, &deaf, &of_zoo)),
    ];
    println!("\n| plugin | Ctrl-C to the end, median | p95 |\n|---|--:|--:|");
    for (name, words) in cases {
        let event = if name == "pyannote" {
            r#""stage":"diarize","total""#
        } else {
            r#""stage":"asr","total""#
        };
        let mut times = Vec::new();
        for _ in 0..if name.starts_with("one") { runs.min(5) } else { runs } {
            let mut running = sandbox.start(words.iter().filter(|word| **word != "-q"));
            running.wait_for(event);
            let runners = running.children();
            let began = Instant::now();
            running.interrupt();
            running.end();
            times.push(began.elapsed());
            if runners.iter().any(|runner| is_running(*runner)) {
                return Err(Failure::new(format!("{name}: a runner outlived its host")));
            }
        }
        let (half, most) = (at(&mut times, 50), at(&mut times, 95));
        println!(
            "| {name} | {:.0} ms | {:.0} ms |",
            1000.0 * half.as_secs_f64(),
            1000.0 * most.as_secs_f64()
        );
    }
    Ok(())
}

/// Number of listed plugins.
const FIFTY: u32 = 50;

fn list(sandbox: &Sandbox, runs: usize) -> Outcome {
    let folder = sandbox.work().join("fifty");
    let beside = 5;
    for number in 1..=FIFTY - beside {
        put_numbered(number, &folder);
    }
    // The digest of a file is remembered only if the file was two seconds old when it was hashed.
    std::thread::sleep(Duration::from_secs(3));
    let words = ["plugins", "list", "--plugin-dir", folder.to_str().unwrap_or_default()];
    let cold = timed(|| done(sandbox.run(words)))?;
    let mut times = Vec::new();
    for _ in 0..runs {
        times.push(timed(|| done(sandbox.run(words)))?);
    }
    let (half, most) = (at(&mut times, 50), at(&mut times, 95));
    println!(
        "\n`plugins list` with {FIFTY} plugins: {:.1} ms, p95 {:.1} ms; the first time, when each is probed, {:.0} ms.",
        1000.0 * half.as_secs_f64(),
        1000.0 * most.as_secs_f64(),
        1000.0 * cold.as_secs_f64()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measured_values() {
        let mut times: Vec<_> = (1..=20).rev().map(Duration::from_millis).collect();
        assert_eq!(
            (at(&mut times, 50), at(&mut times, 95)),
            (Duration::from_millis(11), Duration::from_millis(20))
        );
    }
}
