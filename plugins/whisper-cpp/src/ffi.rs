//! The only file that calls whisper.cpp: safe types around its context and its state, and the callbacks of one run.
//!
//! whisper-rs's own callback setters are not used: `set_abort_callback_safe` in 0.16 calls a trampoline for the concrete type with
//! a pointer to a boxed `dyn FnMut`, and the others leak their closures. Here all callbacks of a run share one [`Run`] on the
//! stack of [`State::run`]. whisper.cpp calls them on that same thread, one at a time, except the logits filter, which its
//! sampling threads call side by side and which therefore gets nothing but an atomic counter.
//!
//! **Attempts.** whisper.cpp has no getter for the temperature of a segment. But it asks the logits filter exactly once with an
//! empty sequence at the beginning of each attempt at a window (for decoder 0, whose logits the other decoders copy), and
//! `encoder_begin` once at the beginning of the window, so counting between the two gives the number of the attempt that
//! succeeded, and with it the temperature. The filter changes no logits.
//!
//! **Randomness.** whisper.cpp draws the candidates of its *beam search* from the distribution, at temperature 0 too. Decoder 0's
//! generator is seeded when a state is made and the others' when a run begins; so a state makes one run only ([`State::run`] takes
//! it by value), and equal runs give equal results.
//!
//! **Errors.** whisper.cpp answers with numbers; [`RunError`] says what they mean. A C++ exception (`bad_alloc`) cannot cross into
//! Rust and ends the process. A panic in a [`Listener`] stops the run and goes on after it.

use std::any::Any;
use std::ffi::{CStr, CString, c_int, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use whisper_rs::whisper_rs_sys as sys;

use crate::options::{Request, Task};

/// Samples a second that whisper.cpp works at.
pub(crate) const SAMPLE_RATE: u32 = sys::WHISPER_SAMPLE_RATE;

/// A loaded model.
pub(crate) struct Model(NonNull<sys::whisper_context>);

// SAFETY: a context has no thread of its own and nothing thread-local; whisper.cpp only asks that calls do not overlap.
unsafe impl Send for Model {}

impl Model {
    /// Loads a ggml file; `None` when whisper.cpp refuses it or memory is short (its log says why).
    pub(crate) fn load(path: &Path, use_gpu: bool, flash_attention: bool) -> Option<Self> {
        let path = CString::new(path.as_os_str().as_bytes()).ok()?;
        // SAFETY: takes nothing, returns a plain struct.
        let mut params = unsafe { sys::whisper_context_default_params() };
        params.use_gpu = use_gpu;
        params.flash_attn = flash_attention;
        // SAFETY: `path` is a C string that outlives the call, and whisper.cpp copies it.
        NonNull::new(unsafe { sys::whisper_init_from_file_with_params_no_state(path.as_ptr(), params) }).map(Self)
    }

    /// Whether the model knows more than English.
    pub(crate) fn is_multilingual(&self) -> bool {
        // SAFETY: the context is valid until `self` is dropped.
        unsafe { sys::whisper_is_multilingual(self.0.as_ptr()) != 0 }
    }

    /// Tokens in the model's vocabulary.
    pub(crate) fn vocabulary_size(&self) -> c_int {
        // SAFETY: as above.
        unsafe { sys::whisper_model_n_vocab(self.0.as_ptr()) }
    }

    /// Ids from this one on are no text: end of text, languages, tasks, timestamps.
    pub(crate) fn first_special_token(&self) -> c_int {
        // SAFETY: as above.
        unsafe { sys::whisper_token_eot(self.0.as_ptr()) }
    }

    /// Buffers for one run; `None` when memory is short.
    pub(crate) fn new_state(&self) -> Option<State<'_>> {
        // SAFETY: as above; the borrow in `State` keeps the context alive.
        let state = NonNull::new(unsafe { sys::whisper_init_state(self.0.as_ptr()) })?;
        Some(State { model: self, state })
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: no state is left, as each borrows `self`; nothing uses the context afterwards.
        unsafe { sys::whisper_free(self.0.as_ptr()) }
    }
}

/// The id of a language code (not of a full name, which whisper.cpp would also take).
pub(crate) fn language_id(code: &str) -> Option<c_int> {
    (0..language_count()).find(|id| language_code(*id) == Some(code))
}

