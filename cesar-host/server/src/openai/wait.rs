//! Requests that wait for the end of a job.

use std::time::Duration;

use cesar_jobs::{Job, JobId, JobState};
use cesar_pipeline::AUDIO_INCOMPLETE;
use plugin_api::document::Document;

use crate::refusal::Refusal;
use crate::refusal::envelope;
use crate::state::App;
use crate::work::transcripts::stored;

/// Maximum wait for events before the store is read.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Waits until the job has ended, or its end could not be stored.
pub(super) async fn ended(app: &App, id: JobId) -> Result<Job, Refusal> {
    tokio::select! {
        job = stored_end(app, id) => job,
        refusal = unstored(app, id) => Err(refusal),
    }
}

/// Waits until the end of the job could not be stored, and returns the reason.
pub(super) async fn unstored(app: &App, id: JobId) -> Refusal {
    loop {
        if let Some(refusal) = app.jobs.waiters.unstored(id) {
            return refusal;
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

async fn stored_end(app: &App, id: JobId) -> Result<Job, Refusal> {
    let mut stop = app.signals.phases();
    loop {
        let mut changes = app.events.hub.watch(id);
        let job = stored::job(app, id).await?;
        if job.state.has_ended() {
            return Ok(job);
        }
        if app.signals.halting() {
            return Err(Refusal::stopping());
        }
        tokio::select! {
            _ = changes.changed() => {}
            _ = stop.changed() => {}
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
    }
}

/// The document of an ended job, with corrections, or the reason that it has none.
pub(super) async fn transcript(app: &App, job: &Job) -> Result<String, Refusal> {
    check_ended(job)?;
    required(stored::document(app, job).await?)
}

/// The same as it was recognised.
pub(super) async fn original(app: &App, job: &Job) -> Result<String, Refusal> {
    check_ended(job)?;
    required(stored::original(app, job).await?)
}

fn check_ended(job: &Job) -> Result<(), Refusal> {
    match job.state {
        JobState::Completed | JobState::Partial => Ok(()),
        _ => Err(envelope::refusal_of(job)),
    }
}

fn required(document: Option<String>) -> Result<String, Refusal> {
    document.ok_or_else(|| Refusal::internal(&"a completed job has no document"))
}

/// Refuses a transcript whose segments would all be speaker `A`.
pub(super) fn check_speakers(diarized: bool, job: &Job) -> Result<(), Refusal> {
    let is_about_sound = job.error.as_ref().is_some_and(|error| error.code == AUDIO_INCOMPLETE);
    if job.state != JobState::Partial || !diarized || is_about_sound {
        return Ok(());
    }
    let mut refusal = envelope::refusal_of(job);
    refusal.detail = format!(
        "{}; the text without speakers is at `/jobs/{}/transcript`",
        refusal.detail, job.id
    );
    Err(refusal)
}

/// Parses a stored document.
pub(super) fn parse(document: &str) -> Result<Document, Refusal> {
    serde_json::from_str(document).map_err(|error| Refusal::internal(&error))
}

/// The value of `X-Cesar-Cache`.
pub(super) fn cache_use(job: &Job) -> &'static str {
    match (job.report.transcription_cached, job.report.cache_hit_ratio) {
        (_, Some(1.0)) => "hit",
        (Some(true), _) => "partial",
        _ => "miss",
    }
}

#[cfg(test)]
mod tests {
    use cesar_jobs::{JobRequest, NewJob, Source, Submission};

    use super::*;
    use crate::refusal::Code;
    use crate::testing;
    use crate::work::running::Waiter;

    #[tokio::test]
    async fn a_request_ends_when_the_end_of_its_job_cannot_be_stored() {
        let folder = tempfile::tempdir().unwrap();
        let app = testing::app(folder.path(), &[]);
        let url = "https://example.org/a".to_owned();
        let Ok(Submission::New(job)) = app
            .jobs
            .store
            .submit(&NewJob::new(JobRequest::new(Source::Url { url })))
        else {
            panic!("the job is new");
        };
        let waiter = Waiter::new(&app, job.id);
        let waiting = tokio::spawn({
            let app = app.clone();
            async move { ended(&app, job.id).await }
        });
        app.jobs.waiters.refuse(job.id, Refusal::disk_full(&"a test"));
        let refusal = waiting.await.unwrap().unwrap_err();
        assert_eq!((refusal.status.as_u16(), refusal.code), (507, Code::DiskFull));
        drop(waiter);
        assert_eq!(app.jobs.waiters.unstored(job.id), None, "the next request waits again");
    }
}
