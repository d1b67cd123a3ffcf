//! A JSON body.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::admission::upload;
use crate::refusal::{Code, Refusal};

/// Maximum size of a body that is not a form.
pub(crate) const JSON_LIMIT: usize = 1_000_000;

/// The fields of an object.
pub(crate) fn parsed<T: DeserializeOwned>(object: Map<String, Value>) -> Result<T, Refusal> {
    serde_json::from_value(Value::Object(object))
        .map_err(|error| Refusal::bad(Code::UnsupportedValue, format!("the body has a wrong field: {error}")))
}

/// Whether a request says that its body is JSON.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.unwrap_or_default()
        .to_ascii_lowercase()
        .starts_with("application/json")
}

/// The object in a JSON body.
pub(crate) fn json_object(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Map<String, Value>, Refusal> {
    if !is_json(headers) {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Code::WrongContentType,
            "the body must be `application/json`",
        ));
    }
    let body = body.map_err(|error| match error.status() {
        // No setting raises it.
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            Code::TooLarge,
            format!("the body is longer than {JSON_LIMIT} bytes; send it in parts"),
        ),
        _ if upload::timed_out(&error) => Refusal::too_slow(),
        _ => Refusal::bad(Code::MalformedBody, error.body_text()),
    })?;
    serde_json::from_slice(&body)
        .map_err(|error| Refusal::bad(Code::MalformedJson, format!("the body is not a JSON object: {error}")))
}
