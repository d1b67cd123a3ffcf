//! One run of whisper.cpp's decoding loop, and its callbacks.
//!
//! whisper-rs's own callback setters are not used: `set_abort_callback_safe` in 0.16 calls a trampoline for the concrete type with
//! a pointer to a boxed `dyn FnMut`, and the others leak their closures. Here all callbacks of a run share one [`Run`] on the
//! stack of [`State::run`]. whisper.cpp calls them on that same thread, one at a time, except the logits filter, which its
//! sampling threads call in parallel; it therefore only counts and, for alignment, writes into its logits.
//!
//! **Segments** are read window by window, at the progress callback, which whisper.cpp calls before each window and after the last:
//! its callback for new segments comes before the alignment of their tokens, or with a wrong count after it.
//!
//! **Attempts.** whisper.cpp has no getter for the temperature of a segment. But it calls the logits filter exactly once with
//! an empty sequence at the beginning of each attempt at a window (for decoder 0, whose logits the other decoders copy), and
//! `encoder_begin` once at the beginning of the window, so counting between the two gives the number of the successful attempt,
//! and so the temperature.
//!
//! **Alignment** aborts the process if a window is shorter than 0.16 s. So text at the start of a window may not end within that
//! time (the filter removes the timestamps), and a shorter rest of the audio is skipped ([`Rest`]). Without alignment the filter
//! changes nothing.

use std::any::Any;
use std::ffi::{CStr, CString, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Model, State, sys};
use crate::options::Request;

/// The reason why a run has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunError {
    /// The listener requested a stop.
    Stopped,
    /// Memory is short.
    OutOfMemory,
    /// whisper.cpp failed with this number.
    Engine(c_int),
}

/// One token of a segment. Times are in units of 10 ms, and only set if requested.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) id: c_int,
    pub(crate) probability: f32,
    pub(crate) log_probability: f32,
    /// Its text: part of a UTF-8 text, perhaps not a whole character.
    pub(crate) text: Vec<u8>,
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// The time at which the decoder's attention reached it; negative without alignment.
    pub(crate) aligned: i64,
}

/// A segment of whisper.cpp. Times are in units of 10 ms and may lie outside the audio.
#[derive(Debug, Clone)]
pub(crate) struct EngineSegment {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) tokens: Vec<Token>,
    pub(crate) no_speech_probability: f32,
    pub(crate) speaker_turn_next: bool,
}

/// Events of a run.
pub(crate) trait Listener {
    /// The segments of one window, from attempt `attempt` at it, counted from 0.
    fn window(&mut self, segments: Vec<EngineSegment>, attempt: u32);
    /// The finished part of the audio, in percent; may exceed 100.
    fn progress(&mut self, percent: c_int);
    /// Whether to stop; called after every pass of the encoder and of the decoder.
    fn stop(&self) -> bool;
}

/// The input of a run besides the spectrogram of its state.
pub(crate) struct Work {
    pub(crate) request: Request,
    pub(crate) language: CString,
    /// The tokens of the prompt; empty without one.
    pub(crate) prompt: Vec<c_int>,
    pub(crate) threads: c_int,
    /// Columns of the spectrogram that are audio.
    pub(crate) frames: c_int,
    /// Whether tokens get times from the timestamp tokens; after [`State::listen_for_energy`].
    pub(crate) token_times: bool,
}

impl State {
    /// Decodes.
    pub(crate) fn run(self, work: &Work, listener: &mut dyn Listener) -> Result<(), RunError> {
        let filter = Filter {
            attempts: AtomicU32::new(0),
            first_timestamp: self.model.is_aligned().then(|| self.model.first_timestamp()),
        };
        let mut run = Run {
            listener,
            filter: &filter,
            segments_seen: 0,
            rest: self.model.is_aligned().then(|| Rest::new(work.frames)),
            alignment_bytes: self.alignment_bytes,
            out_of_memory: false,
            stopped: false,
            panic: None,
        };
        let mut params = super::parameters(&work.request, &work.language, &work.prompt);
        params.n_threads = work.threads;
        params.token_timestamps = work.token_times;
        // A spectrogram that was set counts as audio up to its end.
        params.duration_ms = work.frames.saturating_mul(10);
        let user_data = (&raw mut run).cast::<c_void>();
        params.progress_callback = Some(on_progress);
        params.progress_callback_user_data = user_data;
        params.encoder_begin_callback = Some(on_encoder_begin);
        params.encoder_begin_callback_user_data = user_data;
        params.abort_callback = Some(on_abort_question);
        params.abort_callback_user_data = user_data;
        params.logits_filter_callback = Some(on_logits);
        params.logits_filter_callback_user_data = (&raw const filter).cast_mut().cast();
        // SAFETY: context and state are valid; the strings, the tokens, `run` and `filter` outlive the call, during which nothing else
        // touches `run`; no samples are given, so the spectrogram that was handed over is used.
        let code = unsafe { sys::whisper_full_with_state(self.context(), self.raw(), params, std::ptr::null(), 0) };
        let (stopped, out_of_memory, panic) = (run.stopped, run.out_of_memory, run.panic);
        if code == FREED_ITS_STATE {
            // whisper.cpp has already freed the state.
            std::mem::forget(self.buffers);
        }
        if let Some(payload) = panic {
            resume_unwind(payload);
        }
        match code {
            _ if stopped => Err(RunError::Stopped),
            _ if out_of_memory => Err(RunError::OutOfMemory),
            0 => Ok(()),
            FREED_ITS_STATE => Err(RunError::OutOfMemory),
            code => Err(RunError::Engine(code)),
        }
    }
}

