//! Unit tests of a stage without a host (feature `testkit`).
//!
//! A [`Kit`] opens a stage as a host would: options are checked by the manifest's table and filled in with its defaults, everything
//! crosses as JSON, and the stage's events are kept. It runs in the test's own process, so a crash ends the test; `cesar plugins
//! check` tests the effect of a crash on a host.
//!
//! ```
//! # use plugin_api::{Audio, Ctx, Stage, StageError, asr::{Segment, Transcription}};
//! # struct Loudness { window_ms: u64 }
//! # #[derive(serde::Deserialize)] struct Options { window_ms: u64 }
//! # #[derive(serde::Deserialize)] struct Request {}
//! # impl Stage for Loudness {
//! #     type Options = Options;
//! #     type Request = Request;
//! #     type Output = Transcription;
//! #     fn open(options: Options) -> Result<Self, StageError> { Ok(Self { window_ms: options.window_ms }) }
//! #     fn run(&mut self, _: Request, audio: Audio<'_>, ctx: &mut Ctx<'_>) -> Result<Transcription, StageError> {
//! #         ctx.checkpoint()?;
//! #         let end_ms = audio.milliseconds(audio.samples.len());
//! #         let segment = Segment::new(0, end_ms.min(self.window_ms), " a");
//! #         ctx.segment(&segment);
//! #         Ok(Transcription { segments: vec![segment], ..Transcription::default() })
//! #     }
//! # }
//! use plugin_api::testkit::{Kit, noise};
//!
//! let manifest = include_str!("../examples/cesar-plugin.json");
//! let mut kit = Kit::<Loudness>::open(manifest, serde_json::json!({ "window_ms": 500 })).unwrap();
//! let ran = kit.run(serde_json::json!({}), &noise(1_250)).unwrap();
//! assert_eq!(ran.segments[0].end_ms, 500);
//! kit.keeps_the_contract(serde_json::json!({})).unwrap();
//! ```

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};

use crate::asr::{Segment, Transcription};
use crate::diarize::Diarization;
use crate::manifest::{Manifest, OptionKind, Scope, StageKind};
use crate::sink::HostSink;
use crate::{Audio, Ctx, ErrorKind, Stage, StageError};

/// Sample rate in Hz.
pub const RATE: u32 = 16_000;

/// An open stage.
pub struct Kit<S> {
    manifest: Manifest,
    request: Map<String, Value>,
    stage: S,
}

/// The result of one run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ran {
    /// The output as JSON.
    pub output: Value,
    /// The segments that were shown, with text and times.
    pub segments: Vec<Segment>,
    /// `(done, total)`, in order.
    pub progress: Vec<(u64, u64)>,
    /// `(kind, body)` of everything else, checkpoints among it.
    pub emitted: Vec<(String, Value)>,
}

impl<S: Stage> Kit<S> {
    /// Opens a stage with the defaults of its manifest (JSON), overridden by `options` of any scope. A model is a path here: no
    /// host resolves its name.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOptions`] for errors in the manifest or the options, and any error of the stage.
    pub fn open(manifest: &str, options: Value) -> Result<Self, StageError> {
        let refused = |error: String| StageError::new(ErrorKind::InvalidOptions, error);
        let manifest = Manifest::parse(manifest).map_err(|error| refused(format!("the manifest {error}")))?;
        let (open, request) = effective(&manifest, options)?;
        let options = serde_json::from_value(Value::Object(open)).map_err(|error| refused(error.to_string()))?;
        let stage = S::open(options)?;
        Ok(Self {
            manifest,
            request,
            stage,
        })
    }

    /// The stage.
    pub fn stage(&mut self) -> &mut S {
        &mut self.stage
    }

    /// One request: `request` has options of scope `request` and inputs besides the audio, such as `document`.
    ///
    /// # Errors
    /// Any error of the stage.
    pub fn run(&mut self, request: Value, samples: &[f32]) -> Result<Ran, StageError> {
        self.run_until(request, samples, u64::MAX)
    }

