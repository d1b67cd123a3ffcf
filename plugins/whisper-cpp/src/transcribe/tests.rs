//! Tests with real weights and a real recording; [`models_folder`] and [`meeting`] name their places.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use plugin_api::asr::Segment;
use serde_json::{Value, json};

use super::*;
use crate::blocks::transcribe;
use crate::checkpoint::State;
use crate::options::tests::request as request_with_defaults;
use crate::options::{Device, Options};
use crate::{alignment, model_file};

/// The folder of the models: `CESAR_MODELS_DIR`, else Cesar's folder in the user's data folder.
fn models_folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("CESAR_MODELS_DIR") {
        return folder.into();
    }
    let data = std::env::var_os("XDG_DATA_HOME").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".local/share"),
        PathBuf::from,
    );
    data.join("cesar/models")
}

/// The models, loaded once. One test at a time uses each: ggml's threads spin while they wait for each other, so several tests
/// in parallel would take minutes.
static TINY_ENGLISH: LazyLock<Mutex<Loaded>> = LazyLock::new(|| Mutex::new(load("ggml-tiny.en.bin", &PLAIN)));
static BASE: LazyLock<Mutex<Loaded>> = LazyLock::new(|| Mutex::new(load("ggml-base.bin", &PLAIN)));

pub(crate) const PLAIN: Options = Options {
    model: None,
    device: Device::Cpu,
    flash_attention: None,
    word_timestamps: false,
    dtw: None,
};

pub(crate) fn tiny_english() -> MutexGuard<'static, Loaded> {
    TINY_ENGLISH.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn base() -> MutexGuard<'static, Loaded> {
    BASE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file of the models folder.
pub(crate) fn model(name: &str, fetch: &str) -> PathBuf {
    let path = models_folder().join(name);
    assert!(
        path.exists(),
        "`{}` is missing: run `cargo xtask models {fetch}`",
        path.display()
    );
    path
}

pub(crate) fn load(name: &str, options: &Options) -> Loaded {
    let path = model(name, "");
    whisper_rs::install_logging_hooks();
    let header = model_file::check(&path).unwrap();
    let attention = alignment::choose(options, &header, name).unwrap();
    Loaded {
        model: Model::shared(&path, false, attention).unwrap(),
        header,
        name: "the-model.bin".into(),
        words: options.word_timestamps,
    }
}

/// The first `seconds` of `meeting.flac` (16 kHz, mono) among the fixtures of the workspace.
pub(crate) fn meeting(seconds: usize) -> Vec<f32> {
    let fixtures = std::env::var_os("CESAR_TEST_FIXTURES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures"),
        PathBuf::from,
    );
    let path = fixtures.join("meeting.flac");
    let mut recording = claxon::FlacReader::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let samples = recording.samples().take(seconds * ffi::SAMPLE_RATE as usize);
    samples
        .map(|sample| f32::from(i16::try_from(sample.unwrap()).unwrap()) / 32_768.0)
        .collect()
}

/// A request with the table's defaults, but for one thread unless `options` set them, and without the VAD unless requested.
fn request(options: &Value) -> Request {
    let mut options = options.clone();
    options["vad_filter"] = json!(options["vad_filter"] == true);
    let threads = options["threads"].as_u64().unwrap_or(1);
    options["threads"] = json!(threads);
    request_with_defaults(&options)
}

fn audio(samples: &[f32]) -> Audio<'_> {
    Audio {
        samples,
        sample_rate: ffi::SAMPLE_RATE,
    }
}

/// Keeps the reports, and stops after a number of checks.
#[derive(Default)]
struct Recorder {
    segments: Vec<Segment>,
    progress: Vec<(u64, u64)>,
    warnings: Vec<String>,
    stop_after: Option<u32>,
    asked: Cell<u32>,
}

