//! Extension of turns to the end of the voice: the network ends a turn while its last sound still dies away.
//!
//! So, as in endpointers, a turn is extended while the sound stays above the background, by the measures of Rabiner and Sambur ("An
//! algorithm for determining the endpoints of isolated utterances", Bell System Technical Journal 54, 1975): sums of magnitudes in
//! frames of 10 ms, and the lower of two thresholds, four times the background, and 3 % of the way from the background to the
//! loudest. The background is the 10th percentile of the recording, as a recording need not begin with silence.
//!
//! A turn grows by `hangover` seconds at most, and neither into a turn nor beyond the audio. A room or crowd as loud as the voice's
//! end prevents that, so recordings with much background change little. Beginnings stay: they are sudden, and the network finds
//! them accurately.

use plugin_api::diarize::Turn;

use crate::windows::SAMPLE_RATE;

/// Samples and milliseconds of a frame.
const FRAME: usize = SAMPLE_RATE / 100;
const FRAME_MS: u64 = 10;
/// Minimum level of a voice, as a multiple of the background.
const ABOVE_BACKGROUND: f32 = 4.0;
/// Minimum distance of a voice above the background, as a share of the distance to the loudest.
const TOWARDS_LOUDEST: f32 = 0.03;
/// The smallest magnitude that 16 bits distinguish from silence, so that in digital silence rounding is not a voice.
const FAINTEST: f32 = FRAME as f32 / 32_768.0;

/// Extends turns, in order of their starts, by `hangover_ms` at most.
pub(crate) fn prolong(turns: &mut [Turn], samples: &[f32], hangover_ms: u64) {
    if hangover_ms == 0 || turns.is_empty() {
        return;
    }
    let magnitudes: Vec<f32> = samples
        .chunks_exact(FRAME)
        .map(|frame| frame.iter().map(|sample| sample.abs()).sum())
        .collect();
    let Some(threshold) = threshold(&magnitudes) else {
        return;
    };
    let end_ms = magnitudes.len() as u64 * FRAME_MS;
    let free: Vec<u64> = room(turns).collect();
    for (turn, free) in turns.iter_mut().zip(free) {
        let most = free.min(end_ms).min(turn.end_ms + hangover_ms);
        while turn.end_ms < most {
            let frame = turn.end_ms / FRAME_MS;
            if magnitudes[frame as usize] <= threshold {
                break;
            }
            turn.end_ms = most.min((frame + 1) * FRAME_MS);
        }
    }
}

/// The start of the next turn after each turn; the turn's own end if another speaker continues.
fn room(turns: &[Turn]) -> impl Iterator<Item = u64> {
    // The latest end of the turns up to each one.
    let latest: Vec<u64> = turns
        .iter()
        .scan(0, |latest, turn| {
            *latest = turn.end_ms.max(*latest);
            Some(*latest)
        })
        .collect();
    turns.iter().map(move |turn| {
        let later = turns.partition_point(|other| other.start_ms <= turn.end_ms);
        let speaks_on = later.checked_sub(1).is_some_and(|last| latest[last] > turn.end_ms);
        match turns.get(later) {
            _ if speaks_on => turn.end_ms,
            Some(next) => next.start_ms,
            None => u64::MAX,
        }
    })
}

