//! Sandboxes with diarization models, and the share of words with the wrong speaker.

use crate::sandbox::Sandbox;
use crate::words::words;
use serde_json::Value;
use std::{collections::BTreeSet, env, fs, os::unix::fs::symlink, path::PathBuf};

/// The models of the diarization plugin.
pub const MODELS: [&str; 2] = ["segmentation", "speaker"];

/// A sandbox of one thread with what [`add_speakers`] adds.
///
/// # Panics
/// If one of them has not been fetched.
pub fn with_speakers() -> Sandbox {
    let sandbox = Sandbox::with_one_thread();
    add_speakers(&sandbox);
    sandbox
}

/// Adds the diarization models, and ONNX Runtime to the user's libraries.
///
/// # Panics
/// If one of them has not been fetched.
pub fn add_speakers(sandbox: &Sandbox) {
    for model in MODELS {
        sandbox.add_model(model);
    }
    add_library(sandbox);
}

/// Links ONNX Runtime into the user's folder of libraries.
///
/// # Panics
/// If it has not been fetched.
pub fn add_library(sandbox: &Sandbox) {
    let folder = sandbox.data_home().join("cesar/lib");
    fs::create_dir_all(&folder).expect("the sandbox can be written");
    symlink(onnxruntime(), folder.join("libonnxruntime.so")).expect("the sandbox can be written");
}

/// The place of the library for the diarization plugin outside a sandbox.
fn onnxruntime() -> PathBuf {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = folder("XDG_DATA_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/share")));
    let fetched = data.map(|data| data.join("cesar/lib/libonnxruntime.so"));
    let found = folder("ORT_DYLIB_PATH").or(fetched).filter(|path| path.is_file());
    found.unwrap_or_else(|| panic!("`libonnxruntime.so` is absent: run `cargo xtask onnxruntime`"))
}

/// Counts of words with the right and the wrong speaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribution {
    /// Words that the transcript shares with the reference, including misspelt ones.
    pub words: usize,
    /// Of these, words with the wrong speaker or without one.
    pub wrong: usize,
}

impl Attribution {
    /// The share of wrong words; 0 without words.
    pub fn rate(self) -> f64 {
        self.wrong as f64 / self.words.max(1) as f64
    }
}

/// Compares a document with the turns of a bundled recording's `.json`, under the best assignment of labels to people.
///
/// # Panics
/// If either has another shape.
pub fn attribution(reference: &Value, document: &Value) -> Attribution {
    let people = spoken(&reference["turns"]);
    let labelled = spoken(&document["segments"]);
    let pairs = align(&people, &labelled);
    let labels: BTreeSet<&str> = labelled.iter().filter_map(|word| word.1.as_deref()).collect();
    let names: BTreeSet<&str> = people.iter().filter_map(|word| word.1.as_deref()).collect();
    let (labels, names): (Vec<_>, Vec<_>) = (labels.into_iter().collect(), names.into_iter().collect());
    let together = |label: &str, name: &str| {
        let fits = |(person, given): &&(usize, usize)| {
            people[*person].1.as_deref() == Some(name) && labelled[*given].1.as_deref() == Some(label)
        };
        pairs.iter().filter(fits).count()
    };
    let counts: Vec<Vec<usize>> = (labels.iter())
        .map(|label| names.iter().map(|name| together(label, name)).collect())
        .collect();
    Attribution {
        words: pairs.len(),
        wrong: pairs.len() - best(&counts, &mut vec![false; names.len()]),
    }
}

/// The words of turns or segments, each with its speaker.
fn spoken(pieces: &Value) -> Vec<(String, Option<String>)> {
    let pieces = pieces.as_array().expect("a list of turns or segments");
    let of_piece = |piece: &Value| {
        let speaker = piece["speaker"].as_str().map(str::to_owned);
        let text = piece["text"].as_str().expect("a piece has a text");
        let with_speaker = |word| (word, speaker.clone());
        words(text).into_iter().map(with_speaker).collect::<Vec<_>>()
    };
    pieces.iter().flat_map(of_piece).collect()
}

/// Pairs of words of a cheapest alignment, equal or not.
fn align<T>(left: &[(String, T)], right: &[(String, T)]) -> Vec<(usize, usize)> {
    let mut costs = vec![vec![0; right.len() + 1]; left.len() + 1];
    for i in 0..=left.len() {
        for j in 0..=right.len() {
            costs[i][j] = match (i, j) {
                (0, edits) | (edits, 0) => edits,
                (i, j) => {
                    let other = usize::from(left[i - 1].0 != right[j - 1].0);
                    (costs[i - 1][j - 1] + other)
                        .min(costs[i - 1][j] + 1)
                        .min(costs[i][j - 1] + 1)
                }
            };
        }
    }
    let (mut i, mut j) = (left.len(), right.len());
    let mut pairs = Vec::new();
    while i > 0 && j > 0 {
        let other = usize::from(left[i - 1].0 != right[j - 1].0);
        if costs[i][j] == costs[i - 1][j - 1] + other {
            (i, j) = (i - 1, j - 1);
            pairs.push((i, j));
        } else if costs[i][j] == costs[i - 1][j] + 1 {
            i -= 1;
        } else {
            j -= 1;
        }
    }
    pairs
}

/// The maximum sum of an assignment of rows to columns, each at most once.
fn best(counts: &[Vec<usize>], taken: &mut Vec<bool>) -> usize {
    let Some((row, rest)) = counts.split_first() else {
        return 0;
    };
    let mut most = best(rest, taken);
    for (column, count) in row.iter().enumerate() {
        if !taken[column] {
            taken[column] = true;
            most = most.max(count + best(rest, taken));
            taken[column] = false;
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn labels_are_assigned_as_well_as_they_can_be() {
        let reference = json!({ "turns": [
            { "speaker": "ann", "text": "Good morning to you." },
            { "speaker": "bo", "text": "Good morning, Ann." },
        ] });
        let told = |segments: Value| attribution(&reference, &json!({ "segments": segments }));
        let right = told(json!([
            { "speaker": "Speaker 2", "text": "good morning to you" },
            { "speaker": "Speaker 1", "text": "good morning ann" },
        ]));
        assert_eq!(right, Attribution { words: 7, wrong: 0 });
        let late = told(json!([
            { "speaker": "A", "text": "good morning to" },
            { "speaker": "B", "text": "you good morning" },
            { "text": "an" },
        ]));
        assert_eq!(late, Attribution { words: 7, wrong: 2 });
    }
}