impl Report for Recorder {
    fn segment(&mut self, segment: &Segment) {
        self.segments.push(segment.clone());
    }
    fn progress(&mut self, done_ms: u64, total_ms: u64) {
        self.progress.push((done_ms, total_ms));
    }
    fn warn(&mut self, message: &str) {
        self.warnings.push(message.to_owned());
    }
    fn cancelled(&self) -> bool {
        self.asked.set(self.asked.get() + 1);
        self.stop_after.is_some_and(|times| self.asked.get() > times)
    }
}

pub(crate) fn run(loaded: &Loaded, samples: &[f32], options: &Value) -> Result<Transcription, StageError> {
    let report = &mut Recorder::default();
    transcribe(loaded, &request(options), audio(samples), report)
}

fn refusal(loaded: &Loaded, options: &Value) -> String {
    let error = run(loaded, &[], options).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidOptions);
    error.message
}

/// The clip ends within a word, whose segment whisper.cpp ends at 13 s.
#[test]
fn speech_is_transcribed_and_progress_reported() {
    let (model, samples, mut report) = (tiny_english(), meeting(12), Recorder::default());
    let transcription = transcribe(&model, &request(&json!({})), audio(&samples), &mut report).unwrap();
    let text: String = transcription
        .segments
        .iter()
        .map(|segment| segment.text.as_str())
        .collect();
    assert!(text.starts_with(" Shall we begin with the budget?"), "{text}");
    assert_eq!(transcription.language.as_deref(), Some("en"));
    assert_eq!(transcription.segments, report.segments);
    assert!(report.progress.is_sorted() && report.progress.last() == Some(&(12_000, 12_000)));

    let mut previous_end = 0;
    for segment in &transcription.segments {
        assert!(previous_end <= segment.start_ms && segment.start_ms <= segment.end_ms && segment.end_ms <= 12_000);
        previous_end = segment.end_ms;
        assert!((-2.0..0.0).contains(&segment.avg_logprob.unwrap()));
        assert!((0.0..0.6).contains(&segment.no_speech_prob.unwrap()));
        assert_eq!(segment.temperature, Some(0.0));
        assert!(segment.tokens.as_ref().is_some_and(|tokens| tokens.len() > 3));
    }
    assert!(!transcription.sampled);
}

/// whisper.cpp draws random numbers in its beam search and above temperature 0, from generators seeded afresh for each run.
#[test]
fn equal_requests_give_equal_results_with_any_number_of_threads() {
    let (model, samples) = (tiny_english(), meeting(3));
    for (options, sampled) in [
        (json!({}), false),
        (
            json!({ "temperature": 0.6, "best_of": 2, "temperature_inc": 0.0 }),
            true,
        ),
    ] {
        let with_threads = |threads: u32| {
            let mut options = options.clone();
            options["threads"] = json!(threads);
            run(&model, &samples, &options).unwrap()
        };
        let first = with_threads(1);
        assert!(!first.segments.is_empty() && first.sampled == sampled, "{options}");
        for threads in [1, 2] {
            assert_eq!(with_threads(threads), first, "{threads} threads, {options}");
        }
    }
}

/// Loud noise, then silence: no speech.
#[test]
fn silence_and_noise_yield_no_text_with_vad() {
    let mut state = 1_u32;
    let mut samples: Vec<f32> = (0..4 * 16_000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from(u16::try_from(state >> 16).unwrap()) / 65_536.0 - 0.5
        })
        .collect();
    samples.resize(8 * 16_000, 0.0);
    let file = model("ggml-silero-v6.2.0.bin", "vad");
    for options in [
        json!({ "vad_filter": true }),
        json!({ "vad_filter": true, "vad_model": file }),
    ] {
        let transcription = run(&tiny_english(), &samples, &options).unwrap();
        assert_eq!(transcription.segments, []);
        assert_eq!(run(&tiny_english(), &[], &options).unwrap().segments, []);
    }
}

