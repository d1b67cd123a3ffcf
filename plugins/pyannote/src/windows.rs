//! The overlapping windows of audio for the segmentation network, and the times of its frames.
//!
//! The network answers 589 frames for a window of 10 s. Its convolutions step by 270 samples, the first centred on sample 495; but
//! it was trained on turns in frames that divide the window evenly, 10 s / 589 or 271.6 samples each (pyannote.audio 3.0), and
//! reports time in these: counted by its convolutions, an edge is found 60 ms earlier at the end of a window than at its beginning.
//! Hence frame `n` of a window is the `n`th of its 589 equal parts.
//!
//! In training a frame had speech if a turn touched it, so a turn begins, on average, in the middle of its first frame. Edges of
//! turns are placed there, as in pyannote.audio's `Binarize`: a frame represents the samples from its own middle to the next one's.
//!
//! Windows begin on frames: frame `n` of a window that begins at frame `s` is frame `s + n` of the audio, to a sample. The last
//! window is moved back to end with the audio, so that only audio shorter than a window is padded with silence.

/// Sample rate in Hz.
pub(crate) const SAMPLE_RATE: usize = 16_000;
/// Samples of a window: 10 s.
pub(crate) const WINDOW: usize = 10 * SAMPLE_RATE;
/// Frames of the network per window.
pub(crate) const FRAMES: usize = 589;

/// The first sample that frame `frame` represents, its middle; frame 0 also represents the samples before.
pub(crate) fn frame_start(frame: usize) -> usize {
    if frame == 0 {
        0
    } else {
        (2 * frame + 1) * WINDOW / (2 * FRAMES)
    }
}

/// Number of frames of the audio: those whose samples begin inside it.
pub(crate) fn frame_count(samples: usize) -> usize {
    // The first frame that begins at the end or behind it, from (2 n + 1) W / 2 F ≥ samples.
    match samples {
        0 => 0,
        _ => (2 * samples * FRAMES)
            .div_ceil(WINDOW)
            .saturating_sub(1)
            .div_ceil(2)
            .max(1),
    }
}

/// A duration in frames.
pub(crate) fn frames(seconds: f64) -> f64 {
    seconds * (FRAMES * SAMPLE_RATE) as f64 / WINDOW as f64
}

/// The step between windows in frames, from seconds; at least one frame, at most a window.
pub(crate) fn step_frames(seconds: f64) -> usize {
    (frames(seconds).round() as usize).clamp(1, FRAMES)
}

/// The first frames of windows, `step` frames apart.
pub(crate) fn window_starts(samples: usize, step: usize) -> Vec<usize> {
    let last = (samples.saturating_sub(WINDOW) * FRAMES).div_ceil(WINDOW);
    (0..last).step_by(step).chain([last]).collect()
}

/// The first sample of the window that begins at frame `start`.
pub(crate) fn window_begin(start: usize) -> usize {
    start * WINDOW / FRAMES
}

/// The samples of the window that begins at frame `start`; silence beyond the end.
pub(crate) fn cut(samples: &[f32], start: usize) -> Vec<f32> {
    let begin = window_begin(start).min(samples.len());
    let end = (begin + WINDOW).min(samples.len());
    let mut window = samples[begin..end].to_vec();
    window.resize(WINDOW, 0.0);
    window
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_short_recording_is_one_window() {
        assert_eq!(window_starts(16_000, 59), [0]);
        assert_eq!(window_starts(WINDOW, 59), [0]);
        assert_eq!(window_starts(0, 59), [0]);
        assert_eq!(cut(&[0.5; 3], 0).len(), WINDOW);
        // 30 ms.
        assert_eq!((window_starts(480, 59), frame_count(480)), (vec![0], 2));
    }

    #[test]
    fn seconds_become_frames() {
        assert_eq!((step_frames(1.0), step_frames(10.0), step_frames(0.0)), (59, FRAMES, 1));
    }

    #[test]
    fn frames_of_an_audio_begin_inside_it() {
        assert_eq!((frame_count(0), frame_count(1), frame_count(407)), (0, 1, 1));
        assert_eq!((frame_count(408), frame_count(679), frame_count(680)), (2, 2, 3));
    }

    #[test]
    fn edges_are_in_the_middle_of_frames_that_divide_a_window_evenly() {
        let part = WINDOW as f64 / FRAMES as f64;
        for frame in 1..FRAMES {
            let middle = (frame as f64 + 0.5) * part;
            assert!((frame_start(frame) as f64 - middle).abs() <= 1.0, "{frame}");
        }
        assert_eq!(frame_count(WINDOW), FRAMES);
    }

    proptest! {
        #[test]
        fn windows_cover_the_audio_and_end_with_it(samples in 0_usize..2_000_000, step in 1_usize..FRAMES) {
            let starts = window_starts(samples, step);
            let last = starts[starts.len() - 1];
            prop_assert!(starts.windows(2).all(|pair| pair[0] < pair[1] && pair[1] - pair[0] <= step));
            let end = window_begin(last) + WINDOW;
            prop_assert!(end >= samples && (last == 0 || window_begin(last - 1) + WINDOW < samples));
            let frames = frame_count(samples);
            prop_assert!(frames <= last + FRAMES, "every frame is covered");
            prop_assert!(frames == 0 || frame_start(frames - 1) < samples);
            prop_assert!(frame_start(frames) >= samples);
        }

        #[test]
        fn a_frame_has_the_same_time_in_every_window(start in 0_usize..100_000, within in 1_usize..FRAMES) {
            let apart = window_begin(start) as i64 + frame_start(within) as i64 - frame_start(start + within) as i64;
            prop_assert!(apart.abs() <= 1, "{apart} samples apart");
        }
    }
}