/// How many languages whisper.cpp knows; a model may know fewer.
pub(crate) fn language_count() -> c_int {
    // SAFETY: reads a static table.
    unsafe { sys::whisper_lang_max_id() + 1 }
}

/// The code of a language.
pub(crate) fn language_code(id: c_int) -> Option<&'static str> {
    if !(0..language_count()).contains(&id) {
        return None;
    }
    // SAFETY: the id is in the table, whose strings are static C strings.
    unsafe { CStr::from_ptr(sys::whisper_lang_str(id)) }.to_str().ok()
}

/// Why a run gave no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunError {
    /// The listener asked to stop.
    Stopped,
    /// Memory is short.
    OutOfMemory,
    /// whisper.cpp failed with this number.
    Engine(c_int),
}

/// One token of a segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    pub(crate) id: c_int,
    pub(crate) log_probability: f32,
}

/// A segment as whisper.cpp has it. Times are in units of 10 ms and may lie outside the audio.
#[derive(Debug, Clone)]
pub(crate) struct EngineSegment {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) text: String,
    pub(crate) tokens: Vec<Token>,
    pub(crate) no_speech_probability: f32,
    pub(crate) speaker_turn_next: bool,
    /// Which attempt at the window it comes from, counted from 0.
    pub(crate) attempt: u32,
}

/// What a run tells while it goes on.
pub(crate) trait Listener {
    /// A new segment.
    fn segment(&mut self, segment: EngineSegment);
    /// How much of the audio is done, in percent; may exceed 100.
    fn progress(&mut self, percent: c_int);
    /// Whether to stop; asked after every pass of the encoder and of the decoder.
    fn stop(&self) -> bool;
}

/// The buffers of one run.
pub(crate) struct State<'m> {
    model: &'m Model,
    state: NonNull<sys::whisper_state>,
}

impl State<'_> {
    /// Computes the log-mel spectrogram that [`Self::language_probabilities`] and [`Self::run`] work on.
    ///
    /// Needs more than half a Fourier window of audio ([`Self::FEWEST_SAMPLES`]): whisper.cpp reads beyond less.
    pub(crate) fn compute_mel(&mut self, samples: &[f32], threads: c_int) -> Result<(), RunError> {
        assert!(
            samples.len() >= Self::FEWEST_SAMPLES,
            "too few samples for whisper.cpp's padding"
        );
        let count = c_int::try_from(samples.len()).map_err(|_| RunError::OutOfMemory)?;
        // SAFETY: context and state are valid and belong together; `samples` holds `count` floats.
        let code = unsafe {
            sys::whisper_pcm_to_mel_with_state(self.context(), self.state.as_ptr(), samples.as_ptr(), count, threads)
        };
        if code == 0 { Ok(()) } else { Err(RunError::Engine(code)) }
    }

    /// whisper.cpp mirrors samples 1 to 200 to the front of the audio.
    pub(crate) const FEWEST_SAMPLES: usize = 201;

    /// The probability of each language, by id, from the first 30 s. One pass of the encoder that cannot be stopped.
    pub(crate) fn language_probabilities(&mut self, threads: c_int) -> Result<Vec<f32>, RunError> {
        let mut probabilities = vec![0.0; usize::try_from(language_count()).unwrap_or_default()];
        // SAFETY: context and state as above; whisper.cpp writes one float for each language.
        let code = unsafe {
            sys::whisper_lang_auto_detect_with_state(
                self.context(),
                self.state.as_ptr(),
                0,
                threads,
                probabilities.as_mut_ptr(),
            )
        };
        if code < 0 {
            Err(RunError::Engine(code))
        } else {
            Ok(probabilities)
        }
    }

    /// Decodes the audio given to [`Self::compute_mel`].
    pub(crate) fn run(
        self,
        request: &Request,
        language: &CStr,
        prompt: Option<&CStr>,
        threads: c_int,
        listener: &mut dyn Listener,
    ) -> Result<(), RunError> {
        let attempts = AtomicU32::new(0);
        let mut run = Run {
            listener,
            attempts: &attempts,
            stopped: false,
            panic: None,
        };
        let mut params = parameters(request, language, prompt);
        params.n_threads = threads;
        let user_data = (&raw mut run).cast::<c_void>();
        params.new_segment_callback = Some(on_new_segments);
        params.new_segment_callback_user_data = user_data;
        params.progress_callback = Some(on_progress);
        params.progress_callback_user_data = user_data;
        params.encoder_begin_callback = Some(on_encoder_begin);
        params.encoder_begin_callback_user_data = user_data;
        params.abort_callback = Some(on_abort_question);
        params.abort_callback_user_data = user_data;
        params.logits_filter_callback = Some(on_logits);
        params.logits_filter_callback_user_data = (&raw const attempts).cast_mut().cast();
        // SAFETY: context and state are valid; the strings, `run` and `attempts` outlive the call, during which nothing else
        // touches `run`; no samples are given, so the spectrogram of `compute_mel` is used.
        let code =
            unsafe { sys::whisper_full_with_state(self.context(), self.state.as_ptr(), params, std::ptr::null(), 0) };
        let (stopped, panic) = (run.stopped, run.panic);
        if code == FREED_ITS_STATE {
            // whisper.cpp has already freed the state.
            std::mem::forget(self);
        }
        if let Some(payload) = panic {
            resume_unwind(payload);
        }
        match code {
            _ if stopped => Err(RunError::Stopped),
            0 => Ok(()),
            FREED_ITS_STATE => Err(RunError::OutOfMemory),
            code => Err(RunError::Engine(code)),
        }
    }

    fn context(&self) -> *mut sys::whisper_context {
        self.model.0.as_ptr()
    }
}