    /// The same, but requests a stop after the stage has checked for one `checks` times.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`] from a stage that responds.
    pub fn run_until(&mut self, request: Value, samples: &[f32], checks: u64) -> Result<Ran, StageError> {
        let refused = |error: serde_json::Error| StageError::new(ErrorKind::InvalidOptions, error.to_string());
        let request = self.request_with(request)?;
        let request: S::Request = serde_json::from_value(Value::Object(request)).map_err(refused)?;
        self.stage.check(&request)?;
        let sink = Recorder {
            ran: Mutex::default(),
            checks: AtomicU64::new(checks),
        };
        let audio = Audio {
            samples,
            sample_rate: RATE,
        };
        let output = self.stage.run(request, audio, &mut Ctx { sink: &sink })?;
        let mut ran = sink.ran.into_inner().unwrap_or_else(PoisonError::into_inner);
        ran.output =
            serde_json::to_value(output).map_err(|error| StageError::new(ErrorKind::Internal, error.to_string()))?;
        Ok(ran)
    }

    fn request_with(&self, given: Value) -> Result<Map<String, Value>, StageError> {
        let mut request = self.request.clone();
        for (name, value) in object(given)? {
            let value = match self.manifest.options.get(&name) {
                Some(option) => option
                    .validate(&name, &value)
                    .map_err(|error| StageError::new(ErrorKind::InvalidOptions, error.to_string()))?,
                None => value,
            };
            request.insert(name, value);
        }
        Ok(request)
    }

    /// Checks the part of the contract that is visible without a host: odd audio is answered or refused, the output is plausible,
    /// the same input has the same output, and a cancel is answered. Stages without audio are called once.
    ///
    /// # Errors
    /// The error.
    pub fn keeps_the_contract(&mut self, request: Value) -> Result<(), String> {
        if !matches!(self.manifest.stage, StageKind::Asr | StageKind::Diarize) {
            return self.run(request, &[]).map(drop).map_err(|error| error.message);
        }
        for samples in [vec![], vec![0.1], vec![f32::NAN; 4_000], silence(5_000)] {
            if let Ok(ran) = self.run(request.clone(), &samples) {
                self.can_be_right(&ran, &samples)?;
            }
        }
        let samples = noise(3_300);
        let mut ask = || self.run(request.clone(), &samples).map_err(|error| error.message);
        let (first, second) = (ask()?, ask()?);
        self.can_be_right(&first, &samples)?;
        if first.output != second.output && first.output["sampled"] != true {
            return Err("the same request gave another output".to_owned());
        }
        match self.run_until(request, &noise(60_000), 0) {
            Err(StageError {
                kind: ErrorKind::Cancelled,
                ..
            }) => Ok(()),
            Err(error) => Err(error.message),
            Ok(_) => Err("it never asked whether to stop: call `ctx.checkpoint()?` between windows".to_owned()),
        }
    }

    fn can_be_right(&self, ran: &Ran, samples: &[f32]) -> Result<(), String> {
        let end_ms = samples.len() as u64 * 1000 / u64::from(RATE);
        if ran.progress.windows(2).any(|pair| pair[1].0 < pair[0].0) {
            return Err("progress fell".to_owned());
        }
        let no_json = |error: serde_json::Error| error.to_string();
        let times: Vec<(u64, u64)> = match self.manifest.stage {
            StageKind::Asr => {
                let output: Transcription = serde_json::from_value(ran.output.clone()).map_err(no_json)?;
                let times = output.segments.iter().map(|segment| (segment.start_ms, segment.end_ms));
                in_order(times, true)?;
                output
                    .segments
                    .iter()
                    .map(|segment| (segment.start_ms, segment.end_ms))
                    .collect()
            }
            _ => {
                let output: Diarization = serde_json::from_value(ran.output.clone()).map_err(no_json)?;
                in_order(output.turns.iter().map(|turn| (turn.start_ms, turn.end_ms)), false)?;
                output.turns.iter().map(|turn| (turn.start_ms, turn.end_ms)).collect()
            }
        };
        match times.iter().find(|(_, end)| *end > end_ms) {
            Some((_, end)) => Err(format!(
                "something ends at {end} ms, after the audio's end at {end_ms} ms"
            )),
            None => Ok(()),
        }
    }
}

