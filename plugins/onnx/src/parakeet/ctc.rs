//! Greedy decoding with CTC: the best token of each frame, repeated ones once.

use plugin_api::StageError;

use super::vocabulary::Vocabulary;
use crate::family::Token;
use crate::network::failure;
use crate::score::greatest;

/// Seconds of a frame of the encoder.
const FRAME: f64 = 0.08;

/// The tokens of `frames` rows of log-probabilities.
pub(super) fn decode(
    scores: &[f32],
    classes: usize,
    frames: usize,
    vocabulary: &Vocabulary,
) -> Result<Vec<Token>, StageError> {
    if classes == 0 || classes > vocabulary.len() || scores.len() / classes < frames {
        return Err(failure("its scores do not fit `vocab.txt`"));
    }
    let mut tokens: Vec<Token> = Vec::new();
    let mut before = vocabulary.blank();
    for (frame, scores) in scores.chunks_exact(classes).take(frames).enumerate() {
        let (token, score) = greatest(scores);
        let repeats = token == before;
        before = token;
        if token == vocabulary.blank() {
            continue;
        }
        let end = time(frame + 1);
        match tokens.last_mut().filter(|_| repeats) {
            Some(last) => last.span = last.span.map(|(start, _)| (start, end)),
            None => tokens.push(Token {
                id: u32::try_from(token).unwrap_or_default(),
                bytes: vocabulary.bytes(token).to_vec(),
                probability: f64::from(score.exp()).min(1.0),
                span: Some((time(frame), end)),
            }),
        }
    }
    Ok(tokens)
}

/// The start of a frame, in seconds.
#[expect(clippy::cast_precision_loss, reason = "some thousand frames")]
pub(super) fn time(frame: usize) -> f64 {
    frame as f64 * FRAME
}