impl Model {
    /// The token of the beginning of a window.
    fn first_timestamp(&self) -> c_int {
        // SAFETY: the context is valid until `self` is dropped.
        unsafe { sys::whisper_token_beg(self.context.as_ptr()) }
    }
}

/// The error of `whisper_full_with_state` if it could not enlarge the key-value cache.
const FREED_ITS_STATE: c_int = -7;
/// Minimum columns of 10 ms for alignment: its median filter is seven positions of 20 ms wide.
const FEWEST_FRAMES: c_int = 16;

/// The data of the logits filter.
struct Filter {
    attempts: AtomicU32,
    /// Only with alignment.
    first_timestamp: Option<c_int>,
}

/// The data that the callbacks of one run share.
struct Run<'a> {
    listener: &'a mut dyn Listener,
    filter: &'a Filter,
    segments_seen: c_int,
    /// Only with alignment.
    rest: Option<Rest>,
    /// whisper.cpp's memory to align a window; it crashes without it.
    alignment_bytes: Option<usize>,
    /// Whether that memory was not available.
    out_of_memory: bool,
    stopped: bool,
    panic: Option<Box<dyn Any + Send>>,
}

/// The possible start of the next window, as far as known: whisper.cpp does not report it.
///
/// After a window with segments, the next starts at the end of the last segment or 30 s behind its own beginning; after one
/// without, 30 s behind (nearly always). The percentage in the progress callback decides.
struct Rest {
    frames: c_int,
    candidates: Vec<c_int>,
}

impl Rest {
    fn new(frames: c_int) -> Self {
        Self {
            frames,
            candidates: vec![0],
        }
    }

    /// A window has ended, at `last_end` if it had segments, and whisper.cpp reports `percent`.
    fn advance(&mut self, last_end: Option<c_int>, percent: c_int) {
        const WINDOW: c_int = 3000;
        let behind = self.candidates.iter().map(|seek| seek.saturating_add(WINDOW));
        let candidates = last_end.into_iter().chain(behind);
        let agrees = |seek: &c_int| i64::from(*seek) * 100 / i64::from(self.frames.max(1)) == i64::from(percent);
        self.candidates = candidates.filter(agrees).collect();
    }

    /// Whether the next window would be too short.
    fn is_too_short(&self) -> bool {
        self.candidates.iter().any(|seek| self.frames - seek < FEWEST_FRAMES)
    }
}

