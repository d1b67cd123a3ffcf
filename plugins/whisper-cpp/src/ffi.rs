//! The only module that calls whisper.cpp: safe types around its context and its state. [`run`] has the callbacks of one run,
//! [`silero`] the voice activity detection, [`memory`] the C library's settings for freed memory, [`shared_samples`] the host's
//! samples for longer than a call.
//!
//! **Randomness.** whisper.cpp samples the candidates of its *beam search* from the distribution, even at temperature 0. Decoder
//! 0's generator is seeded when a state is created and the others' when a run begins; so a state is for one run only
//! ([`State::run`] takes it by value), and equal runs have equal results.
//!
//! **Energy.** whisper.cpp moves the times of tokens to where the audio is loud. It reads the loudness as many samples behind the
//! beginning *of the audio* as the token is behind the beginning of *its segment*, so only the first 30 s ever count; and it
//! measures that in the call that computes its own spectrogram. [`State::listen_for_energy`] therefore passes only the beginning.
//!
//! **Errors.** whisper.cpp answers with numbers; [`RunError`] has their meaning. A C++ exception (`bad_alloc`) cannot cross into
//! Rust and ends the process. A panic in a [`Listener`] stops the run and is rethrown after it.

use std::ffi::{CStr, CString, c_int, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use whisper_rs::whisper_rs_sys as sys;

use crate::alignment::{Attention, Heads};
use crate::mel::LogMel;
use crate::options::{Request, Task};

mod memory;
mod run;
mod shared_samples;
mod silero;

pub(crate) use run::{EngineSegment, Listener, RunError, Token, Work};
pub(crate) use shared_samples::SharedSamples;
pub(crate) use silero::Detector;

/// Sample rate of whisper.cpp, in Hz.
pub(crate) const SAMPLE_RATE: u32 = sys::WHISPER_SAMPLE_RATE;

/// Number of samples for [`State::listen_for_energy`]: three times those of whisper.cpp, because its search for silence may read more.
pub(crate) const HEARD_FOR_ENERGY: usize = 90 * SAMPLE_RATE as usize;

/// A loaded model.
pub(crate) struct Model {
    context: NonNull<sys::whisper_context>,
    /// Bytes of the alignment of a window, if it sets the times of tokens.
    alignment_bytes: Option<usize>,
}

// SAFETY: a context has no thread of its own and nothing thread-local.
unsafe impl Send for Model {}
// SAFETY: whatever a run changes is in its state; whisper.cpp's own `whisper_full_parallel` runs several states of one context at a time.
unsafe impl Sync for Model {}

/// The identity of a loaded model: the file's device, inode, size and time of change, and the options of loading.
type Identity = (u64, u64, u64, i64, i64, bool, Attention);

fn identity(path: &Path, use_gpu: bool, attention: Attention) -> Option<Identity> {
    let file = std::fs::metadata(path).ok()?;
    Some((
        file.dev(),
        file.ino(),
        file.len(),
        file.mtime(),
        file.mtime_nsec(),
        use_gpu,
        attention,
    ))
}

impl Model {
    /// Like [`Self::load`], but shares the model with another session that has loaded the same one.
    pub(crate) fn shared(path: &Path, use_gpu: bool, attention: Attention) -> Option<Arc<Self>> {
        static MODELS: Mutex<Vec<(Identity, Weak<Model>)>> = Mutex::new(Vec::new());
        let identity = identity(path, use_gpu, attention)?;
        // Held while loading: a second caller for the same model waits for it.
        let mut models = MODELS.lock().unwrap_or_else(PoisonError::into_inner);
        models.retain(|(_, model)| model.strong_count() > 0);
        let same = models.iter().find(|(other, _)| *other == identity);
        if let Some(model) = same.and_then(|(_, model)| model.upgrade()) {
            return Some(model);
        }
        let model = Arc::new(Self::load(path, use_gpu, attention)?);
        models.push((identity, Arc::downgrade(&model)));
        Some(model)
    }

    /// Loads a ggml file; `None` if whisper.cpp refuses it or memory is short (its log has the reason).
    fn load(path: &Path, use_gpu: bool, attention: Attention) -> Option<Self> {
        memory::keep_little();
        let path = CString::new(path.as_os_str().as_bytes()).ok()?;
        // SAFETY: takes nothing, returns a plain struct.
        let mut params = unsafe { sys::whisper_context_default_params() };
        params.use_gpu = use_gpu;
        params.flash_attn = attention.flash;
        if let Some(heads) = attention.heads {
            params.dtw_token_timestamps = true;
            params.dtw_aheads_preset = preset(heads);
            params.dtw_mem_size = heads.alignment_bytes();
        }
        // SAFETY: `path` is a C string that outlives the call, and whisper.cpp copies it.
        let context = unsafe { sys::whisper_init_from_file_with_params_no_state(path.as_ptr(), params) };
        Some(Self {
            context: NonNull::new(context)?,
            alignment_bytes: attention.heads.map(Heads::alignment_bytes),
        })
    }

    /// The tokens of a text.
    pub(crate) fn tokens(&self, text: &CStr) -> Vec<c_int> {
        // A token has a byte at least.
        let mut tokens = vec![0; text.count_bytes() + 1];
        let room = c_int::try_from(tokens.len()).unwrap_or(c_int::MAX);
        // SAFETY: the context is valid, `text` a C string and `tokens` a buffer of `room` that outlive the call; the context is only read.
        let count = unsafe { sys::whisper_tokenize(self.context.as_ptr(), text.as_ptr(), tokens.as_mut_ptr(), room) };
        tokens.truncate(usize::try_from(count).unwrap_or(0));
        tokens
    }

    /// The number of prompt tokens that whisper.cpp reads.
    pub(crate) fn most_prompt_tokens(&self) -> usize {
        // SAFETY: the context is valid, and only read.
        let context = unsafe { sys::whisper_n_text_ctx(self.context.as_ptr()) };
        usize::try_from(context / 2 - 1).unwrap_or(0)
    }

    /// Whether alignment sets the times of tokens.
    pub(crate) fn is_aligned(&self) -> bool {
        self.alignment_bytes.is_some()
    }

    /// Whether the model is multilingual.
    pub(crate) fn is_multilingual(&self) -> bool {
        // SAFETY: the context is valid until `self` is dropped.
        unsafe { sys::whisper_is_multilingual(self.context.as_ptr()) != 0 }
    }

    /// Ids from this one on are not text: end of text, languages, tasks, timestamps.
    pub(crate) fn first_special_token(&self) -> c_int {
        // SAFETY: as above.
        unsafe { sys::whisper_token_eot(self.context.as_ptr()) }
    }

    /// Buffers for one run; `None` if memory is short.
    pub(crate) fn new_state(self: &Arc<Self>) -> Option<State> {
        // SAFETY: as above; the `Arc` in `State` keeps the context alive.
        let state = NonNull::new(unsafe { sys::whisper_init_state(self.context.as_ptr()) })?;
        Some(State {
            buffers: Buffers(state),
            spectrogram: None,
            alignment_bytes: self.alignment_bytes,
            model: Arc::clone(self),
        })
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: no state is left, as each keeps its model alive; nothing uses the context afterwards.
        unsafe { sys::whisper_free(self.context.as_ptr()) }
    }
}

/// The id of a language code (not of a full name, which whisper.cpp would also take).
pub(crate) fn language_id(code: &str) -> Option<c_int> {
    (0..language_count()).find(|id| language_code(*id) == Some(code))
}

/// The number of whisper.cpp's languages; a model may have fewer.
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

/// whisper.cpp's number of a row of its table.
fn preset(heads: Heads) -> sys::whisper_alignment_heads_preset {
    match heads {
        Heads::TinyEnglish => sys::whisper_alignment_heads_preset_WHISPER_AHEADS_TINY_EN,
        Heads::Tiny => sys::whisper_alignment_heads_preset_WHISPER_AHEADS_TINY,
        Heads::BaseEnglish => sys::whisper_alignment_heads_preset_WHISPER_AHEADS_BASE_EN,
        Heads::Base => sys::whisper_alignment_heads_preset_WHISPER_AHEADS_BASE,
        Heads::SmallEnglish => sys::whisper_alignment_heads_preset_WHISPER_AHEADS_SMALL_EN,
        Heads::Small => sys::whisper_alignment_heads_preset_WHISPER_AHEADS_SMALL,
        Heads::MediumEnglish => sys::whisper_alignment_heads_preset_WHISPER_AHEADS_MEDIUM_EN,
        Heads::Medium => sys::whisper_alignment_heads_preset_WHISPER_AHEADS_MEDIUM,
        Heads::LargeV1 => sys::whisper_alignment_heads_preset_WHISPER_AHEADS_LARGE_V1,
        Heads::LargeV2 => sys::whisper_alignment_heads_preset_WHISPER_AHEADS_LARGE_V2,
        Heads::LargeV3 => sys::whisper_alignment_heads_preset_WHISPER_AHEADS_LARGE_V3,
        Heads::LargeV3Turbo => sys::whisper_alignment_heads_preset_WHISPER_AHEADS_LARGE_V3_TURBO,
    }
}

/// The buffers of one run, the spectrogram for them, and their model; freed in this order.
pub(crate) struct State {
    buffers: Buffers,
    spectrogram: Option<Box<LogMel>>,
    /// That of the model.
    alignment_bytes: Option<usize>,
    model: Arc<Model>,
}

struct Buffers(NonNull<sys::whisper_state>);

// SAFETY: a state has no thread of its own between calls and nothing thread-local, and only its owner calls it.
unsafe impl Send for Buffers {}

/// Writes columns of the spectrogram to the beginning of each row of `width` values.
type Fill = unsafe extern "C" fn(*const c_void, c_int, c_int, *mut f32, c_int);

include!(concat!(env!("OUT_DIR"), "/guard.rs"));

// Added to whisper.cpp by a patch of `native/`.
unsafe extern "C" {
    /// From now on the encoder gets its windows from `fill`, for a spectrogram of this many columns and rows. Returns 0 if the
    /// number of rows is the model's.
    fn cesar_set_mel_source(
        context: *mut sys::whisper_context,
        state: *mut sys::whisper_state,
        frames: c_int,
        bands: c_int,
        fill: Fill,
        spectrogram: *const c_void,
    ) -> c_int;
}

/// # Safety
/// `spectrogram` must be a [`LogMel`] with columns `from` up to `to`, and `rows` as many rows of `width` values as it has bands.
unsafe extern "C" fn fill(spectrogram: *const c_void, from: c_int, to: c_int, rows: *mut f32, width: c_int) {
    let number = |count: c_int| usize::try_from(count).unwrap_or_default();
    // SAFETY: the caller's promise.
    unsafe {
        let spectrogram = &*spectrogram.cast::<LogMel>();
        let rows = std::slice::from_raw_parts_mut(rows, spectrogram.bands() * number(width));
        spectrogram.fill(number(from)..number(to), rows, number(width));
    }
}

impl State {
    /// Sets the spectrogram for [`Self::language_probabilities`] and [`Self::run`].
    pub(crate) fn set_spectrogram(&mut self, spectrogram: LogMel) -> Result<(), RunError> {
        let number = |count: usize| c_int::try_from(count).map_err(|_| RunError::OutOfMemory);
        let (frames, bands) = (number(spectrogram.frames())?, number(spectrogram.bands())?);
        let spectrogram = Box::new(spectrogram);
        let source = (&raw const *spectrogram).cast();
        // SAFETY: context and state are valid and belong together; the box stays where it is until the state is gone or has another
        // source, and `fill` is what reads it.
        let code = unsafe { cesar_set_mel_source(self.context(), self.raw(), frames, bands, fill, source) };
        if code != 0 {
            return Err(RunError::Engine(code));
        }
        self.spectrogram = Some(spectrogram);
        Ok(())
    }

    /// The probability of each language, by id, in the 30 s after `offset_ms`. One pass of the encoder that cannot be stopped.
    pub(crate) fn language_probabilities(&mut self, offset_ms: c_int, threads: c_int) -> Result<Vec<f32>, RunError> {
        let mut probabilities = vec![0.0; usize::try_from(language_count()).unwrap_or_default()];
        // SAFETY: context and state as above; whisper.cpp writes one float for each language.
        let code = unsafe {
            let probabilities = probabilities.as_mut_ptr();
            sys::whisper_lang_auto_detect_with_state(self.context(), self.raw(), offset_ms, threads, probabilities)
        };
        if code < 0 {
            Err(RunError::Engine(code))
        } else {
            Ok(probabilities)
        }
    }

    /// Lets whisper.cpp measure the loudness of the audio, for the times of tokens; before [`Self::set_spectrogram`].
    ///
    /// # Panics
    /// With fewer than 201 samples: whisper.cpp reads beyond them.
    pub(crate) fn listen_for_energy(&mut self, samples: &[f32], threads: c_int) -> Result<(), RunError> {
        /// With this little to decode whisper.cpp ends at once and without a warning.
        const NOTHING_MS: c_int = 100;
        let samples = &samples[..samples.len().min(HEARD_FOR_ENERGY)];
        assert!(samples.len() > 200, "too few samples for whisper.cpp's padding");
        let count = c_int::try_from(samples.len()).map_err(|_| RunError::OutOfMemory)?;
        // SAFETY: takes a number, returns a plain struct.
        let mut params =
            unsafe { sys::whisper_full_default_params(sys::whisper_sampling_strategy_WHISPER_SAMPLING_GREEDY) };
        params.print_progress = false;
        params.token_timestamps = true;
        params.duration_ms = NOTHING_MS;
        params.n_threads = threads;
        // SAFETY: context and state as above; `samples` holds `count` floats; the language in `params` is a static string.
        let code = unsafe { sys::whisper_full_with_state(self.context(), self.raw(), params, samples.as_ptr(), count) };
        if code == 0 { Ok(()) } else { Err(RunError::Engine(code)) }
    }

    fn context(&self) -> *mut sys::whisper_context {
        self.model.context.as_ptr()
    }

    fn raw(&self) -> *mut sys::whisper_state {
        self.buffers.0.as_ptr()
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        // SAFETY: the state is valid, and nothing uses it afterwards.
        unsafe { sys::whisper_free_state(self.0.as_ptr()) }
        cesar_plugin_common::memory::return_freed();
    }
}

/// A request as whisper.cpp's parameters, set as by its command-line program.
fn parameters(request: &Request, language: &CStr, prompt: &[c_int]) -> sys::whisper_full_params {
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
    params.temperature_inc = single(request.temperature_inc);
    params.entropy_thold = single(request.entropy_threshold);
    params.logprob_thold = single(request.log_prob_threshold);
    params.no_speech_thold = single(request.no_speech_threshold);
    params.length_penalty = single(request.length_penalty);
    if !prompt.is_empty() {
        params.prompt_tokens = prompt.as_ptr();
        params.prompt_n_tokens = c_int::try_from(prompt.len()).unwrap_or(c_int::MAX);
    }
    params.carry_initial_prompt = request.carry_initial_prompt;
    if !request.condition_on_previous_text {
        // `no_context` only concerns the text of an earlier run; this keeps windows apart.
        params.n_max_text_ctx = 0;
    }
    params.no_timestamps = request.without_timestamps;
    params.max_initial_ts = single(request.max_initial_timestamp);
    params.max_tokens = whole(request.max_tokens);
    params.single_segment = request.single_segment;
    params.suppress_blank = request.suppress_blank;
    params.suppress_nst = request.suppress_non_speech_tokens;
    params.tdrz_enable = request.tinydiarize;
    params.audio_ctx = whole(request.audio_ctx);
    params.max_len = whole(request.max_len);
    params.split_on_word = request.split_on_word;
    params
}

fn whole(number: u32) -> c_int {
    c_int::try_from(number).unwrap_or(c_int::MAX)
}

#[expect(clippy::cast_possible_truncation, reason = "whisper.cpp computes in f32")]
fn single(number: f64) -> f32 {
    number as f32
}

#[cfg(test)]
mod tests;