#[test]
fn an_unusable_vad_model_is_refused() {
    let refused = |options: &Value| run(&tiny_english(), &[], options).unwrap_err();
    let error = refused(&json!({ "vad_filter": true, "vad_model": "/nowhere/ggml-silero.bin" }));
    assert_eq!(error.kind, ErrorKind::ModelMissing);
    assert!(error.message.contains("/nowhere/ggml-silero.bin"), "{error}");
    let whisper = model("ggml-tiny.en.bin", "tiny.en");
    let error = refused(&json!({ "vad_filter": true, "vad_model": whisper }));
    assert!(error.message.contains("not of Silero"), "{error}");
}

/// Half a minute of silence between two parts of a dialogue.
#[test]
fn no_segment_spans_long_silence_and_words_are_the_text() {
    let options = Options {
        word_timestamps: true,
        ..PLAIN
    };
    let loaded = load("ggml-tiny.en.bin", &options);
    let meeting = meeting(20);
    let (first, second) = meeting.split_at(9 * 16_000 + 8000);
    let samples = [first, &vec![0.0; 30 * 16_000], second].concat();
    let transcription = run(&loaded, &samples, &json!({ "vad_filter": true, "beam_size": 1 })).unwrap();
    assert!(transcription.segments.len() > 2);
    for segment in &transcription.segments {
        let spans = segment.start_ms < 12_000 && segment.end_ms > 37_000;
        assert!(!spans, "{segment:?}");
        let words: String = segment.words.iter().flatten().map(|word| word.word.as_str()).collect();
        assert_eq!(words.trim(), segment.text.trim());
    }
    assert!(transcription.segments.iter().any(|segment| segment.start_ms > 39_000));
}

#[test]
fn a_prompt_that_is_too_long_costs_no_text() {
    let (model, samples) = (tiny_english(), meeting(12));
    let words = |options: &Value| {
        let segments = run(&model, &samples, options).unwrap().segments;
        segments
            .iter()
            .map(|segment| segment.text.split_whitespace().count())
            .sum::<usize>()
    };
    let check = |prompt: &str| {
        let asked = request(&json!({ "initial_prompt": prompt }));
        let mut report = Recorder::default();
        let tokens = Prompt::of(&asked).unwrap().unwrap().tokens(&model.model, &mut report);
        assert!(tokens.len() > model.model.most_prompt_tokens(), "{}", tokens.len());
        let [warning] = &report.warnings[..] else {
            panic!("{:?}", report.warnings)
        };
        assert!(
            warning.starts_with("the prompt is too long: using the last "),
            "{warning}"
        );
    };
    let plain = words(&json!({ "beam_size": 1 }));
    let prompt = "The budget of the harbour and its council. ".repeat(400);
    check(&prompt);
    let after = words(&json!({ "beam_size": 1, "initial_prompt": prompt }));
    assert!(after * 10 >= plain * 9, "{after} of {plain} words");
    // Overflowed the stack of whisper.cpp's tokenizer.
    for prompt in ["a".repeat(100_000), "é".repeat(60_000), "港の予算と評議会".repeat(5000)] {
        check(&prompt);
    }
}

/// The limit comes before the end of the sentence, and the rest of the window is skipped.
#[test]
fn a_decode_cut_by_a_limit_is_reported() {
    let options = json!({ "beam_size": 1, "max_tokens": 4, "without_timestamps": true });
    let transcription = run(&tiny_english(), &meeting(10), &options).unwrap();
    let [cut] = &transcription.truncated[..] else {
        panic!("{:?}", transcription.truncated);
    };
    assert_eq!((cut.end_ms, cut.reason.as_str()), (10_000, "max_length"));
    assert!(
        run(&tiny_english(), &meeting(5), &json!({ "beam_size": 1 }))
            .unwrap()
            .truncated
            .is_empty()
    );
}