/// Calls the listener behind `user_data`; a panic is kept, and stops the run like a requested stop.
///
/// # Safety
/// `user_data` must be the [`Run`] of the run in progress, and no other reference to it may be in use.
unsafe fn notify(user_data: *mut c_void, call: impl FnOnce(&mut Run<'_>)) {
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

unsafe extern "C" fn on_progress(
    context: *mut sys::whisper_context,
    state: *mut sys::whisper_state,
    percent: c_int,
    user_data: *mut c_void,
) {
    // SAFETY: `State::run` passed its `Run`; whisper.cpp calls this on the thread of the run, with its context and state.
    unsafe {
        notify(user_data, |run| {
            let attempts = run.filter.attempts.load(Ordering::Relaxed);
            let count = sys::whisper_full_n_segments_from_state(state);
            let new = run.segments_seen..count;
            let segments: Vec<_> = new.map(|index| read_segment(context, state, index)).collect();
            run.segments_seen = count;
            if let (Some(rest), 1..) = (&mut run.rest, attempts) {
                let last_end = segments.last().and_then(|segment| c_int::try_from(segment.end).ok());
                rest.advance(last_end, percent);
            }
            if !segments.is_empty() {
                run.listener.window(segments, attempts.saturating_sub(1));
            }
            run.listener.progress(percent);
        });
    }
}

/// Copies segment `index`.
///
/// # Safety
/// Context and state must be valid, belong together, and have a segment `index`.
unsafe fn read_segment(
    context: *mut sys::whisper_context,
    state: *mut sys::whisper_state,
    index: c_int,
) -> EngineSegment {
    // SAFETY: the caller's promise; token indices are below the count, and their texts are C strings owned by the context.
    unsafe {
        let tokens = (0..sys::whisper_full_n_tokens_from_state(state, index)).map(|token| {
            let data = sys::whisper_full_get_token_data_from_state(state, index, token);
            let text = sys::whisper_full_get_token_text_from_state(context, state, index, token);
            Token {
                id: data.id,
                probability: data.p,
                log_probability: data.plog,
                text: CStr::from_ptr(text).to_bytes().to_vec(),
                start: data.t0,
                end: data.t1,
                aligned: data.t_dtw,
            }
        });
        EngineSegment {
            start: sys::whisper_full_get_segment_t0_from_state(state, index),
            end: sys::whisper_full_get_segment_t1_from_state(state, index),
            tokens: tokens.collect(),
            no_speech_probability: sys::whisper_full_get_segment_no_speech_prob_from_state(state, index),
            speaker_turn_next: sys::whisper_full_get_segment_speaker_turn_next_from_state(state, index),
        }
    }
}

/// Whether the process may have this much more memory; it is not touched.
fn has_room(bytes: usize) -> bool {
    Vec::<u8>::new().try_reserve_exact(bytes).is_ok()
}

/// Whether to continue with the next window.
unsafe extern "C" fn on_encoder_begin(
    _: *mut sys::whisper_context,
    _: *mut sys::whisper_state,
    user_data: *mut c_void,
) -> bool {
    // SAFETY: as in `on_progress`; no other reference is in use between the calls.
    unsafe {
        let mut is_last = false;
        notify(user_data, |run| {
            run.filter.attempts.store(0, Ordering::Relaxed);
            run.out_of_memory = run.alignment_bytes.is_some_and(|bytes| !has_room(bytes));
            is_last = run.out_of_memory || run.rest.as_ref().is_some_and(Rest::is_too_short);
        });
        !is_last && !on_abort_question(user_data)
    }
}

/// Whether to stop.
unsafe extern "C" fn on_abort_question(user_data: *mut c_void) -> bool {
    // SAFETY: as in `on_progress`; the reference that `notify` makes is gone when `stopped` is read.
    unsafe {
        notify(user_data, |run| run.stopped = run.stopped || run.listener.stop());
        (*user_data.cast::<Run<'_>>()).stopped
    }
}

/// Counts attempts, and keeps aligned windows long enough; may run on several threads at once.
unsafe extern "C" fn on_logits(
    _: *mut sys::whisper_context,
    _: *mut sys::whisper_state,
    tokens: *const sys::whisper_token_data,
    count: c_int,
    logits: *mut f32,
    user_data: *mut c_void,
) {
    // SAFETY: `State::run` passed its filter, which outlives the run.
    let filter = unsafe { &*user_data.cast::<Filter>() };
    let Ok(last) = usize::try_from(count - 1) else {
        filter.attempts.fetch_add(1, Ordering::Relaxed);
        return;
    };
    let Some(first_timestamp) = filter.first_timestamp else {
        return;
    };
    // SAFETY: whisper.cpp passes `count` tokens, and a logit for each token of the vocabulary, of which the timestamps are the last
    // 1501; nothing else uses them during the call.
    unsafe {
        if (*tokens.add(last)).id < first_timestamp {
            let timestamps = logits.add(usize::try_from(first_timestamp).unwrap_or_default());
            for position in 1..FEWEST_FRAMES / 2 {
                *timestamps.offset(position as isize) = f32::NEG_INFINITY;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_window_is_followed_as_far_as_the_percentage_agrees() {
        let mut rest = Rest::new(4013);
        assert!(!rest.is_too_short());
        rest.advance(Some(2600), 64);
        assert_eq!(rest.candidates, [2600]);
        rest.advance(Some(4000), 99);
        assert_eq!(rest.candidates, [4000]);
        assert!(rest.is_too_short());

        let mut rest = Rest::new(6012);
        rest.advance(None, 49);
        rest.advance(Some(5000), 99);
        assert_eq!(rest.candidates, [6000]);
        assert!(rest.is_too_short());
    }

    #[test]
    fn a_window_that_is_long_enough_is_never_left_out() {
        let mut rest = Rest::new(4016);
        rest.advance(Some(4000), 99);
        assert!(!rest.is_too_short());
        // The percentage contradicts everything known.
        rest.advance(Some(4000), 50);
        assert!(rest.candidates.is_empty() && !rest.is_too_short());
    }
}
