//! The overlapping windows in which the segmentation network hears the audio, and its frames.
//!
//! The network answers 589 frames for 10 s: one every 270 samples, each about the 991 samples around its middle, the first middle being
//! sample 495 (its receptive field, from the strides and kernels of its convolutions). A frame stands for the 270 samples about its
//! middle, so frame `n` of a window begins at sample `360 + 270 n`.
//!
//! Windows begin on frames: frame `n` of a window that begins at frame `s` is frame `s + n` of the audio, exactly. The last window is
//! moved back to end with the audio, so that only audio shorter than a window is padded with silence.

/// Samples a second.
pub(crate) const SAMPLE_RATE: usize = 16_000;
/// Samples of a window: 10 s.
pub(crate) const WINDOW: usize = 10 * SAMPLE_RATE;
/// Frames the network answers for a window.
pub(crate) const FRAMES: usize = 589;
/// Samples from frame to frame.
pub(crate) const FRAME_STEP: usize = 270;
/// First sample of frame 0.
const FIRST: usize = 360;

/// The first sample that frame `frame` stands for; frame 0 also stands for what lies before it.
pub(crate) fn frame_start(frame: usize) -> usize {
    if frame == 0 { 0 } else { FIRST + frame * FRAME_STEP }
}

/// How many frames the audio has: those whose samples begin inside it.
pub(crate) fn frame_count(samples: usize) -> usize {
    match samples {
        0 => 0,
        _ => 1 + samples.saturating_sub(FIRST + 1) / FRAME_STEP,
    }
}

/// The step between windows in frames, for one in seconds; at least one frame, at most a window.
pub(crate) fn step_frames(seconds: f64) -> usize {
    let frames = (seconds * SAMPLE_RATE as f64 / FRAME_STEP as f64).round() as usize;
    frames.clamp(1, FRAMES)
}

/// The frames at which windows begin, `step` frames apart.
pub(crate) fn window_starts(samples: usize, step: usize) -> Vec<usize> {
    let last = samples.saturating_sub(WINDOW).div_ceil(FRAME_STEP);
    (0..last).step_by(step).chain([last]).collect()
}

/// The samples of the window that begins at frame `start`; silence beyond the end.
pub(crate) fn cut(samples: &[f32], start: usize) -> Vec<f32> {
    let begin = (start * FRAME_STEP).min(samples.len());
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
    }

    #[test]
    fn seconds_become_frames() {
        assert_eq!((step_frames(1.0), step_frames(10.0), step_frames(0.0)), (59, FRAMES, 1));
    }

    #[test]
    fn frames_of_an_audio_begin_inside_it() {
        assert_eq!((frame_count(0), frame_count(1), frame_count(630)), (0, 1, 1));
        assert_eq!((frame_count(631), frame_count(900), frame_count(901)), (2, 2, 3));
    }

    proptest! {
        #[test]
        fn windows_cover_the_audio_and_end_with_it(samples in 0_usize..2_000_000, step in 1_usize..FRAMES) {
            let starts = window_starts(samples, step);
            let last = starts[starts.len() - 1];
            prop_assert!(starts.windows(2).all(|pair| pair[0] < pair[1] && pair[1] - pair[0] <= step));
            prop_assert!(last * FRAME_STEP + WINDOW >= samples);
            prop_assert!(last == 0 || last * FRAME_STEP + WINDOW < samples + FRAME_STEP);
            let frames = frame_count(samples);
            prop_assert!(frames <= last + FRAMES + 3, "at most three frames lie beyond the last window");
            prop_assert!(frames == 0 || frame_start(frames - 1) < samples);
            prop_assert!(frame_start(frames) >= samples);
        }
    }
}
