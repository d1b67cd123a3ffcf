//! The id of a job in a path.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use cesar_jobs::JobId;

use crate::refusal::Refusal;
use crate::refusal::problem::Problem;

/// The id of a job; a text that is no id gives 404.
pub(crate) struct Id(pub(crate) JobId);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let id = text.ok().and_then(|Path(text)| text.parse().ok());
        id.map(Self)
            .ok_or_else(|| Refusal::not_found("there is no such job; see the list of jobs").into())
    }
}