fn in_order(times: impl Iterator<Item = (u64, u64)>, apart: bool) -> Result<(), String> {
    let mut before = (0, 0);
    for (start, end) in times {
        let least = if apart { before.1 } else { before.0 };
        if start < least || end < start {
            return Err(format!(
                "{start} to {end} ms comes after {} to {} ms",
                before.0, before.1
            ));
        }
        before = (start, end);
    }
    Ok(())
}

fn object(value: Value) -> Result<Map<String, Value>, StageError> {
    match value {
        Value::Object(object) => Ok(object),
        other => Err(StageError::new(
            ErrorKind::InvalidOptions,
            format!("options are an object, not `{other}`"),
        )),
    }
}

type SessionAndRequest = (Map<String, Value>, Map<String, Value>);

/// Options of the session and of a request, as a host fills them in.
fn effective(manifest: &Manifest, given: Value) -> Result<SessionAndRequest, StageError> {
    let given: BTreeMap<String, Value> = object(given)?.into_iter().collect();
    let effective = manifest
        .effective(&given)
        .map_err(|error| StageError::new(ErrorKind::InvalidOptions, error.to_string()))?;
    let is_open = |name: &String| {
        manifest
            .options
            .get(name)
            .is_some_and(|option| option.scope == Scope::Open)
    };
    let is_absent_model = |name: &String, value: &Value| {
        value.is_null()
            && manifest
                .options
                .get(name)
                .is_some_and(|option| option.kind == OptionKind::Model)
    };
    let given = effective
        .into_iter()
        .filter(|(name, value)| !is_absent_model(name, value));
    let (open, request): (Vec<_>, Vec<_>) = given.partition(|(name, _)| is_open(name));
    Ok((open.into_iter().collect(), request.into_iter().collect()))
}

/// Keeps the events of a stage.
struct Recorder {
    ran: Mutex<Ran>,
    checks: AtomicU64,
}

