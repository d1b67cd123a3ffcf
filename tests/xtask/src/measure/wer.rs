//! `measure wer`: word error rates of both engines, on every recording with a known text.
//!
//! For both engines, base transcribes everything and tiny.en the English recordings, each through the built program (`cesar
//! transcribe FILE -f json`, language detected, only options from `--asr-option`). The table has one line for each recording and
//! model. Languages written without spaces also get the character error rate. Results come from a separate cache, so that a second
//! run costs nothing and the user's cache stays unchanged.

use super::compared::{ENGINES, MODELS};
use super::named;
use crate::{
    failure::{Failure, Outcome},
    models,
    output::announce,
    transcribe,
};
use cesar_tests::{
    cer,
    recordings::{Reference, bundled, find_test_data, references},
    wer,
    words::scored_by_character,
};
use serde_json::Value;
use std::{collections::BTreeMap, path::PathBuf};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Folder that holds `audio`, with more recordings [default: `$CESAR_TEST_DATA`]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Option of both engines; repeatable
    #[arg(long = "asr-option", value_name = "NAME=VALUE")]
    asr_options: Vec<String>,
    /// Measure this model instead, `NAME` or `ENGINE:NAME`, with time and memory; repeatable
    #[arg(long = "model", value_name = "MODEL")]
    models: Vec<String>,
}

/// One engine's transcript of one recording.
struct Heard {
    words: f64,
    characters: Option<f64>,
    language: String,
    probability: Option<f64>,
}

/// Sum and number of the rates of one group, for its mean.
type Means = BTreeMap<(String, usize), (f64, usize)>;

/// The command. Fails if a recording could not be transcribed, after printing the rest.
pub(crate) fn run(options: Options) -> Outcome {
    let data = data_folder(options.data)?;
    if !options.models.is_empty() {
        let mut recordings = bundled();
        recordings.extend(data.map(|folder| references(&folder)).unwrap_or_default());
        return named::run(&options.models, &recordings, &options.asr_options);
    }
    models::fetch(&MODELS)?;
    let mut failures = Vec::new();
    let mut means = Means::new();
    println!(
        "| recording | model | words | {} | {} | note |",
        header(ENGINES[0]),
        header(ENGINES[1])
    );
    println!("|---|---|--:|--:|---|--:|---|---|");
    let mut lists = vec![("bundled", bundled())];
    lists.extend(data.map(|folder| ("data", references(&folder))));
    for (list, recordings) in &lists {
        for (recording, model) in recordings
            .iter()
            .flat_map(|recording| MODELS.map(|model| (recording, model)))
        {
            if model.ends_with(".en") && recording.language != "en" {
                continue;
            }
            let heard = ENGINES.map(|engine| hear(recording, engine, model, &options.asr_options));
            add(&mut means, list, recording, model, &heard);
            println!("{}", row(recording, model, &heard));
            failures.extend(heard.into_iter().filter_map(Result::err));
        }
    }
    print_means(&means);
    report(&failures)
}

fn header(engine: &str) -> String {
    format!("{engine} WER % | {engine} language")
}

/// The folder with further recordings.
fn data_folder(given: Option<PathBuf>) -> Outcome<Option<PathBuf>> {
    match given {
        None => Ok(usual_data_folder()),
        Some(folder) if folder.join("audio").is_dir() => Ok(Some(folder)),
        Some(folder) => Err(Failure::usage(format!(
            "`{}` has no folder `audio`; name the folder that holds it",
            folder.display()
        ))),
    }
}

/// Without the data the table is short, which is not a failure.
fn usual_data_folder() -> Option<PathBuf> {
    let found = find_test_data();
    if found.is_none() {
        announce("no test data: only the bundled recordings; name the folder that holds `audio` with --data");
    }
    found
}

fn hear(recording: &Reference, engine: &str, model: &str, options: &[String]) -> Outcome<Heard> {
    let mut command = transcribe::command(&recording.recording, engine, model, &transcribe::measurement_cache())?;
    let options = options.iter().flat_map(|option| ["--asr-option", option]);
    let output = command
        .args(options)
        .args(["-f", "json", "--progress", "none"])
        .output()
        .map_err(|error| Failure::new(format!("cesar cannot be started: {error}")))?;
    let told = String::from_utf8_lossy(&output.stderr);
    let place = format!("{} by {engine} {model}", recording.name);
    if !output.status.success() {
        return Err(Failure::new(format!("{place}: {}: {}", output.status, told.trim())));
    }
    let document: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| Failure::new(format!("{place}: standard output is not a document: {error}")))?;
    Ok(score(recording, &document))
}

