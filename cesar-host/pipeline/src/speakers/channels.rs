//! Speaker turns of a recording with one speaker per channel: telephone calls, interviews with two microphones.
//!
//! A channel's speaker speaks while the channel is clearly louder than its own background and not much quieter than the loudest
//! channel, because every microphone picks up the others a little. Background and speech are the 10th and the 95th percentile of
//! the channel's loudness in frames of 10 ms; the border is at 40 % of the distance. Pauses below 300 ms belong to the turn, bursts
//! below 150 ms are noise.

use cesar_audio::{AudioError, Levels, SILENCE_DB, TrackChoice};
use cesar_base::Digest;
use cesar_cache::{Computation, KeyParts};
use plugin_api::diarize::{Diarization, Speaker, Turn};
use plugin_api::document::StageProvenance;

use super::super::PipelineError;
use super::super::context::Context;
use super::super::decode::{self, Sound};
use super::STAGE;

/// Part of the key: changes whenever the same recording may have other turns.
const VERSION: &str = "1";

/// Maximum distance of a speaker from the loudest channel, in dB; a quieter channel picks up another speaker's microphone.
const CROSSTALK_DB: f32 = 12.0;
/// A channel whose loudness varies by less than this has no speech.
const SPEECH_RANGE_DB: f32 = 10.0;
/// Position of the border between background and speech.
const BORDER: f32 = 0.4;
/// Minimum level of speech, in dB.
const FAINTEST_DB: f32 = -60.0;
/// Channels that always differ by less than this are one.
const SAME_DB: f32 = 0.5;
const LONGEST_PAUSE: usize = 30;
const SHORTEST_TURN: usize = 15;

pub(super) fn key_parts(context: &Context<'_>, sound: &Sound<'_>) -> KeyParts {
    let decoded = decode::key_parts(context, sound.media, sound.part);
    KeyParts {
        stage: STAGE.name().into(),
        plugin_version: format!("channels {VERSION}, decoder {}", decoded.plugin_version),
        ..decoded
    }
}

pub(super) fn provenance() -> StageProvenance {
    StageProvenance {
        plugin: "cesar".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        plugin_sha256: Digest::from_bytes([0; 32]).to_string(),
        model: None,
        model_sha256: None,
        more_models: Vec::new(),
        options: [("channels".to_owned(), true.into())].into_iter().collect(),
    }
}

/// The turns; speaker `n` is channel `n`.
pub(super) fn diarize(context: &Context<'_>, sound: &Sound<'_>) -> Result<Computation, PipelineError> {
    let path = sound.media.path()?;
    let mut options = decode::options(context, sound.part);
    if let Some(number) = sound.audio.track {
        options.track = TrackChoice::Number(number);
    }
    let levels = cesar_audio::levels(path, sound.part.slice, &options, sound.audio.reader());
    let levels = levels.map_err(|error| context.recording_error(error))?;
    let is_one_voice = levels.channels < 2 || are_the_same(&levels);
    if is_one_voice && sound.part.track == TrackChoice::All {
        return Ok(json(vec![whole(sound)], 1).into());
    }
    if is_one_voice {
        return Err(context.recording_error(AudioError::OneVoiceTrack {
            name: path.into(),
            channels: levels.channels,
        }));
    }
    Ok(json(turns(&levels, sound.audio.duration_ms()), levels.channels).into())
}

/// The only track's turn.
fn whole(sound: &Sound<'_>) -> Turn {
    Turn {
        start_ms: 0,
        end_ms: sound.audio.duration_ms(),
        speaker: 0,
    }
}

fn json(turns: Vec<Turn>, speakers: usize) -> Vec<u8> {
    let diarization = Diarization {
        turns,
        speakers: vec![Speaker::default(); speakers],
    };
    serde_json::to_vec(&diarization).expect("numbers always serialise")
}

/// Whether the channels are the same, as in mono sound stored in several channels.
fn are_the_same(levels: &Levels) -> bool {
    let frames = levels.db.chunks_exact(levels.channels);
    frames.into_iter().all(|frame| {
        let loudest = frame.iter().copied().fold(SILENCE_DB, f32::max);
        let quietest = frame.iter().copied().fold(0.0_f32, f32::min);
        loudest - quietest < SAME_DB
    })
}

