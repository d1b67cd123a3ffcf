//! The glossary of a request, over the server's settings.

use cesar_jobs::JobRequest;
use cesar_pipeline::{NamedGlossary, PipelineError, StageRequest};

use crate::admission::code::Code;
use crate::admission::refusal::Refusal;
use crate::state::Shared;

/// The glossary that a request names or holds; else that of the settings, read now.
pub(crate) fn glossary(shared: &Shared, request: &JobRequest) -> Result<Option<NamedGlossary>, PipelineError> {
    let parameters = &request.parameters;
    let glossary = match (&parameters.glossary_rules, &parameters.glossary) {
        (Some(rules), _) => NamedGlossary::of_request(rules).map(Some),
        (None, Some(name)) => shared.glossaries.named(name),
        (None, None) => shared.glossaries.of_settings(),
    };
    Ok(glossary?)
}

/// The request for the engine, with the terms of the glossary where that was asked for.
pub(crate) fn prompted(
    shared: &Shared,
    request: &JobRequest,
    asr: StageRequest,
    glossary: Option<&NamedGlossary>,
) -> Result<StageRequest, PipelineError> {
    let wanted = request.parameters.glossary_prompt;
    match glossary.filter(|_| wanted.unwrap_or(shared.glossaries.prompt())) {
        Some(glossary) => Ok(shared.pipeline.prompted(&asr, glossary)?.asr),
        None => Ok(asr),
    }
}

/// The refusal for a glossary that cannot be used.
pub(crate) fn refusal(error: &PipelineError) -> Refusal {
    match error.code() {
        "glossary_not_found" => Refusal::impossible(Code::GlossaryNotFound, error.to_string()),
        "invalid_glossary" => Refusal::bad(Code::InvalidGlossary, error.to_string()),
        _ => Refusal::internal(error),
    }
}

/// Refuses a glossary that does not exist or has a line that is no rule.
pub(crate) fn check(shared: &Shared, request: &JobRequest) -> Result<(), Refusal> {
    let parameters = &request.parameters;
    let field = match (&parameters.glossary, &parameters.glossary_rules) {
        (None, None) => return Ok(()),
        (Some(_), Some(_)) => {
            let text = "the request has both `glossary` and `glossary_rules`; send one of them";
            return Err(Refusal::bad(Code::SaidTwice, text).param("glossary_rules"));
        }
        (Some(_), None) => "glossary",
        (None, Some(_)) => "glossary_rules",
    };
    let checked = glossary(shared, request).map(drop);
    checked.map_err(|error| refusal(&error).param(field))
}
