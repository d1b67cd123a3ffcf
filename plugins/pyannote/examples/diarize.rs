//! The plugin's engine without a host, for measurements: `diarize [OPTION=VALUE]… < jobs`.
//!
//! Reads a line for each job on standard input, the path of a WAV file (16 kHz, mono, 16 bits), and answers each with a line of
//! JSON: `turns` (lists of start, end and speaker, in seconds), `seconds` and `speakers`, or `error`. With the word `oracle` before
//! the options, segmentation is not computed but read from the RTTM file beside the WAV file. Options are those of the plugin's
//! table. Models and ONNX Runtime are those installed by `cargo xtask`.

#![expect(clippy::print_stdout, reason = "a command line program")]

use std::collections::BTreeMap;
use std::error::Error;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cesar_plugin_pyannote::options::{Options, Request};
use cesar_plugin_pyannote::report::Alone;
use cesar_plugin_pyannote::{MANIFEST, Pyannote};
use plugin_api::diarize::Turn;
use plugin_api::manifest::{Manifest, Scope};
use plugin_api::{Audio, Stage};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

type Given = BTreeMap<String, Value>;

fn main() -> Result<(), Box<dyn Error>> {
    let manifest = Manifest::parse(MANIFEST)?;
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let is_known = words.first().is_some_and(|word| word == "oracle");
    words.drain(..usize::from(is_known));
    let given = given(&manifest, &words)?;
    let mut engine = Pyannote::open(options::<Options>(&manifest, &given, Scope::Open)?)?;
    let request: Request = options(&manifest, &given, Scope::Request)?;
    for line in std::io::stdin().lock().lines() {
        let answer = one(&mut engine, &request, Path::new(&line?), is_known)
            .unwrap_or_else(|error| json!({ "error": error.to_string() }));
        println!("{answer}");
    }
    Ok(())
}

fn one(engine: &mut Pyannote, request: &Request, file: &Path, is_known: bool) -> Result<Value, Box<dyn Error>> {
    let samples = read(file)?;
    let audio = Audio {
        samples: &samples,
        sample_rate: 16_000,
    };
    let began = Instant::now();
    let result = if is_known {
        engine.diarize_known(request, audio, &turns(&file.with_extension("rttm"))?, &mut Alone)?
    } else {
        engine.diarize(request, audio, &mut Alone)?
    };
    let seconds = began.elapsed().as_secs_f64();
    let time = |milliseconds: u64| milliseconds as f64 / 1000.0;
    let turns: Vec<Value> = result
        .turns
        .iter()
        .map(|turn| json!([time(turn.start_ms), time(turn.end_ms), turn.speaker.to_string()]))
        .collect();
    Ok(json!({ "turns": turns, "seconds": seconds, "speakers": result.speakers.len() }))
}

/// The turns of an RTTM file.
fn turns(file: &Path) -> Result<Vec<Turn>, Box<dyn Error>> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("`{}`: {error}", file.display()))?;
    let mut speakers: Vec<&str> = Vec::new();
    let mut turns = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("SPEAKER")) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, _, _, start, length, _, _, name, ..] = fields.as_slice() else {
            return Err(format!("no line of RTTM: {line}").into());
        };
        let (start, length): (f64, f64) = (start.parse()?, length.parse()?);
        let place = speakers.iter().position(|known| known == name);
        let speaker = place.unwrap_or(speakers.len());
        if place.is_none() {
            speakers.push(name);
        }
        let time = |seconds: f64| Duration::try_from_secs_f64(seconds).map(|time| time.as_millis() as u64);
        turns.push(Turn {
            start_ms: time(start)?,
            end_ms: time(start + length)?,
            speaker,
        });
    }
    Ok(turns)
}

/// The samples of a WAV file with the usual 44-byte header or additional chunks.
fn read(file: &Path) -> Result<Vec<f32>, Box<dyn Error>> {
    let bytes = std::fs::read(file).map_err(|error| format!("`{}`: {error}", file.display()))?;
    let at = bytes
        .windows(4)
        .position(|four| four == b"data")
        .ok_or("it is no WAV file")?;
    let pairs = bytes[at + 8..].chunks_exact(2);
    Ok(pairs
        .map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0)
        .collect())
}

/// The options on the command line, and the models in their usual folder.
fn given(manifest: &Manifest, words: &[String]) -> Result<Given, Box<dyn Error>> {
    let mut given = Given::new();
    for argument in words {
        let (name, value) = argument.split_once('=').ok_or("options are written `name=value`")?;
        given.insert(name.to_owned(), manifest.option(name)?.parse(name, value)?);
    }
    for (name, file) in [
        ("segmentation_model", "segmentation-3.0.onnx"),
        ("embedding_model", "speaker-campplus.onnx"),
    ] {
        let path = models().join(file);
        given.entry(name.to_owned()).or_insert_with(|| json!(path));
    }
    Ok(given)
}

fn models() -> PathBuf {
    let folder = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let data = || folder("XDG_DATA_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/share")));
    folder("CESAR_MODELS_DIR")
        .or_else(|| data().map(|data| data.join("cesar/models")))
        .unwrap_or_default()
}

/// The options of a scope, defaults filled in.
fn options<T: DeserializeOwned>(manifest: &Manifest, given: &Given, scope: Scope) -> Result<T, Box<dyn Error>> {
    let effective = manifest.effective(given)?;
    let of_scope = effective
        .into_iter()
        .filter(|(name, _)| manifest.options[name].scope == scope);
    Ok(serde_json::from_value(Value::Object(of_scope.collect()))?)
}
