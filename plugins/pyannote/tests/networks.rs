//! The plugin with its real networks, on the bundled dialogue and on hard cases: silence first, one voice without a pause, very
//! short audio, noise.
//!
//! Needs `libonnxruntime.so` (`cargo xtask onnxruntime`) and the models (`cargo xtask models segmentation speaker`), and fails
//! without.

use std::path::{Path, PathBuf};

use cesar_plugin_pyannote::options::{Options, Request};
use cesar_plugin_pyannote::report::{Alone, Report};
use cesar_plugin_pyannote::{MANIFEST, Pyannote};
use plugin_api::diarize::{Diarization, Turn};
use plugin_api::manifest::{Manifest, Scope};
use plugin_api::{Audio, ErrorKind, Stage, StageError};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const RATE: usize = 16_000;

fn models() -> PathBuf {
    let folder = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let data = || folder("XDG_DATA_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/share")));
    folder("CESAR_MODELS_DIR")
        .or_else(|| data().map(|data| data.join("cesar/models")))
        .expect("HOME is set")
}

fn model(file: &str) -> PathBuf {
    let path = models().join(file);
    assert!(
        path.is_file(),
        "`{}` is absent: run `cargo xtask models segmentation speaker`",
        path.display()
    );
    path
}

/// The options of a scope with their defaults, changed by `given`.
fn options<T: DeserializeOwned>(scope: Scope, given: Value) -> T {
    let manifest = Manifest::parse(MANIFEST).expect("the manifest is valid");
    let given = given.as_object().cloned().unwrap_or_default().into_iter().collect();
    let effective = manifest.effective(&given).expect("the options are valid");
    let of_scope = effective
        .into_iter()
        .filter(|(name, _)| manifest.options[name].scope == scope);
    serde_json::from_value(Value::Object(of_scope.collect())).expect("the types are those of the table")
}

fn open(given: Value) -> Result<Pyannote, StageError> {
    let mut all = json!({
        "segmentation_model": model("segmentation-3.0.onnx"),
        "embedding_model": model("speaker-campplus.onnx"),
        "threads": 2,
    });
    for (name, value) in given.as_object().expect("an object") {
        all[name] = value.clone();
    }
    Pyannote::open(options::<Options>(Scope::Open, all))
}

fn audio(samples: &[f32]) -> Audio<'_> {
    Audio {
        samples,
        sample_rate: 16_000,
    }
}

fn diarize(samples: &[f32], given: Value) -> Diarization {
    let mut engine = open(json!({})).unwrap_or_else(|error| panic!("{error}; or run `cargo xtask onnxruntime`"));
    engine
        .diarize(&options::<Request>(Scope::Request, given), audio(samples), &mut Alone)
        .expect("it runs")
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures")
}

fn meeting() -> Vec<f32> {
    let mut reader = claxon::FlacReader::open(fixtures().join("meeting.flac")).expect("the fixture is there");
    reader
        .samples()
        .map(|sample| sample.expect("a sample") as f32 / 32_768.0)
        .collect()
}

/// Start, end and name, in seconds.
fn reference() -> Vec<(f64, f64, String)> {
    let text = std::fs::read_to_string(fixtures().join("meeting.rttm")).expect("the fixture is there");
    let field = |line: &str, number: usize| line.split_whitespace().nth(number).expect("nine fields").to_owned();
    let turn = |line: &str| {
        let number = |at: usize| field(line, at).parse::<f64>().expect("a time in seconds");
        (number(3), number(3) + number(4), field(line, 7))
    };
    text.lines().map(turn).collect()
}

/// Shares of the reference's speech: missed, with the wrong speaker; and of other time, with speech. Two speakers.
fn errors(turns: &[Turn]) -> (f64, f64, f64) {
    let reference = reference();
    let at = |time: f64| {
        reference
            .iter()
            .find(|(start, end, _)| *start <= time && time < *end)
            .map(|(_, _, who)| who == "rms")
    };
    let expected = |time: f64| {
        turns
            .iter()
            .find(|t| t.start_ms as f64 <= time * 1e3 && time * 1e3 < t.end_ms as f64)
    };
    let (mut speech, mut missed, mut invented, mut wrong) = (0.0, 0.0, 0.0, [0.0_f64; 2]);
    for frame in 0..3690 {
        let time = f64::from(frame) / 100.0;
        match (at(time), expected(time)) {
            (Some(who), Some(turn)) => {
                speech += 1.0;
                wrong[usize::from((turn.speaker == 1) == who)] += 1.0;
            }
            (Some(_), None) => (speech, missed) = (speech + 1.0, missed + 1.0),
            (None, Some(_)) => invented += 1.0,
            (None, None) => {}
        }
    }
    (missed / speech, wrong[0].min(wrong[1]) / speech, invented / speech)
}

