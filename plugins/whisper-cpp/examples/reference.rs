//! whisper.cpp called as by its own program `whisper-cli`, linked from the same static library as the plugin: the reference for
//! `whisper-cpp` (`cargo xtask measure pairs`, `cargo xtask measure parity`).
//!
//! ```text
//! reference --model FILE --audio WAV [--threads N] [--OPTION VALUE]…     one run
//! reference run                                                        a job in each line of standard input
//! ```
//! A job is a JSON object: `audio` (WAV, 16 kHz, mono, 16 bits), `model`, `threads`, and `options` by the names of the plugin's
//! option table; options on the command line have the same names with hyphens. Absent options have `whisper-cli`'s defaults, which
//! are not always the table's; `dtw` names the model whose heads are aligned, as `whisper-cli --dtw` does. The answer is a line of
//! JSON: `language`, `segments` (with the times that whisper.cpp reports, in seconds), and the `seconds` of the transcription
//! without loading the model; or `error`. Words are built from the tokens by the plugin's own code, but with these tokens' times.
//!
//! As in `whisper-cli`, every job has a context with its own state, and `whisper_full` does everything. That includes the voice
//! activity detection, unless `vad_threads` sets its number of threads, for which `whisper_full` has no parameter.

#![expect(unsafe_code, reason = "calls whisper.cpp as a C program would")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line program")]

use std::ffi::{CStr, CString, c_int};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::ExitCode;
use std::ptr::NonNull;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use whisper_rs::whisper_rs_sys as sys;

#[path = "reference_parts/vad.rs"]
mod vad;
#[path = "../src/words.rs"]
mod words;

/// The part of the engine that the plugin's code for words needs.
mod ffi {
    #[derive(Debug, Clone)]
    pub(crate) struct Token {
        pub(crate) probability: f32,
        pub(crate) text: Vec<u8>,
        pub(crate) start: i64,
        pub(crate) end: i64,
        pub(crate) aligned: i64,
    }
}

