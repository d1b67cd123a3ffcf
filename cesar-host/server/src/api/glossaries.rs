//! Named glossaries: list, read and change.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::header::{ETAG, IF_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use cesar_pipeline::Glossaries;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::json_body::{json_object, parsed};
use crate::refusal::Refusal;
use crate::refusal::problem::{Problem, ProblemBody};
use crate::state::block;
use crate::work::requests::glossary_files::{self, GlossaryText};

/// A glossary in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Glossary)]
pub(crate) struct GlossaryView {
    /// Its name, for the field `glossary` of a job.
    name: String,
    /// The number of rules; `null` for a broken glossary.
    rules: Option<usize>,
    /// The first defect of a broken one.
    error: Option<String>,
}

/// All glossaries.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GlossaryList {
    /// By name.
    glossaries: Vec<GlossaryView>,
}

/// A glossary with its text.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GlossaryWithText {
    #[serde(flatten)]
    glossary: GlossaryView,
    /// Its text, one rule a line.
    text: String,
}

/// The new text of a glossary.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewGlossary {
    /// Rules, one a line; see `docs/guide/glossary.md`.
    text: String,
}

/// A new rule.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRule {
    /// The words to replace.
    wrong: String,
    /// Their replacement.
    right: String,
}

impl GlossaryView {
    fn new(name: String, rules: Result<usize, String>) -> Self {
        Self {
            name,
            rules: rules.as_ref().ok().copied(),
            error: rules.err(),
        }
    }
}

fn list(glossaries: &Glossaries) -> Result<GlossaryList, Refusal> {
    let names = glossary_files::names(glossaries)?.into_iter();
    let view = |name: String| {
        let opened = glossaries.named(&name);
        let rules = opened.map(|glossary| glossary.map_or(0, |glossary| glossary.rules().len()));
        GlossaryView::new(name, rules.map_err(|error| error.to_string()))
    };
    Ok(GlossaryList {
        glossaries: names.map(view).collect(),
    })
}

fn answer(name: String, glossary: GlossaryText, is_new: bool) -> Response {
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    let tag = glossary.tag();
    let body = GlossaryWithText {
        glossary: GlossaryView::new(name, glossary.rules),
        text: glossary.text,
    };
    (status, [(ETAG, tag)], Json(body)).into_response()
}

type Name = Result<Path<String>, PathRejection>;

fn name(path: Name) -> String {
    // An empty name is refused with the others.
    path.map(|Path(name)| name).unwrap_or_default()
}

#[utoipa::path(get, path = "/glossaries", tag = "server", operation_id = "list_glossaries", summary = "List the named glossaries",
    responses((status = 200, description = "All of them", body = GlossaryList),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn glossaries(State(glossaries): State<Arc<Glossaries>>) -> Result<Response, Problem> {
    Ok(Json(block(&glossaries, list).await??).into_response())
}

#[utoipa::path(get, path = "/glossaries/{name}", tag = "server", operation_id = "show_glossary", summary = "Show a glossary",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, description = "Its text", body = GlossaryWithText, headers(("ETag" = String, description = "The text's digest, for `If-Match`"))),
        (status = "4XX", description = "404 when there is none", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn show(State(glossaries): State<Arc<Glossaries>>, path: Name) -> Result<Response, Problem> {
    let name = name(path);
    let wanted = name.clone();
    let found = block(&glossaries, move |glossaries| glossary_files::read(glossaries, &wanted)).await??;
    let found = found.ok_or_else(|| Refusal::not_found(format!("there is no glossary `{name}`")))?;
    Ok(answer(name, found, false))
}

#[utoipa::path(put, path = "/glossaries/{name}", tag = "server", operation_id = "store_glossary", summary = "Create or replace a glossary",
    params(("name" = String, Path, description = "Its name: 1 to 64 letters, digits, `-` and `_`"),
        ("If-Match" = Option<String>, Header, description = "Replace only the text with this `ETag`")),
    request_body(content = NewGlossary, content_type = "application/json"),
    responses((status = 200, description = "Replaced", body = GlossaryWithText, headers(("ETag" = String))),
        (status = 201, description = "Created", body = GlossaryWithText, headers(("ETag" = String))),
        (status = "4XX", description = "Refused; 400 `invalid_glossary` with the line that is no rule, 409 when the text is another one", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn store(
    State(glossaries): State<Arc<Glossaries>>,
    path: Name,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let name = name(path);
    let NewGlossary { text } = parsed(json_object(&headers, body)?)?;
    let expected = headers.get(IF_MATCH).map(|value| value.to_str().unwrap_or_default());
    let expected = expected.filter(|tag| *tag != "*").map(str::to_owned);
    let wanted = name.clone();
    let (stored, is_new) = block(&glossaries, move |glossaries| {
        glossary_files::store(glossaries, &wanted, text, expected.as_deref())
    })
    .await??;
    Ok(answer(name, stored, is_new))
}

#[utoipa::path(post, path = "/glossaries/{name}/rules", tag = "server", operation_id = "add_rule", summary = "Add a rule to a glossary",
    params(("name" = String, Path, description = "Its name; a missing glossary is created")),
    request_body(content = NewRule, content_type = "application/json"),
    responses((status = 200, description = "The glossary has the rule", body = GlossaryWithText, headers(("ETag" = String))),
        (status = 201, description = "Created with the rule", body = GlossaryWithText, headers(("ETag" = String))),
        (status = "4XX", description = "Refused; 400 when another rule replaces the same words by others", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn add_rule(
    State(glossaries): State<Arc<Glossaries>>,
    path: Name,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let name = name(path);
    let NewRule { wrong, right } = parsed(json_object(&headers, body)?)?;
    let wanted = name.clone();
    let (changed, is_new) = block(&glossaries, move |glossaries| {
        glossary_files::add_rule(glossaries, &wanted, &wrong, &right)
    })
    .await??;
    Ok(answer(name, changed, is_new))
}