#[test]
fn the_bundled_dialogue() {
    let result = diarize(&meeting(), json!({ "embeddings": true }));
    assert_eq!(result.speakers.len(), 2);
    let (missed, confused, invented) = errors(&result.turns);
    assert!(
        missed <= 0.03 && confused <= 0.02 && invented <= 0.03,
        "{missed} {confused} {invented}: {:?}",
        result.turns
    );
    let lengths = result
        .speakers
        .iter()
        .map(|speaker| speaker.embedding.as_ref().expect("asked for"));
    for vector in lengths {
        let length: f32 = vector.iter().map(|value| value * value).sum();
        assert!((length - 1.0).abs() < 1e-4 && vector.len() == 192);
    }
}

#[test]
fn threads_change_nothing_and_bounds_are_kept() {
    let samples = &meeting()[..20 * RATE];
    let mut single = open(json!({ "threads": 1 })).expect("it opens");
    let run = |engine: &mut Pyannote, given: Value| {
        engine
            .diarize(&options::<Request>(Scope::Request, given), audio(samples), &mut Alone)
            .expect("it runs")
    };
    assert_eq!(run(&mut single, json!({})), diarize(samples, json!({})));
    for number in [1, 3] {
        assert_eq!(
            run(&mut single, json!({ "num_speakers": number })).speakers.len(),
            number
        );
    }
}

/// The network was trained on frames that divide a window evenly; with others, time drifts by 60 ms from its beginning to its end.
#[test]
fn time_does_not_drift_within_a_window() {
    let meeting = meeting();
    let mut engine = open(json!({})).expect("it opens");
    let request = options::<Request>(Scope::Request, json!({}));
    // For each beginning of a turn, found `place` seconds after that of a window: its error, in seconds, early or late.
    let mut error = |begin: f64, place: f64| {
        let first = ((begin - place) * RATE as f64) as usize;
        let result = engine.diarize(&request, audio(&meeting[first..first + 10 * RATE]), &mut Alone);
        let starts = result
            .expect("it runs")
            .turns
            .into_iter()
            .map(|turn| turn.start_ms as f64 / 1e3);
        let nearest = starts
            .map(|start| start - place)
            .min_by(|one, other| one.abs().total_cmp(&other.abs()));
        nearest.expect("there is speech")
    };
    let (early, late) = (1.5, 8.5);
    let begins: Vec<f64> = reference().into_iter().map(|(begin, ..)| begin).collect();
    let begins = begins
        .iter()
        .filter(|begin| **begin > late && **begin + 10.0 - early < 36.9);
    let drifts: Vec<f64> = begins.map(|begin| error(*begin, late) - error(*begin, early)).collect();
    let mean = drifts.iter().sum::<f64>() / drifts.len() as f64;
    assert!(drifts.len() >= 3 && mean.abs() < 0.02, "{mean} s: {drifts:?}");
}

#[test]
fn silence_before_speech_changes_no_speaker() {
    let meeting = meeting();
    let mut samples = vec![0.0; 15 * RATE];
    samples.extend_from_slice(&meeting[..20 * RATE]);
    let turns = diarize(&samples, json!({})).turns;
    assert!((15_300..15_700).contains(&turns[0].start_ms), "{turns:?}");
    let speech: u64 = turns.iter().map(|turn| turn.end_ms - turn.start_ms).sum();
    assert!(speech > 16_000, "{turns:?}");
}

#[test]
fn one_voice_without_a_pause() {
    let meeting = meeting();
    let voice = &meeting[RATE / 2..5 * RATE];
    let samples: Vec<f32> = voice.iter().copied().cycle().take(60 * RATE).collect();
    let result = diarize(&samples, json!({}));
    assert_eq!(result.speakers.len(), 1, "{:?}", result.turns);
    let speech: u64 = result.turns.iter().map(|turn| turn.end_ms - turn.start_ms).sum();
    assert!(speech > 54_000, "{speech}");
}

