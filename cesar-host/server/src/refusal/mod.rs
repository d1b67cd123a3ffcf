//! Refusals of requests, one type for both shapes of errors.
//!
//! Own endpoints answer with `application/problem+json` (RFC 9457), see [`crate::refusal::problem`]; the OpenAI-compatible ones with OpenAI's
//! envelope, see [`crate::refusal::envelope`]. Messages about folders and files of this machine are logged here and not sent.

use std::fmt::Display;
use std::path::Path;

use axum::http::StatusCode;
use cesar_base::RecordsError;
use cesar_corrections::{CorrectionsError, DocumentError};
use cesar_jobs::JobsError;
use cesar_models::ModelError;
use cesar_pipeline::{GlossaryError, PipelineError};
use cesar_runner::discovery::PluginError;
use plugin_api::manifest::OptionError;

mod code;
pub(crate) mod envelope;
pub(crate) mod problem;

use crate::address::AddressError;
pub(crate) use code::Code;

/// Seconds until a client may retry when what machines share cannot be reached.
const RETRY_S: u64 = 10;

/// A refused or failed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// A stable name for programs.
    pub(crate) code: Code,
    /// One sentence.
    pub(crate) detail: String,
    /// The field of the request that caused it.
    pub(crate) param: Option<String>,
    /// The seconds after which the same request may succeed.
    pub(crate) retry_after_s: Option<u64>,
}

impl Refusal {
    /// A refusal with a status, a code and a sentence.
    pub(crate) fn new(status: StatusCode, code: Code, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            param: None,
            retry_after_s: None,
        }
    }

    /// 400: the request cannot be understood.
    pub(crate) fn bad(code: Code, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 400 for a field with a value that is not accepted.
    pub(crate) fn value(param: &str, wanted: &str, given: &str) -> Self {
        let given: String = given.chars().take(100).collect();
        Self::bad(
            Code::UnsupportedValue,
            format!("`{param}` must be {wanted}, not `{given}`"),
        )
        .param(param)
    }

    /// 422: understood but impossible.
    pub(crate) fn impossible(code: Code, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// 404.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, Code::NotFound, detail)
    }

    /// 408.
    pub(crate) fn too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            Code::ClientTooSlow,
            "nothing came for too long while the body was read; send it again",
        )
    }

    /// 413.
    pub(crate) fn too_large(limit: u64) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            Code::TooLarge,
            format!("the request is larger than {limit} bytes; send a smaller file, or raise the server's limit"),
        )
    }

    /// 500: the reason is in the log.
    pub(crate) fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!("a request failed: {error}");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            Code::Internal,
            "the server could not do it; its log says why",
        )
    }

    /// 507: nothing of the request was kept.
    pub(crate) fn disk_full(error: &dyn std::fmt::Display) -> Self {
        tracing::error!("a request failed: {error}");
        Self::new(
            StatusCode::INSUFFICIENT_STORAGE,
            Code::DiskFull,
            "no space is left on the server's disk; free some, or lower `cache.max_size`, and send the request again",
        )
    }

    /// 503 while the server stops.
    pub(crate) fn stopping() -> Self {
        let mut refusal = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            Code::Stopping,
            "the server is stopping; ask again when it is back",
        );
        refusal.retry_after_s = Some(5);
        refusal
    }

    /// Names the field that caused it.
    pub(crate) fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// Names the field as this endpoint does, if it is the one.
    pub(crate) fn rename(mut self, field: &str, own: &str) -> Self {
        if self.param.as_deref() == Some(field) {
            self.param = Some(own.to_owned());
        }
        self
    }

    /// Allows a retry after these seconds.
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// Whether the same request may succeed later.
    pub(crate) fn may_succeed_later(&self) -> bool {
        self.retry_after_s.is_some()
    }
}

impl From<JobsError> for Refusal {
    fn from(error: JobsError) -> Self {
        match error {
            JobsError::NotFound { .. } => Self::not_found(error.to_string()),
            JobsError::NotRetryable { .. } => Self::new(StatusCode::CONFLICT, Code::NotRetryable, error.to_string()),
            JobsError::NotEnded { .. } => Self::new(StatusCode::CONFLICT, Code::NotReady, error.to_string()),
            JobsError::TooLarge { limit } => Self::too_large(limit),
            JobsError::NoUpload { .. } => Self::new(
                StatusCode::NOT_FOUND,
                Code::RecordingGone,
                "the stored recording of the job is missing; upload it again",
            ),
            JobsError::Overtaken => Self::new(
                StatusCode::LOCKED,
                Code::UploadLocked,
                "another request sends this upload",
            )
            .retry_after(1),
            JobsError::Server { .. } => Self::jobs_unavailable(&error),
            JobsError::Blobs { .. } => {
                let text = "the server cannot reach its storage of uploads; try again later";
                Self::unavailable(&error, Code::StorageUnavailable, text)
            }
            other if other.is_disk_full() => Self::disk_full(&other),
            other => Self::internal(&other),
        }
    }
}

impl From<CorrectionsError> for Refusal {
    fn from(error: CorrectionsError) -> Self {
        match error {
            CorrectionsError::LongBatch { .. } | CorrectionsError::TooMany { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, Code::TooLarge, error.to_string())
            }
            CorrectionsError::Conflict { .. } => {
                Self::new(StatusCode::CONFLICT, Code::RevisionConflict, error.to_string())
            }
            CorrectionsError::Shared(error) => error.into(),
            other => {
                tracing::error!("a request failed: {other}");
                let text = format!("{}; `original=true` of a transcript needs none", unusable(&other));
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, Code::CorrectionsUnusable, text)
            }
        }
    }
}

