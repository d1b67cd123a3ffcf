//! Validation of a plugin's output for any stage: the same checks that a run makes before it stores a result.

use plugin_api::asr::{self, Transcription};
use plugin_api::diarize::Diarization;
use plugin_api::document::rendered_bytes;
use plugin_api::manifest::StageKind;

/// Checks an output's JSON for audio of `duration_ms`.
///
/// # Errors
/// The defect.
pub fn check_output(stage: StageKind, output: &str, duration_ms: u64) -> Result<(), String> {
    let no_json = |error: serde_json::Error| error.to_string();
    match stage {
        StageKind::Asr => {
            let transcription: Transcription = serde_json::from_str(output).map_err(no_json)?;
            check_transcription(&transcription, duration_ms)
        }
        StageKind::Diarize => {
            let diarization: Diarization = serde_json::from_str(output).map_err(no_json)?;
            check_diarization(&diarization, duration_ms)
        }
        StageKind::Format => rendered_bytes(output).map(drop),
        StageKind::Download => serde_json::from_str::<serde_json::Value>(output)
            .map(drop)
            .map_err(no_json),
    }
}

/// Refuses segments that are out of order, overlap, or lie outside the audio.
pub(super) fn check_transcription(transcription: &Transcription, duration_ms: u64) -> Result<(), String> {
    let mut before = 0;
    for (index, segment) in transcription.segments.iter().enumerate() {
        let (start, end) = (segment.start_ms, segment.end_ms);
        if end < start {
            return Err(format!(
                "segment {index} ends at {end} ms, before its start at {start} ms"
            ));
        }
        if start < before {
            return Err(format!(
                "segment {index} starts at {start} ms, before the one before it ends at {before} ms"
            ));
        }
        if end > duration_ms {
            return Err(format!(
                "segment {index} ends at {end} ms, after the audio's end at {duration_ms} ms"
            ));
        }
        check_words(segment, duration_ms).map_err(|detail| format!("in segment {index}, {detail}"))?;
        before = end;
    }
    let outside = |cut: &&asr::Truncation| cut.end_ms < cut.start_ms || cut.end_ms > duration_ms;
    match transcription.truncated.iter().find(outside) {
        Some(cut) => Err(format!(
            "text is said to be missing from {} to {} ms",
            cut.start_ms, cut.end_ms
        )),
        None => Ok(()),
    }
}

/// Words may touch and overlap a little, as aligners make them; they begin in order, lie inside the audio, and joined are the text. A
/// text whose words have no known times has none.
fn check_words(segment: &asr::Segment, duration_ms: u64) -> Result<(), String> {
    let mut before = 0;
    for (index, word) in segment.words.iter().flatten().enumerate() {
        let (start, end) = (word.start_ms, word.end_ms);
        if start < before || end < start || end > duration_ms {
            return Err(format!("word {index} lies at {start} to {end} ms"));
        }
        before = start;
    }
    let words = segment.words.as_deref().unwrap_or_default();
    let joined: String = words.iter().map(|word| word.word.as_str()).collect();
    if !words.is_empty() && joined.trim() != segment.text.trim() {
        return Err("the words joined are not the text".to_owned());
    }
    Ok(())
}

/// Refuses turns without length, outside the audio, or without a speaker.
pub(super) fn check_diarization(diarization: &Diarization, duration_ms: u64) -> Result<(), String> {
    for (index, turn) in diarization.turns.iter().enumerate() {
        let (start, end) = (turn.start_ms, turn.end_ms);
        if start >= end || end > duration_ms {
            return Err(format!("turn {index} lies at {start} to {end} ms"));
        }
        if turn.speaker >= diarization.speakers.len() {
            return Err(format!(
                "turn {index} is of speaker {}, and there are {}",
                turn.speaker,
                diarization.speakers.len()
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use plugin_api::diarize::{Speaker, Turn};

    use super::*;

    fn transcription(times: &[(u64, u64)]) -> Transcription {
        let segments = times
            .iter()
            .map(|(start, end)| asr::Segment::new(*start, *end, " word"))
            .collect();
        Transcription {
            segments,
            ..Transcription::default()
        }
    }

    #[test]
    fn transcriptions_that_cannot_be_right_are_refused() {
        assert_eq!(check_transcription(&transcription(&[(0, 10), (10, 20)]), 20), Ok(()));
        let refused = |times| check_transcription(&transcription(times), 20).unwrap_err();
        assert_eq!(refused(&[(5, 4)]), "segment 0 ends at 4 ms, before its start at 5 ms");
        assert_eq!(
            refused(&[(0, 10), (9, 20)]),
            "segment 1 starts at 9 ms, before the one before it ends at 10 ms"
        );
        let mut words = transcription(&[(0, 10)]);
        words.segments[0].words = Some(vec![asr::Word {
            start_ms: 5,
            end_ms: 1 << 60,
            ..asr::Word::default()
        }]);
        assert_eq!(
            check_transcription(&words, 20).unwrap_err(),
            format!("in segment 0, word 0 lies at 5 to {} ms", 1_u64 << 60)
        );
        let spoken = |words: &[&str]| {
            let mut spoken = transcription(&[(0, 10)]);
            let word = |word: &&str| asr::Word {
                word: (*word).to_owned(),
                ..asr::Word::default()
            };
            spoken.segments[0].text = " one, two. ".to_owned();
            spoken.segments[0].words = Some(words.iter().map(word).collect());
            check_transcription(&spoken, 20)
        };
        assert_eq!(spoken(&[" one,", " two."]), Ok(()));
        assert_eq!(spoken(&[]), Ok(()), "no times are known");
        let wrong = Err("in segment 0, the words joined are not the text".to_owned());
        assert_eq!(spoken(&[" one,"]), wrong);
        assert_eq!(spoken(&["one,", "two."]), wrong);
        assert_eq!(spoken(&[" one,", " two.", " three"]), wrong);
        let mut cut = transcription(&[]);
        cut.truncated.push(asr::Truncation {
            start_ms: 30,
            end_ms: 40,
            reason: String::new(),
        });
        assert_eq!(
            check_transcription(&cut, 20).unwrap_err(),
            "text is said to be missing from 30 to 40 ms"
        );
        assert_eq!(
            refused(&[(0, 21)]),
            "segment 0 ends at 21 ms, after the audio's end at 20 ms"
        );
    }

    fn diarization(turns: &[(u64, u64, usize)], speakers: usize) -> Diarization {
        let turn = |&(start_ms, end_ms, speaker): &(u64, u64, usize)| Turn {
            start_ms,
            end_ms,
            speaker,
        };
        Diarization {
            turns: turns.iter().map(turn).collect(),
            speakers: vec![Speaker::default(); speakers],
        }
    }

    #[test]
    fn diarizations_that_cannot_be_right_are_refused() {
        assert_eq!(
            check_diarization(&diarization(&[(0, 10, 0), (5, 20, 1)], 2), 20),
            Ok(())
        );
        let refused = |turn| check_diarization(&diarization(&[turn], 1), 20).unwrap_err();
        assert_eq!(refused((5, 5, 0)), "turn 0 lies at 5 to 5 ms");
        assert_eq!(refused((5, 21, 0)), "turn 0 lies at 5 to 21 ms");
        assert_eq!(refused((5, 6, 1)), "turn 0 is of speaker 1, and there are 1");
    }
}