impl Drop for State<'_> {
    fn drop(&mut self) {
        // SAFETY: the state is valid, and nothing uses it afterwards.
        unsafe { sys::whisper_free_state(self.state.as_ptr()) }
    }
}

/// What `whisper_full_with_state` answers when it could not enlarge the key-value cache.
const FREED_ITS_STATE: c_int = -7;

/// A request in whisper.cpp's terms, set as its command-line program sets them.
fn parameters(request: &Request, language: &CStr, prompt: Option<&CStr>) -> sys::whisper_full_params {
    let strategy = if request.beam_size > 1 {
        sys::whisper_sampling_strategy_WHISPER_SAMPLING_BEAM_SEARCH
    } else {
        sys::whisper_sampling_strategy_WHISPER_SAMPLING_GREEDY
    };
    // SAFETY: takes a number, returns a plain struct.
    let mut params = unsafe { sys::whisper_full_default_params(strategy) };
    params.print_progress = false;
    params.print_timestamps = false;
    params.language = language.as_ptr();
    params.translate = request.task == Task::Translate;
    params.beam_search.beam_size = whole(request.beam_size);
    params.greedy.best_of = whole(request.best_of);
    params.temperature = single(request.temperature);
    params.temperature_inc = single(request.temperature_increment);
    params.entropy_thold = single(request.entropy_threshold);
    params.logprob_thold = single(request.log_prob_threshold);
    params.no_speech_thold = single(request.no_speech_threshold);
    params.length_penalty = single(request.length_penalty);
    params.initial_prompt = prompt.map_or(std::ptr::null(), CStr::as_ptr);
    params.carry_initial_prompt = request.carry_initial_prompt;
    if !request.condition_on_previous_text {
        // `no_context` only concerns the text of an earlier run; this is what keeps windows apart.
        params.n_max_text_ctx = 0;
    }
    params.no_timestamps = request.without_timestamps;
    params.max_initial_ts = single(request.max_initial_timestamp);
    params.max_tokens = whole(request.max_tokens);
    params.single_segment = request.single_segment;
    params.suppress_blank = request.suppress_blank;
    params.suppress_nst = request.suppress_non_speech_tokens;
    params.tdrz_enable = request.tinydiarize;
    params
}

fn whole(number: u32) -> c_int {
    c_int::try_from(number).unwrap_or(c_int::MAX)
}

#[expect(clippy::cast_possible_truncation, reason = "whisper.cpp computes in f32")]
fn single(number: f64) -> f32 {
    number as f32
}