/// The level above which there is a voice; `None` without a whole frame.
fn threshold(magnitudes: &[f32]) -> Option<f32> {
    let mut sorted = magnitudes.to_vec();
    let tenth = sorted.len() / 10;
    if tenth >= sorted.len() {
        return None;
    }
    let (_, background, _) = sorted.select_nth_unstable_by(tenth, f32::total_cmp);
    let background = background.max(FAINTEST);
    let loudest = magnitudes.iter().copied().fold(0.0, f32::max);
    let towards = background + TOWARDS_LOUDEST * (loudest - background);
    Some(towards.min(ABOVE_BACKGROUND * background))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn turn(start_ms: u64, end_ms: u64, speaker: usize) -> Turn {
        Turn {
            start_ms,
            end_ms,
            speaker,
        }
    }

    /// Ten seconds of a faint hum, and a tone of the first second that dies away within `decay_ms`.
    fn dying(decay_ms: usize) -> Vec<f32> {
        let level = |n: usize| match n.checked_sub(SAMPLE_RATE) {
            None => 0.5,
            Some(behind) => 0.5 * (-5.0 * behind as f32 / (decay_ms * SAMPLE_RATE / 1000) as f32).exp(),
        };
        let sign = |n: usize| if n.is_multiple_of(2) { 1.0 } else { -1.0 };
        (0..10 * SAMPLE_RATE).map(|n| sign(n) * level(n).max(0.004)).collect()
    }

    fn prolonged(mut turns: Vec<Turn>, samples: &[f32]) -> Vec<u64> {
        prolong(&mut turns, samples, 100);
        turns.into_iter().map(|turn| turn.end_ms).collect()
    }

    #[test]
    fn a_turn_ends_when_its_voice_has_died_away() {
        // 0.5 falls to four times 0.004 in 3.4 of 5 time constants; the frame that crosses it counts no more.
        assert_eq!(prolonged(vec![turn(0, 1000, 0)], &dying(100)), [1070]);
        assert_eq!(prolonged(vec![turn(0, 985, 0)], &dying(100)), [1070]);
        assert_eq!(
            prolonged(vec![turn(0, 1000, 0)], &dying(1000)),
            [1100],
            "and no later than so"
        );
        assert_eq!(prolonged(vec![turn(0, 3000, 0)], &dying(100)), [3000]);
    }

    #[test]
    fn a_turn_does_not_grow_into_the_next() {
        let samples = dying(1000);
        assert_eq!(
            prolonged(vec![turn(0, 1000, 0), turn(1030, 1200, 1)], &samples),
            [1030, 1300]
        );
        let at_once = vec![turn(0, 1000, 0), turn(500, 2000, 1)];
        assert_eq!(prolonged(at_once, &samples)[0], 1000, "another speaker continues");
        let both = vec![turn(0, 1000, 0), turn(500, 1000, 1)];
        assert_eq!(prolonged(both, &samples), [1100, 1100]);
    }

    #[test]
    fn silence_and_steady_sound_prolong_nothing() {
        for level in [0.0, 1e-6, 0.3] {
            assert_eq!(prolonged(vec![turn(0, 500, 0)], &vec![level; SAMPLE_RATE]), [500]);
        }
        assert_eq!(prolonged(vec![turn(0, 1, 0)], &[0.5; 16]), [1], "less than a frame");
    }

    proptest! {
        #[test]
        fn turns_only_grow_and_not_into_each_other(
            lengths in prop::collection::vec((0..300_u64, 1..300_u64), 1..30),
            seed in any::<u32>(),
            hangover in 0..400_u64,
        ) {
            let mut turns = Vec::new();
            let mut time = 0;
            for (index, (pause, length)) in lengths.iter().enumerate() {
                turns.push(turn(time + pause, time + pause + length, index % 3));
                time += pause + length;
            }
            let samples: Vec<f32> = (0..(time as usize + 50) * 16)
                .map(|n| (n as u32 ^ seed).wrapping_mul(2_654_435_761) as f32 / u32::MAX as f32 * ((n / 4000) % 7) as f32)
                .collect();
            let before = turns.clone();
            prolong(&mut turns, &samples, hangover);
            for (index, (old, new)) in before.iter().zip(&turns).enumerate() {
                prop_assert!(old.end_ms <= new.end_ms && new.end_ms <= old.end_ms + hangover);
                prop_assert!(new.end_ms <= time + 50);
                let next = before.get(index + 1).map_or(u64::MAX, |next| next.start_ms);
                prop_assert!(new.end_ms <= next.max(old.end_ms));
            }
        }
    }
}
