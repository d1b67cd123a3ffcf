//! The glossary of a request, over the server's settings.

use cesar_jobs::{JobRequest, ResolvedGlossary};
use cesar_pipeline::{GlossaryError, NamedGlossary, PipelineError, StageRequest};

use crate::refusal::{Code, Refusal};
use crate::state::Shared;

/// The glossary that a request names or holds; else that of the settings, read now.
pub(crate) fn glossary(shared: &Shared, request: &JobRequest) -> Result<Option<NamedGlossary>, PipelineError> {
    if let Some(kept) = kept(request) {
        let kept = kept
            .rules
            .as_ref()
            .map(|rules| NamedGlossary::of_kept(kept.name.as_deref(), rules));
        return Ok(kept.transpose()?);
    }
    let parameters = &request.parameters;
    let glossary = match (&parameters.glossary_rules, &parameters.glossary) {
        (Some(rules), _) => NamedGlossary::of_request(rules).map(Some),
        (None, Some(name)) => shared.glossaries.named(name),
        (None, None) => shared.glossaries.of_settings(),
    };
    Ok(glossary?)
}

/// What the job keeps of a glossary.
fn kept(request: &JobRequest) -> Option<&ResolvedGlossary> {
    request.resolved.as_ref()?.glossary.as_ref()
}

/// Whether the engine is shown the terms of the glossary.
fn is_prompted(shared: &Shared, request: &JobRequest) -> bool {
    match kept(request) {
        Some(kept) => kept.prompt,
        None => (request.parameters.glossary_prompt).unwrap_or(shared.glossaries.prompt()),
    }
}

/// The glossary to keep with a job that another machine may run; `None` where the jobs are those of one machine.
pub(crate) fn resolve(shared: &Shared, request: &JobRequest) -> Result<Option<ResolvedGlossary>, PipelineError> {
    if shared.settings.jobs.is_none() {
        return Ok(None);
    }
    let glossary = glossary(shared, request)?;
    Ok(Some(ResolvedGlossary {
        name: glossary
            .as_ref()
            .and_then(|glossary| glossary.name())
            .map(str::to_owned),
        rules: glossary.as_ref().map(NamedGlossary::canonical),
        prompt: is_prompted(shared, request),
    }))
}

/// The request for the engine, with the terms of the glossary where that was asked for.
pub(crate) fn prompted(
    shared: &Shared,
    request: &JobRequest,
    asr: StageRequest,
    glossary: Option<&NamedGlossary>,
) -> Result<StageRequest, PipelineError> {
    match glossary.filter(|_| is_prompted(shared, request)) {
        Some(glossary) => Ok(shared.pipeline.prompted(&asr, glossary)?.asr),
        None => Ok(asr),
    }
}

/// The refusal for a glossary that cannot be used.
pub(crate) fn refusal(error: &PipelineError) -> Refusal {
    if let PipelineError::Glossary(GlossaryError::Shared(error)) = error {
        return Refusal::of_records(error);
    }
    match error.code() {
        "glossary_not_found" => Refusal::impossible(Code::GlossaryNotFound, error.to_string()),
        "invalid_glossary" => Refusal::bad(Code::InvalidGlossary, error.to_string()),
        _ => Refusal::internal(error),
    }
}

/// Refuses a glossary that does not exist or has a line that is no rule, and a prompt without a glossary.
pub(crate) fn check(shared: &Shared, request: &JobRequest) -> Result<(), Refusal> {
    let parameters = &request.parameters;
    let field = match (&parameters.glossary, &parameters.glossary_rules) {
        (None, None) if parameters.glossary_prompt != Some(true) => return Ok(()),
        (None, None) => "glossary_prompt",
        (Some(_), Some(_)) => {
            let text = "the request has both `glossary` and `glossary_rules`; send one of them";
            return Err(Refusal::bad(Code::SaidTwice, text).param("glossary_rules"));
        }
        (Some(_), None) => "glossary",
        (None, Some(_)) => "glossary_rules",
    };
    let found = glossary(shared, request).map_err(|error| refusal(&error).param(field))?;
    check_prompt(parameters.glossary_prompt, found.as_ref())
}

/// Refuses a prompt that was asked for without a glossary whose terms it could have.
fn check_prompt(wanted: Option<bool>, glossary: Option<&NamedGlossary>) -> Result<(), Refusal> {
    if wanted == Some(true) && glossary.is_none() {
        let text = "`glossary_prompt` has no effect without a glossary; add `glossary` or `glossary_rules`";
        return Err(Refusal::bad(Code::UnsupportedValue, text).param("glossary_prompt"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_needs_a_glossary() {
        let glossary = NamedGlossary::of_request("peaks => hills").unwrap();
        let refusal = check_prompt(Some(true), None).unwrap_err();
        assert_eq!(
            (refusal.status.as_u16(), refusal.param.as_deref()),
            (400, Some("glossary_prompt"))
        );
        for wanted in [None, Some(false)] {
            assert_eq!(check_prompt(wanted, None), Ok(()), "{wanted:?}");
        }
        assert_eq!(check_prompt(Some(true), Some(&glossary)), Ok(()));
    }
}
