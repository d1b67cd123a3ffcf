//! The given text of a request of `/align`.

use cesar_jobs::JobRequest;
use cesar_pipeline::NamedScript;

use crate::refusal::{Code, Refusal};

/// Percent of the words that must match.
const LEAST: u32 = 25;

/// The text whose words get times; `None` for a transcription.
///
/// # Errors
/// When it has no words.
pub(crate) fn script(request: &JobRequest) -> Result<Option<NamedScript>, Refusal> {
    let parameters = &request.parameters;
    let least = parameters.min_match.unwrap_or(LEAST).into();
    let parsed = parameters
        .text
        .as_ref()
        .map(|text| NamedScript::of_request(text, least));
    let refusal = |error| Refusal::bad(Code::UnsupportedValue, format!("`text` {error}")).param("text");
    parsed.transpose().map_err(refusal)
}

/// Whether the words of the transcript are given, so that none is corrected or found by searching.
pub(crate) fn is_given(request: &JobRequest) -> bool {
    request.parameters.text.is_some()
}

/// Refuses a text without words, and what belongs to no text.
pub(crate) fn check(request: &JobRequest) -> Result<(), Refusal> {
    let parameters = &request.parameters;
    script(request)?;
    let refused = |field: &str, text: &str| Err(Refusal::bad(Code::UnsupportedValue, text).param(field));
    match (parameters.text.is_some(), parameters.diarize, parameters.min_match) {
        (true, Some(true), _) => refused(
            "diarize",
            "`diarize` cannot be combined with `text`, which names the speakers; leave it out",
        ),
        (false, _, Some(_)) => refused("min_match", "`min_match` belongs to `text`; leave it out"),
        _ => Ok(()),
    }
}
