//! `whisper_vad` and `map_processed_to_original_time` of whisper.cpp 1.8.3, with the requested number of threads.
//!
//! `whisper_full` takes four threads for its voice activity detection, whatever its parameters, and they spin: on two cores a short
//! recording takes minutes. The detection itself is called here by its own functions, which take a number of threads; cutting and
//! mapping back to the recording's times, which have no functions, follow whisper.cpp line by line, and deliberately share nothing
//! with the plugin's. Times are in units of 10 ms.

use std::ffi::{CStr, c_int};
use std::ptr::NonNull;

use whisper_rs::whisper_rs_sys as sys;

/// `WHISPER_SAMPLE_RATE`.
const RATE: f64 = 16_000.0;
/// `silence_samples`.
const SILENCE: usize = 1600;

/// The speech of a recording, and the mapping of its times.
#[derive(Debug, Default)]
pub(crate) struct Speech {
    pub(crate) samples: Vec<f32>,
    /// Processed and original times (`vad_mapping_table`).
    table: Vec<(i64, i64)>,
}

/// Cuts out the detected speech.
pub(crate) fn speech(
    model: &CStr,
    threads: c_int,
    params: sys::whisper_vad_params,
    samples: &[f32],
) -> Result<Speech, String> {
    let overlap = params.samples_overlap;
    let segments = detect(model, threads, params, samples)?;
    let mut speech = Speech::default();
    for (index, &(start, end)) in segments.iter().enumerate() {
        let next = segments.get(index + 1);
        speech.piece((start, end), next.map(|next| next.0), overlap, samples);
    }
    speech.table.sort_by_key(|point| point.0);
    speech.table.dedup_by_key(|point| point.0);
    Ok(speech)
}

impl Speech {
    /// The whole recording.
    pub(crate) fn whole(samples: &[f32]) -> Self {
        Self {
            samples: samples.to_owned(),
            table: Vec::new(),
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as in C++")]
    fn piece(&mut self, (start, end): (i64, i64), next: Option<i64>, overlap: f32, samples: &[f32]) {
        let longest = samples.len() - 1;
        let overlap = if next.is_some() {
            (overlap * RATE as f32) as usize
        } else {
            0
        };
        let from = to_samples(start).min(longest);
        let to = (to_samples(end) + overlap).min(longest);
        if to <= from {
            return;
        }
        let processed = (
            to_hundredths(self.samples.len()),
            to_hundredths(self.samples.len() + to - from),
        );
        self.table.extend([(processed.0, start), (processed.1, end)]);
        let length = processed.1 - processed.0;
        if length > 100 {
            let points = (1..length / 20)
                .map(|number| number * 20)
                .filter(|elapsed| *elapsed < length);
            let point = |elapsed| (processed.0 + elapsed, start + elapsed * (end - start) / length);
            self.table.extend(points.map(point));
        }
        self.samples.extend_from_slice(&samples[from..to]);
        if let Some(next) = next {
            self.table.push((to_hundredths(self.samples.len()), end));
            self.samples.resize(self.samples.len() + SILENCE, 0.0);
            self.table.push((to_hundredths(self.samples.len()), next));
        }
    }

    /// `whisper_full_get_segment_t0` and `_t1`.
    pub(crate) fn original(&self, (start, end): (i64, i64)) -> (i64, i64) {
        if self.table.is_empty() {
            return (start, end);
        }
        let start = self.map(start);
        (start, self.map(end).max(start + 10))
    }

    fn map(&self, time: i64) -> i64 {
        let upper = self.table.partition_point(|point| point.0 < time);
        let Some(&(processed, original)) = self.table.get(upper) else {
            return self.table[self.table.len() - 1].1;
        };
        if upper == 0 || processed == time {
            return original;
        }
        let lower = self.table[upper - 1];
        lower.1 + (time - lower.0) * (original - lower.1) / (processed - lower.0)
    }
}

/// `cs_to_samples`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "as in C++"
)]
fn to_samples(hundredths: i64) -> usize {
    (hundredths as f64 / 100.0 * RATE + 0.5) as usize
}

/// `samples_to_cs`.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "as in C++")]
fn to_hundredths(samples: usize) -> i64 {
    (samples as f64 / RATE * 100.0 + 0.5) as i64
}

/// Start and end of each part with speech.
fn detect(
    model: &CStr,
    threads: c_int,
    params: sys::whisper_vad_params,
    samples: &[f32],
) -> Result<Vec<(i64, i64)>, String> {
    let count = c_int::try_from(samples.len()).map_err(|error| error.to_string())?;
    // SAFETY: takes nothing, returns a plain struct.
    let mut loading = unsafe { sys::whisper_vad_default_context_params() };
    loading.n_threads = threads;
    // SAFETY: `model` is a C string, which whisper.cpp copies.
    let context = NonNull::new(unsafe { sys::whisper_vad_init_from_file_with_params(model.as_ptr(), loading) });
    let context = context.ok_or("whisper.cpp refuses the model of the VAD")?;
    // SAFETY: the context is valid until it is freed below, `samples` holds `count` floats, indices are below the number of segments,
    // and the segments are freed once. whisper.cpp hands out whole hundredths as `f32`.
    #[expect(clippy::cast_possible_truncation, reason = "whole numbers")]
    unsafe {
        let found = sys::whisper_vad_segments_from_samples(context.as_ptr(), params, samples.as_ptr(), count);
        let segments = NonNull::new(found).map(|found| {
            let found = found.as_ptr();
            let times = |index| {
                let start = sys::whisper_vad_segments_get_segment_t0(found, index);
                (
                    start as i64,
                    sys::whisper_vad_segments_get_segment_t1(found, index) as i64,
                )
            };
            let segments = (0..sys::whisper_vad_segments_n_segments(found)).map(times).collect();
            sys::whisper_vad_free_segments(found);
            segments
        });
        sys::whisper_vad_free(context.as_ptr());
        segments.ok_or_else(|| "whisper.cpp cannot detect speech".to_owned())
    }
}