fn score(recording: &Reference, document: &Value) -> Heard {
    let segments = document["segments"].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = segments
        .iter()
        .filter_map(|segment| segment["text"].as_str())
        .collect::<Vec<_>>()
        .join(" ");
    Heard {
        words: wer(&recording.text, &text).rate(),
        characters: scored_by_character(&recording.language).then(|| cer(&recording.text, &text).rate()),
        language: document["language"].as_str().unwrap_or("none").to_owned(),
        probability: document["language_probability"].as_f64(),
    }
}

fn row(recording: &Reference, model: &str, heard: &[Outcome<Heard>; 2]) -> String {
    let words = wer(&recording.text, "").reference;
    let cells = heard
        .iter()
        .map(|heard| cells(&recording.language, heard))
        .collect::<Vec<_>>()
        .join(" | ");
    let note = recording.note.as_deref().unwrap_or_default();
    format!("| {} | {model} | {words} | {cells} | {note} |", recording.name)
}

fn cells(expected: &str, heard: &Outcome<Heard>) -> String {
    let Ok(heard) = heard else {
        return "failed | ".to_owned();
    };
    let characters = heard
        .characters
        .map(|rate| format!(" (CER {:.1})", 100.0 * rate))
        .unwrap_or_default();
    let probability = heard.probability.map(|p| format!(" {p:.2}")).unwrap_or_default();
    let wrong = if heard.language == expected {
        String::new()
    } else {
        format!(" (spoken: {expected})")
    };
    format!(
        "{:.1}{characters} | {}{probability}{wrong}",
        100.0 * heard.words,
        heard.language
    )
}

fn add(means: &mut Means, list: &str, recording: &Reference, model: &str, heard: &[Outcome<Heard>; 2]) {
    let tongue = if recording.language == "en" {
        "English"
    } else {
        "other languages"
    };
    for (engine, heard) in heard.iter().enumerate() {
        let Ok(heard) = heard else { continue };
        let (sum, count) = means
            .entry((format!("{list}, {tongue} | {model}"), engine))
            .or_default();
        // A language scored by character contributes its characters to the mean: one word is one sentence there.
        *sum += heard.characters.unwrap_or(heard.words);
        *count += 1;
    }
}

fn print_means(means: &Means) {
    println!(
        "\n| mean of (by character where that is given) | model | {} WER % | {} WER % |\n|---|---|--:|--:|",
        ENGINES[0], ENGINES[1]
    );
    let groups: std::collections::BTreeSet<_> = means.keys().map(|(group, _)| group).collect();
    for group in groups {
        let mean = |engine| match means.get(&(group.clone(), engine)) {
            Some((sum, count)) => format!("{:.1}", 100.0 * sum / *count as f64),
            None => "failed".to_owned(),
        };
        println!("| {group} | {} | {} |", mean(0), mean(1));
    }
}

fn report(failures: &[Failure]) -> Outcome {
    if failures.is_empty() {
        return Ok(());
    }
    let list = failures
        .iter()
        .map(|failure| format!("\n  {failure}"))
        .collect::<String>();
    Err(Failure::new(format!(
        "{} recordings could not be transcribed:{list}",
        failures.len()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reference(language: &str, text: &str) -> Reference {
        Reference {
            name: "a.wav".to_owned(),
            recording: PathBuf::from("a.wav"),
            language: language.to_owned(),
            text: text.to_owned(),
            note: None,
        }
    }

    #[test]
    fn a_row_has_rates_and_languages_of_both_engines() {
        let recording = reference("ja", "一二三四。");
        let document = json!({
            "language": "ja", "language_probability": 0.987,
            "segments": [{"text": "一二"}, {"text": "三五。"}],
        });
        let other = json!({"language": "zh", "segments": [{"text": "一二三四"}]});
        let heard = [Ok(score(&recording, &document)), Ok(score(&recording, &other))];
        assert_eq!(
            row(&recording, "base", &heard),
            "| a.wav | base | 1 | 200.0 (CER 25.0) | ja 0.99 | 0.0 (CER 0.0) | zh (spoken: ja) |  |"
        );
    }

    #[test]
    fn a_failure_is_shown_and_excluded_from_the_mean() {
        let recording = reference("en", "one two");
        let document = json!({"language": "en", "segments": [{"text": "one"}]});
        let heard = [Ok(score(&recording, &document)), Err(Failure::new("no"))];
        assert_eq!(
            row(&recording, "tiny.en", &heard),
            "| a.wav | tiny.en | 2 | 50.0 | en | failed |  |  |"
        );
        let mut means = Means::new();
        add(&mut means, "bundled", &recording, "tiny.en", &heard);
        assert_eq!(
            means.into_iter().collect::<Vec<_>>(),
            [(("bundled, English | tiny.en".to_owned(), 0), (0.5, 1))]
        );
    }
}