/// A failed attempt is repeated at the next temperature, and the result has the last one.
#[test]
fn the_temperature_of_a_repeated_attempt_is_known() {
    let (model, samples) = (tiny_english(), meeting(4));
    let demanding = json!({
        "beam_size": 1, "log_prob_threshold": 0.0, "no_speech_threshold": 1.0, "temperature_inc": 0.5, "best_of": 1
    });
    let transcription = run(&model, &samples, &demanding).unwrap();
    assert!(transcription.sampled);
    assert!(!transcription.segments.is_empty());
    assert!(
        transcription
            .segments
            .iter()
            .all(|segment| segment.temperature == Some(1.0))
    );
    let patient = json!({
        "beam_size": 1, "log_prob_threshold": 0.0, "no_speech_threshold": 1.0, "temperature_inc": 0.0
    });
    assert!(!run(&model, &samples, &patient).unwrap().sampled);
}

#[test]
fn a_cancel_ends_the_run() {
    let (model, samples) = (tiny_english(), meeting(5));
    // During the log-mel, before and during the language, and in the run; there are never fewer checks.
    for stop_after in [0, 1, 2, 4] {
        let mut report = Recorder {
            stop_after: Some(stop_after),
            ..Recorder::default()
        };
        let error = transcribe(&model, &request(&json!({})), audio(&samples), &mut report).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Cancelled);
        assert_eq!(report.asked.get(), stop_after + 1);
    }
}

#[test]
fn a_panic_in_a_listener_reaches_the_caller() {
    struct Panics;
    impl Report for Panics {
        fn segment(&mut self, _: &Segment) {
            panic!("the host went away");
        }
        fn progress(&mut self, _: u64, _: u64) {}
        fn cancelled(&self) -> bool {
            false
        }
    }
    let (model, samples) = (tiny_english(), meeting(5));
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        transcribe(&model, &request(&json!({})), audio(&samples), &mut Panics)
    }))
    .unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"the host went away"));
}

#[test]
fn very_short_audio_is_accepted() {
    let (model, samples) = (tiny_english(), meeting(1));
    for length in [0, 1, 200, 201, SHORTEST - 1, SHORTEST, SHORTEST + 40, SHORTEST + 400] {
        let transcription = run(&model, &samples[..length], &json!({ "beam_size": 1 })).unwrap();
        let end = transcription.segments.last().map_or(0, |segment| segment.end_ms);
        assert!(end <= length as u64 / 16, "{length} samples end at {end} ms");
    }
    let other_rate = Audio {
        samples: &samples,
        sample_rate: 8000,
    };
    let error = transcribe(&model, &request(&json!({})), other_rate, &mut Recorder::default()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidInput);
}

#[test]
fn an_english_only_model_refuses_other_languages_and_translation() {
    let model = tiny_english();
    assert_eq!(
        refusal(&model, &json!({ "language": "es" })),
        "the model `the-model.bin` knows only English, not the `language` `es`; choose a model without `.en`"
    );
    assert_eq!(
        refusal(&model, &json!({ "task": "translate" })),
        "the model `the-model.bin` knows only English and cannot translate; choose a model without `.en`"
    );
    assert!(refusal(&model, &json!({ "initial_prompt": "a\0b" })).contains("NUL"));
}

#[test]
fn a_multilingual_model_detects_the_language() {
    let (model, samples) = (base(), meeting(5));
    let transcription = run(&model, &samples, &json!({ "beam_size": 1 })).unwrap();
    assert_eq!(transcription.language.as_deref(), Some("en"));
    assert!((0.9..1.0).contains(&transcription.language_probability.unwrap()));
    assert!(refusal(&model, &json!({ "language": "yue" })).contains("does not know"));
    assert_eq!(known_languages(&model), 99);
}

/// The silence is longer than the 30 s that whisper.cpp examines.
#[test]
fn the_language_is_detected_where_speech_begins() {
    let (model, silence) = (base(), vec![0.0; 45 * 16_000]);
    let samples = [&silence[..], &meeting(8)].concat();
    for vad_filter in [true, false] {
        let options = json!({ "beam_size": 1, "temperature_inc": 0.0, "vad_filter": vad_filter });
        let transcription = run(&model, &samples, &options).unwrap();
        assert_eq!(transcription.language.as_deref(), Some("en"));
        assert!(transcription.language_probability.unwrap() > 0.9);
    }
}

