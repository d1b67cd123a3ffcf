//! Real recordings in eight languages with word times of another engine (Picovoice Leopard): no truth, but of another origin.
//!
//! Words are compared where both begin, or end, at the same character of the text: scripts without spaces have other words here and there.

use super::aligned::{read_json, transcribed};
use super::errors::{Errors, SOURCES, print_rows};
use crate::{
    failure::{Failure, Outcome},
    transcribe,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

/// The recordings in the folder of test data.
const FOLDER: &str = "audio/Picovoice+leopard";

/// Prints a row for each language.
pub(super) fn run(data: &Path, engines: &[&str], options: &[String]) -> Outcome {
    let folder = data.join(FOLDER);
    let tests = read_json(&folder.join("test_data.json"))?;
    let tests = tests["tests"]["language_tests"].as_array().cloned().unwrap_or_default();
    for engine in engines {
        let mut all = BTreeMap::new();
        for test in &tests {
            let field = |name: &str| test[name].as_str().unwrap_or_default();
            let text = transcribe::measurement_cache().with_file_name(format!("xtask-align-{}.txt", field("language")));
            std::fs::write(&text, field("transcript_with_punctuation"))
                .map_err(|error| Failure::new(format!("`{}`: {error}", text.display())))?;
            let recording = folder.join(field("audio_file"));
            let document = transcribed((&recording, &text), (engine, "base", field("language")), options)?;
            let mut errors = BTreeMap::new();
            compare(&test["words"], &document, &mut errors);
            compare(&test["words"], &document, &mut all);
            print_rows(engine, "base", field("language"), &errors);
        }
        print_rows(engine, "base", "all", &all);
    }
    Ok(())
}

/// A word of a text: its first and its last character, counted in letters and digits, its times in seconds, and their source.
struct Placed<'a> {
    begin: usize,
    end: usize,
    times: [Option<f64>; 2],
    source: &'a str,
}

fn placed<'a>(words: impl Iterator<Item = &'a Value>, [start, end]: [&str; 2]) -> Vec<Placed<'a>> {
    let mut begin = 0;
    let place = |word: &'a Value| {
        let text = word["word"].as_str().unwrap_or_default();
        let length = text.chars().filter(|character| character.is_alphanumeric()).count();
        begin += length;
        Placed {
            begin: begin - length,
            end: begin,
            times: [word[start].as_f64(), word[end].as_f64()],
            source: word["timing"].as_str().unwrap_or(SOURCES[0]),
        }
    };
    words.map(place).collect()
}

/// Adds the errors of the words that are those of the reference.
fn compare(truth: &Value, document: &Value, errors: &mut BTreeMap<&str, Errors>) {
    let segments = document["segments"].as_array().into_iter().flatten();
    let words = segments.filter_map(|segment| segment["words"].as_array()).flatten();
    let truth = placed(truth.as_array().into_iter().flatten(), ["start_sec", "end_sec"]);
    let begins: HashMap<usize, Option<f64>> = truth.iter().map(|word| (word.begin, word.times[0])).collect();
    let ends: HashMap<usize, Option<f64>> = truth.iter().map(|word| (word.end, word.times[1])).collect();
    for word in placed(words, ["start", "end"])
        .iter()
        .filter(|word| word.begin < word.end)
    {
        let Some(source) = SOURCES.into_iter().find(|known| *known == word.source) else {
            continue;
        };
        let errors = errors.entry(source).or_default();
        let error = |time: Option<f64>, truth: Option<&Option<f64>>| Some(1000.0 * (time? - (*truth?)?).abs());
        errors.starts.extend(error(word.times[0], begins.get(&word.begin)));
        errors.ends.extend(error(word.times[1], ends.get(&word.end)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_that_begin_at_the_same_character_are_compared() {
        let truth = json!([{ "word": "客観", "start_sec": 0.8, "end_sec": 1.2 }, { "word": "的", "start_sec": 1.3, "end_sec": 1.5 }]);
        let document = json!({ "segments": [{ "words": [
            { "word": "客", "start": 0.9, "end": 1.0 }, { "word": "観", "start": 1.0, "end": 1.3 }, { "word": "的。", "start": 1.3, "end": 1.6 }
        ] }] });
        let mut errors = BTreeMap::new();
        compare(&truth, &document, &mut errors);
        let rounded = |errors: &[f64]| errors.iter().map(|error| error.round()).collect::<Vec<_>>();
        assert_eq!(rounded(&errors["recognised"].starts), [100.0, 0.0]);
        assert_eq!(rounded(&errors["recognised"].ends), [100.0, 100.0]);
    }
}
