//! `/session`: whether the server needs a key, and the cookie that holds it.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, State};
use axum::http::header::{CACHE_CONTROL, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use cesar_config::ServerSettings;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admission::cookie;
use crate::admission::form::Fields;
use crate::api::json_body::json_object;
use crate::refusal::problem::{Problem, ProblemBody};
use crate::refusal::{Code, Refusal};
use crate::state::Client;
use crate::state::access::Access;

/// The session of a client.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Session {
    /// Whether requests need an API key.
    key_required: bool,
    /// Whether this request came with a valid one, or needs none.
    authenticated: bool,
    /// The name of the key, where there is one.
    name: Option<String>,
    /// The version of the server.
    version: &'static str,
    /// Retention of ended jobs.
    retention: RetentionView,
}

/// Retention of ended jobs, in seconds from their end.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Retention)]
pub(crate) struct RetentionView {
    /// Completed and cancelled jobs.
    completed: u64,
    /// Failed and partial jobs.
    failed: u64,
}

/// A key to keep in the cookie.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NewSession {
    /// The API key.
    key: String,
}

#[utoipa::path(get, path = "/session", tag = "page", operation_id = "session", summary = "Whether the server needs a key, and has it; needs none",
    responses((status = 200, description = "The session", body = Session)))]
pub(crate) async fn show(
    State(access): State<Arc<Access>>,
    State(settings): State<Arc<ServerSettings>>,
    client: Option<Extension<Client>>,
) -> Response {
    let client = client.map(|Extension(Client(client))| client);
    let session = Session {
        key_required: access.gate.is_required(),
        authenticated: client.is_some(),
        name: client
            .filter(|_| access.gate.is_required())
            .map(|client| access.gate.author(&client)),
        version: env!("CARGO_PKG_VERSION"),
        retention: RetentionView {
            completed: settings.keep_completed.as_secs(),
            failed: settings.keep_failed.as_secs(),
        },
    };
    ([(CACHE_CONTROL, "no-store")], Json(session)).into_response()
}

#[utoipa::path(post, path = "/session", tag = "page", operation_id = "begin_session", summary = "Keep an API key in a cookie; needs no other key",
    request_body(content = NewSession, content_type = "application/json"),
    responses((status = 204, description = "The cookie is set, or no key is needed", headers(("Set-Cookie" = String, description = "The cookie `cesar_key`"))),
        (status = "4XX", description = "Refused; 401 for an unknown key", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn begin(
    State(access): State<Arc<Access>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let NewSession { key } = Fields::from_json(json_object(&headers, body)?).parse()?;
    if !access.gate.is_required() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let key = key.trim();
    if access.gate.holder(key).is_none() {
        let text = "the server does not know this key; the operator makes one with `cesar serve key add`";
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, Code::InvalidApiKey, text)
            .param("key")
            .into());
    }
    let cookie = cookie::set(&headers, Some(key));
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response())
}

#[utoipa::path(delete, path = "/session", tag = "page", operation_id = "end_session", summary = "Remove the cookie",
    responses((status = 204, description = "Removed", headers(("Set-Cookie" = String, description = "Without a value")))))]
pub(crate) async fn end(headers: HeaderMap) -> Response {
    (StatusCode::NO_CONTENT, [(SET_COOKIE, cookie::set(&headers, None))]).into_response()
}
