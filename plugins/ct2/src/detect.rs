//! Language detection: window by window until the model is sure enough.

use plugin_api::StageError;

use crate::encoder::Encoder;
use crate::language::Language;
use crate::options::Request;
use crate::report::Report;

/// Detects the language window by window, each as log-mel features. Returns the first answer above `language_detection_threshold`,
/// else the most frequent language, with its highest probability; `None` without any answer.
///
/// # Errors
/// Errors of [`Engine::call`](crate::engine::Engine::call).
pub fn detect(
    encoder: &mut Encoder<'_>,
    windows: impl Iterator<Item = Vec<f32>>,
    request: &Request,
    ctx: &dyn Report,
) -> Result<Option<Language>, StageError> {
    let mut answers = Vec::new();
    for features in windows {
        let encoded = encoder.encode(features, ctx)?;
        let answer = encoder.most_probable_languages(&encoded, ctx)?.into_iter().next();
        let Some(language) = answer.flatten() else { continue };
        if language.probability > request.language_detection_threshold {
            return Ok(Some(language));
        }
        answers.push(language);
    }
    Ok(majority(answers))
}

/// The language without detection: the requested one, or the only one of the model.
#[must_use]
pub fn known(request: &Request, model_is_multilingual: bool) -> Option<Language> {
    let certain = |code: &str| Language {
        code: code.to_owned(),
        probability: 1.0,
    };
    let asked = request.language.as_deref().map(certain);
    asked.or_else(|| (!model_is_multilingual).then(|| certain("en")))
}

/// The most frequent code, the earliest of equals, with its highest probability.
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