/// The file and the remedy, without the folders of this machine.
fn unusable(error: &CorrectionsError) -> String {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match error {
        CorrectionsError::Damaged { path } => format!(
            "the corrections database `{}` is damaged; restore it from a backup or move it away, and restart the server",
            name(path)
        ),
        CorrectionsError::Newer { path, .. } => format!(
            "a newer Cesar has changed the corrections database `{}`; start that one as the server",
            name(path)
        ),
        CorrectionsError::Io { path, .. } | CorrectionsError::Database { path, .. } => format!(
            "the corrections database `{}` cannot be read or written; the server's log says why",
            name(path)
        ),
        other => other.to_string(),
    }
}

impl From<RecordsError> for Refusal {
    fn from(error: RecordsError) -> Self {
        Self::of_records(&error)
    }
}

impl From<DocumentError> for Refusal {
    fn from(error: DocumentError) -> Self {
        Self::internal(&error)
    }
}

impl From<AddressError> for Refusal {
    fn from(error: AddressError) -> Self {
        let code = match error {
            AddressError::Refused { .. } => Code::AddressRefused,
            AddressError::Unresolved(_) => Code::AddressUnresolved,
            _ => Code::InvalidUrl,
        };
        Self::impossible(code, error.to_string())
    }
}

/// Refusals of planning, without messages about folders and files of this machine.
impl From<PipelineError> for Refusal {
    fn from(error: PipelineError) -> Self {
        match &error {
            PipelineError::Option { error: refused, .. } => {
                // The language has a field of its own.
                let param = match refused {
                    OptionError::Value { option, .. } if option == "language" => "language",
                    _ => "options",
                };
                Self::bad(Code::InvalidOption, error.to_string()).param(param)
            }
            PipelineError::Format { .. } => Self::bad(Code::UnsupportedValue, error.to_string()).param("format"),
            PipelineError::Plugin(PluginError::Unknown { .. }) => {
                Self::impossible(Code::UnknownPlugin, error.to_string()).param("asr_plugin")
            }
            PipelineError::Plugin(PluginError::None { stage, .. }) => {
                Self::impossible(Code::NoPlugin, format!("no {stage} plugin is installed"))
            }
            PipelineError::Plugin(error) => Self::from_plugin_error(error),
            PipelineError::Glossary(GlossaryError::Shared(error))
            | PipelineError::Corrections(CorrectionsError::Shared(error)) => Self::of_records(error),
            PipelineError::Model(error) => Self::from_model_error(error),
            PipelineError::Interrupted => Self::stopping(),
            PipelineError::Runner(cesar_runner::RunnerError::Stage {
                kind: plugin_api::ErrorKind::InvalidOptions,
                message,
                ..
            }) => Self::bad(Code::InvalidOption, message.clone()).param("options"),
            other => Self::internal(other),
        }
    }
}

impl Refusal {
    /// The log has the reason: it may name hosts that are no client's concern.
    fn unavailable(error: &dyn Display, code: Code, text: &str) -> Self {
        tracing::error!("a request failed: {error}");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, text).retry_after(RETRY_S)
    }

    /// State that several servers share is in the database of jobs.
    pub(crate) fn of_records(error: &RecordsError) -> Self {
        match error.source_as() {
            Some(JobsError::Server { .. }) => Self::jobs_unavailable(error),
            _ => Self::internal(error),
        }
    }

    fn jobs_unavailable(error: &dyn Display) -> Self {
        let text = "the server cannot reach its database of jobs; try again later";
        Self::unavailable(error, Code::JobsUnavailable, text)
    }

    /// A plugin that is installed but cannot be used.
    fn from_plugin_error(error: &PluginError) -> Self {
        tracing::warn!("a request was refused: {error}");
        Self::impossible(Code::PluginUnavailable, plugin_unavailable(error)).param("asr_plugin")
    }

    fn from_model_error(error: &ModelError) -> Self {
        tracing::info!("a request was refused: {error}");
        let detail = match error {
            ModelError::Unknown(unknown) => {
                format!(
                    "there is no model `{}` for `{}`; {}",
                    unknown.name,
                    unknown.plugin,
                    present(&unknown.present)
                )
            }
            ModelError::NoDefault {
                plugin, present: names, ..
            } => {
                format!("there is no model for `{plugin}` to take by itself; {}", present(names))
            }
            _ => "the model cannot be used; the server's log says why".to_owned(),
        };
        Self::impossible(Code::ModelNotFound, detail).param("model")
    }
}

/// The reason why a plugin cannot be used, without the folders of this machine.
pub(crate) fn plugin_unavailable(error: &PluginError) -> String {
    match error {
        PluginError::Bad { id, reason, .. } => format!("the plugin `{id}` cannot be used: {reason}"),
        PluginError::Quarantined { id, since, .. } => format!("the plugin `{id}` is quarantined since {since}"),
        PluginError::Untrusted { id, .. } => format!("the plugin `{id}` is not trusted by this server"),
        _ => "the plugin cannot be used; the server's log says why".to_owned(),
    }
}

fn present(names: &[String]) -> String {
    match names {
        [] => "no model is installed".to_owned(),
        names => format!("there are `{}`", names.join("`, `")),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_full_disk_has_a_status_of_its_own() {
        let refusal = |kind: io::ErrorKind| {
            let refusal = Refusal::from(JobsError::Io {
                action: "write",
                path: "/home/me/uploads/1".into(),
                source: kind.into(),
            });
            assert!(!refusal.detail.contains("/home/me"), "{refusal:?}");
            (refusal.status.as_u16(), refusal.code)
        };
        assert_eq!(refusal(io::ErrorKind::StorageFull), (507, Code::DiskFull));
        assert_eq!(refusal(io::ErrorKind::QuotaExceeded), (507, Code::DiskFull));
        assert_eq!(refusal(io::ErrorKind::PermissionDenied), (500, Code::Internal));
    }
}
