//! The recording of a job, wherever it is: an upload, or what the cache keeps of a download.

use std::sync::Arc;

use axum::http::StatusCode;
use cesar_base::Digest;
use cesar_jobs::{Job, Source};
use cesar_pipeline::Address;

use crate::refusal::{Code, Refusal};
use crate::state::Shared;
use crate::state::recordings::Recording;

/// The digest of a job's decoded samples, once there is a transcript.
pub(crate) fn pcm(job: &Job) -> Option<Digest> {
    digest(job, "pcm_sha256")
}

/// The digest of a job's recording, once it is known.
pub(crate) fn media(job: &Job) -> Option<Digest> {
    match &job.request.source {
        Source::Upload { digest, .. } => Some(*digest),
        Source::Url { .. } => digest(job, "media_sha256"),
    }
}

fn digest(job: &Job, name: &str) -> Option<Digest> {
    job.report.provenance["audio"][name].as_str()?.parse().ok()
}

/// Opens the recording of a job.
pub(crate) fn open(shared: &Shared, job: &Job) -> Result<Arc<Recording>, Refusal> {
    let unreadable = |error: std::io::Error| Refusal::internal(&error);
    match &job.request.source {
        Source::Upload { upload, digest, .. } => {
            let local = shared.uploads.files.open_upload(*upload, digest, &|| false)?;
            let file = local.ok_or_else(recording_gone)?.into_file();
            Recording::new(file, *digest).map(Arc::new).map_err(unreadable)
        }
        Source::Url { url } => {
            let media = media(job);
            if let Some(recording) = shared.recordings.downloads.get(job.id, media) {
                return Ok(recording);
            }
            let address = Address::parse(url).map_err(|_| recording_gone())?;
            let stored = shared.pipeline.stored_download(&address, media)?;
            let (file, digest) = stored.ok_or_else(recording_gone)?;
            let recording = Arc::new(Recording::new(file, digest).map_err(unreadable)?);
            shared.recordings.downloads.add(job.id, &recording);
            Ok(recording)
        }
    }
}

fn recording_gone() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        Code::RecordingGone,
        "the server no longer has the recording; the transcript is kept without it",
    )
}
