//! Reads of one job from the store.

use cesar_base::Digest;
use cesar_corrections::{Corrected, History, correct, media_of_json};
use cesar_jobs::{Job, JobId, JobsError};

use crate::refusal::{Code, Refusal};
use crate::state::{App, Shared};
use crate::work::requests::is_given;

/// Version of a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// With all corrections.
    Current,
    /// As it was recognised.
    Original,
    /// With the corrections up to a revision.
    Revision(u64),
}

/// The job, or 404.
pub(crate) async fn job(app: &App, id: JobId) -> Result<Job, Refusal> {
    let job = app.block(move |shared| shared.jobs.store.get(id)).await??;
    job.ok_or_else(|| JobsError::NotFound { job: id }.into())
}

/// The transcript of a job that has ended, with the corrections of its recording.
pub(crate) async fn document(app: &App, job: &Job) -> Result<Option<String>, Refusal> {
    text(version(app, job, Version::Current).await?)
}

/// The transcript of a job that has ended, as it was recognised.
pub(crate) async fn original(app: &App, job: &Job) -> Result<Option<String>, Refusal> {
    text(version(app, job, Version::Original).await?)
}

fn text(corrected: Option<Corrected>) -> Result<Option<String>, Refusal> {
    let text = corrected.map(|corrected| String::from_utf8(corrected.json)).transpose();
    text.map_err(|error| Refusal::internal(&error))
}

/// One version of the transcript of a job that has ended.
pub(crate) async fn version(app: &App, job: &Job, version: Version) -> Result<Option<Corrected>, Refusal> {
    if !job.has_document {
        return Ok(None);
    }
    let id = job.id;
    // Corrections are of what was recognised.
    let version = if is_given(&job.request) {
        Version::Original
    } else {
        version
    };
    app.block(move |shared| read(shared, id, version)).await?
}

fn read(shared: &Shared, id: JobId, version: Version) -> Result<Option<Corrected>, Refusal> {
    let Some(document) = shared.jobs.store.document(id)? else {
        return Ok(None);
    };
    let history = |media: &Digest| Ok(shared.transcripts.corrections.history(media)?);
    versioned(document, version, history).map(Some)
}

/// One version of a document. The text as it was recognised needs no corrections, also where they cannot be read.
fn versioned(
    document: String,
    version: Version,
    read: impl FnOnce(&Digest) -> Result<History, Refusal>,
) -> Result<Corrected, Refusal> {
    let history = match (version, media_of_json(document.as_bytes())) {
        (Version::Original, _) | (_, None) => History::default(),
        (_, Some(media)) => read(&media)?,
    };
    let wanted = match version {
        Version::Current | Version::Original => history,
        Version::Revision(number) => history.at(number).ok_or_else(|| {
            let text = format!("revision {number} is not kept; the current one is {}", history.current);
            Refusal::new(axum::http::StatusCode::NOT_FOUND, Code::NoRevision, text).param("revision")
        })?,
    };
    Ok(correct(document.into_bytes(), &wanted)?)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use cesar_corrections::CorrectionsError;

    use super::*;

    #[test]
    fn damaged_corrections_refuse_all_but_the_original_in_one_sentence() {
        let document = format!(
            r#"{{"schema":1,"provenance":{{"audio":{{"media_sha256":"{}"}}}}}}"#,
            "a".repeat(64)
        );
        let path = PathBuf::from("/home/ann/corrections.db");
        let read = |version| {
            let damaged = || CorrectionsError::Damaged { path: path.clone() };
            versioned(document.clone(), version, |_| Err(damaged().into()))
        };
        assert_eq!(read(Version::Original).unwrap().json, document.as_bytes());
        for version in [Version::Current, Version::Revision(0)] {
            let refusal = read(version).unwrap_err();
            assert_eq!(
                (refusal.status.as_u16(), refusal.code),
                (500, Code::CorrectionsUnusable)
            );
            assert_eq!(
                refusal.detail,
                "the corrections database `corrections.db` is damaged; restore it from a backup or move it away, and restart the \
                 server; `original=true` of a transcript needs none"
            );
        }
    }
}