#[test]
fn the_languages_are_whispers() {
    let codes: Vec<_> = (0..ffi::language_count()).filter_map(ffi::language_code).collect();
    assert_eq!((codes.len(), codes[0], codes[99]), (100, "en", "yue"));
    assert!(
        codes
            .iter()
            .enumerate()
            .all(|(id, code)| ffi::language_id(code) == c_int::try_from(id).ok())
    );
    assert_eq!((ffi::language_code(-1), ffi::language_code(100)), (None, None));
    assert_eq!(ffi::language_id("english"), None);
}

/// Keeps checkpoints, to return them as a host would.
#[derive(Default)]
struct Keeper(Vec<plugin_api::resume::Checkpoint<State>>);

impl Report for Keeper {
    fn segment(&mut self, _: &Segment) {}
    fn progress(&mut self, _: u64, _: u64) {}
    fn cancelled(&self) -> bool {
        false
    }
    fn save(&mut self, segments: &[Segment], state: &State) {
        let mut so_far = self.0.last().map_or_else(Vec::new, |last| last.segments.clone());
        so_far.extend_from_slice(segments);
        let (segments, state) = (so_far, state.clone());
        self.0.push(plugin_api::resume::Checkpoint { segments, state });
    }
}

/// In blocks, a run that resumes after any of them equals an uninterrupted one.
#[test]
fn blocks_can_be_resumed() {
    let samples = meeting(25).repeat(2);
    let model = tiny_english();
    let mut request = request(&json!({ "block_length_s": 30, "beam_size": 1 }));
    let mut kept = Keeper::default();
    let whole = transcribe(&model, &request, audio(&samples), &mut kept).unwrap();
    assert_eq!(kept.0.len(), 2);
    let times: Vec<_> = whole
        .segments
        .iter()
        .flat_map(|segment| [segment.start_ms, segment.end_ms])
        .collect();
    assert!(times.is_sorted() && times.last() > Some(&30_000), "{times:?}");
    for (done, saved) in (1..).zip(&kept.0) {
        request.resume = serde_json::from_str(&serde_json::to_string(saved).unwrap()).unwrap();
        let mut rest = Keeper::default();
        let resumed = transcribe(&model, &request, audio(&samples), &mut rest).unwrap();
        assert_eq!(rest.0.len(), 2 - done, "only the blocks that are left");
        assert_eq!(
            serde_json::to_string(&resumed).unwrap(),
            serde_json::to_string(&whole).unwrap()
        );
    }
}

/// The model writes one segment over the minute of silence that is left out. Times of tokens tell where it is split, although no words are
/// requested.
#[test]
fn speech_behind_long_silence_stands_at_its_time() {
    let bytes = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/short.wav")).unwrap();
    // 8 kHz and 16 bits: every sample twice.
    let samples = bytes[44..].chunks_exact(2).flat_map(|pair| {
        let sample = f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0;
        [sample, sample]
    });
    let once: Vec<f32> = samples.collect();
    let samples = [&once[..], &[0.0; 60 * 16_000], &once].concat();
    let given = json!({ "beam_size": 1, "vad_filter": true, "temperature_inc": 0.0 });
    let transcription = run(&tiny_english(), &samples, &given).unwrap();
    for segment in &transcription.segments {
        assert!(segment.text.matches("door").count() <= 1, "{transcription:?}");
        assert!(segment.end_ms < 4_000 || segment.start_ms > 61_000, "{segment:?}");
        assert_eq!(segment.words, None);
    }
    let late = transcription
        .segments
        .iter()
        .filter(|segment| segment.start_ms > 61_000);
    assert!(
        late.into_iter().any(|segment| segment.text.contains("door")),
        "{transcription:?}"
    );
}
