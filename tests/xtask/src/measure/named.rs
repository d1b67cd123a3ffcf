//! `measure wer --model`: error rate, time and memory of named models, on every recording with a known text.
//!
//! One line for each recording and model: words, word error rate, wall time of the whole command with an empty cache, and the peak memory of
//! the engine's process. The engine is the one named before a colon, else the one that finds the model.

use super::bench::memory;
use crate::{
    failure::{Failure, Outcome},
    models,
    output::announce,
    transcribe,
};
use cesar_tests::{models::Model, recordings::Reference, wer};
use serde_json::Value;
use std::{collections::BTreeMap, fs::File, path::Path, process::Stdio};

/// The figures of one run.
struct Figures {
    rate: f64,
    seconds: f64,
    mebibytes: u64,
}

/// The table of these models, each `NAME` or `ENGINE:NAME`.
pub(crate) fn run(names: &[String], recordings: &[Reference], options: &[String]) -> Outcome {
    let known = names
        .iter()
        .map(|name| split(name).1)
        .filter(|name| Model::named(name).is_some());
    models::fetch(&known.collect::<Vec<_>>())?;
    let mut sums: BTreeMap<&str, (Figures, u32)> = BTreeMap::new();
    let mut failures = Vec::new();
    println!("| recording | model | words | WER % | time | memory |\n|---|---|--:|--:|--:|--:|");
    for recording in recordings {
        for name in names {
            if is_english(split(name).1) && recording.language != "en" {
                continue;
            }
            let words = wer(&recording.text, "").reference;
            match hear(recording, name, options) {
                Ok(figures) => {
                    println!("| {} | {name} | {words} | {} |", recording.name, cells(&figures));
                    let none = Figures {
                        rate: 0.0,
                        seconds: 0.0,
                        mebibytes: 0,
                    };
                    let (sum, count) = sums.entry(name).or_insert((none, 0));
                    sum.rate += figures.rate;
                    sum.seconds += figures.seconds;
                    sum.mebibytes = sum.mebibytes.max(figures.mebibytes);
                    *count += 1;
                }
                Err(failure) => {
                    println!("| {} | {name} | {words} | failed | | |", recording.name);
                    failures.push(failure);
                }
            }
        }
    }
    println!("\n| model | recordings | mean WER % | time of all | peak memory |\n|---|--:|--:|--:|--:|");
    for (name, (mut sum, count)) in sums {
        sum.rate /= f64::from(count);
        println!("| {name} | {count} | {} |", cells(&sum));
    }
    match failures.into_iter().next() {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

fn cells(figures: &Figures) -> String {
    let Figures {
        rate,
        seconds,
        mebibytes,
    } = figures;
    format!("{:.1} | {seconds:.1} s | {mebibytes} MiB", 100.0 * rate)
}

/// The engine, if named, and the model.
fn split(name: &str) -> (Option<&str>, &str) {
    name.split_once(':')
        .map_or((None, name), |(engine, model)| (Some(engine), model))
}

/// Whether a model knows only English, by its name.
fn is_english(model: &str) -> bool {
    let english = ["parakeet-tdt-0.6b-v2", "parakeet-tdt_ctc-110m"];
    model.ends_with(".en") || model.starts_with("moonshine-") || english.contains(&model)
}

fn hear(recording: &Reference, name: &str, options: &[String]) -> Outcome<Figures> {
    let folder = tempfile::tempdir().map_err(|error| Failure::new(format!("no temporary folder: {error}")))?;
    let (document, cache) = (folder.path().join("document.json"), folder.path().join("cache"));
    let (engine, model) = split(name);
    let mut command = transcribe::cesar()?;
    command
        .arg("transcribe")
        .arg(&recording.recording)
        .args(["--no-diarize", "--model", model]);
    command.args(engine.into_iter().flat_map(|engine| ["--asr-plugin", engine]));
    command.args(options.iter().flat_map(|option| ["--asr-option", option]));
    let output = File::create(&document).map_err(|error| Failure::path(&document, &error))?;
    command
        .args(["-f", "json", "--progress", "none", "--cache-dir"])
        .arg(cache)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(Stdio::piped());
    let (took, peaks) = memory::watch(&mut command).inspect_err(|failure| announce(&format!("{name}: {failure}")))?;
    Ok(Figures {
        rate: wer(&recording.text, &text_of(&document)?).rate(),
        seconds: took.as_secs_f64(),
        mebibytes: peaks.runner_kib / 1024,
    })
}

/// The text of a document.
fn text_of(path: &Path) -> Outcome<String> {
    let content = std::fs::read(path).map_err(|error| Failure::path(path, &error))?;
    let document: Value = serde_json::from_slice(&content)
        .map_err(|error| Failure::new(format!("standard output is not a document: {error}")))?;
    let segments = document["segments"].as_array().map(Vec::as_slice).unwrap_or_default();
    let texts = segments.iter().filter_map(|segment| segment["text"].as_str());
    Ok(texts.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_may_have_its_engine_before_it() {
        assert_eq!(split("ct2:base"), (Some("ct2"), "base"));
        assert_eq!(split("moonshine-base"), (None, "moonshine-base"));
    }

    #[test]
    fn english_models_are_known_by_name() {
        let english = ["tiny.en", "moonshine-base", "parakeet-tdt-0.6b-v2"];
        assert!(english.into_iter().all(is_english));
        assert!(!is_english("parakeet-tdt-0.6b-v3") && !is_english("base"));
    }
}