#[test]
fn very_short_audio_has_no_turns() {
    let meeting = meeting();
    assert_eq!(diarize(&[], json!({})), Diarization::default());
    assert_eq!(diarize(&[0.1; 7], json!({})).turns, []);
    let result = diarize(&meeting[2 * RATE..3 * RATE], json!({}));
    assert_eq!((result.speakers.len(), result.turns.len()), (1, 1), "{result:?}");
    assert!(result.turns[0].end_ms <= 1000);
}

#[test]
fn thirty_milliseconds_of_speech_have_one_speaker_at_most() {
    let meeting = meeting();
    let result = diarize(&meeting[2 * RATE..2 * RATE + 480], json!({}));
    assert!(result.speakers.len() <= 1 && result.turns.len() <= 1, "{result:?}");
    assert!(result.turns.iter().all(|turn| turn.end_ms <= 30), "{result:?}");
}

#[test]
fn a_telephone_and_a_clipped_channel_have_the_same_two_speakers() {
    let meeting = meeting();
    // 8000 samples a second, each kept for two, as a telephone's are.
    let telephone: Vec<f32> = meeting
        .chunks(2)
        .flat_map(|pair| vec![pair.iter().sum::<f32>() / pair.len() as f32; pair.len()])
        .collect();
    let clipped: Vec<f32> = meeting.iter().map(|sample| (4.0 * sample).clamp(-1.0, 1.0)).collect();
    for (name, samples) in [("telephone", telephone), ("clipped", clipped)] {
        let result = diarize(&samples, json!({}));
        let (missed, confused, invented) = errors(&result.turns);
        assert_eq!(result.speakers.len(), 2, "{name}");
        assert!(
            missed <= 0.06 && confused <= 0.04 && invented <= 0.06,
            "{name}: {missed} {confused} {invented}"
        );
    }
}

#[test]
fn noise_has_no_speaker() {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    let noise: Vec<f32> = (0..30 * RATE).map(|_| 0.3 * next()).collect();
    let speech: u64 = diarize(&noise, json!({}))
        .turns
        .iter()
        .map(|turn| turn.end_ms - turn.start_ms)
        .sum();
    assert!(speech < 1000, "{speech} ms of 30 s");
}

/// Stops after some progress.
struct Stopping(Vec<u64>);

impl Report for Stopping {
    fn progress(&mut self, done: u64, total: u64) {
        assert!(done <= total && self.0.last().is_none_or(|before| *before <= done));
        self.0.push(done);
    }

    fn cancelled(&self) -> bool {
        self.0.len() >= 3
    }
}

#[test]
fn a_run_can_be_cancelled() {
    let mut engine = open(json!({})).expect("it opens");
    let mut report = Stopping(Vec::new());
    let began = std::time::Instant::now();
    let error = engine
        .diarize(
            &options::<Request>(Scope::Request, json!({})),
            audio(&meeting()),
            &mut report,
        )
        .expect_err("it was cancelled");
    assert_eq!((error.kind, report.0.len()), (ErrorKind::Cancelled, 3));
    assert!(began.elapsed().as_secs() < 20, "it went on to the end");
}

#[test]
fn a_model_in_the_place_of_the_other_is_refused_by_name() {
    let swapped = json!({ "segmentation_model": model("speaker-campplus.onnx") });
    let error = open(swapped).expect_err("refused");
    assert_eq!(error.kind, ErrorKind::ModelMissing);
    assert!(
        error.message.contains("is not pyannote's segmentation-3.0"),
        "{}",
        error.message
    );
    let error = open(json!({ "embedding_model": model("segmentation-3.0.onnx") })).expect_err("refused");
    assert!(
        error.message.contains("is not a speaker embedding network"),
        "{}",
        error.message
    );
    let error = open(json!({ "segmentation_model": fixtures().join("meeting.rttm") })).expect_err("refused");
    assert!(
        error.message.contains("cannot be read as an ONNX model"),
        "{}",
        error.message
    );
}
