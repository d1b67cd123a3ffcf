//! Which language is spoken: asked of the model window by window until it is sure enough.

use plugin_api::StageError;

use crate::mel::{LogMel, WINDOW_FRAMES};
use crate::options::Request;
use crate::report::Report;
use crate::transcribe::Encoder;

/// A language and how probable it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Language {
    /// Whisper's code.
    pub code: String,
    /// 0 to 1.
    pub probability: f64,
}

/// Asks up to `language_detection_segments` windows from frame `start` on. The first answer above `language_detection_threshold`
/// is taken, else the language named most often, with the greatest probability it had.
///
/// # Errors
/// Those of [`Engine::call`](crate::engine::Engine::call).
pub fn detect(
    encoder: &mut Encoder<'_>,
    mel: &LogMel<'_>,
    start: usize,
    request: &Request,
    ctx: &dyn Report,
) -> Result<Option<Language>, StageError> {
    let end = mel
        .frames()
        .min(start + request.language_detection_segments * WINDOW_FRAMES);
    let mut answers = Vec::new();
    for from in (start..end).step_by(WINDOW_FRAMES) {
        let encoded = encoder.encode(mel.window(from, (end - from).min(WINDOW_FRAMES), WINDOW_FRAMES), ctx)?;
        let Some(language) = encoder.most_probable_language(&encoded, ctx)? else {
            continue;
        };
        if language.probability > request.language_detection_threshold {
            return Ok(Some(language));
        }
        answers.push(language);
    }
    Ok(majority(answers))
}

/// The code given most often, the earliest of equals, with its greatest probability.
fn majority(answers: Vec<Language>) -> Option<Language> {
    let votes = |code: &str| answers.iter().filter(|answer| answer.code == code).count();
    let winner = answers.iter().rev().max_by_key(|answer| votes(&answer.code))?;
    let of_winner = answers.iter().filter(|answer| answer.code == winner.code);
    of_winner
        .max_by(|a, b| a.probability.total_cmp(&b.probability))
        .cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(given: &[(&str, f64)]) -> Vec<Language> {
        let language = |&(code, probability): &(&str, f64)| Language {
            code: code.to_owned(),
            probability,
        };
        given.iter().map(language).collect()
    }

    #[test]
    fn the_majority_wins_and_the_earliest_of_equals() {
        let winner = majority(answers(&[("de", 0.4), ("nl", 0.2), ("nl", 0.3)]));
        assert_eq!(winner, answers(&[("nl", 0.3)]).pop());
        assert_eq!(
            majority(answers(&[("de", 0.1), ("nl", 0.4)])),
            answers(&[("de", 0.1)]).pop()
        );
        assert_eq!(majority(Vec::new()), None);
    }
}