fn turns(levels: &Levels, duration_ms: u64) -> Vec<Turn> {
    let borders: Vec<f32> = (0..levels.channels).map(|channel| border(levels, channel)).collect();
    let mut turns = Vec::new();
    for (channel, border) in borders.iter().enumerate() {
        let speaks: Vec<bool> = levels
            .db
            .chunks_exact(levels.channels)
            .map(|frame| {
                let loudest = frame.iter().copied().fold(SILENCE_DB, f32::max);
                frame[channel] > *border && frame[channel] > loudest - CROSSTALK_DB
            })
            .collect();
        turns.extend(runs(&speaks).into_iter().map(|(start, end)| Turn {
            start_ms: start as u64 * cesar_audio::FRAME_MS,
            end_ms: (end as u64 * cesar_audio::FRAME_MS).min(duration_ms),
            speaker: channel,
        }));
    }
    turns.retain(|turn| turn.start_ms < turn.end_ms);
    turns.sort_by_key(|turn| (turn.start_ms, turn.speaker));
    turns
}

/// The level above which a channel's speaker speaks.
fn border(levels: &Levels, channel: usize) -> f32 {
    let mut db: Vec<f32> = levels
        .db
        .iter()
        .skip(channel)
        .step_by(levels.channels)
        .copied()
        .collect();
    db.sort_by(f32::total_cmp);
    let at = |percent: usize| db.get(db.len() * percent / 100).copied().unwrap_or(SILENCE_DB);
    let (background, speech) = (at(10), at(95));
    if speech - background < SPEECH_RANGE_DB {
        return f32::INFINITY;
    }
    (background + BORDER * (speech - background)).max(FAINTEST_DB)
}

/// Stretches of `true`: short pauses closed, then short stretches dropped. In frames.
fn runs(speaks: &[bool]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (index, _) in speaks.iter().enumerate().filter(|(_, speaks)| **speaks) {
        match runs.last_mut() {
            Some((_, end)) if index - *end <= LONGEST_PAUSE => *end = index + 1,
            _ => runs.push((index, index + 1)),
        }
    }
    runs.retain(|(start, end)| end - start >= SHORTEST_TURN);
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Loudness of two channels, a frame a column: `#` speech, `+` from the other microphone, `.` background.
    fn levels(left: &str, right: &str) -> Levels {
        let db = |letter: char| match letter {
            '#' => -20.0,
            '+' => -38.0,
            _ => -70.0,
        };
        let frames = left.chars().zip(right.chars());
        Levels {
            channels: 2,
            db: frames.flat_map(|(left, right)| [db(left), db(right)]).collect(),
        }
    }

    fn turns_of(left: &str, right: &str) -> Vec<(u64, u64, usize)> {
        let levels = levels(left, right);
        let turns = turns(&levels, left.len() as u64 * 10);
        turns
            .iter()
            .map(|turn| (turn.start_ms, turn.end_ms, turn.speaker))
            .collect()
    }

    #[test]
    fn crosstalk_is_no_turn() {
        let (speech, through, pause) = ("#".repeat(40), "+".repeat(40), ".".repeat(60));
        let left = format!("{pause}{speech}{pause}{through}");
        let right = format!("{pause}{through}{pause}{speech}");
        assert_eq!(turns_of(&left, &right), [(600, 1000, 0), (1600, 2000, 1)]);
    }

    #[test]
    fn turns_may_overlap_and_short_noises_are_dropped() {
        let (speech, pause) = ("#".repeat(40), ".".repeat(60));
        let left = format!("{pause}{speech}{pause}#{}", ".".repeat(39));
        let right = format!("{pause}....{}{pause}{}", "#".repeat(36), ".".repeat(40));
        assert_eq!(turns_of(&left, &right), [(600, 1000, 0), (640, 1000, 1)]);
    }

    #[test]
    fn a_breath_does_not_end_a_turn_and_hum_is_no_speech() {
        let left = format!(
            "{}{}{}{}",
            ".".repeat(60),
            "#".repeat(30),
            ".".repeat(20),
            "#".repeat(30)
        );
        assert_eq!(turns_of(&left, &"+".repeat(140)), [(600, 1400, 0)]);
    }

    #[test]
    fn the_same_sound_twice_is_one_track() {
        assert!(are_the_same(&levels("..##", "..##")));
        assert!(!are_the_same(&levels("..##", "...#")));
    }
}
