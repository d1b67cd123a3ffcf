//! Known instead of computed segmentation, for measurements: the remaining error is that of voices and clustering.
//!
//! The turns are divided into windows as the network would report them: at most three local speakers a window, those with
//! most speech, numbered separately in each.

use plugin_api::diarize::Turn;

use crate::powerset::{SPEAKERS, SpeakerSet};
use crate::stitch::{Timeline, Window};
use crate::windows::{FRAMES, SAMPLE_RATE, frame_start, window_starts};

/// The windows of a recording of `samples` samples, `step` frames apart.
pub(crate) fn timeline(turns: &[Turn], samples: usize, step: usize) -> Timeline {
    let starts = match samples {
        0 => Vec::new(),
        _ => window_starts(samples, step),
    };
    let windows = starts.into_iter().map(|start| window(turns, start));
    Timeline::new(windows.collect(), samples)
}

fn window(turns: &[Turn], start: usize) -> Window {
    let frames: Vec<Vec<usize>> = (start..start + FRAMES).map(|frame| speaking(turns, frame)).collect();
    let mut known: Vec<usize> = frames.iter().flatten().copied().collect();
    known.sort_unstable();
    known.dedup();
    let length = |speaker: usize| frames.iter().filter(|frame| frame.contains(&speaker)).count();
    known.sort_by_key(|speaker| std::cmp::Reverse(length(*speaker)));
    known.truncate(SPEAKERS);
    let local = |frame: &Vec<usize>| {
        let places = (0..known.len()).filter(|place| frame.contains(&known[*place]));
        SpeakerSet::of(places)
    };
    Window {
        start,
        sets: frames.iter().map(local).collect(),
    }
}

/// The speakers in the middle of a frame.
fn speaking(turns: &[Turn], frame: usize) -> Vec<usize> {
    let middle = (frame_start(frame) + frame_start(frame + 1)) / 2;
    let milliseconds = middle as u64 * 1000 / SAMPLE_RATE as u64;
    let speaks = |turn: &&Turn| turn.start_ms <= milliseconds && milliseconds < turn.end_ms;
    turns.iter().filter(speaks).map(|turn| turn.speaker).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::windows::WINDOW;

    fn turn(start_ms: u64, end_ms: u64, speaker: usize) -> Turn {
        Turn {
            start_ms,
            end_ms,
            speaker,
        }
    }

    #[test]
    fn turns_become_frames() {
        let turns = [turn(0, 4000, 7), turn(3000, 9000, 2), turn(9000, 9001, 3)];
        let timeline = timeline(&turns, WINDOW, FRAMES);
        let counts = timeline.counts();
        let at = |milliseconds: usize| counts[milliseconds * FRAMES / 10_000];
        assert_eq!([at(1000), at(3500), at(5000), at(9500)], [1, 2, 1, 0]);
        // The speaker with most speech is the first local speaker.
        assert!(timeline.windows()[0].sets[5 * FRAMES / 10].is_only(0));
        assert!(timeline.windows()[0].sets[FRAMES / 10].is_only(1));
    }

    #[test]
    fn a_fourth_speaker_is_left_out() {
        let turns = [turn(0, 4000, 0), turn(0, 3000, 1), turn(0, 2000, 2), turn(0, 1000, 3)];
        assert_eq!(timeline(&turns, WINDOW, FRAMES).counts()[10], 3);
    }

    #[test]
    fn no_audio_has_no_windows() {
        assert!(timeline(&[], 0, 1).windows().is_empty());
    }
}