impl Recorder {
    fn with(&self, keep: impl FnOnce(&mut Ran)) {
        keep(&mut self.ran.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl HostSink for Recorder {
    fn progress(&self, done: u64, total: u64) {
        self.with(|ran| ran.progress.push((done, total)));
    }
    fn segment(&self, start_ms: u64, end_ms: u64, text: &str) {
        self.with(|ran| ran.segments.push(Segment::new(start_ms, end_ms, text)));
    }
    fn emit(&self, kind: &str, json: &str) {
        let body = serde_json::from_str(json).unwrap_or_else(|_| Value::from(json));
        self.with(|ran| ran.emitted.push((kind.to_owned(), body)));
    }
    fn log(&self, _: u8, _: &str, _: &str) {}
    fn cancelled(&self) -> bool {
        let left = self
            .checks
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.is_err()
    }
}

/// Silence of this length in ms.
#[must_use]
pub fn silence(ms: u32) -> Vec<f32> {
    vec![0.0; samples_of(ms)]
}

/// Noise of this length in ms, always the same.
#[must_use]
pub fn noise(ms: u32) -> Vec<f32> {
    let value = |index: u32| f32::from((index.wrapping_mul(2_654_435_761) >> 17) as u16) / 65_536.0 - 0.25;
    (0..).map(value).take(samples_of(ms)).collect()
}

fn samples_of(ms: u32) -> usize {
    ms as usize * (RATE as usize / 1000)
}

/// A document with these segments (start and end in ms, text), as a `format` stage receives it.
#[must_use]
pub fn document(segments: &[(u64, u64, &str)]) -> Value {
    let seconds = |ms: u64| json!(crate::document::Seconds(ms));
    let rows = segments.iter().enumerate().map(
        |(id, (start, end, text))| json!({ "id": id, "start": seconds(*start), "end": seconds(*end), "text": text }),
    );
    let stage = json!({ "plugin": "testkit", "version": "1.0.0", "plugin_sha256": "", "options": {} });
    json!({
        "schema": crate::document::SCHEMA, "language": "en", "language_probability": 1.0, "task": "transcribe",
        "duration": seconds(segments.last().map_or(0, |(_, end, _)| *end)), "created": "2026-01-01T00:00:00Z",
        "segments": rows.collect::<Vec<_>>(),
        "provenance": {
            "cesar": "1.0.0", "asr": stage, "sampled": false,
            "audio": { "media_sha256": "", "pcm_sha256": "", "codec": "pcm", "offset": 0.0 }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = include_str!("../examples/cesar-plugin.json");

    /// Writes one segment of the window's length, or breaks the contract according to its options.
    struct Window {
        window_ms: u64,
        runs: u64,
    }

    #[derive(serde::Deserialize)]
    struct Options {
        window_ms: u64,
    }

    #[derive(serde::Deserialize)]
    struct Request {
        language: Option<String>,
    }

    impl Stage for Window {
        type Options = Options;
        type Request = Request;
        type Output = Transcription;

        fn open(options: Options) -> Result<Self, StageError> {
            let window_ms = options.window_ms;
            Ok(Self { window_ms, runs: 0 })
        }

        fn run(&mut self, request: Request, audio: Audio<'_>, ctx: &mut Ctx<'_>) -> Result<Transcription, StageError> {
            let breaks = |how: &str| request.language.as_deref() == Some(how);
            if !breaks("deaf") {
                ctx.checkpoint()?;
            }
            self.runs += 1;
            let end_ms = audio.milliseconds(audio.samples.len());
            let end_ms = if breaks("late") {
                end_ms + 1
            } else {
                end_ms.min(self.window_ms)
            };
            let text = if breaks("moody") {
                self.runs.to_string()
            } else {
                String::new()
            };
            ctx.progress(2, 2);
            ctx.progress(if breaks("backwards") { 1 } else { 2 }, 2);
            Ok(Transcription {
                segments: vec![Segment::new(0, end_ms, text)],
                ..Transcription::default()
            })
        }
    }

    #[test]
    fn breaches_are_named() {
        let mut kit = Kit::<Window>::open(MANIFEST, json!({ "window_ms": 700 })).unwrap();
        let mut check = |language: Value| kit.keeps_the_contract(json!({ "language": language }));
        assert_eq!(check(Value::Null), Ok(()));
        let breaches = [
            ("late", "something ends at 1 ms"),
            ("moody", "the same request gave another output"),
            ("backwards", "progress fell"),
            ("deaf", "it never asked whether to stop"),
        ];
        for (language, words) in breaches {
            let refusal = check(json!(language)).unwrap_err();
            assert!(refusal.contains(words), "{language}: {refusal}");
        }
        assert_eq!(kit.stage().window_ms, 700);
    }

    #[test]
    fn options_are_those_of_the_table() {
        let refused = |options: Value| Kit::<Window>::open(MANIFEST, options).err().unwrap().message;
        assert_eq!(
            refused(json!({ "window_ms": 0 })),
            "`window_ms` must be a whole number of at least 1, not `0`"
        );
        assert!(refused(json!({ "windw_ms": 1 })).contains("has no option `windw_ms`"));
        assert!(refused(json!([])).contains("options are an object"));
        let mut kit = Kit::<Window>::open(MANIFEST, json!({})).unwrap();
        assert!(kit.run(json!({ "language": 5 }), &[]).is_err());
        assert_eq!(kit.run(json!({}), &noise(100)).unwrap().progress, [(2, 2), (2, 2)]);
    }

    #[test]
    fn a_document_is_one() {
        let document = document(&[(0, 1_500, " Good morning.")]);
        let document: crate::document::Document = serde_json::from_value(document).unwrap();
        assert_eq!(document.duration.milliseconds(), 1_500);
    }
}
