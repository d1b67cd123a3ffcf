//! `measure align`: how far the words of `cesar align` are from where they are.
//!
//! The bundled English recordings are synthetic, so the places of their words are known (`tests/fixtures/word_times.json`). Each is aligned
//! with its text as it is and with noise, in which the engines recognise less. Errors are those of starts and of ends, in ms.

mod aligned;
mod errors;
mod real;

use super::compared::{ENGINES, MODELS};
use crate::{
    failure::{Failure, Outcome, step},
    models, transcribe,
};
use aligned::{read_json, transcribed};
use cesar_tests::recordings::{bundled, fixture};
use errors::{Errors, SOURCES, print_rows};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Amplitudes of white noise that is added; repeatable; 0 is the recording itself
    #[arg(long, value_name = "AMPLITUDE", default_values_t = [0.0, 0.1])]
    noise: Vec<f64>,
    /// Measure the real recordings in this folder of test data instead of the bundled ones
    #[arg(long, value_name = "FOLDER", conflicts_with = "noise")]
    data: Option<PathBuf>,
    /// Engine; repeatable
    #[arg(long = "asr-plugin", value_name = "ID", default_values = ENGINES)]
    engines: Vec<String>,
    /// Option of the engines; repeatable
    #[arg(long = "asr-option", value_name = "NAME=VALUE")]
    asr_options: Vec<String>,
}

/// The command.
pub(crate) fn run(options: &Options) -> Outcome {
    models::fetch(&MODELS)?;
    let times = read_json(&fixture("word_times.json"))?;
    let times: Vec<(&String, &Value)> = times.as_object().into_iter().flatten().collect();
    let engines: Vec<&str> = options.engines.iter().map(String::as_str).collect();
    let what = if options.data.is_some() { "language" } else { "noise" };
    println!(
        "| engine | model | {what} | words | words by source | start, mean | start, 95 % | end, mean | end, 95 % |"
    );
    println!("|---|---|--:|---|---|--:|--:|--:|--:|");
    if let Some(data) = &options.data {
        return real::run(data, &engines, &options.asr_options);
    }
    for engine in engines {
        for model in MODELS {
            for noise in &options.noise {
                let mut errors: BTreeMap<&str, Errors> = BTreeMap::new();
                for (name, truth) in &times {
                    let recording = bundled()
                        .into_iter()
                        .find(|recording| recording.name.starts_with(name.as_str()));
                    let recording = recording.ok_or_else(|| Failure::new(format!("there is no recording `{name}`")))?;
                    let noisy = with_noise(&recording.recording, *noise)?;
                    let document = align(&noisy, engine, model, &options.asr_options)?;
                    compare(truth, &document, &mut errors).map_err(|error| Failure::new(format!("{name}: {error}")))?;
                }
                print_rows(engine, model, &noise.to_string(), &errors);
            }
        }
    }
    Ok(())
}

/// The recording with white noise, made by ffmpeg beside the cache of measurements.
fn with_noise(recording: &Path, amplitude: f64) -> Outcome<PathBuf> {
    if amplitude == 0.0 {
        return Ok(recording.to_owned());
    }
    let folder = transcribe::measurement_cache().with_file_name("xtask-noise");
    std::fs::create_dir_all(&folder).map_err(|error| Failure::new(format!("`{}`: {error}", folder.display())))?;
    let stem = recording.file_stem().unwrap_or_default().to_string_lossy();
    let noisy = folder.join(format!("{stem}-{amplitude}.wav"));
    if !noisy.is_file() {
        let filter = format!(
            "[0:a]aresample=16000,pan=mono|c0=c0[voice];anoisesrc=r=16000:a={amplitude}:seed=1[noise];[voice][noise]amix=duration=first:normalize=0"
        );
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "error", "-y", "-i"]).arg(recording);
        step(ffmpeg.args(["-filter_complex", &filter]).arg(&noisy))?;
    }
    Ok(noisy)
}

fn align(recording: &Path, engine: &str, model: &str, options: &[String]) -> Outcome<Value> {
    let stem = recording.file_stem().unwrap_or_default().to_string_lossy();
    let text = fixture(&format!("{}.txt", stem.split('-').next().unwrap_or_default()));
    transcribed((recording, &text), (engine, model, "en"), options)
}

/// Adds the errors of one document.
fn compare(truth: &Value, document: &Value, errors: &mut BTreeMap<&str, Errors>) -> Result<(), String> {
    let truth = truth.as_array().map(Vec::as_slice).unwrap_or_default();
    let segments = document["segments"].as_array().map(Vec::as_slice).unwrap_or_default();
    let words: Vec<&Value> = segments
        .iter()
        .filter_map(|segment| segment["words"].as_array())
        .flatten()
        .collect();
    if words.len() != truth.len() {
        return Err(format!("{} words instead of {}", words.len(), truth.len()));
    }
    for (word, truth) in words.into_iter().zip(truth) {
        if word["word"].as_str().map(str::trim) != truth["word"].as_str() {
            return Err(format!("{} instead of {}", word["word"], truth["word"]));
        }
        let error = |edge: &str| Some(1000.0 * (word[edge].as_f64()? - truth[edge].as_f64()?).abs());
        let source = word["timing"].as_str().unwrap_or(SOURCES[0]);
        let source = SOURCES.into_iter().find(|known| *known == source);
        let errors = errors
            .entry(source.ok_or_else(|| format!("unknown source in {word}"))?)
            .or_default();
        errors.starts.extend(error("start"));
        errors.ends.extend(error("end"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn errors_are_those_of_both_edges_by_source() {
        let truth = json!([{ "word": "One", "start": 1.0, "end": 1.5 }, { "word": "two.", "start": 2.0, "end": 2.5 }]);
        let document = json!({ "segments": [{ "words": [
            { "word": " One", "start": 1.1, "end": 1.4 }, { "word": " two.", "start": 2.0, "end": 2.7, "timing": "aligned" }
        ] }] });
        let mut errors = BTreeMap::new();
        compare(&truth, &document, &mut errors).unwrap();
        let rounded = |errors: &[f64]| errors.iter().map(|error| error.round()).collect::<Vec<_>>();
        assert_eq!(rounded(&errors["recognised"].ends), [100.0]);
        assert_eq!(rounded(&errors["aligned"].ends), [200.0]);
        assert!(compare(&truth, &json!({ "segments": [] }), &mut errors).is_err());
    }
}
