//! Silero's voice activity detection in whisper.cpp.
//!
//! One call processes all of the audio and cannot be stopped; it uses one thread, because whisper.cpp's threads wait for each other
//! at every tiny step of this network and two take longer than one. The result does not depend on it.

use std::ffi::{CString, c_int};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::ptr::NonNull;

use super::sys;
use crate::options::Request;

/// A loaded detection.
pub(crate) struct Detector(NonNull<sys::whisper_vad_context>);

impl Detector {
    /// Loads a ggml file; `None` if whisper.cpp refuses it (its log has the reason).
    pub(crate) fn load(path: &Path) -> Option<Self> {
        let path = CString::new(path.as_os_str().as_bytes()).ok()?;
        // SAFETY: takes nothing, returns a plain struct.
        let mut params = unsafe { sys::whisper_vad_default_context_params() };
        params.n_threads = 1;
        // SAFETY: `path` is a C string that outlives the call, and whisper.cpp copies it.
        NonNull::new(unsafe { sys::whisper_vad_init_from_file_with_params(path.as_ptr(), params) }).map(Self)
    }

    /// Start and end of all speech in `samples`, in units of 10 ms; `None` if whisper.cpp fails.
    pub(crate) fn speech(&mut self, samples: &[f32], request: &Request) -> Option<Vec<(i64, i64)>> {
        let count = c_int::try_from(samples.len()).ok()?;
        let (context, params) = (self.0.as_ptr(), parameters(request));
        // SAFETY: the context is valid, `samples` holds `count` floats.
        let found = unsafe { sys::whisper_vad_segments_from_samples(context, params, samples.as_ptr(), count) };
        let found = NonNull::new(found)?;
        // SAFETY: `found` is valid until it is freed, once, below; the indices are smaller than the count.
        unsafe {
            let count = sys::whisper_vad_segments_n_segments(found.as_ptr());
            let times = |index| {
                let start = sys::whisper_vad_segments_get_segment_t0(found.as_ptr(), index);
                let end = sys::whisper_vad_segments_get_segment_t1(found.as_ptr(), index);
                (hundredths(start), hundredths(end))
            };
            let speech = (0..count).map(times).collect();
            sys::whisper_vad_free_segments(found.as_ptr());
            Some(speech)
        }
    }
}

impl Drop for Detector {
    fn drop(&mut self) {
        // SAFETY: the context is valid, and nothing uses it afterwards.
        unsafe { sys::whisper_vad_free(self.0.as_ptr()) }
    }
}

fn parameters(request: &Request) -> sys::whisper_vad_params {
    sys::whisper_vad_params {
        threshold: super::single(request.vad_threshold),
        min_speech_duration_ms: super::whole(request.vad_min_speech_duration_ms),
        min_silence_duration_ms: super::whole(request.min_silence_ms()),
        max_speech_duration_s: request.vad_max_speech_duration_s.map_or(f32::MAX, super::single),
        speech_pad_ms: super::whole(request.speech_pad_ms()),
        samples_overlap: super::single(request.vad_samples_overlap),
    }
}

/// whisper.cpp counts in whole hundredths and returns them as `f32`, exact up to 46 hours.
#[expect(clippy::cast_possible_truncation, reason = "a whole number")]
fn hundredths(time: f32) -> i64 {
    time as i64
}
