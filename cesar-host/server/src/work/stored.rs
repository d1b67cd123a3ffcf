//! Reads of one job from the store.

use cesar_jobs::{Job, JobId, JobsError};

use crate::admission::refusal::Refusal;
use crate::state::App;

/// The job, or 404.
pub(crate) async fn job(app: &App, id: JobId) -> Result<Job, Refusal> {
    let job = app.block(move |shared| shared.store.get(id)).await??;
    job.ok_or_else(|| JobsError::NotFound { job: id }.into())
}

/// The stored transcript of a job that has ended.
pub(crate) async fn document(app: &App, job: &Job) -> Result<Option<String>, Refusal> {
    if !job.has_document {
        return Ok(None);
    }
    let id = job.id;
    Ok(app.block(move |shared| shared.store.document(id)).await??)
}