fn main() -> ExitCode {
    whisper_rs::install_logging_hooks();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments == ["run"] {
        for line in std::io::stdin().lock().lines() {
            let job = line.map_err(|error| error.to_string());
            let job = job.and_then(|line| serde_json::from_str(&line).map_err(|error| error.to_string()));
            let answer = job.and_then(|job| answer(&job));
            println!("{}", answer.unwrap_or_else(|error| json!({ "error": error })));
        }
        return ExitCode::SUCCESS;
    }
    match job_of(&arguments).and_then(|job| answer(&job)) {
        Ok(answer) => {
            println!("{answer}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The job on the command line.
fn job_of(arguments: &[String]) -> Result<Value, String> {
    let (mut job, mut options) = (Map::new(), Map::new());
    for pair in arguments.chunks(2) {
        let [name, value] = pair else {
            return Err(format!("`{}` needs a value", pair[0]));
        };
        let name = name
            .strip_prefix("--")
            .ok_or_else(|| format!("no argument `{name}`"))?
            .replace('-', "_");
        let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
        match name.as_str() {
            "audio" | "model" | "threads" => job.insert(name, value),
            _ => options.insert(name, value),
        };
    }
    job.insert("options".into(), options.into());
    Ok(job.into())
}

fn answer(job: &Value) -> Result<Value, String> {
    let options = Options(job["options"].as_object().cloned().unwrap_or_default());
    let samples = read_wav(job["audio"].as_str().ok_or("the job names no `audio`")?)?;
    let context = Context::load(job["model"].as_str().ok_or("the job names no `model`")?, &options)?;
    let begin = Instant::now();
    let speech = context.transcribe(&samples, job["threads"].as_i64(), &options)?;
    let seconds = begin.elapsed().as_secs_f64();
    let segments = context.segments(&samples, &speech, &options);
    Ok(json!({ "language": context.language(), "segments": segments, "seconds": seconds }))
}

/// The samples of a WAV file, read as by `whisper-cli`.
fn read_wav(path: &str) -> Result<Vec<f32>, String> {
    let named = |error: std::io::Error| format!("{path}: {error}");
    let mut reader = BufReader::new(File::open(path).map_err(named)?);
    let mut header = [0; 12];
    reader.read_exact(&mut header).map_err(named)?;
    loop {
        let mut chunk = [0; 8];
        reader.read_exact(&mut chunk).map_err(named)?;
        let length = u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]);
        if &chunk[..4] != b"data" {
            let skipped = i64::from(length.next_multiple_of(2));
            reader.seek_relative(skipped).map_err(named)?;
            continue;
        }
        let mut samples = Vec::with_capacity(length as usize / 2);
        for _ in 0..length / 2 {
            let mut sample = [0; 2];
            reader.read_exact(&mut sample).map_err(named)?;
            samples.push(f32::from(i16::from_le_bytes(sample)) / 32768.0);
        }
        return Ok(samples);
    }
}

/// The options, by the plugin's names.
struct Options(Map<String, Value>);

impl Options {
    fn flag(&self, name: &str, default: bool) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(default)
    }

    fn whole(&self, name: &str, default: c_int) -> c_int {
        let given = self.0.get(name).and_then(Value::as_i64);
        given.and_then(|number| c_int::try_from(number).ok()).unwrap_or(default)
    }

    #[expect(clippy::cast_possible_truncation, reason = "whisper.cpp computes in f32")]
    fn number(&self, name: &str, default: f32) -> f32 {
        self.0
            .get(name)
            .and_then(Value::as_f64)
            .map_or(default, |number| number as f32)
    }

    fn text(&self, name: &str) -> Result<Option<CString>, String> {
        let text = self.0.get(name).and_then(Value::as_str).map(CString::new).transpose();
        text.map_err(|error| format!("`{name}`: {error}"))
    }
}

struct Context(NonNull<sys::whisper_context>);

impl Context {
    fn load(path: &str, options: &Options) -> Result<Self, String> {
        let file = CString::new(path).map_err(|error| error.to_string())?;
        // SAFETY: takes nothing, returns a plain struct.
        let mut params = unsafe { sys::whisper_context_default_params() };
        params.use_gpu = false;
        params.flash_attn = options.flag("flash_attention", true);
        if let Some(preset) = options.text("dtw")? {
            params.dtw_token_timestamps = true;
            params.dtw_aheads_preset = match preset.to_bytes() {
                b"tiny.en" => sys::whisper_alignment_heads_preset_WHISPER_AHEADS_TINY_EN,
                b"base" => sys::whisper_alignment_heads_preset_WHISPER_AHEADS_BASE,
                _ => return Err("`dtw` is `tiny.en` or `base` here".into()),
            };
        }
        // SAFETY: `file` is a C string that outlives the call.
        let context = unsafe { sys::whisper_init_from_file_with_params(file.as_ptr(), params) };
        NonNull::new(context)
            .map(Self)
            .ok_or_else(|| format!("whisper.cpp refuses `{path}`"))
    }

    /// Sets every parameter as `whisper-cli` does, and runs `whisper_full`. The times of its segments are those of the returned speech.
    fn transcribe(&self, samples: &[f32], threads: Option<i64>, options: &Options) -> Result<vad::Speech, String> {
        let beam_size = options.whole("beam_size", 5);
        let strategy = if beam_size > 1 {
            sys::whisper_sampling_strategy_WHISPER_SAMPLING_BEAM_SEARCH
        } else {
            sys::whisper_sampling_strategy_WHISPER_SAMPLING_GREEDY
        };
        // SAFETY: takes a number, returns a plain struct.
        let mut params = unsafe { sys::whisper_full_default_params(strategy) };
        // SAFETY: the context is valid.
        let multilingual = unsafe { sys::whisper_is_multilingual(self.0.as_ptr()) } != 0;
        // If asked to detect the language, an English-only model names any; `whisper-cli` does not allow that.
        let language = options.text("language")?.filter(|_| multilingual);
        let language = language.unwrap_or_else(|| if multilingual { c"auto".into() } else { c"en".into() });
        let prompt = options.text("initial_prompt")?.unwrap_or_default();
        let vad_model = options.text("vad_model")?.unwrap_or_default();
        params.print_progress = false;
        params.n_threads = threads
            .and_then(|count| c_int::try_from(count).ok())
            .unwrap_or(params.n_threads);
        params.language = language.as_ptr();
        params.initial_prompt = prompt.as_ptr();
        params.carry_initial_prompt = options.flag("carry_initial_prompt", false);
        params.translate = multilingual && options.0.get("task").is_some_and(|task| task == "translate");
        params.no_context = false;
        if !options.flag("condition_on_previous_text", true) {
            params.n_max_text_ctx = 0;
        }
        params.max_len = options.whole("max_len", 0);
        params.split_on_word = options.flag("split_on_word", false);
        // As for `whisper-cli --output-json-full`.
        params.token_timestamps = options.flag("word_timestamps", false) || params.max_len > 0;
        params.max_tokens = options.whole("max_tokens", 0);
        params.audio_ctx = options.whole("audio_ctx", 0);
        params.tdrz_enable = options.flag("tinydiarize", false);
        params.no_timestamps = options.flag("without_timestamps", false);
        params.suppress_nst = options.flag("suppress_non_speech_tokens", false);
        params.greedy.best_of = options.whole("best_of", 5);
        params.beam_search.beam_size = beam_size;
        params.temperature = options.number("temperature", 0.0);
        params.temperature_inc = options.number("temperature_inc", 0.2);
        params.entropy_thold = options.number("entropy_threshold", 2.4);
        params.logprob_thold = options.number("log_prob_threshold", -1.0);
        params.no_speech_thold = options.number("no_speech_threshold", 0.6);
        params.vad = options.flag("vad_filter", false);
        params.vad_model_path = vad_model.as_ptr();
        params.vad_params = sys::whisper_vad_params {
            threshold: options.number("vad_threshold", 0.5),
            min_speech_duration_ms: options.whole("vad_min_speech_duration_ms", 250),
            min_silence_duration_ms: options.whole("vad_min_silence_duration_ms", 100),
            max_speech_duration_s: options.number("vad_max_speech_duration_s", f32::MAX),
            speech_pad_ms: options.whole("vad_speech_pad_ms", 30),
            samples_overlap: options.number("vad_samples_overlap", 0.1),
        };
        let vad_threads = options.whole("vad_threads", 0);
        let speech = if params.vad && vad_threads > 0 {
            params.vad = false;
            vad::speech(&vad_model, vad_threads, params.vad_params, samples)?
        } else {
            vad::Speech::whole(samples)
        };
        if speech.samples.is_empty() {
            return Ok(speech);
        }
        let samples = &speech.samples;
        let count = c_int::try_from(samples.len()).map_err(|error| error.to_string())?;
        // SAFETY: the context has a state; the strings and `samples`, which holds `count` floats, outlive the call.
        match unsafe { sys::whisper_full(self.0.as_ptr(), params, samples.as_ptr(), count) } {
            0 => Ok(speech),
            code => Err(format!("whisper_full failed with code {code}")),
        }
    }

    fn language(&self) -> String {
        // SAFETY: the context has a state; the id is one of whisper.cpp's, whose codes are static C strings.
        let code = unsafe { CStr::from_ptr(sys::whisper_lang_str(sys::whisper_full_lang_id(self.0.as_ptr()))) };
        code.to_string_lossy().into_owned()
    }

    fn segments(&self, samples: &[f32], speech: &vad::Speech, options: &Options) -> Vec<Value> {
        // SAFETY: the context has a state.
        let count = unsafe { sys::whisper_full_n_segments(self.0.as_ptr()) };
        let (language, total_ms) = (self.language(), samples.len() as u64 / 16);
        let mut earliest = 0;
        let mut segments = Vec::new();
        for index in 0..count {
            let (start, end) = speech.original(self.times(index));
            let inside = |time: i64| u64::try_from(time).unwrap_or(0).saturating_mul(10).min(total_ms);
            let start_ms = inside(start).max(earliest);
            let frame = words::Frame {
                language: &language,
                start_ms,
                end_ms: inside(end).max(start_ms),
                aligned: options.0.contains_key("dtw"),
            };
            segments.push(self.segment(index, (start, end), frame, &inside));
            earliest = frame.end_ms;
        }
        segments
    }

    /// Start and end of a segment, in units of 10 ms.
    fn times(&self, index: c_int) -> (i64, i64) {
        // SAFETY: the context has a state, and `index` is below its count of segments.
        unsafe {
            (
                sys::whisper_full_get_segment_t0(self.0.as_ptr(), index),
                sys::whisper_full_get_segment_t1(self.0.as_ptr(), index),
            )
        }
    }

    fn segment(
        &self,
        index: c_int,
        (start, end): (i64, i64),
        frame: words::Frame<'_>,
        milliseconds: &dyn Fn(i64) -> u64,
    ) -> Value {
        let context = self.0.as_ptr();
        // SAFETY: `index` is below the count of segments, the text is a C string owned by the state, and so is the turn.
        let (text, tokens, turn) = unsafe {
            (
                CStr::from_ptr(sys::whisper_full_get_segment_text(context, index)),
                sys::whisper_full_n_tokens(context, index),
                sys::whisper_full_get_segment_speaker_turn_next(context, index),
            )
        };
        let all: Vec<_> = (0..tokens).map(|token| self.token(index, token)).collect();
        let text_tokens: Vec<_> = all.iter().filter_map(|(_, token)| token.clone()).collect();
        let words = words::words(&text_tokens, frame, milliseconds);
        let seconds = |ms: u64| Duration::from_millis(ms).as_secs_f64();
        let word = |word: &plugin_api::asr::Word| json!({ "start": seconds(word.start_ms), "end": seconds(word.end_ms), "word": word.word });
        json!({
            "start": start as f64 / 100.0,
            "end": end as f64 / 100.0,
            "text": text.to_string_lossy(),
            "tokens": all.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
            "speaker_turn_next": turn,
            "words": words.iter().map(word).collect::<Vec<_>>(),
        })
    }

    /// A token's id, and the token if it is text.
    fn token(&self, segment: c_int, index: c_int) -> (c_int, Option<ffi::Token>) {
        let context = self.0.as_ptr();
        // SAFETY: both indices are below their counts, and the text is a C string owned by the context.
        unsafe {
            let data = sys::whisper_full_get_token_data(context, segment, index);
            let text = CStr::from_ptr(sys::whisper_full_get_token_text(context, segment, index));
            let is_text = data.id < sys::whisper_token_eot(context);
            let token = is_text.then(|| ffi::Token {
                probability: data.p,
                text: text.to_bytes().to_vec(),
                start: data.t0,
                end: data.t1,
                aligned: data.t_dtw,
            });
            (data.id, token)
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the context is valid, and nothing uses it afterwards.
        unsafe { sys::whisper_free(self.0.as_ptr()) }
    }
}
