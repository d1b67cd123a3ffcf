//! Refusals in OpenAI's envelope: `{"error":{"message","type","param","code"}}`.
//!
//! OpenAI's clients retry 408, 409, 429 and 5xx twice. `x-should-retry` says whether a retry can succeed.

use axum::Json;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use cesar_jobs::{Job, JobState};
use serde::Serialize;
use utoipa::ToSchema;

use crate::refusal::problem::headers;
use crate::refusal::{Code, Refusal};

/// A refusal of an OpenAI-compatible endpoint.
#[derive(Debug)]
pub(crate) struct Envelope(pub(crate) Refusal);

impl<E: Into<Refusal>> From<E> for Envelope {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// The body of a refusal.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OpenAiError {
    error: OpenAiErrorBody,
}

/// The error.
#[derive(Debug, Serialize, ToSchema)]
struct OpenAiErrorBody {
    code: Code,
    message: String,
    param: Option<String>,
    r#type: &'static str,
}

fn body(refusal: &Refusal) -> OpenAiError {
    let kind = match refusal.status {
        StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
        status if status.is_server_error() => "server_error",
        _ => "invalid_request_error",
    };
    OpenAiError {
        error: OpenAiErrorBody {
            code: refusal.code,
            message: refusal.detail.clone(),
            param: refusal.param.clone(),
            r#type: kind,
        },
    }
}

/// The body as text, for an event.
pub(crate) fn text(refusal: &Refusal) -> String {
    serde_json::to_string(&body(refusal)).expect("texts always serialise")
}

impl IntoResponse for Envelope {
    fn into_response(self) -> Response {
        let Self(mut refusal) = self;
        // OpenAI answers 404 for an unknown model.
        if refusal.code == Code::ModelNotFound {
            refusal.status = StatusCode::NOT_FOUND;
        }
        let mut response = (refusal.status, headers(&refusal), Json(body(&refusal))).into_response();
        let retry = if refusal.may_succeed_later() { "true" } else { "false" };
        response
            .headers_mut()
            .insert("x-should-retry", HeaderValue::from_static(retry));
        response
    }
}

/// The refusal for an ended job.
pub(crate) fn refusal_of(job: &Job) -> Refusal {
    if job.state == JobState::Cancelled {
        return Refusal::new(
            StatusCode::CONFLICT,
            Code::Cancelled,
            format!("job `{}` was cancelled while this request waited for it", job.id),
        );
    }
    let (code, message) = match &job.error {
        Some(error) => (error.code.as_str(), error.message.clone()),
        None => ("", "the job ended without a transcript".to_owned()),
    };
    match code {
        "invalid_audio" => Refusal::bad(Code::InvalidAudio, message).param("file"),
        "track_not_found" => {
            Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, Code::TrackNotFound, message).param("audio_track")
        }
        "invalid_option" => Refusal::bad(Code::InvalidOption, message),
        "model_not_found" => Refusal::bad(Code::ModelNotFound, message).param("model"),
        "plugin_crashed" => Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, Code::PluginCrashed, message),
        "out_of_memory" => Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, Code::OutOfMemory, message),
        "disk_full" => Refusal::new(StatusCode::INSUFFICIENT_STORAGE, Code::DiskFull, message),
        _ => Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, Code::ServerError, message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(refusal: Refusal) -> String {
        let status = refusal.status;
        let text = text(&refusal);
        let response = Envelope(refusal).into_response();
        let retry = response.headers()["x-should-retry"].to_str().unwrap().to_owned();
        format!("{status} retry {retry} {text}")
    }

    #[test]
    fn refusals_have_openais_envelope() {
        insta::assert_snapshot!(answer(Refusal::value("response_format", "one of `json`, `text`", "yaml")), @r#"400 Bad Request retry false {"error":{"code":"unsupported_value","message":"`response_format` must be one of `json`, `text`, not `yaml`","param":"response_format","type":"invalid_request_error"}}"#);
        insta::assert_snapshot!(answer(Refusal::new(StatusCode::TOO_MANY_REQUESTS, Code::QueueFull, "12 jobs wait").retry_after(30)), @r#"429 Too Many Requests retry true {"error":{"code":"queue_full","message":"12 jobs wait","param":null,"type":"rate_limit_error"}}"#);
        insta::assert_snapshot!(answer(Refusal::too_large(9)), @r#"413 Payload Too Large retry false {"error":{"code":"too_large","message":"the request is larger than 9 bytes; send a smaller file, or raise the server's limit","param":null,"type":"invalid_request_error"}}"#);
    }
}