/// What the callbacks of one run share.
struct Run<'a> {
    listener: &'a mut dyn Listener,
    attempts: &'a AtomicU32,
    stopped: bool,
    panic: Option<Box<dyn Any + Send>>,
}

/// Calls the listener behind `user_data`; a panic is kept, and stops the run like a wish to stop.
///
/// # Safety
/// `user_data` must be the [`Run`] of the run in progress, and no other reference to it may be in use.
unsafe fn tell(user_data: *mut c_void, call: impl FnOnce(&mut Run<'_>)) {
    // SAFETY: the caller's promise.
    let run = unsafe { &mut *user_data.cast::<Run<'_>>() };
    if run.panic.is_some() {
        return;
    }
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| call(run))) {
        run.panic = Some(payload);
        run.stopped = true;
    }
}

unsafe extern "C" fn on_new_segments(
    _: *mut sys::whisper_context,
    state: *mut sys::whisper_state,
    new: c_int,
    user_data: *mut c_void,
) {
    // SAFETY: `State::run` passed its `Run`; whisper.cpp calls this on the thread of the run, and the state is that run's.
    unsafe {
        tell(user_data, |run| {
            let attempt = run.attempts.load(Ordering::Relaxed).saturating_sub(1);
            let count = sys::whisper_full_n_segments_from_state(state);
            for index in (count - new).max(0)..count {
                let segment = read_segment(state, index, attempt);
                run.listener.segment(segment);
            }
        });
    }
}

/// Copies segment `index`.
///
/// # Safety
/// The state must be valid and have a segment `index`.
unsafe fn read_segment(state: *mut sys::whisper_state, index: c_int, attempt: u32) -> EngineSegment {
    // SAFETY: the caller's promise; token indices are below the count, and the text is a C string owned by the state.
    unsafe {
        let tokens = (0..sys::whisper_full_n_tokens_from_state(state, index)).map(|token| {
            let data = sys::whisper_full_get_token_data_from_state(state, index, token);
            Token {
                id: data.id,
                log_probability: data.plog,
            }
        });
        EngineSegment {
            start: sys::whisper_full_get_segment_t0_from_state(state, index),
            end: sys::whisper_full_get_segment_t1_from_state(state, index),
            text: CStr::from_ptr(sys::whisper_full_get_segment_text_from_state(state, index))
                .to_string_lossy()
                .into_owned(),
            tokens: tokens.collect(),
            no_speech_probability: sys::whisper_full_get_segment_no_speech_prob_from_state(state, index),
            speaker_turn_next: sys::whisper_full_get_segment_speaker_turn_next_from_state(state, index),
            attempt,
        }
    }
}

unsafe extern "C" fn on_progress(
    _: *mut sys::whisper_context,
    _: *mut sys::whisper_state,
    percent: c_int,
    user_data: *mut c_void,
) {
    // SAFETY: as in `on_new_segments`.
    unsafe { tell(user_data, |run| run.listener.progress(percent)) }
}

/// Answers whether to go on with the next window.
unsafe extern "C" fn on_encoder_begin(
    _: *mut sys::whisper_context,
    _: *mut sys::whisper_state,
    user_data: *mut c_void,
) -> bool {
    // SAFETY: as in `on_new_segments`.
    unsafe {
        tell(user_data, |run| run.attempts.store(0, Ordering::Relaxed));
        !on_abort_question(user_data)
    }
}

/// Answers whether to stop.
unsafe extern "C" fn on_abort_question(user_data: *mut c_void) -> bool {
    // SAFETY: as in `on_new_segments`; the reference that `tell` makes is gone when `stopped` is read.
    unsafe {
        tell(user_data, |run| run.stopped = run.stopped || run.listener.stop());
        (*user_data.cast::<Run<'_>>()).stopped
    }
}

/// Counts attempts; may run on several threads at once.
unsafe extern "C" fn on_logits(
    _: *mut sys::whisper_context,
    _: *mut sys::whisper_state,
    _: *const sys::whisper_token_data,
    tokens: c_int,
    _: *mut f32,
    user_data: *mut c_void,
) {
    if tokens == 0 {
        // SAFETY: `State::run` passed its counter, which outlives the run.
        unsafe { &*user_data.cast::<AtomicU32>() }.fetch_add(1, Ordering::Relaxed);
    }
}
